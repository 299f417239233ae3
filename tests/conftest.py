"""Which tests are slow or need an extra, and the watch over event loops."""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loop_judge import JudgedWatchdog, complaint, judged

os.environ.setdefault("DUPLEX_OFFLINE", "1")  # no test pulls a model; those that are there are used

_data = tempfile.TemporaryDirectory(prefix="duplex-tests-", ignore_cleanup_errors=True)
os.environ["XDG_DATA_HOME"] = _data.name  # nor do any see or change the notes of whoever runs them

TESTS = Path(__file__).parent

REAL_TIME = ("duplex/conversation", "duplex/microphone", "duplex/serving")
"""Where every event loop that runs in real time is watched; a virtual loop cannot be late."""

NEEDS: dict[str, tuple[str, ...]] = {
    "scipy": (
        "models/corpora/test_degradations.py",
        "models/corpora/test_synthetic_sounds.py",
        "models/sounds/train/test_evaluate.py",
        "models/sounds/train/test_scenes.py",
    ),
    "torch": (
        "benchmarks/test_diarization.py",
        "models/diarization/test_network.py",
        "models/diarization/segmentation/test_against_torch.py",
        "models/diarization/segmentation/train/*",
        "models/diarization/test_stage.py",
        "models/diarization/train/*",
        "models/interaction/adapter/test_*.py",
        "models/interaction/nano/train/*",
        "models/restoration/test_buffered.py",
        "models/restoration/test_decoupling.py",
        "models/restoration/test_flow.py",
        "models/restoration/test_lite.py",
        "models/restoration/test_phase.py",
        "models/restoration/test_published.py",
        "models/restoration/test_runtime.py",
        "models/restoration/test_solvers.py",
        "models/restoration/test_spectrum.py",
        "models/restoration/test_unet.py",
        "models/restoration/train/*",
    ),
    "transformers": (
        "duplex/batch/test_translate_by_ear.py",
        "models/asr/test_transformers_asr.py",
        "models/interaction/adapter/test_*.py",
        "models/interaction/decider/test_model_gates.py",
        "models/interaction/responders/test_local_lm.py",
        "models/interaction/responders/test_thinking_lm.py",
        "models/interaction/tools/test_local_tools.py",
        "models/interaction/speech_lm/test_[!m]*.py",
    ),
    "simuleval": ("duplex/testing/test_simuleval_agents.py",),
    "openai": ("duplex/serving/audio/test_openai_sdk.py",),
    "playwright": ("duplex/page/test_*.py", "duplex/serving/realtime/test_client_webrtc.py"),
    "wyoming_bench": ("duplex/serving/wyoming/test_wyoming_bench.py",),
}
"""Test modules that need a package of the extra `test-all`, by package: left out without it, slow with it."""


def _needed(path: Path) -> list[str]:
    return [
        package
        for package, patterns in NEEDS.items()
        if any(path.is_relative_to(TESTS) and path.relative_to(TESTS).match(pattern) for pattern in patterns)
    ]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave out what cannot be imported here."""
    missing = [package for package in _needed(collection_path) if importlib.util.find_spec(package) is None]
    return True if missing else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _needed(item.path):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def loop_watchdog(request: pytest.FixtureRequest) -> Iterator[list[JudgedWatchdog] | None]:
    """The watchdogs of this test's real-time event loops; it fails if product code kept one for long (loop_judge.py).

    `@pytest.mark.loop_may_stall("why")` exempts a test.
    """
    place = request.path.relative_to(TESTS).as_posix()
    if not place.startswith(REAL_TIME) or request.node.get_closest_marker("loop_may_stall"):
        yield None
        return
    with judged() as watchdogs:
        yield watchdogs
    if stalled := complaint(watchdogs):
        pytest.fail(stalled)
