"""The record under test, as the record's own tests have it."""

from tests.record.conftest import database as database
from tests.record.conftest import url as url
