"""The published system's configurations, losses, checkpoints and fitted solvers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from duplex.models.restoration.buffered import BufferedRestorer
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.published import (
    PublishedConfig,
    build_networks,
    build_published,
    decouple_published,
    fitted_sigma,
    flow_loss,
    observed,
    predictor_loss,
    training_spectra,
)
from duplex.models.restoration.published_weights import load_published, save_published
from duplex.models.restoration.solvers import RALSTON3, RALSTON32, Tableau, euler
from duplex.models.restoration.spectrum import istft, stft
from duplex.models.restoration.train import solver_fit
from duplex.models.restoration.train.solver_fit import fit_solver
from duplex.models.restoration.train.spectral_losses import (
    SpeechFeatureLoss,
    log_magnitude_loss,
    predictor_waveform_loss,
)
from duplex.streaming.errors import ModelError, SettingsError
from tests.models.restoration.test_unet import parameters
from tests.models.restoration.unet_helpers import small_restorer

LENGTH = 8 * 256


def pairs(items: int, seed: int = 0, length: int = LENGTH) -> tuple[torch.Tensor, torch.Tensor]:
    """Harmonic tones, with and without noise: (degraded, clean), (items, length)."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(length) / 16_000
    pitch = torch.empty(items, 1).uniform_(90, 250, generator=generator)
    clean = 0.1 * sum(torch.sin(2 * torch.pi * k * pitch * time) / k for k in range(1, 12))
    return clean + 0.05 * torch.randn(items, length, generator=generator), clean


def tiny(task: str, **changes: object) -> PublishedConfig:
    return PublishedConfig(**{"task": task, "width": 4, "multipliers": (1, 2), "blocks": 1} | changes)


@pytest.mark.parametrize("variant", ["512", "256", "640"])
@pytest.mark.parametrize("task", TASKS)
def test_every_task_is_built_at_its_published_size(task: str, variant: str) -> None:
    with torch.device("meta"):
        predictor, flow, config = build_published(task, variant)
    assert (config.window, config.hop, config.bins) == (int(variant), int(variant) // 2, int(variant) // 2)
    assert config.task == task and flow.config.bins == config.bins
    if task in ("auto", "enhance"):
        assert (parameters(predictor) / 1e6, parameters(flow) / 1e6) == pytest.approx((24.609, 27.899), abs=5e-4)
        assert config.sigma == 0.05
    else:
        assert predictor is None and parameters(flow) / 1e6 == pytest.approx(27.896, abs=5e-4)


def test_unknown_tasks_and_variants_are_refused() -> None:
    with pytest.raises(SettingsError, match="choose one of auto"):
        build_published("denoise")
    with pytest.raises(SettingsError, match="choose one of 512"):
        build_published("enhance", "1024")
    with pytest.raises(SettingsError, match="3 values for 256 bins"):
        PublishedConfig(sigma=(1.0, 2.0, 3.0))


def test_configuration_survives_being_written_down() -> None:
    config = tiny("bandwidth", sigma=tuple(float(n) for n in range(256)), rank=3)
    assert PublishedConfig.from_dict(config.to_dict()) == config


def test_spectra_share_the_level_of_the_degraded_signal() -> None:
    degraded, clean = pairs(2)
    config = tiny("enhance")
    source, target, gain = training_spectra(degraded, clean, config)
    assert source.shape == target.shape == (2, 9, 256) and gain.shape == (2, 9, 1)
    louder_source, louder_target, _ = training_spectra(degraded * 20, clean * 20, config)
    torch.testing.assert_close(louder_source, source, atol=1e-3, rtol=0)
    torch.testing.assert_close(louder_target, target, atol=1e-3, rtol=0)
    late = source[:, -1].abs().pow(2 / config.exponent).mean(-1).sqrt()
    assert late.min() > 0.05 and late.max() < 0.2, "near the reference of 0.1"


def test_what_each_task_lets_through() -> None:
    spectrum = stft(pairs(1)[0], 512)
    kept = observed(spectrum, tiny("dereverb"))
    torch.testing.assert_close(kept.angle(), spectrum.angle(), atol=1e-3, rtol=0)
    torch.testing.assert_close(kept.abs(), spectrum.abs().sqrt(), atol=1e-3, rtol=0)
    bare = observed(spectrum, tiny("phase"))
    assert bare.imag.abs().max() == 0
    torch.testing.assert_close(bare.real, kept.abs(), atol=1e-3, rtol=0)

    from transformers.audio_utils import mel_filter_bank

    bank = torch.from_numpy(mel_filter_bank(257, 80, 0.0, 8000.0, 16_000, norm="slaney", mel_scale="slaney")[:-1])
    tilted = torch.linspace(1, 0.1, 256, dtype=torch.complex64)[None, None]
    through = observed(tilted, tiny("vocode"))
    assert through.imag.abs().max() == 0 and (through.abs() - tilted.abs().sqrt()).abs().max() > 0.01
    bands, expected = (magnitude[0, 0].double() @ bank for magnitude in (through.abs().square(), tilted.abs()))
    torch.testing.assert_close(bands[:-1], expected[:-1], atol=0, rtol=0.02)


def test_sigma_is_measured_on_pairs() -> None:
    degraded, clean = pairs(16)
    scalar = fitted_sigma(tiny("dereverb"), degraded, clean)
    assert isinstance(scalar.sigma, float) and 0.05 < scalar.sigma < 1
    per_bin = fitted_sigma(tiny("bandwidth"), degraded, clean)
    assert len(per_bin.sigma) == 256
    source, target, _ = training_spectra(degraded, clean, per_bin)
    assert flow_loss(None, build_networks(per_bin)[1], degraded, clean, per_bin).isfinite()
    assert scalar.sigma == pytest.approx((source - target).abs().square().mean((1, 2)).sqrt().max().item(), rel=0.05)


def test_losses_reach_the_network_they_train() -> None:
    config = tiny("enhance")
    predictor, flow = build_networks(config)
    degraded, clean = pairs(3)
    predictor_loss(predictor, degraded, clean, config).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in predictor.parameters())
    predictor.zero_grad(set_to_none=True)
    flow_loss(predictor.eval(), flow, degraded, clean, config).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in flow.parameters())
    assert all(p.grad is None for p in predictor.parameters()), "frozen while the flow learns"


