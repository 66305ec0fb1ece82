"""Everything that can happen in a call, as immutable facts in past tense.

Given by the bridge and the stations, appended in order to the call's one event list, folded by `insight`
into transcript, latency and outcome. Never holds sound, never refers to live objects.

Times: `at_ms` is milliseconds since the call's clock began (the AudioSocket UUID frame, or the dial when the
call never got that far), a float, monotonic.
"""

from __future__ import annotations

from opendeep_kit.events.event import Event as Event
from opendeep_kit.events.event import from_json as from_json
from opendeep_kit.events.event import from_line as from_line
from opendeep_kit.events.event import to_json as to_json
from opendeep_kit.events.event import to_line as to_line
from opendeep_kit.events.line import Answered as Answered
from opendeep_kit.events.line import AudioClosed as AudioClosed
from opendeep_kit.events.line import AudioConnected as AudioConnected
from opendeep_kit.events.line import CallEnded as CallEnded
from opendeep_kit.events.line import CallJudged as CallJudged
from opendeep_kit.events.line import Dialled as Dialled
from opendeep_kit.events.line import DigitReceived as DigitReceived
from opendeep_kit.events.line import MediaMeasured as MediaMeasured
from opendeep_kit.events.line import RecordingSaved as RecordingSaved
from opendeep_kit.events.model import ModelConnected as ModelConnected
from opendeep_kit.events.model import ModelErred as ModelErred
from opendeep_kit.events.model import ModelGivenUp as ModelGivenUp
from opendeep_kit.events.model import ModelLost as ModelLost
from opendeep_kit.events.model import Unknown as Unknown
from opendeep_kit.events.talk import NOT_UNDERSTOOD as NOT_UNDERSTOOD
from opendeep_kit.events.talk import AgentInterrupted as AgentInterrupted
from opendeep_kit.events.talk import AgentSaid as AgentSaid
from opendeep_kit.events.talk import AgentSoundStarted as AgentSoundStarted
from opendeep_kit.events.talk import CalleeSaid as CalleeSaid
from opendeep_kit.events.talk import CalleeSoundStarted as CalleeSoundStarted
from opendeep_kit.events.talk import CalleeSoundStopped as CalleeSoundStopped
from opendeep_kit.events.talk import DisclosureHeard as DisclosureHeard
from opendeep_kit.events.talk import Nudged as Nudged
from opendeep_kit.events.talk import ReplyAudioArrived as ReplyAudioArrived
from opendeep_kit.events.talk import ReplyBegan as ReplyBegan
from opendeep_kit.events.talk import ReplyEnded as ReplyEnded
from opendeep_kit.events.talk import SpeechStarted as SpeechStarted
from opendeep_kit.events.talk import SpeechStopped as SpeechStopped
from opendeep_kit.events.talk import Supervised as Supervised
from opendeep_kit.events.tools import AnswerRecorded as AnswerRecorded
from opendeep_kit.events.tools import CallbackScheduled as CallbackScheduled
from opendeep_kit.events.tools import DigitsSent as DigitsSent
from opendeep_kit.events.tools import EndAsked as EndAsked
from opendeep_kit.events.tools import OptedOut as OptedOut
from opendeep_kit.events.tools import ToolCalled as ToolCalled
from opendeep_kit.events.tools import ToolReturned as ToolReturned
from opendeep_kit.events.tools import TransferAsked as TransferAsked
from opendeep_kit.events.tools import VoicemailLeft as VoicemailLeft
