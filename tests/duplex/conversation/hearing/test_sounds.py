from __future__ import annotations

import json

import numpy as np
import pytest

from duplex import events as ev
from duplex.engines import _open_tagger
from duplex.models.interaction.decider.remarks import REMARKS
from duplex.models.sounds.contract import BLOCK, LABELS, SoundBlock, Threshold
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError
from duplex.testing import Answer, Playout, UserSpeech, converse, scripted_engines


class ScriptedTagger:
    """Hears what a script says, whatever the samples are: label to (start, end) in seconds of its stream."""

    name = "scripted"
    hop = BLOCK
    latency = 0
    sample_rate = SAMPLE_RATE
    labels = LABELS

    def __init__(self, script: dict[str, list[tuple[float, float]]], fail_at: int = -1) -> None:
        self.thresholds = {label: Threshold(0.5, 0.4) for label in script}
        self._script = script
        self._fail_at = fail_at

    def initial_state(self, batch: int = 1) -> list[int]:
        return [0]

    def step(self, chunk: np.ndarray, state: list[int]) -> tuple[SoundBlock, list[int]]:
        start = state[0]
        if start // BLOCK == self._fail_at:
            self._fail_at = -1
            raise ModelError("the scripted tagger fails")
        probabilities = np.zeros(len(LABELS), np.float32)
        for label, spans in self._script.items():
            if any(first * SAMPLE_RATE < start + BLOCK and start < last * SAMPLE_RATE for first, last in spans):
                probabilities[LABELS.index(label)] = 0.9
        return SoundBlock(start, probabilities), [start + BLOCK]

    def flush(self, state: list[int]) -> None:
        pass


def listen(
    script: dict[str, list[tuple[float, float]]],
    sounds: list[UserSpeech] | None = None,
    *,
    warn: bool = True,
    duration: float = 6.0,
    answers: tuple[Answer, ...] = (Answer("all right"),),
    cost=None,
    fail_at: int = -1,
) -> Playout:
    sounds = sounds or []
    engines = scripted_engines(sounds, answers)
    engines.tagger = ScriptedTagger(script, fail_at)
    settings = Settings(warn_of_sounds=warn)
    return converse(sounds, settings=settings, engines=engines, duration=duration, cost=cost)


def sounds_of(playout: Playout) -> list[ev.SoundHeard]:
    return playout.of("sound")


def test_a_sound_is_told_at_once_and_again_when_it_is_over() -> None:
    playout = listen({"dog": [(1.0, 1.9)]})
    began, over = sounds_of(playout)
    assert (began.label, began.party, began.over, over.over) == ("dog", "user", False, True)
    assert began.start == over.start == 2 * BLOCK
    assert over.end == 5 * BLOCK and began.sound == over.sound
    assert began.end <= began.start + BLOCK + SAMPLE_RATE // 10, "known at the end of its first block"
    assert json.loads(json.dumps(began.as_dict()))["type"] == "sound"


def test_a_sound_at_the_end_of_the_session_is_over() -> None:
    assert [each.over for each in sounds_of(listen({"rain": [(4.0, 99.0)]}))] == [False, True]


def test_no_tagger_is_opened_where_none_was_trained_or_sounds_are_off(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr("duplex.models.sounds.WEIGHTS", tmp_path / "tagger.onnx")
    assert _open_tagger(Settings()) is None
    (tmp_path / "tagger.onnx").write_bytes(b"damaged")
    assert _open_tagger(Settings(sounds="off")) is None
    with pytest.raises(ModelError, match="no graph of a sound tagger"):
        _open_tagger(Settings())


def test_without_a_tagger_there_are_no_sounds() -> None:
    assert sounds_of(converse([], duration=2.0)) == []


def test_a_sound_that_matters_is_warned_about_once_a_minute() -> None:
    playout = listen({"baby crying": [(1.0, 2.0), (5.0, 6.0), (70.0, 71.0)]}, duration=76.0)
    replies = [reply.text for reply in playout.of("reply")]
    assert replies == ["I hear a baby crying."] * 2
    assert [decision.kind for decision in playout.of("decision")] == ["announce", "announce"]


def test_warnings_are_off_unless_they_are_asked_for() -> None:
    playout = listen({"alarm": [(1.0, 2.0)]}, warn=False)
    assert len(sounds_of(playout)) == 2 and playout.of("reply") == []


@pytest.mark.parametrize(("label", "during"), [("alarm", True), ("baby crying", False)])
def test_an_alarm_does_not_wait_for_the_end_of_a_reply(label: str, during: bool) -> None:
    long = Answer(", ".join(["and so it goes on"] * 4) + ".")
    playout = listen({label: [(4.0, 5.0)]}, [UserSpeech(0.5, 1.5, "tell me")], answers=(long,), duration=14.0)
    replies = playout.of("reply")
    texts = [reply.text for reply in replies]
    warning = next(index for index, text in enumerate(texts) if REMARKS[label].text in text)
    told = replies[warning]
    answer = next(reply for reply in replies if "goes on" in reply.text)
    assert (told.start < answer.end) == during


def test_a_slow_tagger_delays_nobody() -> None:
    """Each of its steps takes longer than its block: the answer comes when it came without it."""
    talk = [UserSpeech(0.5, 1.5, "what time is it")]
    alone = converse(talk, duration=6.0)
    slow = listen({"dog": [(0, 99)]}, talk, cost=lambda name: 0.9 if name == "sounds" else 0.0)
    assert [reply.start for reply in slow.of("reply")] == [reply.start for reply in alone.of("reply")]


def test_a_tagger_that_fails_takes_no_other_capability() -> None:
    playout = listen({"dog": [(3.0, 4.0)]}, [UserSpeech(0.5, 1.5, "what time is it")], fail_at=2)
    assert [lost.capability for lost in playout.of("lost")] == ["sounds"]
    assert [back.capability for back in playout.of("restored")] == ["sounds"]
    assert len(playout.of("reply")) == 1


def test_warnings_of_different_sounds_do_not_hold_one_another_back() -> None:
    playout = listen({"dog": [(0.0, 1.0)], "alarm": [(1.0, 2.0), (4.0, 5.0)], "glass": [(1.0, 2.0)]})
    replies = " ".join(reply.text for reply in playout.of("reply"))
    assert sorted(replies.split(". ")) == ["I hear an alarm", "I hear glass breaking."]
