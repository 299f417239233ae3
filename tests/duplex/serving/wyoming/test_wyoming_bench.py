"""`wyoming-bench`, unchanged, against `duplex serve --wyoming` with the engines that users have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from duplex.models.store import find

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
TEXTS = ["The meeting is on Friday. Please close the window.", "What time does the train to London leave?"]


@pytest.fixture
def address() -> Iterator[str]:
    if find("moonshine-tiny-en") is None:
        pytest.skip("moonshine-tiny-en has not been pulled")
    command = [sys.executable, "-m", "duplex.cli", "serve", "--port", "0", "--wyoming", "tcp://127.0.0.1:0"]
    command += ["--no-recordings", "--no-assistant"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as server:
        assert server.stdout is not None
        try:
            for line in server.stdout:
                if found := re.search(r"tcp://(127\.0\.0\.1:\d+)", line):
                    yield found[1]
                    break
            else:
                pytest.fail("the server did not start")
        finally:
            server.terminate()
            server.wait(60)


def bench(*arguments: str) -> str:
    command = [str(Path(sys.executable).with_name("wyoming-bench")), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_benchmark(address: str, tmp_path: Path) -> None:
    told = bench("info", address)
    assert "duplex" in told and "en" in told
    speech = bench("tts", address, "--rounds", "1", "--warmup", "0", "--texts", *TEXTS)
    bench("generate-corpus", address, "--out", str(tmp_path), "--texts", *TEXTS)
    assert len(list(tmp_path.rglob("*.wav"))) == len(TEXTS)
    heard = bench("stt", address, "--rounds", "1", "--warmup", "0", "--corpus", str(tmp_path))
    counts = re.findall(r"\] ok=(\d+) fail=(\d+)", speech) + re.findall(r"\] ok=(\d+) fail=(\d+)", heard)
    assert counts == [("2", "0")] * 4  # both services, whole and streamed
    assert all(float(rate) < 40 for rate in re.findall(r"WER=([\d.]+)%", heard))
