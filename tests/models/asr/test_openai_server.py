"""The transcription server's client against a real HTTP server in this process."""

from __future__ import annotations

import io
import json
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

from duplex.events import CapabilityLost, CapabilityRestored, Turn
from duplex.models.asr import load_recognizer
from duplex.models.asr.openai_server import OpenAITranscription
from duplex.streaming.errors import EndpointError, SettingsError
from duplex.testing import UserSpeech, converse, scripted_engines

SECOND = 16_000
TONE = (np.sin(np.arange(2 * SECOND) / 5) * 0.3).astype(np.float32)
TIMED = {
    "text": "Hello, world.",
    "language": "english",
    "words": [{"word": "Hello", "start": 0.1, "end": 0.5}, {"word": "world", "start": 0.5, "end": 9.0}],
}


class Server:
    """`answers` are (status, body) of request after request, the last for all that follow; `asked` what was sent."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = [(200, TIMED)]
        self.asked: list[dict[str, Any]] = []
        self.delay = 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
                form: dict[str, Any] = {"path": self.path, "key": self.headers.get("Authorization")}
                for part in BytesParser(policy=HTTP).parsebytes(head + body).iter_parts():
                    name = part.get_param("name", header="content-disposition")
                    form.setdefault(str(name), part.get_payload(decode=True))
                outer.asked.append(form)
                time.sleep(outer.delay)
                status, answer = outer.answers.pop(0) if len(outer.answers) > 1 else outer.answers[0]
                sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                with suppress(BrokenPipeError):  # a client that has given up
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(sent)))
                    self.end_headers()
                    self.wfile.write(sent)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_port}/v1"

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


def recognizer(server: Server, **settings: Any) -> OpenAITranscription:
    return OpenAITranscription(server.url, **settings)


def test_the_servers_words_keep_its_times_and_the_texts_punctuation(server: Server) -> None:
    engine = recognizer(server, language="de-AT", hotwords="Duplex", api_key="secret", model="large")
    words = engine.transcribe(TONE)
    assert [(word.text, word.start, word.end) for word in words] == [
        ("Hello,", 1600, 8000),
        ("world.", 8000, 2 * SECOND),
    ]
    asked = server.asked[0]
    assert asked["path"] == "/v1/audio/transcriptions"
    assert (asked["model"], asked["language"], asked["prompt"]) == (b"large", b"de", b"Duplex")
    assert asked["key"] == "Bearer secret"
    with wave.open(io.BytesIO(asked["file"])) as sent:
        assert (sent.getframerate(), sent.getnchannels(), sent.getnframes()) == (SECOND, 1, len(TONE))
    assert engine.detected == "english"


@pytest.mark.parametrize("language", [None, "", "auto"])
def test_without_a_language_the_server_detects_it(server: Server, language: str | None) -> None:
    recognizer(server, language=language).transcribe(TONE)
    assert "language" not in server.asked[0]


def test_the_key_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from outside")
    recognizer(server).transcribe(TONE)
    assert server.asked[0]["key"] == "Bearer from outside"


def test_a_server_without_word_times_is_asked_plainly_once_and_for_all(server: Server) -> None:
    server.answers = [(400, {"error": {"message": "verbose_json is not supported"}}), (200, {"text": "good day"})]
    engine = recognizer(server)
    words = engine.transcribe(TONE)
    assert [word.text for word in words] == ["good", "day"]
    assert 0 <= words[0].start < words[0].end <= words[1].start < words[1].end <= len(TONE)
    engine.transcribe(TONE)
    assert [asked["response_format"] for asked in server.asked] == [b"verbose_json", b"json", b"json"]


def test_nothing_said_is_no_words(server: Server) -> None:
    server.answers = [(200, {"text": " ", "words": []})]
    assert recognizer(server).transcribe(np.zeros(10, np.float32)) == []


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, {"error": "no"}, "HTTP 401: .*OPENAI_API_KEY"),
        (404, b"nothing here", "HTTP 404: nothing here; check the address"),
        (400, {"error": "bad"}, "HTTP 400"),
        (500, b"boom\nboom", "HTTP 500: boom boom"),
        (200, b"<html>", "no transcript"),
        (200, [1], "no transcript"),
        (200, {"text": None}, "no transcript"),
        (200, {"text": "a", "words": [{"word": "a"}]}, "no transcript"),
    ],
)
def test_what_a_server_does_wrong_is_one_clear_line(server: Server, status: int, body: Any, told: str) -> None:
    server.answers = [(status, body)]
    with pytest.raises(EndpointError, match=told) as caught:
        recognizer(server).transcribe(TONE)
    assert str(caught.value).startswith(server.url) and "\n" not in str(caught.value)


def test_a_slow_server_is_given_up(server: Server) -> None:
    server.delay = 5.0
    with pytest.raises(EndpointError, match=r"no transcript within 0\.2 s"):
        recognizer(server, answer_within=0.2).transcribe(TONE)


def test_a_dead_server_is_said_and_not_asked_at_every_step(server: Server) -> None:
    engine = recognizer(server)
    server.stop()
    with pytest.raises(EndpointError, match="is the server running"):
        engine.transcribe(TONE)
    with pytest.raises(EndpointError, match="not asked again so soon"):
        engine.transcribe(TONE)


@pytest.mark.parametrize("address", ["http://", "ftp://host/v1", "localhost:8000"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SettingsError, match="no address of a transcription server"):
        OpenAITranscription(address)


def test_a_session_hears_through_a_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers = [(500, b"starting"), (200, {"text": "what time is it"})]
    sounds = [UserSpeech(0.5, 1.5, "x"), UserSpeech(9.0, 10.0, "x")]
    engines = scripted_engines(sounds)
    engine = load_recognizer(server.url)
    assert isinstance(engine, OpenAITranscription)
    engines.recognizer = engine
    monkeypatch.setattr("duplex.models.asr.openai_server.REST", 0.0)  # virtual time is faster than real servers
    playout = converse(sounds, engines=engines, duration=12.0)
    lost = [event.reason for event in playout.events if isinstance(event, CapabilityLost)]
    assert len(lost) == 1 and "HTTP 500: starting" in lost[0]
    assert any(isinstance(event, CapabilityRestored) for event in playout.events)
    assert [event.text for event in playout.events if isinstance(event, Turn)] == ["what time is it"]
