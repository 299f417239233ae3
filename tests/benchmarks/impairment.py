"""Delay and concealment on a bad network, in virtual time: Duplex's receive path, and raw aiortc's beside it.

python -m tests.benchmarks.impairment [--peers aiortc] [--seed 1] [--timeline] [--only NAME]

30 s of 20 ms Opus packets (speech of the bundled recording) over a path of 30 ms: 5 s undisturbed, 10 s of the
disturbance, 15 s undisturbed again. Both receivers get the very same packets at the very same times. Delay: from the
end of capture to a frame's coming out, less the 30 ms of the path. Made up: share of the disturbed 10 s that was
concealed, or for aiortc, which conceals nothing, is missing; and the same of the frames with speech in them, whose
copies ride on the packets after them. Back after: how long after the disturbance (the stall lasts its last 2 s) the
last frame comes out that is more than 20 ms later than the median before it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import soundfile
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import VirtualClock
from duplex.transport.libopus import OpusEncoder
from duplex.transport.receiving import AudioReceiver
from tests.benchmarks.report import quantile, table, versions

PERIOD = 0.02
TICKS = 960
PATH = 0.03
BEGIN, END, LENGTH = 5.0, 15.0, 30.0
NEAR = 0.02
AUDIBLE = 0.01

Delays = list[float | None]
"""Seconds on the way, by packet; None: lost."""


@dataclass(frozen=True)
class Outcome:
    """frames: (position in seconds, delay in seconds) of each one that came out. made_up: positions concealed."""

    frames: list[tuple[float, float]]
    made_up: list[float]


def times() -> np.ndarray:
    return np.arange(round(LENGTH / PERIOD)) * PERIOD


def disturb(change: Callable[[np.random.Generator, int], Sequence[float | None]]) -> Callable[[int], Delays]:
    """Apply `change(rng, packets)`, the extra delays of so many packets, to those sent from BEGIN to END."""

    def delays(seed: int) -> Delays:
        first, last = round(BEGIN / PERIOD), round(END / PERIOD)
        extra = change(np.random.default_rng(seed), last - first)
        out: Delays = [PATH] * round(LENGTH / PERIOD)
        out[first:last] = [None if e is None else PATH + e for e in extra]
        return out

    return delays


def single_loss(share: float) -> Callable[[int], Delays]:
    return disturb(lambda rng, n: [None if lost else 0.0 for lost in rng.random(n) < share])


def burst_loss(share: float, length: float = 4.0) -> Callable[[int], Delays]:
    """Gilbert's model: bursts of `length` packets on average, `share` lost in the long run."""

    def change(rng: np.random.Generator, n: int) -> list[float | None]:
        bad, out = False, []
        for _ in range(n):
            bad = rng.random() >= 1 / length if bad else rng.random() < share / (1 - share) / length
            out.append(None if bad else 0.0)
        return out

    return disturb(change)


def jitter(most: float) -> Callable[[int], Delays]:
    """Every packet is late by 0 to `most`, each by itself, so they overtake one another."""
    return disturb(lambda rng, n: list(rng.uniform(0.0, most, n)))


def queueing(most: float) -> Callable[[int], Delays]:
    """A queue that fills and empties: late by up to `most`, in order."""

    def change(rng: np.random.Generator, n: int) -> list[float]:
        out, last = [], 0.0
        for index in range(n):
            arrival = max(last, index * PERIOD + rng.uniform(0.0, most) * (np.sin(index / 25) > 0))
            out.append(arrival - index * PERIOD)
            last = arrival
        return out

    return disturb(change)


def reordering(share: float, by: float = 0.03) -> Callable[[int], Delays]:
    return disturb(lambda rng, n: [by if late else 0.0 for late in rng.random(n) < share])


def one_lost(seed: int) -> Delays:
    out: Delays = [PATH] * round(LENGTH / PERIOD)
    out[round(END / PERIOD) - 1] = None
    return out


def stall(kept: bool) -> Callable[[int], Delays]:
    """For two seconds, to END, nothing arrives; then everything at once, or what was sent meanwhile never does."""

    def delays(seed: int) -> Delays:
        return [
            (END - at + PATH + 1e-4 * (at - END + 2.0) if kept else None) if END - 2.0 <= at < END else PATH
            for at in times()
        ]

    return delays


def both(a: Callable[[int], Delays], b: Callable[[int], Delays]) -> Callable[[int], Delays]:
    def delays(seed: int) -> Delays:
        return [None if x is None or y is None else x + y - PATH for x, y in zip(a(seed), b(seed + 1000), strict=True)]

    return delays


SCENARIOS: dict[str, Callable[[int], Delays]] = {
    "undisturbed": single_loss(0.0),
    "one packet lost": one_lost,
    "loss 1 %, single": single_loss(0.01),
    "loss 5 %, single": single_loss(0.05),
    "loss 10 %, single": single_loss(0.10),
    "loss 1 %, bursts of 4": burst_loss(0.01),
    "loss 5 %, bursts of 4": burst_loss(0.05),
    "loss 10 %, bursts of 4": burst_loss(0.10),
    "jitter 0-20 ms": jitter(0.02),
    "jitter 0-40 ms": jitter(0.04),
    "jitter 0-80 ms": jitter(0.08),
    "queueing 0-80 ms, in order": queueing(0.08),
    "5 % reordered": reordering(0.05),
    "jitter 0-40 ms, loss 5 %": both(jitter(0.04), single_loss(0.05)),
    "stall 2 s, then all of it": stall(True),
    "stall 2 s, all of it lost": stall(False),
}