def test_the_predictor_loss_does_not_depend_on_the_level() -> None:
    config = tiny("enhance")
    predictor, _ = build_networks(config)
    degraded, clean = pairs(2)
    losses = [predictor_loss(predictor, degraded * gain, clean * gain, config).item() for gain in (1.0, 0.05)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-2)


def train(parameters_: object, loss: object, steps: int) -> list[float]:
    optimizer = torch.optim.Adam(parameters_, lr=1e-2)
    history = []
    for step in range(steps):
        optimizer.zero_grad()
        value = loss(step)
        value.backward()
        optimizer.step()
        history.append(value.item())
    return history


def test_training_lowers_both_losses() -> None:
    """Fresh mixtures at every step, so what falls is not memory."""
    restorer = small_restorer("enhance")
    predictor, flow, config = restorer.predictor.train(), restorer.flow.train(), restorer.config
    first = train(predictor.parameters(), lambda n: predictor_loss(predictor, *pairs(2, n), config), 15)
    assert sum(first[-3:]) < 0.8 * sum(first[:3])
    predictor.eval()
    draws = torch.Generator().manual_seed(0)
    second = train(flow.parameters(), lambda n: flow_loss(predictor, flow, *pairs(2, n), config, draws), 15)
    assert sum(second[-3:]) < 0.8 * sum(second[:3])


@pytest.mark.parametrize(("task", "rank"), [("enhance", 0), ("dereverb", 2)])
def test_checkpoints_come_back_whole(task: str, rank: int, tmp_path) -> None:
    restorer = small_restorer(task, RALSTON3)
    predictor, flow, config = restorer.predictor, restorer.flow, restorer.config
    if rank:
        predictor, flow, config = decouple_published(predictor, flow, config, rank)
        assert config.rank == rank and parameters(flow) < parameters(restorer.flow)
    path = tmp_path / "published.safetensors"
    save_published(path, predictor, flow, config, RALSTON3)
    again, flow_again, config_again, solver = load_published(path)
    assert config_again == config and (again is None) == (predictor is None)
    assert not flow_again.training
    for name, value in flow.state_dict().items():
        assert torch.equal(flow_again.state_dict()[name], value)
    if predictor is not None:
        x = torch.randn(1, 2, 2, config.bins)
        torch.testing.assert_close(again(x), predictor(x))
    torch.testing.assert_close(solver.a, RALSTON3.a)

    save_published(path, predictor, flow, config)
    assert load_published(path)[3] is None


@torch.no_grad()
def test_a_checkpoint_runs_with_its_own_solver_or_with_euler_steps(tmp_path) -> None:
    trained = small_restorer("enhance", RALSTON3, seed=4)
    path = tmp_path / "published.safetensors"
    save_published(path, trained.predictor, trained.flow, trained.config, RALSTON3)
    audio = pairs(1)[0][0].numpy()
    again = BufferedRestorer.from_checkpoint(path, seed=4)
    np.testing.assert_allclose(again.forward(audio), trained.forward(audio), rtol=0, atol=1e-6)
    stepped = BufferedRestorer.from_checkpoint(path, steps=2, seed=4)
    assert stepped.solver.stages == 2
    assert np.abs(stepped.forward(audio) - trained.forward(audio)).max() > 1e-5

    save_published(path, trained.predictor, trained.flow, trained.config)
    assert BufferedRestorer.from_checkpoint(path).solver.stages == 1


