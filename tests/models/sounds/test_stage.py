from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from duplex.models.sounds import WEIGHTS, has_weights, load_tagger
from duplex.models.sounds.contract import BACKGROUND, BLOCK, LABELS
from duplex.models.sounds.features import Features
from duplex.models.sounds.stage import Tagger
from duplex.streaming.errors import InputError, ModelError, SettingsError
from tests.models.sounds.random_tagger import SMALL, THRESHOLDS, random_net, random_tagger

trained = pytest.mark.skipif(not has_weights(), reason="no trained tagger: python -m duplex.models.sounds.train")


def noise(blocks: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, blocks * BLOCK).astype(np.float32)


def run(stage: Tagger, samples: np.ndarray) -> np.ndarray:
    state, rows = stage.initial_state(), []
    for at in range(0, len(samples), BLOCK):
        block, state = stage.step(samples[at : at + BLOCK], state)
        assert block.start == at
        rows.append(block.probabilities)
    return np.array(rows)


@pytest.mark.slow
def test_the_runtime_equals_the_network() -> None:
    import torch

    samples = noise(12)
    planes = torch.from_numpy(Features(SMALL).forward(samples))[None]
    with torch.no_grad():
        expected = torch.sigmoid(random_net()(planes)[0])[0].numpy()
    np.testing.assert_allclose(run(random_tagger(), samples), expected, rtol=0, atol=1e-3)


@pytest.mark.slow
def test_the_network_in_blocks_equals_the_network() -> None:
    import torch

    net, planes = random_net(), torch.randn(2, 2, 5 * SMALL.frames, SMALL.mels)
    with torch.no_grad():
        whole, _ = net(planes)
        state, parts = None, []
        for block in planes.split(SMALL.frames, dim=2):
            logits, state = net(block, state)
            parts.append(logits)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_the_graph_says_what_it_is() -> None:
    stage = random_tagger()
    assert stage.labels == LABELS
    assert stage.thresholds == THRESHOLDS


@trained
def test_the_shipped_tagger() -> None:
    stage = load_tagger()
    assert stage.labels == LABELS
    assert WEIGHTS.stat().st_size <= 3e6
    assert "alarm" in stage.thresholds and "baby crying" in stage.thresholds
    assert not set(stage.thresholds) & set(BACKGROUND) - {"music"}
    for threshold in stage.thresholds.values():
        assert 0 < threshold.off <= threshold.on < 1
    heard = run(stage, noise(3))
    assert heard.shape == (3, len(LABELS)) and ((heard >= 0) & (heard <= 1)).all()


@trained
def test_silence_is_silence_and_a_smoke_alarm_is_one() -> None:
    """The two ends of what the shipped tagger is for."""
    stage = load_tagger()
    silence = run(stage, np.zeros(10 * BLOCK, np.float32))
    assert silence[2:, LABELS.index("silence")].min() > 0.5
    time = np.arange(20 * BLOCK) / 16_000
    pulses = (time % 4 < 3) & (time % 1 < 0.5)
    alarm = run(stage, (0.1 * np.sin(2 * np.pi * 3150 * time) * pulses).astype(np.float32))
    assert alarm[:, LABELS.index("alarm")].max() >= stage.thresholds["alarm"].on
    assert alarm[:, LABELS.index("baby crying")].max() < stage.thresholds["baby crying"].on


def test_bad_samples_count_as_silence() -> None:
    stage = random_tagger()
    samples = noise(4)
    samples[BLOCK + 7] = np.nan
    samples[BLOCK + 9] = np.inf
    assert np.isfinite(run(stage, samples)).all()


def test_a_block_of_another_size_is_refused() -> None:
    stage = random_tagger()
    for shape in ((BLOCK - 1,), (2, BLOCK), (0,)):
        with pytest.raises(InputError, match="6400"):
            stage.step(np.zeros(shape, np.float32), stage.initial_state())
    with pytest.raises(SettingsError, match="one stream"):
        stage.initial_state(2)


def test_a_file_that_is_no_tagger(tmp_path: Path) -> None:
    for content in (None, b"", b"not a graph"):
        path = tmp_path / "tagger.onnx"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError, match="no graph of a sound tagger"):
            load_tagger(path)
