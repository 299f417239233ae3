"""Several people on one channel: who said what, and who is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from duplex import events as ev
from duplex.conversation.hearing.speaker_labels import SpeakerLabels
from duplex.conversation.host_controls import HostControls
from duplex.engines import Engines
from duplex.settings import Settings
from duplex.streaming.audio import AudioChunk
from duplex.streaming.errors import SettingsError
from duplex.streaming.pipeline import Pipeline
from duplex.streaming.pool import InferencePool
from duplex.testing import (
    Answer,
    Playout,
    ScriptedDiarizer,
    UserScript,
    UserSpeech,
    VirtualClock,
    converse,
    scripted_engines,
)

LONG = Answer("one two three four five six seven eight nine ten eleven twelve")
ANN, BOB = "ann", "bob"
KNOWN = ((ANN, np.zeros(16_000, np.float32)),)
ASK = UserSpeech(0.5, 1.5, "what time is it", speaker=ANN)


def engines_for(sounds: list[UserSpeech], answers: list[Answer], **diarizer: object) -> Engines:
    engines = scripted_engines(sounds, answers)
    return replace(engines, diarizer=ScriptedDiarizer(UserScript(tuple(sounds)), **diarizer), voices=())


def talk(sounds: list[UserSpeech], answers: list[Answer], *, known: bool = True, **settings: object) -> Playout:
    engines = engines_for(sounds, answers)
    engines.voices = KNOWN if known else ()
    return converse(sounds, answers, engines=engines, settings=Settings(**settings))


def of(playout: Playout, kind: type) -> list:
    return [event for event in playout.events if isinstance(event, kind)]


def test_every_word_has_its_speaker() -> None:
    playout = talk([ASK, UserSpeech(6.0, 7.0, "it is late", speaker=BOB)], [Answer("nine")], known=False)
    assert [(w.text, w.speaker) for w in of(playout, ev.Word)] == [
        *((word, "speaker 1") for word in ["what", "time", "is", "it"]),
        *((word, "speaker 2") for word in ["it", "is", "late"]),
    ]
    assert [turn.speaker for turn in of(playout, ev.Turn)] == ["speaker 1", "speaker 2"]
    assert [turn.speaker for turn in of(playout, ev.SpeakerTurn)] == ["speaker 1", "speaker 2"]
    first = of(playout, ev.SpeakerTurn)[0]
    assert abs(first.start - 8000) <= 1600 and abs(first.end - 24_000) <= 1600


def test_whoever_speaks_is_answered_while_nobody_is_known() -> None:
    playout = talk(
        [ASK, UserSpeech(6.0, 7.0, "and where am i", speaker=BOB)], [Answer("nine"), Answer("here")], known=False
    )
    assert [reply.text for reply in of(playout, ev.Reply)] == ["nine", "here"]


def test_talk_between_others_does_not_take_the_floor() -> None:
    others = [
        UserSpeech(4.0, 5.6, "shall we go and have lunch", speaker=BOB),
        UserSpeech(9.0, 10.5, "i would like some soup", speaker="eve"),
    ]
    playout = talk([ASK, *others], [LONG])
    (reply,) = of(playout, ev.Reply)
    assert reply.text == LONG.text and not reply.interrupted
    side_speech = [turn for turn in of(playout, ev.Turn) if turn.kind == "side_speech"]
    assert [(turn.text, turn.speaker) for turn in side_speech] == [
        ("shall we go and have lunch", "speaker 1"),
        ("i would like some soup", "speaker 2"),
    ]


def test_one_utterance_of_two_people_is_told_apart_word_by_word() -> None:
    """No pause between them: what another says right before the user is neither answered nor the user's."""
    sounds = [
        UserSpeech(0.5, 2.5, "did you see the match", speaker=BOB),
        UserSpeech(2.5, 4.5, "what time is it now", speaker=ANN),
    ]
    playout = talk(sounds, [Answer("nine")])
    turns = [(turn.kind, turn.text, turn.speaker) for turn in of(playout, ev.Turn)]
    assert turns == [
        ("side_speech", "did you see the match", "speaker 1"),
        ("turn", "what time is it now", ANN),
    ]
    assert {word.speaker for word in of(playout, ev.Word)} == {ANN, "speaker 1"}
    assert [word.text for word in of(playout, ev.Word) if word.speaker == ANN] == ["what", "time", "is", "it", "now"]


def test_the_user_interrupts_all_the_same() -> None:
    playout = talk([ASK, UserSpeech(3.0, 4.0, "no i meant london", speaker=ANN)], [LONG, Answer("four")])
    first, second = of(playout, ev.Reply)
    assert first.interrupted and second.text == "four"


def test_the_user_may_be_named_as_the_diarizer_names_her() -> None:
    sounds = [ASK, UserSpeech(5.0, 6.5, "let us go home now", speaker=BOB)]
    playout = talk(sounds, [Answer("nine")], known=False, user="speaker 1")
    assert [reply.text for reply in of(playout, ev.Reply)] == ["nine"]


def test_a_diarizer_that_breaks_costs_the_names_only() -> None:
    sounds = [ASK, UserSpeech(6.0, 7.0, "and where am i", speaker=ANN)]
    engines = engines_for(sounds, [Answer("nine"), Answer("here")], fail_at=30)
    playout = converse(sounds, engines=engines)
    (lost,) = of(playout, ev.CapabilityLost)
    assert lost.capability == "diarization" and "broke" in lost.reason
    assert [reply.text for reply in of(playout, ev.Reply)] == ["nine", "here"]


def test_nothing_is_told_apart_where_it_is_not_wanted() -> None:
    assert Settings().diarize and not Settings(diarize=False).diarize
    playout = converse([ASK])
    assert not of(playout, ev.SpeakerTurn) and {word.speaker for word in of(playout, ev.Word)} == {""}


def test_times_stay_true_over_what_was_skipped() -> None:
    script = UserScript((UserSpeech(1.0, 2.0, "hello", speaker=ANN), UserSpeech(4.5, 5.5, "there", speaker=BOB)))
    audio = script.audio(6.0)
    turns = []

    async def main() -> None:
        labels = SpeakerLabels(ScriptedDiarizer(script), InferencePool(inline=True), report=turns.append)
        node = labels.node()
        async with Pipeline(HostControls(("user",))) as pipeline:
            pipeline.add(node)
            for at in range(0, len(audio), 320):
                if not 2.5 <= at / 16_000 < 4.0:
                    node.put(AudioChunk(at, audio[at : at + 320]))
                await asyncio.sleep(0)

    VirtualClock().run(main())
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2"]
    assert [turn.start for turn in turns] == pytest.approx([1.0, 4.5], abs=0.15)


@pytest.mark.parametrize(
    ("values", "part"),
    [
        ({"speakers": "ann"}, "NAME=FILE"),
        ({"speakers": "ann=a.wav", "user": "bob"}, "none of the known voices: ann"),
        ({"diarization_latency": 0.7}, "one of"),
        ({"max_speakers": 9}, "between 1 and 8"),
    ],
)
def test_wrong_settings_are_named(values: dict, part: str) -> None:
    with pytest.raises(SettingsError, match=part):
        Settings(**values)


def test_known_voices_are_read_from_one_setting() -> None:
    assert Settings(speakers="ann=a.wav, bob = b.wav").known_voices == {"ann": "a.wav", "bob": "b.wav"}
