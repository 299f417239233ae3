"""`duplex mic` through a real PortAudio device (ALSA's pulse plugin on PulseAudio null sinks), in real time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.duplex.microphone.pulse import MISSING, PulseServer

ROOT = Path(__file__).parents[3]


def missing() -> str | None:
    if MISSING:
        return f"{MISSING} is not installed (Debian: pulseaudio pulseaudio-utils libasound2-plugins)"
    try:
        import sounddevice  # noqa: F401
    except (ImportError, OSError) as error:
        return str(error)
    if not any(Path("/usr").glob("lib*/**/alsa-lib/libasound_module_pcm_pulse.so")):
        return "ALSA has no pulse device (Debian: libasound2-plugins)"
    return None


pytestmark = [pytest.mark.slow, pytest.mark.skipif(missing() is not None, reason=str(missing()))]


class Mic:
    """`duplex mic` as a process, and its event log as it grows."""

    def __init__(self, server: PulseServer, out: Path, *options: str) -> None:
        self.out = out
        self._log = (out.parent / f"{out.name}.txt").open("w+")
        self.process = subprocess.Popen(
            [
                *(["nice", "-n", "-10"] if os.geteuid() == 0 else []),  # as a desktop's sound gets by; it is real time
                *(sys.executable, "-m", "duplex.cli", "mic", "--input", "pulse", "--output", "pulse"),
                *("--latency", "0.2", "--out", str(out), *options),
            ],
            env=server.environ,
            cwd=ROOT,
            stdout=self._log,
            stderr=self._log,
        )

    def events(self) -> list[dict[str, Any]]:
        path = self.out / "events.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for(self, happened: Callable[[list[dict[str, Any]]], bool], limit: float) -> None:
        deadline = time.monotonic() + limit
        while not happened(self.events()):
            said = Path(self._log.name).read_text()
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, f"{said}\n{self.events()[-5:]}"
            time.sleep(0.2)

    def end(self) -> list[dict[str, Any]]:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(60) == 0, Path(self._log.name).read_text()
        self._log.close()
        return self.events()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PulseServer]:
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    if load > 2 * processors:
        pytest.skip(f"the machine is too busy for real time: load {load:.1f} on {processors} processors")
    server = PulseServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def start(server: PulseServer, tmp_path: Path) -> Iterator[Callable[..., Mic]]:
    """Starts `duplex mic`, and sees to it that none is left running."""
    started: list[Mic] = []

    def start(*options: str) -> Mic:
        started.append(Mic(server, tmp_path / "out", *options))
        started[-1].wait_for(bool, 60.0)
        time.sleep(3.0)  # devices and decoder are still warming up, which a busy machine hears in the first words
        return started[-1]

    yield start
    for mic in started:
        mic.process.kill()
        mic.process.wait()


def demo(folder: Path) -> Path:
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as recording:
        samples, rate = soundfile.read(recording, dtype="float32")
    soundfile.write(folder / "demo.wav", samples, rate)
    return folder / "demo.wav"


def texts(events: list[dict[str, Any]], kind: str) -> list[str]:
    return [event["text"] for event in events if event["type"] == kind]


@pytest.mark.timeout(400)
def test_the_demo_is_a_whole_conversation(server: PulseServer, start: Callable[..., Mic], tmp_path: Path) -> None:
    server.start()
    mic = start()
    played = server.play(demo(tmp_path))
    assert played.wait(150) == 0
    mic.wait_for(lambda events: any(text.startswith("Goodbye") for text in texts(events, "reply")), 30.0)
    events = mic.end()
    said = [event["text"] for event in events if event["type"] == "turn" and event["kind"] == "turn"]
    replies = [event for event in events if event["type"] == "reply"]
    asked = (
        "what time is it in tokyo",
        "what is nine times twelve",
        "what can you do",
        "remind me in twelve seconds to call my brother",
        "what did i say about my car",
        "what is ten miles in kilometers",
        "goodbye",
    )
    heard = iter(said)
    assert all(any(question in text for text in heard) for question in asked), said
    answers = " ".join(reply["text"] for reply in replies)
    for answer in ("In Tokyo it is", "9 times 12 is 108.", "call your brother", "my car is in the garage", "16.09"):
        assert answer in answers, answers
    (interrupted,) = [reply for reply in replies if reply["interrupted"]]
    assert interrupted["text"].startswith("I can tell the time") and interrupted["text"] != interrupted["full_text"]
    assert not [event for event in events if event["type"] == "lost"]


@pytest.mark.timeout(200)
def test_devices_that_go_away_and_come_back_are_survived(
    server: PulseServer, start: Callable[..., Mic], tmp_path: Path
) -> None:
    server.start()
    mic = start("--no-echo-cancellation")
    question = tmp_path / "question.wav"
    samples, rate = soundfile.read(ROOT / "tests" / "data" / "recognition" / "time_in_tokyo.flac", dtype="float32")
    soundfile.write(question, np.concatenate([np.zeros(rate, np.float32), samples, np.zeros(rate, np.float32)]), rate)
    server.play(question).wait(30)
    mic.wait_for(lambda events: len(texts(events, "reply")) == 1, 30.0)
    server.stop()
    mic.wait_for(lambda events: any(e["type"] == "lost" and e["capability"] == "sound" for e in events), 20.0)
    time.sleep(2.0)
    server.start()
    mic.wait_for(lambda events: any(e["type"] == "restored" and e["capability"] == "sound" for e in events), 30.0)
    server.play(question).wait(30)
    mic.wait_for(lambda events: len(texts(events, "reply")) == 2, 30.0)
    events = mic.end()
    said = texts(events, "turn")  # a word of it may be misheard: sound is resampled twice on its way
    assert len(said) == 2 and all(text.endswith("in tokyo") for text in said), said
    lost, back = (next(e for e in events if e["type"] == kind) for kind in ("lost", "restored"))
    assert back["start"] - lost["start"] > 2 * 16_000, "the session's clock stood still"
    assert "waiting for it" in lost["reason"]
    heard, _ = soundfile.read(mic.out / "input.wav")
    assert abs(len(heard) - events[-1]["end"]) < 16_000
    gap = heard[lost["start"] : back["start"]]
    assert not gap.any(), "a device that is not there was heard"
