"""The benchmarks of the streaming floor measure what they say, on a small scale."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.streaming.queues import BoundedQueue
from tests.benchmarks import activity, peers, queue_hop, slow_consumer
from tests.benchmarks.report import quantile, table, versions

DATA = Path(__file__).parents[1] / "data" / "activity"


@pytest.mark.parametrize("make", [lambda: BoundedQueue(4), lambda: asyncio.Queue(4)])
def test_every_frame_goes_through_the_chain(make) -> None:
    spent, latencies = asyncio.run(queue_hop.chain(make, 3, 100, 0.0))
    assert len(latencies) == 100 and min(latencies) > 0
    assert spent > 0


def test_a_hop_is_the_difference_of_two_chains() -> None:
    def run(stages: int, frames: int, pace: float) -> tuple[float, list[float]]:
        return frames * (50e-6 + stages * 3e-6), [100e-6 + stages * 7e-6] * frames

    np.testing.assert_allclose(queue_hop.measure(run, 200, 0.02), [3.0, 7.0, 7.0, 53.0])


def test_every_frame_for_the_slow_consumer_is_accounted_for() -> None:
    lags, stats = asyncio.run(slow_consumer.run(60))
    assert stats.passed == len(lags) and stats.passed + stats.dropped == 60
    assert stats.peak_lag <= slow_consumer.CAPACITY * 320
    assert min(lags.values()) >= slow_consumer.CONSUME - 0.001


def test_activity_is_scored_on_recordings() -> None:
    speech, rain = (soundfile.read(DATA / f"{name}.flac", dtype="float32")[0] for name in ("speech", "rain"))
    noise = [("rain", rain)]
    scores = activity.measure(partial(activity.detect, activity.ours()), [speech], noise, {"rain": rain}, [])
    clean = scores["clean, -24 dBFS"]
    assert (clean.segments, clean.unheard, clean.onsets) == (2, 0, 2)
    assert clean.missed < 0.2 * clean.speech and clean.false < 0.02 * clean.silence
    assert scores["rain alone"].onsets == 0
    alone = activity.measure(partial(activity.detect, activity.engine_alone()), [speech], noise, {"rain": rain}, [])
    assert alone["rain alone"].false > 0


def test_a_missing_interpreter_is_one_line() -> None:
    with pytest.raises(SystemExit, match="cannot run /no/such/python: No such file"):
        peers.pipecat("/no/such/python", stages=1)


def test_tables_are_aligned() -> None:
    text = table(["name", "µs"], [["a", 1.25], ["longer", "-"]]).splitlines()
    assert text == ["name     µs", "-----------", "a       1.2", "longer    -"]
    assert np.isnan(quantile([], 0.5))
    assert "surely-not-there (not installed)" in versions(["surely-not-there"])
