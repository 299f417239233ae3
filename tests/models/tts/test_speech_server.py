from __future__ import annotations

import io
import itertools
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Voice
from duplex.models.tts.speech_server import RATE, SpeechServer
from duplex.streaming.errors import EndpointError, SettingsError
from tests.models.tts.listening import gathered

TEXT = "Hello there, this is a test of a server."


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * 220 * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def pcm(samples: np.ndarray) -> bytes:
    return (samples * 32767).astype("<i2").tobytes()


def wav(samples: np.ndarray, rate: int, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype, format="WAV")
    return file.getvalue()


@pytest.fixture
def server() -> Iterator[SimpleNamespace]:
    """A server whose answer is `body`, of `kind`, with `status`; `asked` are the requests."""
    state = SimpleNamespace(body=pcm(tone(2.0)), kind="audio/pcm", status=200, asked=[], cut=False)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.asked.append((self.path, request, self.headers.get("authorization")))
            self.send_response(state.status)
            self.send_header("content-type", state.kind)
            self.send_header("content-length", str(len(state.body) * (2 if state.cut else 1)))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    state.address = f"http://127.0.0.1:{http.server_port}/v1"
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def spoken(address: str, voice: Voice | None = None, **settings: str) -> tuple[np.ndarray, list]:
    engine = SpeechServer(address, **settings)
    heard = gathered(list(engine.synthesize(TEXT, voice)))
    engine.close()
    return heard


def test_pcm_is_spoken_with_marks_for_every_word(server):
    samples, marks = spoken(server.address)
    np.testing.assert_allclose(samples, tone(2.0), atol=1e-4)
    assert [TEXT[mark.text_start : mark.text_end] for mark in marks] == TEXT.split()
    assert all(a.end <= b.start for a, b in itertools.pairwise(marks)) and marks[-1].end <= len(samples)


def test_what_is_asked(server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    spoken(server.address, Voice("nova", rate=1.5), model="kokoro")
    path, body, key = server.asked[0]
    assert path == "/v1/audio/speech" and key == "Bearer secret"
    assert body == {
        "model": "kokoro", "voice": "nova", "input": TEXT, "response_format": "pcm", "speed": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["audio/wav", "application/octet-stream"])
@pytest.mark.parametrize(("rate", "channels"), [(24_000, 1), (16_000, 1), (44_100, 2)])
def test_wav_of_any_rate(server, kind, rate, channels):
    server.kind, server.body = kind, wav(np.stack([tone(1.0, rate)] * channels, axis=1), rate)
    samples, _ = spoken(server.address)
    assert len(samples) == RATE
    np.testing.assert_allclose(samples[1000:-1000], tone(1.0)[1000:-1000], atol=5e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": 401, "body": b'{"error": {"message": "bad key"}}'}, r"\(401: bad key\); is OPENAI_API_KEY right"),
        ({"status": 404, "body": b"not\nfound"}, r"\(404: not found\); does the address end in /v1"),
        ({"status": 500, "body": b""}, r"\(500\)"),
        ({"body": b""}, "answers without sound"),
        ({"body": b"ID3" + bytes(400), "kind": "audio/mpeg"}, "it is MP3, where PCM or WAV was asked for"),
        ({"body": wav(tone(0.1), 24_000, "FLOAT"), "kind": "audio/wav"}, "not of 16-bit PCM"),
        ({"cut": True}, "the speech broke off"),
    ],
)
def test_what_goes_wrong_is_one_line(server, change, message):
    vars(server).update(change)
    with pytest.raises(EndpointError, match=message) as told:
        spoken(server.address)
    assert "\n" not in str(told.value) and server.address in str(told.value)


def test_nobody_there_and_no_address():
    with pytest.raises(EndpointError, match="cannot connect"):
        spoken("http://127.0.0.1:9/v1")
    with pytest.raises(SettingsError, match="is no address of a speech server"):
        SpeechServer("http://")


def test_a_server_that_failed_is_left_alone_for_a_while(server):
    server.status = 500
    engine = SpeechServer(server.address)
    for _ in range(2):
        with pytest.raises(EndpointError):
            list(engine.synthesize(TEXT))
    assert len(server.asked) == 1


def test_closing_early_ends_the_connection(server):
    server.body = pcm(tone(30.0))
    engine = SpeechServer(server.address)
    speech = engine.synthesize(TEXT)
    next(speech)
    speech.close()
    assert list(speech) == []
    engine.close()


def test_espeak_is_the_spare_of_a_server_by_address(server):
    engine = load_synthesizer(server.address)
    assert engine.spare is not None and engine.spare.name == "espeak"
    engine.close()


def test_the_server_is_given_the_text_as_it_is_read_aloud(server):
    server.body = pcm(tone(6.0))
    written = "It costs $5.99 today."
    engine = load_synthesizer(server.address)
    _, marks = gathered(list(engine.synthesize(written, Voice())))
    engine.close()
    assert server.asked[0][1]["input"] == "It costs five dollars and ninety-nine cents today."
    assert [written[mark.text_start : mark.text_end] for mark in marks] == ["It", "costs", "$5.99", "today."]
