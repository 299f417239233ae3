"""The segmenter: utterances begin before the onset, end at a pause, and each sample reaches the recognizer once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from duplex.conversation.segmenter import PREROLL, Heard, Segmenter
from duplex.models.asr.contract import Hypothesis
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.pool import InferencePool
from duplex.testing import ScriptedRecognizer, ScriptedVad, UserScript, UserSpeech


@dataclass
class Ear:
    """A listener that writes down."""

    calls: list[tuple] = field(default_factory=list)

    def speech_started(self, at: int, onset: int, party: str) -> None:
        self.calls.append(("started", onset))

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None:
        self.calls.append(("ended", onset, offset))

    def utterance_opened(self, party: str) -> None:
        self.calls.append(("opened",))

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        if hypothesis.final:
            words = [(w.text, base + w.start, base + w.end) for w in hypothesis.words]
            self.calls.append(("final", onset, words))

    def capability_lost(self, capability: str, reason: str) -> None:
        self.calls.append(("lost", reason))

    def capability_restored(self, capability: str) -> None:
        self.calls.append(("restored",))


def hear(
    *sounds: UserSpeech,
    limit: float = 20.0,
    cut_at: float | None = None,
    likelihood: Callable[[int, int], float | None] | None = None,
) -> tuple[Ear, list[Heard]]:
    script = UserScript(sounds)
    ear, pieces = Ear(), []

    async def main() -> None:
        hearing = Segmenter(
            "user",
            ear,
            ScriptedVad(),
            ScriptedRecognizer(script),
            InferencePool(inline=True),
            limit=limit,
            likelihood=likelihood,
        )
        put = hearing.queue.put_nowait
        hearing.queue.put_nowait = lambda piece: (pieces.append(piece), put(piece))[1]  # type: ignore[method-assign]
        listening = asyncio.create_task(hearing.recognize())
        audio = script.audio()
        for at in range(0, len(audio) - FRAME + 1, FRAME):
            hearing.perceive(AudioChunk(at, audio[at : at + FRAME]))
            if cut_at is not None and at == round(cut_at * SAMPLE_RATE):
                hearing.cut(at + FRAME)
            await asyncio.sleep(0)
        hearing.queue.close()
        await listening
        assert not hearing.busy

    asyncio.run(main())
    return ear, pieces


def test_an_utterance_has_its_preroll_and_its_words_their_true_times() -> None:
    ear, pieces = hear(UserSpeech(1.0, 2.0, "good morning"))
    assert pieces[0].start <= SAMPLE_RATE - PREROLL < pieces[0].start + FRAME + 1
    kinds = [call[0] for call in ear.calls]
    assert kinds == ["started", "opened", "ended", "final"]
    final = ear.calls[-1]
    assert final[1] == SAMPLE_RATE
    assert final[2] == [("good", 16_000, 24_000), ("morning", 24_000, 32_000)]


def test_the_samples_of_an_utterance_are_contiguous() -> None:
    _, pieces = hear(UserSpeech(0.05, 0.9, "a b"), UserSpeech(1.1, 1.9, "c d"), UserSpeech(4.0, 5.0, "e"))
    for utterance in {piece.utterance for piece in pieces}:
        own = [piece for piece in pieces if piece.utterance == utterance]
        assert [piece.last for piece in own] == [False] * (len(own) - 1) + [True]
        for before, after in itertools.pairwise(own):
            assert before.end == after.start


def test_a_short_pause_does_not_divide_an_utterance_and_a_long_one_does() -> None:
    ear, _ = hear(UserSpeech(0.5, 1.0, "one"), UserSpeech(1.25, 2.0, "two"), UserSpeech(3.0, 4.0, "three"))
    finals = [[word for word, _, _ in call[2]] for call in ear.calls if call[0] == "final"]
    assert finals == [["one", "two"], ["three"]]


def test_an_endless_utterance_is_cut_and_goes_on() -> None:
    ear, pieces = hear(UserSpeech(0.5, 9.5, "a b c d e f g h i"), limit=4.0)
    opened = [call for call in ear.calls if call[0] == "opened"]
    finals = [call for call in ear.calls if call[0] == "final"]
    assert len(opened) == len(finals) == 3
    assert all(sum(len(p.samples) for p in pieces if p.utterance == u) <= 4.0 * SAMPLE_RATE + FRAME for u in (1, 2, 3))


def test_a_cut_begins_a_new_utterance_if_the_party_still_speaks() -> None:
    ear, _ = hear(UserSpeech(0.5, 3.0, "a b c d e"), cut_at=1.5)
    finals = [call for call in ear.calls if call[0] == "final"]
    assert len(finals) == 2
    assert finals[1][1] == round(1.5 * SAMPLE_RATE) + FRAME
    ear, _ = hear(UserSpeech(0.5, 1.0, "a"), cut_at=1.3)
    assert [call[0] for call in ear.calls].count("final") == 1


def test_an_utterance_whose_end_was_dropped_is_ended_by_the_next() -> None:
    ear = Ear()
    script = UserScript((UserSpeech(0.0, 0.4, "lost end"),))

    async def main() -> None:
        hearing = Segmenter("user", ear, ScriptedVad(), ScriptedRecognizer(script), InferencePool(inline=True))
        wave = script.audio()[: round(0.4 * SAMPLE_RATE)]
        hearing.queue.put_nowait(Heard(0, wave, 1, 0, False))
        hearing.queue.put_nowait(Heard(9000, np.zeros(FRAME, np.float32), 2, 9000, False))
        hearing.queue.put_nowait(Heard(9320, np.zeros(0, np.float32), 2, 9000, True))
        hearing.queue.close()
        await hearing.recognize()

    asyncio.run(main())
    assert [(call[0], call[1]) for call in ear.calls] == [("final", 0), ("final", 9000)]


def test_what_a_slower_judge_calls_no_speech_is_taken_back() -> None:
    noise = UserSpeech(0.5, 4.0)
    ear, _ = hear(noise, likelihood=lambda start, end: 0.1)
    started, opened, ended = ear.calls[:3]
    assert (started[0], opened[0], ended[0]) == ("started", "opened", "ended")
    assert 0.8 <= (ended[2] - started[1]) / SAMPLE_RATE <= 0.9
    assert [call[0] for call in ear.calls].count("started") == 1


def test_noise_that_turns_into_speech_is_heard_again() -> None:
    sound = UserSpeech(0.5, 4.0, "one two three four five six seven")
    ear, _ = hear(sound, likelihood=lambda start, end: 0.9 if end > 2.5 * SAMPLE_RATE else 0.1)
    assert [call[0] for call in ear.calls if call[0] in ("started", "ended")] == ["started", "ended"] * 2
    second = [call[1] for call in ear.calls if call[0] == "started"][1]
    assert 1.5 <= second / SAMPLE_RATE <= 1.9
    assert [call[0] for call in ear.calls].count("final") == 2


def test_a_judge_that_knows_nothing_yet_changes_nothing() -> None:
    sound = UserSpeech(0.5, 3.0, "one two three")
    assert hear(sound, likelihood=lambda start, end: None)[0].calls == hear(sound)[0].calls
