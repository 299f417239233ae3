"""Training of the published system: both stages, going on after an interruption, and the recipe of each task."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from duplex.models.restoration.buffered import BufferedRestorer
from duplex.models.restoration.published import PublishedConfig, build_networks
from duplex.models.restoration.published_weights import load_published
from duplex.models.restoration.train import published_training as train_published
from duplex.models.restoration.train.lite_training import parser, train
from duplex.models.restoration.train.loop import Training, _averaged
from duplex.streaming.errors import SettingsError
from tests.models.restoration import signals


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder `data` with speech and noise; runs go beside it and share their cache."""
    folder = tmp_path_factory.mktemp("training")
    signals.data_folder(folder / "data")
    return folder


def run(data: Path, out: str, task: str, steps: int, *extra: str) -> Path:
    small = "--width 8 --valid 1 --batch 1 --seconds 0.5 --rooms 2 --coded 4 --workers 0 --every 60 --warm-up 2"
    where = ["--data", str(data / "data"), "--out", str(data / out), "--max-steps", str(steps)]
    train(parser().parse_args(["--network", "published", "--task", task, *where, *small.split(), *extra]))
    return data / out


def steps(folder: Path) -> list[int]:
    return [json.loads(line)["step"] for line in open(folder / "log.jsonl")]


def weights(path: Path, part: str) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)[part]


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> bool:
    return any((value != after[name]).any() for name, value in before.items())


@pytest.mark.slow
def test_predictor_then_flow_each_goes_on_where_it_stopped(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train_published, "flow_loss", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(data, "enhance", "enhance", 1)
    out = data / "enhance"
    assert steps(out / "predictor") == [1] and not (out / "last.pt").exists()
    started = weights(out / "predictor" / "last.pt", "net")

    run(data, "enhance", "enhance", 2)
    assert steps(out / "predictor") == [1, 2] and steps(out) == [2]
    assert changed(started, weights(out / "predictor" / "last.pt", "net"))
    flow = weights(out / "last.pt", "net")
    frozen = torch.load(out / "predictor" / "best.pt", weights_only=True)

    run(data, "enhance", "enhance", 3)
    assert steps(out / "predictor") == [1, 2] and steps(out) == [2, 3]
    assert changed(flow, weights(out / "last.pt", "net"))
    predictor, flow, config, _ = load_published(out / "best.safetensors")
    assert (config.task, config.width, config.sigma) == ("enhance", 8, 0.05)
    assert not changed(frozen, predictor.state_dict())
    figures = json.loads((out / "log.jsonl").read_text().splitlines()[-1])["valid"]["enhance"]
    assert set(figures) == {"pesq", "estoi", "si_sdr", "lsd"}
    audio = signals.speech_like(0.5)
    restored = BufferedRestorer(predictor, flow, config).forward(audio)
    assert restored.shape == audio.shape and np.isfinite(restored).all()

    with pytest.raises(SettingsError, match="variant 512, width 8"):
        run(data, "enhance", "enhance", 4, "--variant", "256")


def test_bandwidth_measures_its_noise_once_and_has_no_predictor(data: Path) -> None:
    out = run(data, "bandwidth", "bandwidth", 1)
    predictor, _, config, _ = load_published(out / "best.safetensors")
    sigma = np.array(config.sigma)
    assert predictor is None and sigma.shape == (256,) and 0 < 2 * sigma.min() < sigma.max()
    held = (out / "config.json").read_text()
    run(data, "bandwidth", "bandwidth", 2)
    assert (out / "config.json").read_text() == held and steps(out) == [1, 2]


@pytest.mark.parametrize(
    ("task", "draws", "stages"),
    [
        ("enhance", "enhance", [("predictor", 3e-3, 0.003, 22.5), ("flow", 5e-4, 1.0, 67.5)]),
        ("codec", "codec", [("flow", 5e-4, 5.0, 90)]),
        ("phase", "vocode", [("flow", 5e-4, 3.0, 90)]),
    ],
)
def test_the_recipe(
    data: Path, monkeypatch: pytest.MonkeyPatch, task: str, draws: str, stages: list[tuple[str, float, float, float]]
) -> None:
    seen = []

    def fit(training: Training, arguments: object, cache: Path, minutes: float) -> None:
        training.keep()
        stage = "predictor" if training.out.name == "predictor" else "flow"
        seen.append((stage, training.optimisers[0].param_groups[0]["lr"], training.clip, minutes))
        assert training.shares == {draws: 1.0} and training.warm_up == 1000 and training.net.training

    monkeypatch.setattr(train_published, "fit", fit)
    run(data, f"recipe-{task}", task, 1, "--predictor-share", "0.25", "--warm-up", "1000")
    assert seen == [(stage, pytest.approx(rate), clip, minutes) for stage, rate, clip, minutes in stages]


def test_the_predictor_alone_restores_a_signal_of_any_length() -> None:
    config = PublishedConfig(width=8)
    torch.manual_seed(0)
    predictor = build_networks(config)[0].eval()
    audio = signals.speech_like(0.51)
    estimate = train_published.predict(predictor, audio, config)
    assert estimate.shape == audio.shape and np.isfinite(estimate).all()
    # The running gain makes the level of the input that of the output.
    np.testing.assert_allclose(
        train_published.predict(predictor, 0.5 * audio, config), 0.5 * estimate, atol=1e-4 * np.abs(estimate).max()
    )


def test_statistics_of_norms_are_averaged_with_the_weights() -> None:
    _, flow = build_networks(PublishedConfig(width=8))
    held = {value.data_ptr() for value in _averaged(flow)}
    assert {value.data_ptr() for value in flow.state_dict().values() if value.is_floating_point()} <= held


def test_options_of_the_lite_network_are_refused(data: Path) -> None:
    with pytest.raises(SettingsError, match="--vocode"):
        run(data, "refused", "vocode", 1, "--vocode")
