"""The HTTP front end over real sockets: what gets in, what is refused and how, and that it harms nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from yarl import URL

from duplex.serving.hosts.ice_servers import SharedSecretIceServers
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.http.auth import Gate
from duplex.serving.http.limits import Limits
from duplex.serving.http.pages import File
from duplex.serving.http.server import Address, Server, tls_context
from duplex.streaming.clock import SystemClock
from tests.duplex.serving.scripted import OFFER, Peers, host

TOKEN = "a token for tests"
SESSIONS = "/api/sessions"
LIMITS = Limits(calls=3, body=4096, sdp=2000, request=0.5, connections=20, events=100)

ROUTES = [
    ("POST", SESSIONS),
    ("GET", SESSIONS + "/{id}"),
    ("DELETE", SESSIONS + "/{id}"),
    ("POST", SESSIONS + "/{id}/offer"),
    ("POST", SESSIONS + "/{id}/consent"),
    ("GET", SESSIONS + "/{id}/subtitles.srt"),
    ("GET", SESSIONS + "/{id}/subtitles.vtt"),
    ("GET", SESSIONS + "/{id}/transcript.txt"),
    ("GET", SESSIONS + "/{id}/log.jsonl"),
    ("GET", SESSIONS + "/{id}/recording.wav"),
    ("DELETE", SESSIONS + "/{id}/recording"),
    ("GET", "/metrics"),
]


@dataclass
class Running:
    server: Server
    host: InProcessHost
    peers: Peers
    client: aiohttp.ClientSession

    async def ask(
        self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, **more: Any
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})} if token else more.pop("headers", {})
        if body is not None:
            more |= {"data": body if isinstance(body, bytes) else json.dumps(body)}
            headers = {"Content-Type": "application/json", **headers}
        async with self.client.request(method, self.server.url()[:-1] + path, headers=headers, **more) as response:
            text = await response.text()
            self.headers = response.headers
            return response.status, json.loads(text) if "json" in response.content_type and text[:1] == "{" else text

    async def call(self, **wish: Any) -> str:
        status, made = await self.ask("POST", SESSIONS, wish)
        assert status == 201, made
        assert (await self.ask("POST", f"{SESSIONS}/{made['session']}/offer", {"sdp": OFFER, "type": "offer"}))[
            0
        ] == 200
        return str(made["session"])


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    clock, peers = SystemClock(), Peers()
    page = {"index.html": File(b"<!doctype html>", "text/html"), "js/app.js": File(b"export {}", "text/javascript")}
    turn = SharedSecretIceServers(["stun:s.example"], ["turn:t.example"], "secret", 60, wall_time=lambda: 1000.0)
    async with (
        host(peers, clock, limits=LIMITS) as held,
        Server(
            held, Gate(TOKEN, ["https://calls.example"]), Address(port=0), limits=LIMITS, page=page, ice_servers=turn
        ) as server,
        aiohttp.ClientSession() as client,
    ):
        yield Running(server, held, peers, client)


async def test_a_call_from_its_beginning_to_its_end(running: Running) -> None:
    status, made = await running.ask("POST", SESSIONS, {"name": "Ann", "settings": {"restore": "enhance"}})
    assert status == 201 and made["name"] == "Ann" and made["parties"] == ["Ann"] and made["room"] is None
    assert made["offers"]["restoration"][:3] == ["", "auto", "enhance"] and made["offers"]["recording"] is False
    assert made["ice_servers"][0] == {"urls": ["stun:s.example"]}
    assert made["ice_servers"][1]["username"] == f"1060:{made['session']}" and made["ice_servers"][1]["credential"]
    one = f"{SESSIONS}/{made['session']}"
    status, answer = await running.ask("POST", one + "/offer", {"sdp": OFFER, "type": "offer"})
    assert (status, answer["type"]) == (200, "answer")
    running.peers.of(made["session"]).speak(np.zeros(320, np.float32))
    status, state = await running.ask("GET", one)
    assert status == 200 and state["state"] == "open" and state["events"][0]["type"] == "session_started"
    status, text = await running.ask("GET", one + "/subtitles.vtt")
    assert status == 200 and text.startswith("WEBVTT") and "subtitles.vtt" in running.headers["Content-Disposition"]
    assert (await running.ask("POST", one + "/consent", {"record": True}))[0] == 400  # this server keeps none
    assert (await running.ask("GET", one + "/recording.wav"))[0] == 404
    assert (await running.ask("GET", one + "/secrets.txt"))[0] == 404
    assert (await running.ask("DELETE", one))[0] == 204
    assert (await running.ask("GET", one))[1]["state"] == "ended"
    assert (await running.ask("POST", one + "/offer", {"sdp": OFFER}))[0] == 410  # an id that is replayed
    assert (await running.ask("DELETE", one))[0] == 204
    for method, path in (("GET", one), ("DELETE", one), ("GET", one + "/log.jsonl")):
        assert (await running.ask(method, path))[0] == 404
    assert (await running.ask("POST", one + "/offer", {"sdp": OFFER}))[0] == 404


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_every_route_needs_the_token_and_our_own_origin(running: Running, method: str, path: str) -> None:
    id = await running.call()
    path = path.replace("{id}", id)
    body = {"record": True} if path.endswith("consent") else {}
    for token in (None, "wrong token", TOKEN[:-1], TOKEN + "x", "\u00fc"):
        status, told = await running.ask(method, path, body, token=token)
        assert status == 401 and "token" in told["error"] and running.headers["WWW-Authenticate"] == "Bearer"
    assert (await running.ask(method, path + "?token=wrong", body, token=None))[0] == 401
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": f"https://127.0.0.1:{running.server.port}"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        status, told = await running.ask(method, path, body, headers=headers)
        assert status == 403 and "origin" in told["error"], headers
    assert (await running.ask("GET", f"{SESSIONS}/{id}"))[1]["state"] == "open"  # nothing has come of all that


@pytest.mark.parametrize("origin", ["own", "https://calls.example"])
async def test_pages_of_our_own_may_use_it_with_the_token_in_the_header_only(running: Running, origin: str) -> None:
    headers = {"Origin": running.server.url()[:-1] if origin == "own" else origin, "Sec-Fetch-Site": "same-origin"}
    assert (await running.ask("POST", SESSIONS, {}, headers=headers))[0] == 201
    status, told = await running.ask("POST", f"{SESSIONS}?token={TOKEN}", {}, token=None, headers=headers)
    assert status == 401 and "Authorization" in told["error"]


async def test_an_address_with_the_token_in_its_query_leads_to_one_with_it_in_the_fragment(running: Running) -> None:
    secret = "a+b c&d#e=f%\u00fc"
    address = URL(running.server.url()).with_query({"name": "Ann B", "token": secret, "room": "d&n"})
    async with running.client.get(address, allow_redirects=False) as response:
        assert response.status == 303
        raw = response.headers["Location"]
    assert raw.startswith("/?") and secret not in raw
    path, _, fragment = raw.partition("#")
    assert parse_qs(fragment) == {"token": [secret]}
    assert parse_qs(path.partition("?")[2]) == {"name": ["Ann B"], "room": ["d&n"]}


async def test_wrong_tokens_are_throttled_but_not_for_those_who_have_the_right_one(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        assert (await running.ask("GET", "/metrics", token="wrong token"))[0] == 401
    status, told = await running.ask("GET", "/metrics", token="wrong token")
    assert status == 429 and int(running.headers["Retry-After"]) > 0 and "wait" in told["error"]
    assert (await running.ask("GET", "/metrics"))[0] == 429  # nobody finds out by trying
    assert (await running.ask("GET", "/healthz", token=None))[0] == 200
    assert len(caplog.records) <= 22
    # A remote that is known, such as a proxy in front of everybody, cannot be locked out.
    running.server._signalling._throttle.right("127.0.0.1")
    assert (await running.ask("GET", "/metrics", token="wrong token"))[0] == 401
    assert (await running.ask("GET", "/metrics"))[0] == 200


@pytest.mark.parametrize("path", ["/metrics%0aforged%20line", "/api/%0d%0aforged", "/api/x%1b[2Jforged"])
async def test_a_path_cannot_forge_lines_of_the_log(
    running: Running, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    async with running.client.get(URL(running.server.url()[:-1] + path, encoded=True)) as response:
        assert response.status in (401, 404)
    assert caplog.records
    for record in caplog.records:
        assert record.getMessage().isprintable() and "forged" in record.getMessage()


async def test_events_come_in_pages_and_not_too_fast(running: Running) -> None:
    id = await running.call()
    log = running.host._where[id].event_log
    for number in range(LIMITS.events * 2):
        log.add({"type": "decision", "start": number, "end": number})
    got, since = [], 0
    for _ in range(5):
        status, state = await running.ask("GET", f"{SESSIONS}/{id}?since={since}")
        assert status == 200 and len(state["events"]) <= LIMITS.events
        got += state["events"]
        since = state["next"]
        if since == state["end"]:
            break
    assert [event["start"] for event in got if event["type"] == "decision"] == list(range(LIMITS.events * 2))
    for wrong in ("-1", "x", "9" * 13, "\u0663"):
        assert (await running.ask("GET", f"{SESSIONS}/{id}?since={wrong}"))[0] == 400
    assert (await running.ask("GET", f"{SESSIONS}/{id}?since={10**11}"))[1]["events"] == []
    for path, most in (("", 41), ("/transcript.txt", 13)):
        statuses = [(await running.ask("GET", f"{SESSIONS}/{id}{path}"))[0] for _ in range(most)]
        assert statuses[0] == 200 and statuses[-1] == 429 and int(running.headers["Retry-After"]) >= 1
    other = await running.call()
    assert (await running.ask("GET", f"{SESSIONS}/{other}"))[0] == 200


async def test_private_addresses_are_tried_for_pages_that_can_have_them(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [f"a=candidate:1 1 udp 1 {address} 5000 typ host" for address in ("10.0.0.1", "93.184.216.34")]
    sdp = "\r\n".join(["v=0", *lines, ""])
    id = await running.call()
    await running.ask("POST", f"{SESSIONS}/{id}/offer", {"sdp": sdp})
    assert running.peers.of(id).offers[-1] == sdp  # this test's own page is on this machine
    monkeypatch.setattr(web.BaseRequest, "remote", "93.184.216.34")
    await running.ask("POST", f"{SESSIONS}/{id}/offer", {"sdp": sdp})
    assert running.peers.of(id).offers[-1] == "\r\n".join(["v=0", lines[1], ""])
    running.server._signalling._private_candidates = True
    await running.ask("POST", f"{SESSIONS}/{id}/offer", {"sdp": sdp})
    assert running.peers.of(id).offers[-1] == sdp


async def test_the_page_is_there_without_a_token_and_says_nothing_to_others(running: Running) -> None:
    for path, kind in (("/", "text/html"), ("/static/js/app.js", "text/javascript"), ("/healthz", "application/json")):
        assert (await running.ask("GET", path, token=None))[0] == 200
        assert running.headers["Content-Type"].startswith(kind)
        assert running.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in running.headers["Content-Security-Policy"]
    for path in ("/static/", "/static/..%2f..%2fetc/passwd", "/static/../server.py", "/static/app.py", "/favicon.ico"):
        assert (await running.ask("GET", path, token=None))[0] in (401, 404)


@pytest.mark.parametrize(
    ("path", "body", "status", "told"),
    [
        ("", b"{", 400, "not JSON"),
        ("", b"[" * 4000, 400, "not JSON"),
        ("", b"9" * 4090, 400, "JSON"),
        ("", b"\xff\xfe", 400, "not JSON"),
        ("", b"x" * 5000, 413, "4096 bytes"),
        ("", [], 400, "JSON object"),
        ("", {"nme": "Ann"}, 400, "'nme'"),
        ("", {"name": 7}, 400, "name"),
        ("", {"name": "x" * 41}, 400, "40 characters"),
        ("", {"record": "yes"}, 400, "true or false"),
        ("", {"settings": {"llm": "http://evil.example"}}, 400, "cannot set 'llm'"),
        ("", {"settings": {"speech_rate": 99}}, 400, "between 0.3 and 3"),
        ("", {"settings": {"speech_rate": float("nan")}}, 400, "speech_rate"),
        ("", {"settings": {"restore": ["enhance"]}}, 400, "restore"),
        ("", {"settings": {"restore": "everything"}}, 400, "one of"),
        ("/offer", {"type": "offer"}, 400, "sdp"),
        ("/offer", {"type": "answer", "sdp": OFFER}, 400, "offer"),
        ("/offer", {"type": "offer", "sdp": "nonsense"}, 400, "v=0"),
        ("/offer", {"type": "offer", "sdp": OFFER + "explode"}, 400, "unusable"),
        ("/offer", {"type": "offer", "sdp": OFFER + "x" * 2000}, 400, "at most 2000"),
        ("/consent", {}, 400, "record"),
        ("/consent", {"record": 1}, 400, "true or false"),
    ],
)
async def test_what_cannot_be_understood_is_refused_in_one_line(
    running: Running, path: str, body: Any, status: int, told: str
) -> None:
    id = await running.call()
    got, answer = await running.ask("POST", f"{SESSIONS}/{id}{path}" if path else SESSIONS, body)
    assert got == status and told in answer["error"] and "\n" not in answer["error"]
    assert (await running.ask("GET", f"{SESSIONS}/{id}"))[1]["online"]


async def test_names_are_printable_and_on_one_line(running: Running) -> None:
    _, made = await running.ask("POST", SESSIONS, {"name": "  A\nn\u202en \x00\ud800 ", "room": "Den\t1"})
    assert (made["name"], made["room"]) == ("A nn", "Den 1")


async def test_other_content_types_and_methods(running: Running) -> None:
    headers = {"Content-Type": "text/plain"}
    assert (await running.ask("POST", SESSIONS, {}, headers=headers))[0] == 415
    assert (await running.ask("PUT", SESSIONS, {}))[0] == 405 and "POST" in running.headers["Allow"]
    assert (await running.ask("GET", "/api/nothing"))[0] == 404


async def test_a_full_server_says_when_to_come_back(running: Running) -> None:
    for _ in range(LIMITS.calls):
        await running.call()
    status, told = await running.ask("POST", SESSIONS, {})
    assert status == 503 and int(running.headers["Retry-After"]) > 0 and "full" in told["error"]


async def test_metrics_are_what_prometheus_reads(running: Running) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    await running.call(room="den")
    await running.ask("POST", SESSIONS, {}, token="wrong token")
    _, text = await running.ask("GET", "/metrics")
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found["duplex_calls", "local"] == found["duplex_rooms", "local"] == 1
    assert found["duplex_created_total", "local"] == found["duplex_offers_total", "local"] == 1
    assert found["duplex_requests_refused_total", "token"] == 1
    assert found["duplex_requests_total", SESSIONS, "201"] == 1
    assert found["duplex_shed", "local", "restoration"] == 0
    assert ("duplex_frame_lateness_p95_seconds", "local") in found


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /api/sessions HTTP/1.1\r\nHost: x\r\n",
        b"POST /api/sessions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a token for tests\r\n"
        b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ],
    ids=["nothing", "half its headers", "half its body"],
)
async def test_a_request_that_trickles_in_is_given_up(running: Running, sent: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
    writer.write(sent)

    async def trickle() -> None:
        while True:
            await asyncio.sleep(0.1)
            writer.write(b"X" if sent.endswith(b"{") else b"X-Slow: 1\r\n" if sent else b"")

    trickling = asyncio.create_task(trickle())
    async with asyncio.timeout(20):
        answer = await reader.read()
    trickling.cancel()
    assert (b" 408 " in answer) if sent.endswith(b"{") else answer == b""
    writer.close()
    assert (await running.ask("GET", "/healthz"))[0] == 200


async def test_too_many_connections_are_ended_unread(running: Running) -> None:
    connections = [await asyncio.open_connection("127.0.0.1", running.server.port) for _ in range(40)]
    ended = 0
    for reader, _ in connections:
        try:
            async with asyncio.timeout(0.05):
                await reader.read()
            ended += 1
        except ConnectionError:
            ended += 1
        except TimeoutError:
            pass
    assert ended >= 20
    for _, writer in connections:
        writer.close()
    async with asyncio.timeout(20):
        while True:
            try:
                assert (await running.ask("GET", "/healthz"))[0] == 200
                break
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)


async def test_draining(running: Running) -> None:
    id = await running.call()
    running.server.drain()
    await asyncio.sleep(0)
    assert (await running.ask("GET", "/healthz"))[0] == 503
    assert (await running.ask("POST", SESSIONS, {}))[0] == 503
    assert (await running.ask("GET", f"{SESSIONS}/{id}"))[0] == 200
    await running.ask("DELETE", f"{SESSIONS}/{id}")
    async with asyncio.timeout(20):
        await running.server.drained()


async def test_https_with_a_certificate(tmp_path: Path) -> None:
    import datetime
    import ssl

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now, hour = datetime.datetime.now(datetime.UTC), datetime.timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + hour)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = tls_context(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    trusting = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    async with (
        host(Peers(), SystemClock()) as held,
        Server(held, Gate(TOKEN), Address("localhost", 0, context), page={}) as server,
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client,
    ):
        assert server.url("abc") == f"https://localhost:{server.port}/#token=abc"
        for origin, status in ((server.url()[:-1], 201), (server.url()[:-1].replace("https", "http"), 403)):
            headers = {"Origin": origin}
            async with client.post(server.url() + "api/sessions", json={}, ssl=trusting, headers=headers) as response:
                assert response.status == status
