"""The segmenter: utterances begin before the onset, end at a pause, and each sample reaches the recognizer once."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from duplex.conversation.hearing.segmenter import PREROLL, AsrChunk, Segmenter
from duplex.conversation.hearing.utterances import UtteranceRecognizer
from duplex.models.asr.contract import Hypothesis
from duplex.models.vad.contract import ActivityFrame
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.pipeline import Node, Pipeline
from duplex.streaming.pool import InferencePool
from duplex.testing import ScriptedRecognizer, ScriptedVad, UserScript, UserSpeech, VirtualClock, stall_once


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


def hear(*sounds: UserSpeech, limit: float = 20.0, cut_at: float | None = None) -> tuple[Ear, list[AsrChunk]]:
    script = UserScript(sounds)
    ear, pieces = Ear(), []

    async def main() -> None:
        recognition = UtteranceRecognizer("user", ear, ScriptedRecognizer(script), InferencePool(inline=True))
        node = Node("recognize", recognition.consume, finish=recognition.finish)

        def put(piece: AsrChunk) -> None:
            pieces.append(piece)
            node.put(piece)

        segmenter = Segmenter("user", ear, ScriptedVad(), put, limit=limit)
        async with Pipeline(ear) as pipeline:
            pipeline.add(node)
            audio = script.audio()
            for at in range(0, len(audio) - FRAME + 1, FRAME):
                segmenter.perceive(AudioChunk(at, audio[at : at + FRAME]))
                if cut_at is not None and at == round(cut_at * SAMPLE_RATE):
                    segmenter.cut(at + FRAME)
                await asyncio.sleep(0)
        assert not segmenter.open and node.idle and not recognition.busy

    VirtualClock().run(main())
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
        recognition = UtteranceRecognizer("user", ear, ScriptedRecognizer(script), InferencePool(inline=True))
        wave = script.audio()[: round(0.4 * SAMPLE_RATE)]
        await recognition.consume(AsrChunk(0, wave, 1, 0, False))
        await recognition.consume(AsrChunk(9000, np.zeros(FRAME, np.float32), 2, 9000, False))
        await recognition.consume(AsrChunk(9320, np.zeros(0, np.float32), 2, 9000, True))

    asyncio.run(main())
    assert [(call[0], call[1]) for call in ear.calls] == [("final", 0), ("final", 9000)]


def test_activity_keeps_its_times_when_frames_were_dropped() -> None:
    """The detector counts samples; the segmenter's times are those of the clock, gaps included."""
    for gap in (4.0, 40.0):
        ear, audio = Ear(), UserScript((UserSpeech(0.5, 1.0),)).audio(2.0)
        segmenter = Segmenter("user", ear, ScriptedVad(), lambda piece: None)
        for shift in (0, round(gap * SAMPLE_RATE)):
            for at in range(0, len(audio), FRAME):
                segmenter.perceive(AudioChunk(shift + at, audio[at : at + FRAME]))
        onsets = [call[1] / SAMPLE_RATE for call in ear.calls if call[0] == "started"]
        assert onsets == [0.5, gap + 0.5]


def test_a_stalled_step_kills_its_engine_and_costs_one_utterance() -> None:
    class Stuck(ScriptedRecognizer):
        abandoned: ClassVar[list[object]] = []

        def abandon(self, state: object) -> None:
            self.abandoned.append(state)

    ear = Ear()
    clock = VirtualClock()

    async def main() -> None:
        recognizer = Stuck(UserScript((UserSpeech(0.0, 0.4, "lost"),)))
        pool = InferencePool(inline=True, cost=stall_once("recognize", 1, 1000.0))
        recognition = UtteranceRecognizer("user", ear, recognizer, pool)
        await recognition.consume(AsrChunk(0, np.zeros(3 * FRAME, np.float32), 1, 0, True))
        await recognition.consume(AsrChunk(9000, np.zeros(FRAME, np.float32), 2, 9000, True))

    clock.run(main())
    assert [call[0] for call in ear.calls] == ["lost", "final", "restored", "final"]
    assert ear.calls[0][1] == "stalled" and len(Stuck.abandoned) == 1
    assert clock.now() == 20.0


class Peeking(ScriptedRecognizer):
    """Tells at any moment what it has heard."""

    def peek(self, state, rest):
        return dataclasses.replace(self.flush(copy.deepcopy(state)), final=False)