def test_files_that_are_no_checkpoint_are_refused(tmp_path) -> None:
    for path in (tmp_path / "missing.safetensors", tmp_path / "text.safetensors"):
        with pytest.raises(ModelError, match="no weights of the published restoration network"):
            load_published(path)
        (tmp_path / "text.safetensors").write_text("not tensors")


def test_waveform_losses_are_zero_for_the_clean_signal_and_grow_with_the_noise() -> None:
    _, clean = pairs(2)
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(1))
    for loss in (predictor_waveform_loss, log_magnitude_loss):
        values = [loss(clean + amount * noise, clean).item() for amount in (0.0, 0.01, 0.1)]
        assert values[0] == 0 and values[0] < values[1] < values[2]


def test_spectra_are_inverted_exactly_but_for_the_nyquist_bin() -> None:
    _, clean = pairs(1)
    torch.testing.assert_close(istft(stft(clean, 512)), clean, atol=1e-3, rtol=0)


def test_a_solver_is_fitted_to_a_frozen_network() -> None:
    """Two calls learn to do what twelve Euler steps of the same network do, better than two Euler steps."""
    restorer = small_restorer("dereverb", euler(2), sigma=0.0)
    flow, config = restorer.flow, restorer.config
    weights = {name: value.clone() for name, value in flow.state_dict().items()}

    def restored(audio: torch.Tensor, solver: Tableau) -> torch.Tensor:
        tried = BufferedRestorer(None, flow, config, solver)
        return torch.stack([torch.from_numpy(tried.forward(row.numpy())) for row in audio])

    def batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        degraded, _ = pairs(2, seed, 6 * 256)
        return degraded, restored(degraded, euler(12))

    solver, history = fit_solver(None, flow, config, map(batch, range(15)), start=euler(2), learning_rate=0.05)
    assert len(history) == 15 and solver.stages == 2 and not solver.b.requires_grad
    assert all(torch.equal(value, weights[name]) for name, value in flow.state_dict().items())
    degraded, wanted = batch(99)
    before, after = (log_magnitude_loss(restored(degraded, scheme), wanted).item() for scheme in (euler(2), solver))
    assert after < 0.9 * before


def test_a_solver_can_be_fitted_to_speech_features() -> None:
    from transformers import HubertConfig, HubertModel

    torch.manual_seed(0)
    tiny_hubert = HubertModel(
        HubertConfig(
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8, 8),
            conv_stride=(5, 4),
            conv_kernel=(10, 8),
            num_feat_extract_layers=2,
            num_conv_pos_embeddings=4,
            num_conv_pos_embedding_groups=2,
        )
    )
    features = SpeechFeatureLoss(tiny_hubert)
    degraded, clean = pairs(2)
    assert features(clean, clean).item() == pytest.approx(0, abs=1e-8)
    assert features(degraded, clean) > 1e-4
    restorer = small_restorer("enhance", sigma=0.05)
    solver, history = fit_solver(
        restorer.predictor, restorer.flow, restorer.config, [pairs(2, 1), pairs(2, 2)], features=features
    )
    assert solver.stages == 4 and len(history) == 2, "enhancement starts from Kutta's 3/8 rule"


def test_a_solver_is_fitted_to_a_checkpoint_from_the_command_line(tmp_path, monkeypatch, capsys) -> None:
    class Tones:
        """Stands for the bank of speech: draws a tone with and without noise."""

        def __init__(self, cache: str) -> None:
            assert cache == "bank"

        def draw(self, task: str, rng: np.random.Generator, length: int) -> tuple[np.ndarray, np.ndarray]:
            assert task == "vocode", "phase retrieval starts from clean speech"
            degraded, clean = pairs(1, int(rng.integers(1000)), length)
            return degraded[0].numpy(), clean[0].numpy()

    restorer = small_restorer("phase")
    trained, fitted = tmp_path / "trained.safetensors", tmp_path / "fitted.safetensors"
    save_published(trained, None, restorer.flow, restorer.config)
    monkeypatch.setattr(solver_fit, "Mixer", Tones)
    options = ["--weights", str(trained), "--out", str(fitted), "--cache", "bank"]
    solver_fit.main([*options, "--steps", "2", "--batch", "1", "--frames", "6", "--rate", "0.01"])
    assert "solver written to" in capsys.readouterr().out
    _, flow, config, solver = load_published(fitted)
    assert config == restorer.config and solver.stages == 5
    assert not torch.equal(solver.a, RALSTON32.a.float())
    assert torch.equal(flow.stem.weight, restorer.flow.stem.weight)


def test_a_speech_model_that_cannot_be_had_is_named(tmp_path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        SpeechFeatureLoss.from_pretrained(str(tmp_path / "nowhere"))
