"""The record's fixtures, here too."""

from tests.record.conftest import database as database
from tests.record.conftest import sqlite_url as sqlite_url
from tests.record.conftest import url as url
