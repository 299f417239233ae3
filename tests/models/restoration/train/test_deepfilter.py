"""DeepFilterNet trained further: the same as its engine, written back, better after some steps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from duplex.models.corpora.weight_interpolation import between
from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.engines.deepfilternet import DeepFilterGraphs
from duplex.models.restoration.engines.deepfilternet import DeepFilterNet as LiveNet
from duplex.models.restoration.engines.spectral_stage import SpectralStage
from duplex.models.restoration.engines.tuned import AHEAD, WEIGHTS
from duplex.models.restoration.metrics import si_sdr
from duplex.models.restoration.train.deepfilter.network import DeepFilterNet
from duplex.models.restoration.train.deepfilter.training import HOP, SHARES, enhancement_loss, restored
from duplex.models.restoration.train.lite_training import parser, train
from duplex.models.restoration.train.mixture_cache import build_cache
from duplex.streaming.errors import ModelError, SettingsError
from tests.models.restoration import signals


def network(archive: Path = WEIGHTS["enhance"]) -> DeepFilterNet:
    return DeepFilterNet(archive, AHEAD)


def live(archive: Path, sound: np.ndarray) -> np.ndarray:
    return signals.live(SpectralStage(LiveNet(DeepFilterGraphs(archive), SAMPLE_RATE, AHEAD)), sound)


def noisy() -> np.ndarray:
    """As loud from the first block on as the engine leaves it."""
    speech = signals.speech_like(2.0)[: 25 * HOP]
    noise = np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    sound = speech + 0.03 * noise
    sound *= np.float32(0.1 / np.sqrt(np.mean(sound**2)))
    sound[:512] += 10 * noise[:512] * np.float32(0.03)
    return sound


@pytest.mark.parametrize("task", WEIGHTS)
def test_it_computes_over_a_recording_what_its_engine_does_frame_by_frame(task: str) -> None:
    sound = noisy()
    whole = restored(network(WEIGHTS[task]), sound[:-300])
    assert whole.shape == (len(sound) - 300,)
    assert si_sdr(live(WEIGHTS[task], sound)[:30_000], whole[:30_000]) > 60


def test_what_was_learned_is_written_and_read_back(tmp_path: Path) -> None:
    net, other = network(), network()
    with torch.no_grad():
        for value in net.parameters():
            value.mul_(0.8)
    archive = tmp_path / "best.tar.gz"
    net.save(archive)
    expected, again, before = (restored(each, noisy()) for each in (net, network(archive), other))
    assert si_sdr(expected, again) > 40, "in half precision"
    assert si_sdr(expected, before) < 30
    assert si_sdr(live(archive, noisy()), again) > 60
    half = between(other.state_dict(), network(archive).state_dict(), 0.5)
    for key, value in network().named_parameters():
        assert torch.allclose(half[key], 0.9 * value, rtol=2e-3, atol=1e-5)


def test_another_file_is_no_network(tmp_path: Path) -> None:
    (tmp_path / "best.tar.gz").write_bytes(b"no archive")
    with pytest.raises(ModelError, match=r"best\.tar\.gz"):
        network(tmp_path / "best.tar.gz")


def test_one_frame_less_is_waited_for() -> None:
    """What filtered a frame filters the next one: the sound is not as good, but it is the sound, and in time."""
    net = network()
    usual = restored(net, noisy())
    net.hasten()
    hastened = restored(net, noisy())
    assert net.ahead == AHEAD - 1 and hastened.shape == usual.shape
    assert 0.7 < np.corrcoef(usual, hastened)[0, 1] < 0.9999


def test_a_few_steps_lower_the_loss_and_reach_every_weight() -> None:
    torch.manual_seed(0)
    net = network()
    clean = torch.from_numpy(np.stack([signals.speech_like(1.0, seed)[: 12 * HOP] for seed in range(2)]))
    sound = clean + 0.1 * torch.randn_like(clean)
    stepper = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(6):
        torch.manual_seed(1)  # the same recordings stay untouched
        loss, parts = enhancement_loss(net, sound, clean)
        stepper.zero_grad()
        loss.backward()
        stepper.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]
    assert parts["disturbance"] > 0 and 0 < parts["intelligibility"] <= 1
    reached = sum(value.numel() for value in net.parameters() if value.grad is not None and value.grad.any())
    assert reached > 0.98 * sum(value.numel() for value in net.parameters())


def test_a_task_that_it_is_not_trained_for() -> None:
    with pytest.raises(SettingsError, match="deepfilter is trained for enhance or auto, not for phase"):
        train(parser().parse_args(["--network", "deepfilter", "--task", "phase"]))


@pytest.mark.slow
@pytest.mark.parametrize("task", SHARES)
def test_a_training_keeps_what_its_engine_runs(task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.models.restoration.train.deepfilter.training.VALID", dict.fromkeys(SHARES, (task,)))
    folder = signals.data_folder(tmp_path / "data")
    build_cache(folder, tmp_path / "cache", rooms=6, coded=6)
    out = tmp_path / "run"
    train(
        parser().parse_args(
            f"--network deepfilter --task {task} --start {WEIGHTS[task]} --data {folder} --cache {tmp_path / 'cache'}"
            f" --out {out} --batch 2 --seconds 1 --minutes 5 --max-steps 3 --workers 0".split()
        )
    )
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["step"] == 3 and np.isfinite(rows[-1]["valid"]["all"]["pesq"])
    assert np.isfinite(live(out / "best.tar.gz", noisy())).all()