async def perceive(
    script: UserScript, listener: Ear, node: Node[AsrChunk], wait: Callable[[int], Awaitable[None]]
) -> None:
    """The script's sound through a segmenter to the node that recognizes, a frame after each wait. wait: takes the
    sample at which the frame begins."""
    segmenter = Segmenter("user", listener, ScriptedVad(), node.put)
    async with Pipeline(listener) as pipeline:
        pipeline.add(node)
        audio = script.audio()
        for at in range(0, len(audio) - FRAME + 1, FRAME):
            await wait(at)
            segmenter.perceive(AudioChunk(at, audio[at : at + FRAME]))


def test_at_a_pause_the_recognizer_is_asked_for_all_it_has_heard() -> None:
    script = UserScript((UserSpeech(0.5, 1.5, "one two"), UserSpeech(1.75, 2.5, "three")))
    heard: list[tuple[str, float | str]] = []

    class Listener(Ear):
        def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
            heard.append(("final" if hypothesis.final else "words", hypothesis.text))

    async def main() -> None:
        listener = Listener()
        recognition = UtteranceRecognizer(
            "user",
            listener,
            Peeking(script),
            InferencePool(inline=True),
            caught_up=lambda at: heard.append(("reached", at / SAMPLE_RATE)),
        )
        node = Node("recognize", recognition.consume, finish=recognition.finish)
        await perceive(script, listener, node, lambda at: asyncio.sleep(0))

    VirtualClock().run(main())
    asked = [index for index, (kind, _) in enumerate(heard) if kind == "reached"]
    assert [heard[index + 1] for index in asked] == [("words", "one two"), ("words", "one two three")]
    assert all(0.0 < heard[index][1] - end < 0.35 for index, end in zip(asked, (1.5, 2.5), strict=True))
    assert heard[-1] == ("final", "one two three")


def test_a_machine_that_does_not_keep_up_looks_for_words_less_often() -> None:
    """Looking takes longer than the sound lasts: that must not add up, sentence after sentence."""

    class Holding(ScriptedRecognizer):
        hop = 10 * FRAME

        def initial_state(self, batch=1):
            return [super().initial_state(batch)]

        def step(self, chunk, state):
            hypothesis, state[0] = super().step(chunk, state[0])
            return hypothesis, state

        def hold(self, chunk, state):
            self.step(chunk, state)
            return True

        def flush(self, state):
            return super().flush(state[0])

    script = UserScript(tuple(UserSpeech(1.0 + 3 * n, 3.0 + 3 * n, f"sentence {n}") for n in range(12)))
    clock, told = VirtualClock(), []

    class Listener(Ear):
        def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
            if hypothesis.final:
                end = (base + hypothesis.words[-1].end) / SAMPLE_RATE
                told.append((hypothesis.text, clock.now() - end))

    async def main() -> None:
        listener = Listener()
        pool = InferencePool(inline=True, cost=lambda step: 0.5)
        recognition = UtteranceRecognizer("user", listener, Holding(script), pool, waiting=lambda: node.queue.lag)
        node = Node("recognize", recognition.consume, finish=recognition.finish)
        await perceive(script, listener, node, lambda at: clock.sleep_until((at + FRAME) / SAMPLE_RATE))

    clock.run(main())
    assert [text for text, _ in told] == [f"sentence {n}" for n in range(12)]
    assert max(late for _, late in told) < 3.0, "and not the later the longer it goes on"


def test_silence_is_told_before_speech_is_over() -> None:
    """A detector that says how long it has been silent: the recognizer is asked at 80 ms, and once more at 160 ms."""

    class Early:
        hop, latency, sample_rate, name = FRAME, 0, SAMPLE_RATE, "early"

        def initial_state(self, batch: int = 1) -> int:
            return 0

        def step(self, chunk: np.ndarray, state: int) -> tuple[ActivityFrame, int]:
            frame = ActivityFrame(True, 0.0, quiet=max(0, state - 9) * FRAME)
            return (ActivityFrame(True, 0.0, onset=0) if state == 0 else frame), state + 1

        def flush(self, state: int) -> None:
            return None

    pieces: list[AsrChunk] = []
    segmenter = Segmenter("user", Ear(), Early(), pieces.append)
    for at in range(0, 30 * FRAME, FRAME):
        segmenter.perceive(AudioChunk(at, np.zeros(FRAME, np.float32)))
    assert [piece.start / FRAME for piece in pieces if piece.pause] == [14.0, 18.0]
