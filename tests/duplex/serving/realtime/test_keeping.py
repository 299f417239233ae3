"""What is kept of a Realtime session: its log, its transcripts, and its sound if its person agrees."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile

from duplex.engines import Engines
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.retention import Recordings
from duplex.serving.http.auth import Gate
from duplex.serving.http.server import Address, Server
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.testing import Answer
from duplex.testing.fakes import UserSpeech
from tests.duplex.serving.realtime.client import Client
from tests.duplex.serving.scripted import Peers, engines, script

KEY = {"Authorization": "Bearer a token for tests"}
BY_HAND = {"audio": {"input": {"turn_detection": None, "transcription": {"model": "whisper-1"}}}}
COMPLETED = "conversation.item.input_audio_transcription.completed"


class Keeping:
    """A server, and what a program with its token gets of a session there."""

    def __init__(self, server: Server, http: aiohttp.ClientSession) -> None:
        self._server, self.http = server, http

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[tuple[Client, str]]:
        """A client, and the id of its session."""
        async with self.http.ws_connect(f"{self._server.url()}v1/realtime", headers=KEY) as socket:
            client = Client(socket)
            yield client, (await client.until("session.created"))["session"]["id"]

    async def ask(self, id: str, name: str = "", method: str = "GET", **more: Any) -> tuple[int, Any]:
        address = f"{self._server.url()}api/sessions/{id}{name}"
        async with self.http.request(method, address, headers=KEY, **more) as answer:
            body = await answer.read()
            return answer.status, await answer.json() if answer.content_type == "application/json" else body

    async def events(self, id: str, kind: str) -> list[dict[str, Any]]:
        status, state = await self.ask(id)
        assert status == 200, state
        return [event for event in state["events"] if event["type"] == kind]

    async def turns(self, id: str) -> list[tuple[str, bool]]:
        return [(event["text"], event["typed"]) for event in await self.events(id, "turn")]


@asynccontextmanager
async def keeping(made: Engines, folder: Path | None = None) -> AsyncIterator[Keeping]:
    """folder: of recordings."""
    recordings = Recordings(folder, 3600.0) if folder is not None else None
    async with (
        InProcessHost(Settings(), Peers(), clock=SystemClock(), engines=made, recordings=recordings) as host,
        Server(host, Gate("a token for tests"), Address(port=0), page={}) as server,
        aiohttp.ClientSession() as http,
    ):
        yield Keeping(server, http)


async def _type(client: Client, text: str) -> None:
    content = [{"type": "input_text", "text": text}]
    await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})


async def test_what_was_said_can_be_fetched_also_afterwards() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "what time is it"))
    async with keeping(engines(sounds, [Answer("it is noon.")])) as kept:
        async with kept.connected() as (client, id):
            await client.speak(audio)
            await client.until("response.done")
            assert (await kept.ask(id))[1]["state"] == "open"
            assert await kept.turns(id) == [("what time is it", False)]
            _, started = await kept.ask(id), (await kept.events(id, "session_started"))[0]
            assert started["parties"] == ["user"] and "recognizer" not in started["settings"]
        async with asyncio.timeout(20):
            while True:
                _, state = await kept.ask(id)
                if state["state"] == "ended" and not state["online"]:
                    break
                await asyncio.sleep(0.05)
        assert [event["text"] for event in await kept.events(id, "reply")] == ["it is noon."]
        assert state["events"][-1]["type"] == "session_ended"
        assert b"it is noon." in (await kept.ask(id, "/transcript.txt"))[1]
        assert (await kept.ask(id, "/recording.wav"))[0] == 404
        assert (await kept.ask(id, method="DELETE"))[0] == 204
        assert (await kept.ask(id))[0] == 404


async def test_turns_that_the_session_did_not_hear_are_in_the_log_once_and_as_spoken() -> None:
    sounds, audio = script(UserSpeech(0.3, 1.0, "my name is Ann"))
    made = engines(sounds, [Answer("hello Ann."), Answer("by the way."), Answer("and again.")])
    async with keeping(made) as kept, kept.connected() as (client, id):
        await client.send("session.update", session=BY_HAND)
        await client.speak(audio)
        await client.send("input_audio_buffer.commit")
        await client.until(COMPLETED)
        assert await kept.turns(id) == [("my name is Ann", False)]  # although nobody has asked for a response
        await client.send("response.create")
        await client.until("response.done")
        await client.send("response.create", response={"instructions": "Say something unasked."})
        await client.until("response.done")
        assert await kept.turns(id) == [("my name is Ann", False)]  # nobody has said the instructions
        await client.send("session.update", session={"audio": {"output": {"speed": 1.2}}})  # another session
        await client.until("session.updated")
        await _type(client, "and I am glad")
        await client.send("response.create")
        await client.until("response.done")
        assert await kept.turns(id) == [("my name is Ann", False), ("and I am glad", True)]
        spoken, typed = await kept.events(id, "turn")
        assert spoken["end"] - spoken["start"] >= SAMPLE_RATE and spoken["turn"] < typed["turn"]
        replies = await kept.events(id, "reply")
        assert [each["text"] for each in replies] == ["hello Ann.", "by the way.", "and again."]
        assert spoken["start"] < replies[0]["start"] < replies[1]["start"] < replies[2]["start"]
        assert not await kept.events(id, "session_ended")


def _files(folder: Path, pattern: str = "*") -> list[Path]:
    return list(folder.glob(pattern))


def _sound(folder: Path, name: str) -> np.ndarray:
    (recording,) = folder.iterdir()
    samples, rate = soundfile.read(recording / name, dtype="float32", always_2d=True)
    assert rate == SAMPLE_RATE
    return samples[:, 0]


async def test_a_client_that_agrees_is_recorded_and_told_so(tmp_path: Path) -> None:
    sounds, audio = script(UserSpeech(0.3, 1.0, "my name is Ann"))
    made = engines(sounds, [Answer("hello Ann.")])
    async with keeping(made, tmp_path) as kept:
        async with kept.connected() as (client, id):
            assert client.seen[0]["session"]["duplex"]["recording"] == {"offered": True, "running": False}
            await client.send("session.update", session={**BY_HAND, "duplex": {"record": True}})
            assert (await client.until("session.updated"))["session"]["duplex"]["record"] is True
            await client.speak(audio)
            while not (await client.until("session.updated"))["session"]["duplex"]["recording"]["running"]:
                pass
            done = (await client.until("response.done"))["response"]
            assert done["output"][0]["content"][0]["transcript"] == "This call is being recorded."
            await client.send("input_audio_buffer.commit")
            await client.until(COMPLETED)
            await client.send("response.create")
            await client.until("response.done")
            assert (await kept.ask(id))[1]["recording"] == {"agreed": True, "exists": True}
            await client.send("session.update", session={"duplex": {"record": False}})
            while (await client.until("session.updated"))["session"]["duplex"]["recording"]["running"]:
                pass
        async with asyncio.timeout(30):
            while not _files(tmp_path, "*/transcript.txt"):  # noqa: ASYNC110 (written by a thread)
                await asyncio.sleep(0.05)
        (recording,) = _files(tmp_path)
        assert "my name is Ann" in (recording / "transcript.txt").read_text()
        # The session heard silence of the turn by hand; the recording has its sound, where the log has its words.
        (turn,) = await kept.events(id, "turn")
        heard = np.abs(_sound(tmp_path, "input.wav"))
        inside = heard[turn["start"] : turn["start"] + SAMPLE_RATE]
        assert inside[round(0.4 * SAMPLE_RATE) : round(0.9 * SAMPLE_RATE)].min() > 0.01
        assert heard[: turn["start"]].max(initial=0.0) == 0.0
        assert np.abs(_sound(tmp_path, "assistant.wav")).max() > 0.01
        assert (await kept.ask(id, "/recording.wav"))[1].startswith(b"RIFF")
        assert (await kept.ask(id, "/recording", method="DELETE"))[0] == 204
        assert not _files(tmp_path)


async def test_a_client_that_knows_nothing_of_it_is_not_recorded(tmp_path: Path) -> None:
    sounds, audio = script(UserSpeech(0.3, 1.2, "what time is it"))
    async with keeping(engines(sounds, [Answer("noon.")]), tmp_path) as kept, kept.connected() as (client, id):
        await client.send("session.update", session={"instructions": "Be brief."})
        await client.speak(audio)
        await client.until("response.done")
        assert not _files(tmp_path)
        assert (await kept.ask(id, "/recording.wav"))[0] == 404
        # Its server may ask for it in the person's name, by the route that calls have.
        status, told = await kept.ask(id, "/consent", "POST", json={"record": True})
        assert status == 200 and told == {"agreed": True, "running": True}
        while not (await client.until("session.updated"))["session"]["duplex"]["recording"]["running"]:
            pass
        assert _files(tmp_path)


async def test_a_server_that_keeps_none_says_so() -> None:
    async with keeping(engines()) as kept, kept.connected() as (client, id):
        for wrong, code in (({"record": True}, "unsupported"), ({"record": 1}, "invalid_type"), ({"rec": 1}, None)):
            await client.send("session.update", session={"duplex": wrong})
            assert (await client.error())["code"] == (code or "unknown_parameter")
        await client.send("session.update", session=client.seen[0]["session"])  # what was shown can be sent back
        await client.until("session.updated")
        assert (await kept.ask(id, "/offer", "POST", json={"type": "offer", "sdp": "v=0"}))[0] == 400
        assert (await kept.ask(id, method="DELETE"))[0] == 204  # hung up
        assert (await client.error())["code"] == "session_ended"
        closed = await client.socket.receive()
        assert closed.type is aiohttp.WSMsgType.CLOSE


@pytest.mark.parametrize("kind", ["realtime", "transcription"])
async def test_the_announcement_is_spoken_where_there_is_a_voice(tmp_path: Path, kind: str) -> None:
    async with keeping(engines(), tmp_path) as kept, kept.connected() as (client, _):
        await client.send("session.update", session={"type": kind, "duplex": {"record": True}})
        await client.speak(np.zeros(SAMPLE_RATE, np.float32))
        while not (await client.until("session.updated"))["session"]["duplex"]["recording"]["running"]:
            pass
        if kind == "realtime":
            await client.until("response.done")
        else:
            await asyncio.sleep(1.0)
            await client.send("no.such.event")
            await client.error()
            assert not [each for each in client.types() if each.startswith("response.")]
