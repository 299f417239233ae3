"""Recordings on disk: nothing of them on the event loop, nothing made of what is deleted."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duplex.audio_files.wav_writer import WavWriter
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.serving.disk import DiskThreads
from duplex.serving.hosts import in_process_host, retention
from duplex.serving.hosts.retention import Recordings
from duplex.serving.rooms import consent
from duplex.serving.rooms.consent import ConsentedRecording
from duplex.session_record import recorder
from duplex.streaming.audio import FRAME
from duplex.streaming.errors import OutputError

FRAME_OF_NOISE = np.full((FRAME, 1), 0.1, np.float32)


class Recorded:
    """A recording, what it said, and on which threads files were touched."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[bool, str]] = []
        self.threads: dict[str, set[int]] = {}
        self.disk = DiskThreads()
        self.recordings = Recordings(folder, 3600.0)
        self.recording = ConsentedRecording(
            self.recordings.new_folder, 1, lambda running, why: self.told.append((running, why)), self.disk
        )
        self.folder = folder
        for module, name in ((consent, "_open"), (consent, "delete"), (recorder, "write_exports")):
            self._watch(module, name, monkeypatch)
        self._watch(WavWriter, "close", monkeypatch)

    def _watch(self, owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        original = getattr(owner, name)

        def watched(*args: Any, **more: Any) -> Any:
            self.threads.setdefault(name, set()).add(threading.get_ident())
            return original(*args, **more)

        monkeypatch.setattr(owner, name, watched)

    def record(self, frames: int) -> None:
        for number in range(frames):
            self.recording.on_input(MultichannelFrame(number * FRAME, FRAME_OF_NOISE))


@pytest.fixture
async def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    made = Recorded(tmp_path / "calls", monkeypatch)
    yield made
    await made.recording.close()
    await made.disk.aclose()


async def test_opening_closing_and_deleting_are_off_the_loop(recorded: Recorded) -> None:
    here = threading.get_ident()
    recorded.recording.join("Ann")
    await recorded.recording.agree("Ann", True)
    assert recorded.recording.running and recorded.told == [(True, "Ann agrees")]
    recorded.record(100)
    await recorded.recording.delete()
    assert not list(recorded.folder.iterdir()) and recorded.recording.sound is None
    assert not recorded.recording.agreed("Ann") and recorded.told[-1] == (False, "it was deleted")
    await recorded.recording.agree("Ann", True)
    recorded.record(100)
    await recorded.recording.close()
    assert {"_open", "delete", "close", "write_exports"} <= recorded.threads.keys()
    assert all(here not in threads for threads in recorded.threads.values())


async def test_nothing_is_made_of_a_recording_that_is_deleted(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    deleted: set[str] = set()
    removing = consent.delete

    def look_and_delete(folder: Path) -> None:
        deleted.update(file.name for file in folder.glob("*"))
        removing(folder)

    monkeypatch.setattr(consent, "delete", look_and_delete)
    recorded.recording.join("Ann")
    await recorded.recording.agree("Ann", True)
    recorded.record(10)
    await recorded.recording.delete()
    recorded.record(10)
    assert recorder.MIX in deleted and not [name for name in deleted if name.startswith(("transcript", "summary"))]
    assert not list(recorded.folder.iterdir())


async def test_whoever_changes_their_mind_while_files_are_opened_is_not_recorded(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, go, opened = threading.Event(), threading.Event(), consent._open

    def slow(*args: Any) -> Any:
        opening.set()
        go.wait(30)
        return opened(*args)

    monkeypatch.setattr(consent, "_open", slow)
    recorded.recording.join("Ann")
    agreeing = asyncio.create_task(recorded.recording.agree("Ann", True))
    await asyncio.to_thread(opening.wait, 30)
    await recorded.recording.agree("Ann", False)
    go.set()
    await agreeing
    assert not recorded.recording.running and not recorded.told
    # One who leaves while the files are opened leaves none of them open.
    await recorded.recording.delete()
    go.clear()
    opening.clear()
    agreeing = asyncio.create_task(recorded.recording.agree("Ann", True))
    await asyncio.to_thread(opening.wait, 30)
    agreeing.cancel()
    deleting = asyncio.create_task(recorded.recording.delete())
    await asyncio.sleep(0)
    go.set()
    await deleting
    assert not list(recorded.folder.iterdir()) and not recorded.recording.running


async def test_any_failure_of_writing_stops_the_recording_only(recorded: Recorded) -> None:
    recorded.recording.join("Ann")
    await recorded.recording.agree("Ann", True)

    def fail(frame: Any) -> None:
        raise ValueError("a bug")

    recorded.recording._recorder.on_input = fail  # type: ignore[union-attr, method-assign]
    recorded.record(1)
    assert not recorded.recording.running and recorded.told[-1] == (False, "it failed (ValueError)")


async def test_a_server_without_recordings_says_so() -> None:
    none = ConsentedRecording(None, 1, lambda running, why: None, DiskThreads(inline=True))
    with pytest.raises(OutputError, match="keeps none"):
        await none.agree("Ann", True)
    await none.delete()
    await none.close()


async def test_reading_and_sweeping_are_off_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from duplex.serving.http.call_request import CallRequest
    from duplex.streaming.clock import SystemClock
    from tests.duplex.serving.scripted import Peers, host

    threads: dict[str, set[int]] = {}

    def watch(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def watched(*args: Any) -> Any:
            threads.setdefault(name, set()).add(threading.get_ident())
            return original(*args)

        monkeypatch.setattr(owner, name, watched)

    watch(in_process_host, "read_piece")
    watch(in_process_host, "export")
    watch(retention.Recordings, "sweep")
    recordings = Recordings(tmp_path / "calls", 3600.0)
    async with host(Peers(), SystemClock(), recordings=recordings) as held:
        id = (await held.create(CallRequest("Ann", record=True)))["session"]
        assert (await held.recording(id, 0, 4)) == b"RIFF"
        await held.export(id, "transcript.txt")
        assert "duplex-inference" not in {thread.name for thread in threading.enumerate() if not thread.is_alive()}
        assert set(held._pool.timings) & {"export", "sweep"} == set()
    assert threads.keys() == {"read_piece", "export", "sweep"}
    assert all(threading.get_ident() not in each for each in threads.values())
