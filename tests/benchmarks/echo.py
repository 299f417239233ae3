"""The assistant over loudspeakers: does it hear itself, and does it still hear the user?

    python -m tests.benchmarks.echo [--minutes 2] [--talks 24] [--condition NAME …]

The real session, its real recognizer and synthesizer, at virtual time, in simulated rooms (pyroomacoustics) with
loudspeakers that clip and lack bass. Alone: the assistant speaks, nobody else does; every hold, interruption, withdrawn
reply and user turn is its own echo taken for a user. Talking over: a user says a sentence over a long reply that may
not be interrupted, and the words are compared; then one that may be.
"""

from __future__ import annotations

import argparse
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.events import Decision, Interrupted, SpeechStarted, Turn, Word
from duplex.microphone.echo_cancellation import EchoCanceller, EchoState
from duplex.microphone.echo_control import EchoControl
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.testing import Clip, Playout, VirtualClock, read_clips
from duplex.testing.scene import active_level, active_span
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.rooms import EchoLoop, Loudspeaker, Room
from tests.data.make.recognize import word_errors

CLIPS = Path(__file__).parents[1] / "data" / "clips"

REPLIES = (
    "I can tell you the time in any large city, set timers and reminders, do arithmetic, convert units, remember "
    "things for you, and find what you said about something earlier in this conversation.",
    "Ten miles is about sixteen point one kilometers. Nine times twelve is one hundred and eight.",
    "I will remind you in twelve seconds to call your brother. The timer has another two minutes and five seconds.",
    "Twenty two seconds ago you said: my car is in the garage, and I will take the train to the city.",
    "In Tokyo it is half past two in the afternoon. Stop. Wait a minute. Yes, that is right, never mind.",
)
LASTING = 11.0
"""Seconds that the longest reply and the pause after it take."""

DISTURBED = ("suspend", "barge_in", "withdraw", "go_on", "backchannel", "false_interruption")

NOISE = 3e-4
"""RMS of the microphone's own noise (-70 dBFS)."""


@dataclass(frozen=True, slots=True)
class Condition:
    name: str
    room: Room
    loudspeaker: Loudspeaker = field(default_factory=Loudspeaker)
    moved: Room | None = None
    """The room from the middle on: the microphone has been moved, or the device is another."""


CONDITIONS = (
    Condition("desk, linear", Room()),
    Condition("desk, small loudspeaker", Room(echo_db=0.0), Loudspeaker(drive=2.0, low=250.0, high=6000.0)),
    Condition("desk, overdriven", Room(echo_db=0.0), Loudspeaker(drive=5.0, low=350.0, high=5000.0)),
    Condition("living room, 2 m", Room((6.1, 4.7, 2.8), 0.5, 2.0, 0.12, -10.0), Loudspeaker(1.5, 120.0, 7500.0)),
    Condition("bare room, 1.5 m", Room((7.0, 6.0, 3.0), 0.7, 1.5, 0.15, -6.0), Loudspeaker(2.0, 200.0, 7000.0)),
    Condition("0.7 s of latency", Room(delay=0.7), Loudspeaker(1.5, 150.0, 7500.0)),
    Condition("microphone moved", Room(), Loudspeaker(1.5, 150.0, 7500.0), Room(distance=1.2, delay=0.11)),
)


class Microphone:
    """A session's sink and source: what it plays comes back through the room, with what the user says."""

    def __init__(self, condition: Condition, user: np.ndarray, echo: bool = True) -> None:
        self._loop = EchoLoop(condition.room, condition.loudspeaker)
        self._echo: deque[np.ndarray] = deque()
        self._user = user
        self._with_echo = echo
        self._noise = np.random.default_rng(7)
        self.raw: list[np.ndarray] = []
        self.heard: list[np.ndarray] = []

    def move(self, room: Room) -> None:
        self._loop.change(room)

    def on_output(self, chunk: AudioChunk) -> None:
        self._echo.append(self._loop.step(chunk.samples))

    def on_input(self, frame: MultichannelFrame) -> None:
        self.heard.append(frame.samples[:, 0])

    def on_event(self, event: object) -> None:
        pass

    def frame(self, at: int) -> np.ndarray:
        """(320,) from sample `at`, once its end has come."""
        samples = self._noise.normal(0.0, NOISE, FRAME)
        echo = np.concatenate([self._echo.popleft() for _ in range(2)])
        if self._with_echo:
            samples += echo
        said = self._user[at : at + FRAME]
        samples[: len(said)] += said
        self.raw.append(np.clip(samples, -1.0, 1.0).astype(np.float32))
        return self.raw[-1]


@dataclass(slots=True)
class Run:
    playout: Playout
    raw: np.ndarray
    heard: np.ndarray
    cancelled: np.ndarray
    """What AEC3 alone leaves, before the gate."""


