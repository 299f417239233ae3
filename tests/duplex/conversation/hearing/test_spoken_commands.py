"""Commands over a reply, through the real session with scripted engines: whichever hears one first ends the reply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from duplex.conversation.hearing.segmenter import AsrChunk
from duplex.conversation.hearing.spoken_commands import SpokenCommands
from duplex.events import CapabilityLost, Decision, Interrupted, Reply, Turn, Word
from duplex.models.asr.contract import Hypothesis
from duplex.models.asr.contract import Word as HeardWord
from duplex.settings import Settings
from duplex.streaming.pipeline import Node
from duplex.streaming.pool import InferencePool
from duplex.testing import (
    Answer,
    FaultyStage,
    Playout,
    ScriptedRecognizer,
    UserScript,
    UserSpeech,
    converse,
    scripted_engines,
)

LONG = Answer("one two three four five six seven eight nine ten eleven twelve")
ASK = UserSpeech(0.5, 1.5, "what time is it")


def talk(over: str, spotted: str, *, at: float = 4.0, length: float = 0.4, **engines: Any) -> Playout:
    """A question, and over its reply a burst of which the recognizer hears `over` and the spotter `spotted`."""
    sounds = [ASK, UserSpeech(at, at + length, over)]
    made = scripted_engines(sounds, [LONG])
    made.spotter = ScriptedRecognizer(UserScript((ASK, UserSpeech(at, at + length, spotted))))
    for name, engine in engines.items():
        setattr(made, name, engine)
    return converse(sounds, engines=made, duration=9.0)


def decisions(playout: Playout) -> list[str]:
    return [event.kind for event in playout.events if isinstance(event, Decision)]


def turns(playout: Playout) -> list[str]:
    return [event.text for event in playout.events if isinstance(event, Turn) and event.kind == "turn"]


def test_a_command_that_only_the_spotter_hears_ends_the_reply() -> None:
    for misheard in ("", "top", "ten"):
        playout = talk(misheard, "stop")
        assert any(isinstance(event, Interrupted) for event in playout.events), misheard
        assert "barge_in" in decisions(playout)
        assert turns(playout) == ["what time is it", "stop"]
        assert [event.text for event in playout.events if isinstance(event, Word)][4:] == ["stop"]


def test_a_command_that_only_the_recognizer_hears_ends_the_reply() -> None:
    playout = talk("stop", "")
    assert turns(playout) == ["what time is it", "stop"]
    assert any(isinstance(event, Interrupted) for event in playout.events)


def test_the_recognizer_keeps_its_own_command_and_a_longer_sentence() -> None:
    assert turns(talk("no stop", "stop"))[-1] == "no stop"
    assert turns(talk("tell me about paris", "stop", length=1.0))[-1] == "tell me about paris"


def test_the_recognizers_last_words_wait_for_those_of_a_slower_spotter() -> None:
    told: list[tuple[str, str]] = []

    class Listener:
        contested = True

        def asks_for_floor(self, text: str) -> bool:
            return text == "stop"

        def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
            told.append(("words", hypothesis.text))

        def command(self, party: str, onset: int, base: int, command: Hypothesis) -> None:
            told.append(("command", command.text))

    spotter = ScriptedRecognizer(UserScript(()))
    commands = SpokenCommands(
        "user", Listener(), spotter, InferencePool(inline=True), lambda _: None, Node("in", print)
    )
    stop, nothing = Hypothesis((HeardWord("stop", 0, 800),), 1, final=True), Hypothesis(final=True)
    burst = AsrChunk(0, np.zeros(320, np.float32), 1, 0, False)
    commands.put(burst)
    commands.hypothesis("user", 0, 0, nothing)
    assert not told  # with these the burst would be over, and the reply would go on
    commands.spotted("user", 0, 0, stop)
    assert told == [("command", "stop"), ("words", "stop")]
    commands.put(replace(burst, utterance=2, onset=9))
    commands.hypothesis("user", 9, 9, nothing)
    commands.put(replace(burst, utterance=3, onset=20))  # what the spotter never ended is not waited for
    assert told[2:] == [("words", "")]
    commands.hypothesis("user", 20, 20, stop)
    assert told[3:] == [("words", "stop")]


def test_a_backchannel_passes_beside_the_spotter() -> None:
    playout = talk("mhm", "")
    assert not any(isinstance(event, Interrupted) for event in playout.events)
    assert "backchannel" in decisions(playout)


def test_nothing_is_spotted_where_no_reply_is_given() -> None:
    playout = talk("hello there", "stop", at=0.0)
    assert "stop" not in " ".join(turns(playout))


def test_without_a_spotter_a_session_works_as_ever() -> None:
    playout = talk("top", "stop", spotter=None)
    assert not any(isinstance(event, Interrupted) for event in playout.events)
    assert any(isinstance(event, Reply) for event in playout.events)


def test_a_spotter_that_fails_costs_spotting_only() -> None:
    playout = talk("stop", "", spotter=FaultyStage(ScriptedRecognizer(UserScript(())), range(200)))
    lost = [event.capability for event in playout.events if isinstance(event, CapabilityLost)]
    assert lost == ["command spotting"]
    assert turns(playout)[-1] == "stop"


def test_an_early_command_does_not_wait_for_the_end_of_the_utterance() -> None:
    class Early(ScriptedRecognizer):
        def step(self, chunk: np.ndarray, state: Any) -> Any:
            _, state = super().step(chunk, state)
            words = self._words(state, delayed=False)
            return (Hypothesis(words, len(words)) if words else None), state

    script = UserScript((ASK, UserSpeech(4.0, 4.4, "stop")))
    early, late = talk("top", "stop", spotter=Early(script)), talk("top", "stop")

    def decided(playout: Playout) -> int:
        return next(event.end for event in playout.events if isinstance(event, Decision) and event.kind == "barge_in")

    assert decided(early) < decided(late)


def test_the_setting_leaves_the_spotter_out() -> None:
    from duplex.engines import Engines

    engines = Engines.from_settings(Settings(spot_commands=False, diarize=False))
    engines.close_now()
    assert engines.spotter is None