def recording() -> np.ndarray:
    """(packets, 320): the bundled recording without its longer pauses, again and again, a frame for each packet."""
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as path:
        samples = soundfile.read(path, dtype="float32")[0]
    frames = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    near = np.convolve(frames.std(1) > AUDIBLE, np.ones(11), "same") > 0
    return np.resize(frames[near], (round(LENGTH / PERIOD), FRAME))


def encoded(frames: np.ndarray, loss: float) -> list[bytes]:
    """By a sender that knows of the loss."""
    encoder = OpusEncoder()
    encoder.expect_loss(loss)
    return [encoder.encode(frame) for frame in frames]


def arrivals(delays: Delays) -> list[tuple[float, int]]:
    """(time, packet) in order of arrival."""
    return sorted((n * PERIOD + delay, n) for n, delay in enumerate(delays) if delay is not None)


def through_duplex(packets: list[bytes], delays: Delays) -> Outcome:
    clock = VirtualClock()

    async def main() -> Outcome:
        receiver = AudioReceiver(clock)
        frames: list[tuple[float, float]] = []
        made_up: list[float] = []

        async def read() -> None:
            async for chunk in receiver:
                at = chunk.start / SAMPLE_RATE
                frames.append((at, clock.now() - at - PATH))
                if chunk.concealed:
                    made_up.append(at)

        reading = asyncio.create_task(read())
        for when, number in arrivals(delays):
            await clock.sleep_until(when)
            receiver.packet(number, number * TICKS, 1, packets[number])
        await asyncio.sleep(0)
        receiver.close()
        await reading
        return Outcome(frames, made_up)

    return clock.run(main())


def through_aiortc(packets: list[bytes], delays: Delays) -> Outcome:
    """aiortc's buffer, as its receiver makes it for audio; a frame is out when the packet comes that releases it."""
    buffer = JitterBuffer(capacity=16, prefetch=4)
    frames: list[tuple[float, float]] = []
    for when, number in arrivals(delays):
        packet = RtpPacket(sequence_number=number, timestamp=number * TICKS, payload=packets[number])
        packet._data = packet.payload  # type: ignore[attr-defined]
        _, frame = buffer.add(packet)
        if frame is not None:
            at = frame.timestamp / TICKS * PERIOD
            frames.append((at, when - at - PATH))
    there = {round(at / PERIOD) for at, _ in frames}
    last = max(there)
    return Outcome(frames, [n * PERIOD for n in range(last) if n not in there])


def within(frames: list[tuple[float, float]], first: float, last: float) -> list[float]:
    """Delays in ms of the frames that came out from `first` to `last` of the call."""
    return [1000.0 * delay for at, delay in frames if first <= at + delay + PATH < last]


def row(name: str, who: str, outcome: Outcome, spoken: np.ndarray) -> list[object]:
    frames = outcome.frames
    base = quantile(within(frames, 1.0, BEGIN), 0.5)
    late = [at + delay + PATH for at, delay in frames if 1000.0 * delay > base + 1000.0 * NEAR]
    gone = bool(late) and late[-1] > LENGTH - 1.0
    during = within(frames, BEGIN, END + 0.1)
    after = within(frames, END + 2.0, LENGTH)
    disturbed = slice(round(BEGIN / PERIOD), round(END / PERIOD))
    made_up = np.zeros(len(spoken), bool)
    made_up[[round(at / PERIOD) for at in outcome.made_up if at < LENGTH]] = True
    return [
        name,
        who,
        base,
        *(abs(quantile(during, q)) for q in (0.5, 0.95, 1.0)),
        quantile(after, 0.5),
        f"{100 * made_up[disturbed].mean():.1f} %",
        f"{100 * made_up[disturbed][spoken[disturbed]].mean():.1f} %",
        "never" if gone else f"{max(0.0, (late[-1] if late else 0.0) - END - PATH):.2f} s",
    ]


def timeline(outcome: Outcome) -> list[object]:
    """Worst delay in each second from 4 s to 20 s; "-" where nothing came out."""
    cells = [within(outcome.frames, second, second + 1.0) for second in np.arange(4.0, 20.0)]
    return [f"{max(cell):.0f}" if cell else "-" for cell in cells]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", nargs="*", choices=("aiortc",), default=["aiortc"], help="default: aiortc")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeline", action="store_true", help="the worst delay of each second, too")
    parser.add_argument("--only", metavar="TEXT", default="", help="scenarios whose name has this in it")
    args = parser.parse_args()
    chosen = {name: made for name, made in SCENARIOS.items() if args.only in name}
    if not chosen:
        raise SystemExit(f"--only: no scenario has {args.only!r} in its name; there are: {', '.join(SCENARIOS)}")
    sound = recording()
    spoken = sound.std(1) > AUDIBLE
    sent = {share: encoded(sound, share) for share in (0.0, 0.1)}
    rows, lines = [], []
    for name, made in chosen.items():
        delays = made(args.seed)
        packets = sent[0.1 if "loss" in name else 0.0]
        receivers = {"duplex": through_duplex, **({"aiortc": through_aiortc} if args.peers else {})}
        for who, through in receivers.items():
            outcome = through(packets, delays)
            rows.append(row(name, who, outcome, spoken))
            lines.append([name, who, *timeline(outcome)])
    print(versions(["duplex", "aiortc", "av"]))
    print(f"seed {args.seed}; milliseconds beyond the path; p50, p95 and max during the disturbance")
    header = ["network", "receiver", "before", "p50", "p95", "max", "after", "made up", "of speech", "back after"]
    print(table(header, rows))
    if args.timeline:
        print("\nworst delay in ms, second by second; the disturbance lasts from 5 to 15 (the stall from 13)")
        print(table(["network", "receiver", *(str(second) for second in range(4, 20))], lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