class _Kept(EchoCanceller):
    """AEC3, and what it leaves before the gate."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[np.ndarray] = []

    def step(self, chunk: np.ndarray, state: EchoState) -> tuple[np.ndarray, EchoState]:
        out, state = super().step(chunk, state)
        self.kept.append(out)
        return out, state


def hold(
    condition: Condition,
    engines: Engines,
    seconds: float,
    *,
    user: np.ndarray | None = None,
    cancel: bool = True,
    echo: bool = True,
    interruptions: bool = True,
    replies: Callable[[], Iterator[str]] = lambda: iter(REPLIES[:1]),
) -> Run:
    """One session of that many seconds in which the assistant says each of `replies`, LASTING apart."""
    clock, playout = VirtualClock(), Playout()
    microphone = Microphone(condition, np.zeros(0) if user is None else user, echo)
    canceller = _Kept()
    control = EchoControl(canceller=canceller) if cancel else None
    settings = Settings(diarize=False)
    settings = settings.with_values(floor=replace(settings.floor, interruptions=interruptions))

    async def main() -> None:
        texts = replies()
        async with Session(
            settings, engines=engines, clock=clock, sinks=[playout, microphone], echo_control=control
        ) as session:
            due = 0.0
            for at in range(0, round(seconds * SAMPLE_RATE), FRAME):
                if at >= due * SAMPLE_RATE:
                    due += LASTING
                    if (text := next(texts, None)) is not None:
                        session.say(text)
                if condition.moved and at == round(seconds * SAMPLE_RATE / 2) // FRAME * FRAME:
                    microphone.move(condition.moved)
                await clock.sleep_until((at + FRAME) / SAMPLE_RATE)
                session.feed(microphone.frame(at), start=at)

    clock.run(main())
    cancelled = np.concatenate(canceller.kept) if cancel else np.zeros(0, np.float32)
    return Run(playout, np.concatenate(microphone.raw), np.concatenate(microphone.heard), cancelled)


@dataclass(frozen=True, slots=True)
class Alone:
    """What the assistant made of its own echo."""

    minutes: float
    spoken: float
    """Minutes of it in which it was audible."""
    disturbed: int
    """Replies held, interrupted or withdrawn."""
    onsets: int
    turns: int
    erle_early: float
    erle: float
    suppression: float
    """The same after the gate: what the session hears."""


def alone(condition: Condition, engines: Engines, minutes: float, *, cancel: bool = True) -> Alone:
    rounds = max(1, round(minutes * 60 / (LASTING * len(REPLIES))))
    run = hold(
        condition,
        engines,
        rounds * LASTING * len(REPLIES),
        cancel=cancel,
        replies=lambda: iter(REPLIES * rounds),
    )
    events = run.playout.events
    disturbed = [e for e in events if isinstance(e, Decision) and e.kind in DISTURBED]
    return Alone(
        len(run.raw) / SAMPLE_RATE / 60,
        sum(end - start for start, end in run.playout.audible()) / SAMPLE_RATE / 60,
        len({e.epoch for e in disturbed}),
        sum(isinstance(e, SpeechStarted) for e in events),
        sum(isinstance(e, Turn) for e in events),
        _erle(run.raw, run.cancelled, 0.0, 3.0),
        _erle(run.raw, run.cancelled, 8.0),
        _erle(run.raw, run.heard, 8.0),
    )


def _erle(raw: np.ndarray, left: np.ndarray, since: float, until: float | None = None) -> float:
    """dB by which the frames that carry echo are quieter, between these seconds; NaN without a canceller."""
    span = slice(round(since * SAMPLE_RATE), None if until is None else round(until * SAMPLE_RATE))
    raw, left = raw[span], left[span]
    if not len(left):
        return float("nan")
    hops = len(raw) // EchoCanceller.hop
    before = np.square(raw[: hops * EchoCanceller.hop].reshape(hops, -1)).mean(1)
    after = np.square(left[: hops * EchoCanceller.hop].reshape(hops, -1)).mean(1)
    loud = before > 100 * NOISE**2
    return float(10 * np.log10(before[loud].sum() / (after[loud].sum() + 1e-12)))


@dataclass(frozen=True, slots=True)
class Talk:
    """A sentence over a reply: errors in `words` words with echo control, without, and without any echo."""

    words: int
    cancelled: int
    echoing: int
    quiet: int
    taken: bool
    """Whether it took the floor, where it may."""
    silent_after: float | None


def talk(condition: Condition, engines: Engines, clip: Clip, ratio_db: float, moment: float) -> Talk:
    """ratio_db: level of the user over that of the echo (both active levels) at the microphone."""
    echo = hold(condition, engines, 6.0, cancel=False, interruptions=False).raw
    gain = 10 ** ((active_level(echo) + ratio_db - active_level(clip.samples)) / 20)
    user = np.zeros(round((moment + clip.duration + 2.5) * SAMPLE_RATE), np.float32)
    at = round(moment * SAMPLE_RATE)
    user[at : at + len(clip.samples)] = gain * clip.samples
    first, last = active_span(clip.samples)
    span = (at + first, at + last)

    def errors(**how: bool) -> int:
        run = hold(condition, engines, len(user) / SAMPLE_RATE, user=user, interruptions=False, **how)
        return word_errors(clip.text, _words(run.playout, *span))

    free = hold(condition, engines, len(user) / SAMPLE_RATE, user=user).playout
    taken = [e for e in free.events if isinstance(e, Interrupted) and e.end > span[0]]
    return Talk(
        len(clip.text.split()),
        errors(),
        errors(cancel=False),
        errors(cancel=False, echo=False),
        bool(taken),
        (taken[0].end - span[0]) / SAMPLE_RATE if taken else None,
    )


def _words(playout: Playout, start: int, end: int) -> str:
    """The words heard while the user spoke: not those of the reply before and after."""
    inside = [e for e in playout.events if isinstance(e, Word) and start < (e.start + e.end) / 2 < end]
    return " ".join(word.text for word in inside)


def _sentences(seed: int) -> Iterator[tuple[Clip, float, float]]:
    """(clip, level over the echo, moment), endlessly."""
    random = np.random.default_rng(seed)
    clips = [c for c in read_clips(CLIPS).values() if c.kind == "request" and len(c.text.split()) >= 3]
    while True:
        clip = clips[int(random.integers(len(clips)))]
        yield clip, float(random.choice([-5.0, 0.0, 5.0])), float(random.uniform(2.0, 4.0))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=2.0, help="that the assistant speaks alone, per condition")
    parser.add_argument("--talks", type=int, default=6, help="sentences over a reply, per condition")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--condition", action="append", default=[], help="only those whose name contains this")
    args = parser.parse_args()
    conditions = [c for c in CONDITIONS if not args.condition or any(part in c.name for part in args.condition)]
    engines = Engines.from_settings(Settings(diarize=False))
    print(versions(["duplex", "livekit", "pyroomacoustics", "pocketsphinx", "espeakng-loader"]))
    _report_alone(conditions, engines, args.minutes)
    if args.talks:
        _report_talks(conditions, engines, args.talks, args.seed)
    engines.recognizer.close()
    return 0


def _report_alone(conditions: list[Condition], engines: Engines, minutes: float) -> None:
    rows = []
    total = 0.0
    for condition in conditions:
        with_control = alone(condition, engines, minutes)
        without = alone(condition, engines, min(minutes, 1.0), cancel=False)
        total += with_control.minutes
        rows.append(
            [
                condition.name,
                with_control.erle_early,
                with_control.erle,
                with_control.suppression,
                with_control.disturbed / with_control.minutes * 60,
                with_control.turns / with_control.minutes * 60,
                without.disturbed / without.minutes * 60,
                without.turns / without.minutes * 60,
            ]
        )
    print(
        f"\nthe assistant alone, {total:.0f} min: ERLE in dB; replies disturbed by their echo and user turns, per hour"
    )
    header = ["", "ERLE 0-3 s", "ERLE 8 s on", "with gate", "interrupted", "turns", "without: interr.", "turns"]
    print(table(header, rows))


def _report_talks(conditions: list[Condition], engines: Engines, count: int, seed: int) -> None:
    rows = []
    silences: list[float] = []
    for condition in conditions:
        sentences = _sentences(seed)
        talks = [talk(condition, engines, *next(sentences)) for _ in range(count)]
        words = sum(t.words for t in talks)
        rows.append(
            [
                condition.name,
                *(
                    100 * sum(errors) / words
                    for errors in zip(*((t.quiet, t.cancelled, t.echoing) for t in talks), strict=True)
                ),
                f"{sum(t.taken for t in talks)} of {count}",
            ]
        )
        silences += [1000 * t.silent_after for t in talks if t.silent_after is not None]
    print(f"\na sentence over the reply, -5, 0 or 5 dB above the echo, {count} in each condition: WER in %")
    print(table(["", "no echo", "echo control", "none", "took the floor"], rows))
    print(
        f"onset of the sentence → last sample sent to the loudspeaker: p50 {quantile(silences, 0.5):.0f} ms, "
        f"p95 {quantile(silences, 0.95):.0f} ms (n={len(silences)})"
    )


if __name__ == "__main__":
    sys.exit(main())
