"""Training: learns, goes on after an interruption where it stopped, and keeps weights that load."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.engines.wpe import dereverberated
from duplex.models.restoration.lite import LiteNet
from duplex.models.restoration.offline import restore
from duplex.models.restoration.spectrum import compress, running_gain, stft
from duplex.models.restoration.train.behind_wpe import SECONDS, Pairs, build_pairs
from duplex.models.restoration.train.lite_training import begin_with, optimisers, parser, train, train_step
from duplex.models.restoration.train.loop import scale
from duplex.models.restoration.train.losses import magnitude_loss, restoration_loss, si_sdr, waveform
from duplex.models.restoration.train.mixture_cache import build_cache
from duplex.models.restoration.train.mixtures import Mixer
from duplex.models.restoration.weights_file import load_weights, save_weights
from duplex.streaming.errors import ModelError, SettingsError
from tests.models.restoration import signals

SMALL = LiteConfig(channels=8, hidden=8, wide=8, blocks=1)


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    clean = np.stack([signals.speech_like(1.024, seed)[:16384] for seed in range(2)])
    noise = np.random.default_rng(0).standard_normal(clean.shape).astype(np.float32) * 0.05
    return torch.from_numpy(clean + noise), torch.from_numpy(clean), torch.tensor([0, 1])


def test_a_network_that_is_given_more_blocks_still_computes_the_same() -> None:
    torch.manual_seed(0)
    small, grown = LiteNet(SMALL), LiteNet(replace(SMALL, blocks=2))
    torch.nn.init.normal_(small.condition[1].weight)
    noisy, task = torch.randn(1, 9, SMALL.bins, 2), torch.tensor([1])

    def computed(net: LiteNet) -> torch.Tensor:
        return net(noisy, noisy, net.conditions(torch.tensor([0.3]), task), net.initial_state(1))[0]

    with torch.no_grad():
        wanted, before = computed(small), computed(grown)
        begin_with(grown, small)
        assert not torch.allclose(before, wanted, atol=1e-3)
        assert torch.allclose(computed(grown), wanted, atol=1e-6)
    with pytest.raises(SettingsError, match="have 2 blocks"):
        begin_with(small, grown)
    loss, _ = train_step(grown, batch(), 1.0, False)
    loss.backward()
    assert grown.blocks[1].time_out.weight.grad.abs().sum() > 0, "the new block learns"


@pytest.mark.parametrize("muon", [True, False])
def test_a_few_steps_lower_the_loss(muon: bool) -> None:
    torch.manual_seed(0)
    net = LiteNet(SMALL)
    steppers = optimisers(net, 3e-3, muon)
    assert sum(p.numel() for s in steppers for g in s.param_groups for p in g["params"]) == sum(
        p.numel() for p in net.parameters()
    )
    losses = []
    for _ in range(15):
        loss, _ = train_step(net, batch(), 1.0, bf16=False)
        for stepper in steppers:
            stepper.zero_grad()
        loss.backward()
        for stepper in steppers:
            stepper.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.9 * losses[0]


def test_pairs_behind_wpe_are_made_once_and_hold_less_echo(tmp_path: Path) -> None:
    build_cache(signals.data_folder(tmp_path / "data"), tmp_path, rooms=4, coded=4)
    path = build_pairs(tmp_path, 3)
    made = path.stat().st_mtime_ns
    assert build_pairs(tmp_path, 3) == path and path.stat().st_mtime_ns == made
    pairs = np.load(path) / 32768
    assert pairs.shape == (3, 2, SECONDS * signals.RATE)
    heard, clean, tasks = Pairs(path).batch(np.random.default_rng(0), 4, 8192)
    assert heard.shape == clean.shape == (4, 8192) and heard.dtype == np.float32
    assert (tasks == TASKS.index("dereverb")).all() and np.abs(heard).max() <= 1
    rng = np.random.default_rng([0, 11, True])
    echoing, _ = Mixer(tmp_path).draw("dereverb", rng, SECONDS * signals.RATE)
    assert np.abs(pairs[0, 0] - np.clip(dereverberated(echoing), -1, 1)).max() < 1e-3


def test_losses_are_least_for_the_target() -> None:
    degraded, clean, _ = batch()
    spectra = [stft(x, 512) for x in (degraded, clean)]
    gain = running_gain(spectra[0])
    noisy, target = (compress(s * gain, 0.3) for s in spectra)
    perfect, parts = restoration_loss(target, target, gain, clean, 0.3)
    assert parts["complex"] == 0 and parts["magnitude"] == 0 and parts["si_sdr"] > 25
    assert perfect < restoration_loss(noisy, target, gain, clean, 0.3)[0]
    turned = target * torch.tensor([-1.0, -1.0])
    assert magnitude_loss(turned, target)[0] == 0 < magnitude_loss(noisy, target)[0]
    torch.testing.assert_close(waveform(target, gain, 0.3), clean, atol=1e-3, rtol=0)
    assert (si_sdr(2 * clean, clean) > 50).all()


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    assert scale(0, 0.0) < 0.01 < scale(150, 0.0) == 1.0
    assert scale(10**6, 1.0) == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("extra", [[], ["--vocode"], ["--behind-wpe", "--pairs", "2"]])
def test_an_interrupted_run_goes_on(tmp_path: Path, extra: list[str]) -> None:
    data = signals.data_folder(tmp_path / "data")

    def run(steps: int) -> list[dict]:
        small = "--rooms 4 --coded 4 --batch 1 --seconds 0.5 --blocks 1 --channels 8 --workers 0 --no-bf16 --every 60"
        options = ["--data", str(data), "--out", str(tmp_path / "run"), "--max-steps", str(steps), *small.split()]
        train(parser().parse_args([*options, *extra]))
        return [json.loads(line) for line in open(tmp_path / "run" / "log.jsonl")]

    assert [row["step"] for row in run(2)] == [2]
    first = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert [row["step"] for row in run(4)] == [2, 4]
    last = torch.load(tmp_path / "run" / "last.pt", weights_only=True)
    assert last["used"] > first["used"] and last["best"] >= first["best"]
    assert any((first["net"][name] != last["net"][name]).any() for name in first["net"])
    audio = signals.speech_like(0.5)
    assert np.isfinite(restore(load_weights(tmp_path / "run" / "best.safetensors"), audio)).all()


def test_weights_survive_storing_and_strangers_are_refused(tmp_path: Path) -> None:
    net = LiteNet(SMALL).eval()
    save_weights(tmp_path / "a.safetensors", net)
    loaded = load_weights(tmp_path / "a.safetensors")
    assert loaded.config == SMALL
    for name, value in net.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=2e-3, rtol=1e-3)
    (tmp_path / "b.safetensors").write_bytes(b"not weights at all")
    for name in ("b.safetensors", "none.safetensors"):
        with pytest.raises(ModelError, match=name):
            load_weights(tmp_path / name)
