"""Recording with consent: sound is written only while everybody who is in the room has agreed to it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from duplex.session_record import recorder as recording
from duplex.session_record.recorder import Recorder
from duplex.streaming.errors import DuplexError, OutputError

SPOKEN = {
    "en": ("This call is being recorded.", "The recording has stopped."),
    "de": ("Dieses Gespräch wird aufgezeichnet.", "Die Aufzeichnung ist beendet."),
    "es": ("Esta llamada se está grabando.", "La grabación ha terminado."),
    "fr": ("Cet appel est enregistré.", "L'enregistrement est terminé."),
}
"""What the assistant says when recording begins and ends; in other languages only the page tells."""


class ConsentedRecording:
    """One room's recording. It takes what a sink takes; the file runs on the session's clock, with silence where it
    was not allowed.

    new_folder: makes the folder when recording begins for the first time; None if this server keeps no recordings.
    changed: called when recording begins (True) or stops (False), and why.
    """

    def __init__(
        self, new_folder: Callable[[], Path] | None, parties: int, changed: Callable[[bool, str], None]
    ) -> None:
        self._new_folder = new_folder
        self._parties = parties
        self._changed = changed
        self._agreed: dict[str, bool] = {}
        self._recorder: Recorder | None = None
        self._running = False
        self._folder: Path | None = None

    @property
    def offered(self) -> bool:
        return self._new_folder is not None

    @property
    def running(self) -> bool:
        return self._running

    @property
    def sound(self) -> Path | None:
        """The file, if there is one."""
        path = self._folder / recording.MIX if self._folder else None
        return path if path is not None and path.exists() else None

    def agreed(self, name: str) -> bool:
        return self._agreed.get(name, False)

    def join(self, name: str) -> None:
        """Somebody comes, who has not been asked yet."""
        self._agreed[name] = False
        self._follow(f"{name} has not agreed")

    def leave(self, name: str) -> None:
        self._agreed.pop(name, None)
        if not self._agreed:
            self._stop("nobody is left")

    def agree(self, name: str, yes: bool) -> None:
        """Raises OutputError if the recording cannot be written."""
        if not self.offered:
            raise OutputError("recording: this server keeps none")
        self._agreed[name] = yes
        self._follow(f"{name} {'agrees' if yes else 'has withdrawn consent'}")

    def on_input(self, frame: Any) -> None:
        self._write("on_input", frame)

    def on_restored(self, frame: Any) -> None:
        self._write("on_restored", frame)

    def on_output(self, chunk: Any) -> None:
        self._write("on_output", chunk)

    def on_event(self, event: Any) -> None:
        self._write("on_event", event)

    def close(self) -> None:
        """Ends the recording and writes its transcripts; takes a while. Raises OutputError."""
        self._running = False
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            recorder.close(timeline=False)

    def delete(self) -> Path | None:
        """Stops, withdraws everybody's consent, and returns the folder, which is now the caller's to remove."""
        self._agreed = dict.fromkeys(self._agreed, False)
        self._stop("it was deleted")
        recorder, self._recorder = self._recorder, None
        if recorder is not None:
            with suppress(DuplexError):
                recorder.close(timeline=False)
        folder, self._folder = self._folder, None
        return folder

    def _follow(self, why: str) -> None:
        if not (self._agreed and all(self._agreed.values())):
            self._stop(why)
        elif not self._running:
            self._start(why)

    def _start(self, why: str) -> None:
        if self._recorder is None and self._new_folder is not None:
            self._folder = self._new_folder()
            self._recorder = Recorder(self._folder, tuple(str(number) for number in range(self._parties)))
        self._running = True
        self._changed(True, why)

    def _stop(self, why: str) -> None:
        if self._running:
            self._running = False
            self._changed(False, why)

    def _write(self, method: str, what: Any) -> None:
        if not self._running or self._recorder is None:
            return
        try:
            getattr(self._recorder, method)(what)
        except DuplexError as error:
            self._stop(str(error))
