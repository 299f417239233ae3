"""The public testing kit: virtual time, scripted engines, a playout that is exact to the sample, seeded faults.

>>> from duplex.testing import Answer, UserSpeech, converse
>>> playout = converse([UserSpeech(0.5, 1.5, "what time is it")], [Answer("half past nine")])
>>> [turn.text for turn in playout.of("turn")]
['what time is it']
>>> [reply.text for reply in playout.of("reply")]
['half past nine']
"""

from duplex.streaming.clock import VirtualClock
from duplex.testing.conversation import converse, feed, scripted_engines
from duplex.testing.diarizer import ScriptedDiarizer
from duplex.testing.fakes import (
    Answer,
    ScriptedAnswerer,
    ScriptedRecognizer,
    ScriptedSynthesizer,
    ScriptedVad,
    UserScript,
    UserSpeech,
)
from duplex.testing.faults import FaultyStage, slow, stall_once
from duplex.testing.playout import Playout
from duplex.testing.scene import Clip, Scene, read_clips

__all__ = [
    "Answer",
    "Clip",
    "FaultyStage",
    "Playout",
    "Scene",
    "ScriptedAnswerer",
    "ScriptedDiarizer",
    "ScriptedRecognizer",
    "ScriptedSynthesizer",
    "ScriptedVad",
    "UserScript",
    "UserSpeech",
    "VirtualClock",
    "converse",
    "feed",
    "read_clips",
    "scripted_engines",
    "slow",
    "stall_once",
]
