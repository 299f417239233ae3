"""One server and the demo's recording for all tests of the page, which are skipped where there is no browser."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
import soundfile

from tests.duplex.page import browser


@pytest.fixture(scope="session")
def chromium_installed() -> None:
    if why := browser.missing():
        pytest.skip(why)


@pytest.fixture(scope="session")
def demo_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as recording:
        sound, rate = soundfile.read(recording, dtype="int16", always_2d=True)
    path = tmp_path_factory.mktemp("microphone") / "demo.wav"
    soundfile.write(path, sound[:, 0], rate)
    return path


@pytest.fixture(scope="session")
def server(chromium_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[browser.Served]:
    with browser.serve(tmp_path_factory.mktemp("server")) as served:
        yield served
