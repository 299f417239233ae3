"""A sound server of a test's own: PulseAudio with two null sinks, a loudspeaker and a room with a microphone in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

MISSING = next((p for p in ("pulseaudio", "pactl", "paplay") if shutil.which(p) is None), None)


class PulseServer:
    """What is played into the sink `room` is what the microphone hears; `speaker` is what the assistant plays to.

    echo: volume, 0 to 1, at which the speaker is heard in the room.
    """

    def __init__(self, folder: Path, echo: float = 0.0) -> None:
        self.folder = folder
        self.echo = echo
        self.environ = {
            **os.environ,
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{folder}/native",
            "OMP_NUM_THREADS": "1",
        }
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        modules = [
            f"module-native-protocol-unix socket={self.folder}/native auth-anonymous=1",
            "module-null-sink sink_name=speaker rate=48000",
            "module-null-sink sink_name=room rate=48000",
        ]
        command = [
            "pulseaudio",
            "-n",
            "--daemonize=no",
            "--exit-idle-time=-1",
            "--use-pid-file=no",
            "--log-level=error",
        ]
        environ = {key: value for key, value in self.environ.items() if key != "PULSE_SERVER"}
        with (self.folder / "pulse.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [*command, *(f"--load={module}" for module in modules)], env=environ, stdout=log, stderr=log
            )
        for _ in range(100):
            if subprocess.run(["pactl", "info"], env=self.environ, capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        self._pactl("set-default-sink", "speaker")
        self._pactl("set-default-source", "room.monitor")
        if self.echo:
            self._pactl(
                "load-module", "module-loopback", "source=speaker.monitor", "sink=room", "latency_msec=60",
                "sink_input_properties=media.name=echo",
            )  # fmt: skip
            listed = subprocess.run(
                ["pactl", "list", "short", "sink-inputs"], env=self.environ, capture_output=True, text=True, check=True
            )
            self._pactl("set-sink-input-volume", listed.stdout.split()[0], f"{self.echo:.0%}")

    def stop(self) -> None:
        """As if every device were unplugged."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait()
            self._daemon = None
        (self.folder / "native").unlink(missing_ok=True)

    def play(self, recording: Path) -> subprocess.Popen[bytes]:
        """Somebody speaks in the room."""
        return subprocess.Popen(["paplay", "--device=room", str(recording)], env=self.environ)

    def _pactl(self, *args: str) -> None:
        subprocess.run(["pactl", *args], env=self.environ, check=True, capture_output=True)
