"""Turns at their true times, whatever was left out of the stream."""

from __future__ import annotations

import asyncio
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.conversation.hearing.speaker_labels import SpeakerLabels
from duplex.conversation.hearing.speaker_tracker import SpeakerTracker
from duplex.conversation.host_controls import HostControls
from duplex.models.diarization.contract import FRAME, Turn
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.pipeline import Pipeline
from duplex.streaming.pool import InferencePool
from duplex.testing import ScriptedDiarizer, UserScript, UserSpeech, VirtualClock

ANN, BOB = "ann", "bob"
Gap = tuple[float, float]


def follow(
    script: UserScript,
    duration: float,
    gaps: list[Gap],
    *,
    latency: float = 0.4,
    block: int = 320,
    cost: float = 0.0,
) -> list[Turn]:
    """What a session's labels report. gaps: what never arrives, because it was lost, dropped, or not listened to."""
    audio = script.audio(duration)
    turns: list[Turn] = []

    async def main() -> None:
        pool = InferencePool(inline=True, cost=(lambda name: cost) if cost else None)
        labels = SpeakerLabels(ScriptedDiarizer(script, latency=latency), pool, report=turns.append)
        node = labels.node()
        async with Pipeline(HostControls(("user",))) as pipeline:
            pipeline.add(node)
            for at in range(0, len(audio), block):
                samples = audio[at : at + block]
                if not any(start * SAMPLE_RATE <= at < end * SAMPLE_RATE for start, end in gaps):
                    node.put(AudioChunk(at, samples))
                await asyncio.sleep(0.0 if not cost else len(samples) / SAMPLE_RATE)

    VirtualClock().run(main())
    return turns


def expected(script: UserScript, duration: float) -> list[tuple[float, float, str]]:
    names: dict[str, str] = {}
    for sound in script.sounds:
        names.setdefault(sound.speaker, f"speaker {len(names) + 1}")
    return [(sound.start, min(sound.end, duration), names[sound.speaker]) for sound in script.sounds]


def seen(turns: list[Turn]) -> list[tuple[float, float, str]]:
    return [(round(turn.start, 4), round(turn.end, 4), turn.speaker) for turn in turns]


@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
def test_a_turn_before_a_pause_of_a_minute_is_reported_as_it_was(latency: float) -> None:
    script = UserScript((UserSpeech(0.5, 2.0, "a b c", speaker=ANN), UserSpeech(63.0, 64.5, "d", speaker=BOB)))
    turns = follow(script, 66.0, [(2.0, 62.0)], latency=latency)
    assert seen(turns) == expected(script, 66.0)


@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("duration", [2.0, 2.01, 2.25, 2.5])
def test_the_end_of_the_stream_is_not_lost(latency: float, duration: float) -> None:
    """2.25 s: within a frame."""
    script = UserScript((UserSpeech(0.5, 2.3, "a b c", speaker=ANN),))
    ((start, end, speaker),) = seen(follow(script, duration, [], latency=latency))
    assert (start, end, speaker) == (0.5, pytest.approx(min(2.3, duration), abs=0.1), "speaker 1")
    assert end <= duration


def test_a_slow_diarizer_drops_audio_and_still_keeps_the_time() -> None:
    """A step of 5 frames takes 0.3 s: most of the audio goes, and what is left stands where it was."""
    sounds = tuple(UserSpeech(n * 20.0 + 1.0, n * 20.0 + 19.0, "x", speaker=ANN) for n in range(3))
    script = UserScript(sounds)
    turns = follow(script, 60.0, [], cost=0.3)
    assert turns
    for turn in turns:
        assert any(s.start - 0.11 <= turn.start and turn.end <= s.end + 0.11 for s in sounds), turn


def test_who_was_heard_before_a_long_gap_is_known_again_after_it() -> None:
    script = UserScript(
        (
            UserSpeech(1.0, 2.0, "a", speaker=ANN),
            UserSpeech(3.0, 4.0, "b", speaker=BOB),
            UserSpeech(3605.0, 3606.0, "c", speaker=BOB),
            UserSpeech(3607.0, 3608.0, "d", speaker=ANN),
        )
    )
    tracker, audio = SpeakerTracker(ScriptedDiarizer(script)), script.audio(3609.0)
    turns = tracker.learn(tracker.push(audio[: 4 * SAMPLE_RATE]))
    turns += tracker.learn(tracker.push(audio[3604 * SAMPLE_RATE :], 3604 * SAMPLE_RATE))
    assert tracker.speaker(round(3.2 * SAMPLE_RATE), 4 * SAMPLE_RATE) is None  # forgotten: the horizon is two minutes
    assert tracker.speaker(3605 * SAMPLE_RATE, 3606 * SAMPLE_RATE) == "speaker 2"
    turns += tracker.learn(tracker.flush()) + tracker.finish()
    assert seen(turns) == expected(script, 3609.0)


