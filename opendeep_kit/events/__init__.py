"""Everything that can happen in a call, as immutable facts in past tense.

Given by the bridge and the stations, appended in order to the call's one event list, folded by `insight` into
transcript, latency and outcome. Events never hold sound or refer to live objects. `at_ms` is milliseconds since the
call's clock began: the AudioSocket UUID frame, or the dial when the call never got that far.

To add an event, write its class in the module of its subject: `line`, `talk` or `tools`. Every class there is public
here and can be read back from the record.
"""

from __future__ import annotations

from opendeep_kit.events.event import *
from opendeep_kit.events.line import *
from opendeep_kit.events.talk import *
from opendeep_kit.events.tools import *
