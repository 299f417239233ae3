from __future__ import annotations

import numpy as np
import pytest

from duplex.models.corpora.bank import Bank
from duplex.models.sounds.contract import BLOCK, LABELS
from duplex.models.sounds.train.corpus import Corpus

pytest.importorskip("scipy")

from duplex.models.sounds.train.alarms import alarm, smoke_alarm
from duplex.models.sounds.train.scenes import LEVEL, SceneMaker, Source, marked, trimmed

CATEGORIES = ("alarm", "dog", "voice", "instrument")


def bank(items: list[np.ndarray], groups: list[int]) -> Bank:
    samples = np.concatenate([(item * 32767).astype(np.int16) for item in items])
    return Bank(samples, np.cumsum([0] + [len(item) for item in items]), np.array(groups))


@pytest.fixture(scope="module")
def maker() -> SceneMaker:
    rng = np.random.default_rng(0)
    noises = [rng.normal(0, 0.1, n).astype(np.float32) for n in (3000, 20_000, 400_000, 9000)]
    rooms = np.zeros((2, 16_000), np.float16)
    rooms[:, 0] = 1
    speech = bank([rng.normal(0, 0.1, 40_000).astype(np.float32) for _ in range(3)], [0, 0, 1])
    return SceneMaker(Corpus(bank(noises, [0, 1, 2, 3]), CATEGORIES, speech, rooms), seconds=4.0)


def column(label: str) -> int:
    return LABELS.index(label)


@pytest.mark.parametrize("seed", range(25))
def test_scenes_are_audible_sound_with_marks_for_each_block(maker: SceneMaker, seed: int) -> None:
    scene = maker.draw(np.random.default_rng(seed))
    blocks = maker.length // BLOCK
    assert scene.samples.shape == (maker.length,) and scene.samples.dtype == np.float32
    assert np.isfinite(scene.samples).all() and np.abs(scene.samples).max() <= 1.01
    assert scene.targets.shape == scene.weights.shape == (blocks, len(LABELS))
    assert set(np.unique(scene.targets)) <= {0.0, 1.0} and set(np.unique(scene.weights)) <= {0.0, 1.0}
    silent = scene.targets[:, column("silence")] > 0
    assert not scene.targets[silent][:, np.arange(len(LABELS)) != column("silence")].any()
    repeated = maker.draw(np.random.default_rng(seed))
    np.testing.assert_array_equal(repeated.samples, scene.samples)


def burst(first: int, last: int, blocks: int = 8, level: float = LEVEL) -> np.ndarray:
    samples = np.zeros(blocks * BLOCK, np.float32)
    samples[first:last] = np.random.default_rng(1).normal(0, level, last - first)
    return samples


def test_a_sound_is_marked_where_it_sounds_for_sixty_milliseconds() -> None:
    source = Source(burst(2 * BLOCK + 3200, 4 * BLOCK + 400), "dog", ("animal",))
    targets, weights = marked([source], np.full(8 * BLOCK, 1e-5, np.float32))
    assert targets[:, column("dog")].tolist() == [0, 0, 1, 1, 0, 0, 0, 0]
    assert weights[:, column("dog")].tolist() == [1, 1, 1, 1, 0, 1, 1, 1], "25 ms of it: doubtful"
    assert weights[:, column("animal")].tolist() == [1, 1, 0, 0, 0, 1, 1, 1]
    assert targets[:, column("silence")].tolist() == [1, 1, 0, 0, 0, 1, 1, 1]


def test_a_buried_sound_is_not_marked() -> None:
    loud, faint = Source(burst(0, 8 * BLOCK), "music"), Source(burst(0, 8 * BLOCK, level=LEVEL / 100), "dog")
    middling = Source(burst(0, 8 * BLOCK, level=LEVEL / 10), "rain")
    targets, weights = marked([loud, faint, middling], np.full(8 * BLOCK, 1e-5, np.float32))
    assert targets[:, column("music")].all()
    assert not targets[:, column("dog")].any() and weights[:, column("dog")].all()
    assert not targets[:, column("rain")].any() and not weights[:, column("rain")].any(), "20 dB below: doubtful"


def test_a_loud_floor_is_noise() -> None:
    targets, _ = marked([], np.random.default_rng(0).normal(0, 0.05, 4 * BLOCK).astype(np.float32))
    assert targets[:, column("noise")].all() and targets.sum() == 4


def test_silence_around_a_recording_is_cut_off() -> None:
    assert abs(len(trimmed(burst(2 * BLOCK, 3 * BLOCK))) - BLOCK) <= 640
    assert len(trimmed(np.zeros(100, np.float32))) == 100


def test_alarms_are_loud_and_a_smoke_alarm_pauses() -> None:
    for seed in range(12):
        made = alarm(32_000, np.random.default_rng(seed))
        assert made.shape == (32_000,) and made.dtype == np.float32 and np.isfinite(made).all()
        assert np.abs(made).max() <= 1.0
    made = smoke_alarm(16_000 * 8, np.random.default_rng(0))
    power = np.square(made.reshape(-1, 320)).mean(1)
    assert 0.2 < (power > 0.05).mean() < 0.8
