"""What runs offline asks nothing of the network and leaves nothing in the home folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.streaming.telemetry import SWITCHES

ROOT = Path(__file__).resolve().parent.parent
GUARD = """
import os, socket
HERE = ("127.0.0.1", "localhost", "::1")  # a model server of this machine may be looked for
getaddrinfo = socket.getaddrinfo
def resolved(host, *arguments, **named):
    return getaddrinfo(host, *arguments, **named) if host in HERE else refused(host)
def refused(*arguments, **_):
    with open(os.environ["NETWORK_LOG"], "a") as log:
        print(arguments[-1:], file=log)
    raise OSError("the network is closed")
socket.getaddrinfo = resolved
socket.gethostbyname = refused
class Closed(socket.socket):
    def connect(self, address):
        return super().connect(address) if address[0] in HERE else refused(address)
    connect_ex = connect
    def sendto(self, *arguments):
        refused(*arguments)
socket.socket = Closed
"""
COMMANDS = [
    ["--help"],
    ["doctor"],
    ["diarize", "{sound}", "-o", "{out}", "--quiet"],
    ["transcribe", "{sound}", "--quiet"],
    ["restore", "{sound}", "-o", "{out}", "--quiet"],
    ["run", "{sound}", "--out", "{out}", "--quiet"],
]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0].strip("-"))
def test_a_command_opens_no_connection_and_writes_nothing_at_home(command, tmp_path):
    home, guard, log = tmp_path / "home", tmp_path / "guard", tmp_path / "network.log"
    home.mkdir()
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(GUARD)
    sound = tmp_path / "sound.wav"
    soundfile.write(sound, np.random.default_rng(0).normal(0, 0.02, 32_000), 16_000)
    filled = [part.format(sound=sound, out=tmp_path / "out") for part in command]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "HF_", "ORT_"))}
    environment.pop("MPLCONFIGDIR", None)
    environment |= {
        "HOME": str(home),
        "NETWORK_LOG": str(log),
        "PYTHONPATH": os.pathsep.join([str(guard), str(ROOT)]),
    }
    subprocess.run([sys.executable, "-m", "duplex.cli", *filled], env=environment, capture_output=True, timeout=250)
    assert not log.exists(), log.read_text()
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_the_switches_are_set_before_the_library_is_there():
    program = (
        "import os, sys; import duplex.models.diarization.runtime, duplex.models.restoration.runtime; "
        "assert 'onnxruntime' not in sys.modules; from duplex.models.diarization import load_diarizer; "
        "load_diarizer(0.4); assert 'onnxruntime' in sys.modules; "
        f"print(all(os.environ.get(name) == value for name, value in {SWITCHES!r}.items()))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "True"


def test_one_module_imports_onnx_runtime():
    importing = [
        str(path.relative_to(ROOT))
        for folder in ("streaming", "models", "duplex", "demos")
        for path in (ROOT / folder).rglob("*.py")
        if not {"models", "streaming"} & set(path.relative_to(ROOT).parts[1:])
        and re.search(r"^\s*(?:import|from) onnxruntime\b(?!.*InferenceSession$)", path.read_text(), re.MULTILINE)
    ]
    assert importing == ["streaming/onnx.py"]