def test_nothing_is_known_of_what_was_left_out_and_all_of_what_was_before() -> None:
    script = UserScript((UserSpeech(1.0, 2.0, "a", speaker=ANN),))
    tracker, audio = SpeakerTracker(ScriptedDiarizer(script)), script.audio(63.0)
    tracker.learn(tracker.push(audio[: 2 * SAMPLE_RATE]))
    tracker.learn(tracker.push(audio[62 * SAMPLE_RATE :], 62 * SAMPLE_RATE))
    assert tracker.speaker(SAMPLE_RATE, 2 * SAMPLE_RATE) == "speaker 1"
    assert len(tracker.known(SAMPLE_RATE, 2 * SAMPLE_RATE)) == 10
    assert len(tracker.known(30 * SAMPLE_RATE, 40 * SAMPLE_RATE)) == 0


def test_a_gap_costs_the_diarizer_seconds_and_not_its_length() -> None:
    heard = 0

    class Counting(ScriptedDiarizer):
        def step(self, chunk: np.ndarray, state):
            nonlocal heard
            heard += len(chunk)
            return super().step(chunk, state)

    tracker = SpeakerTracker(Counting(UserScript(()), latency=1.0))
    tracker.learn(tracker.push(np.zeros(FRAME, np.float32)))
    tracker.learn(tracker.push(np.zeros(FRAME, np.float32), 10_000 * SAMPLE_RATE))
    assert heard < 6 * SAMPLE_RATE
    assert tracker.position == 10_000 * SAMPLE_RATE + FRAME


def test_what_comes_twice_counts_once() -> None:
    script = UserScript((UserSpeech(1.0, 2.0, "a", speaker=ANN),))
    tracker, audio, turns = SpeakerTracker(ScriptedDiarizer(script)), script.audio(4.0), []
    for start in range(0, len(audio), 8000):
        turns += tracker.learn(tracker.push(audio[max(0, start - 4000) : start + 8000], max(0, start - 4000)))
    assert tracker.position == len(audio)
    turns += tracker.learn(tracker.flush()) + tracker.finish()
    assert seen(turns) == expected(script, 4.0)


SOUNDS = st.lists(
    st.tuples(st.sampled_from([ANN, BOB, "eve"]), st.integers(8, 60), st.integers(3, 25)), min_size=1, max_size=6
)
"""(speaker, silence before, length) in tenths of a second."""


@settings(max_examples=150, deadline=None)
@given(
    SOUNDS,
    st.lists(st.tuples(st.integers(1, 5000), st.floats(0.0, 1.0)), max_size=6),
    st.sampled_from([0.0, 0.1, 0.4, 1.0]),
    st.sampled_from([160, 320, 333, 1600, 4096, 16_000]),
    st.integers(0, 1500),
    st.booleans(),
)
def test_the_turns_are_the_scripts_whatever_never_arrives(sounds, gaps, latency, block, tail, long) -> None:
    """Gaps of any length lie anywhere in the silences; with `long`, one silence lasts a minute."""
    script, quiet, at = [], [], 0.0
    for number, (speaker, before, length) in enumerate(sounds):
        before += 600 if long and number == len(sounds) // 2 else 0
        quiet.append((at, at + before / 10))
        script.append(
            UserSpeech(round(at + before / 10, 1), round(at + (before + length) / 10, 1), "x", speaker=speaker)
        )
        at = script[-1].end
    quiet.append((at, at + tail / 1000))
    scripted = UserScript(tuple(script))
    audio = scripted.audio(at + tail / 1000)
    missing = np.zeros(len(audio), bool)
    for milliseconds, place in gaps:
        start, end = quiet[int(place * 0.999 * len(quiet))]
        first = start + place * (end - start)
        missing[round(first * SAMPLE_RATE) : round(min(end, first + milliseconds / 1000) * SAMPLE_RATE)] = True
    if long:
        start, end = quiet[len(sounds) // 2]
        missing[round((start + 0.3) * SAMPLE_RATE) : round((end - 0.3) * SAMPLE_RATE)] = True
    tracker, turns = SpeakerTracker(ScriptedDiarizer(scripted, latency=latency)), []
    edges = [0, *(np.flatnonzero(np.diff(missing)) + 1), len(audio)]
    for first, last in itertools.pairwise(edges):
        for begin in range(first, last, block) if last > first and not missing[first] else ():
            turns += tracker.learn(tracker.push(audio[begin : min(begin + block, last)], begin))
    turns += tracker.learn(tracker.flush()) + tracker.finish()
    assert seen(turns) == expected(scripted, len(audio) / SAMPLE_RATE)
    for turn, sound in zip(turns, script, strict=True):
        middle = round((sound.start + sound.end) / 2 * SAMPLE_RATE)
        if tracker.position - middle < 100 * SAMPLE_RATE:
            assert tracker.speaker(middle, middle + 160) == turn.speaker
