"""What anybody may send to a server, and what it does to the server and to a call that is going on.

    python -m tests.benchmarks.fuzz_signalling [--inputs 12000] [--seed 0]

Five kinds of input, each a mutation of a valid one: raw HTTP on a socket, JSON bodies, session descriptions through
the real WebRTC peer, messages of the data channel, and requests without the token or from foreign pages. A call runs
beside it; counted are answers by kind, failures of the server, and how late the call's sound was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import numpy as np

from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.http.auth import Gate
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.http.server import Address, Server
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import TransportError
from duplex.transport.messages import Inbox
from duplex.transport.webrtc import WebRtcPeer
from tests.benchmarks.report import quantile, table
from tests.duplex.serving.scripted import OFFER, Peers, engines

TOKEN = "the token of the fuzz"
SHARES = {"http": 0.2, "json": 0.4, "sdp": 0.1, "messages": 0.2, "strangers": 0.1}
LIMITS = Limits(calls=8, request=1.0, keep_ended=0.0)


class Canary:
    """The call that goes on beside it all: the times at which it was given sound."""

    def __init__(self) -> None:
        self.at: list[float] = []

    def lateness(self) -> list[float]:
        """Seconds behind the pace of 10 ms, from the least delay there was."""
        behind = np.array(self.at) - np.arange(len(self.at)) * (FRAME // 2 / SAMPLE_RATE)
        return list(behind - behind.min()) if len(behind) else [0.0]


def mutated(rng: random.Random, text: bytes) -> bytes:
    """One to five small changes: bytes flipped, cut out, doubled, or replaced by what parsers stumble over."""
    data = bytearray(text)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(data) + 1)
        length = rng.choice((1, 1, 2, 8, 64))
        match rng.randrange(6):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + length]
            case 2:
                data[at:at] = data[at : at + length] * rng.randint(1, 20)
            case 3:
                data[at:at] = rng.choice(
                    (b"\x00", b"\r\n", b"\r\n\r\n", b"%00", b"../", b'"', b"\\", b"{", b"[" * 50, b"-1", b"9" * 40)
                )
            case 4:
                data[at:at] = rng.choice((b"\xff\xfe", b"\xed\xa0\x80", "\u202e".encode(), b"NaN", b"1e999", b"null"))
            case 5:
                data = data[at:] + data[:at]
    return bytes(data)


async def raw_http(rng: random.Random, port: int, held: InProcessHost) -> str:
    valid = (
        f"POST /api/sessions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {TOKEN}\r\n"
        'Content-Type: application/json\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{"name": "Ann"} '
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(mutated(rng, valid))
        async with asyncio.timeout(0.3):
            answer = await reader.read(65_536)
    except TimeoutError:
        return "waits for more"
    except ConnectionError:
        return "closed"
    finally:
        writer.close()
    if not answer.startswith(b"HTTP/"):
        return "closed"
    status = answer.split(b" ", 2)[1].decode("ascii", "replace")
    if status == "201":
        await held.close(json.loads(answer.split(b"\r\n\r\n", 1)[1])["session"])
    return status


VALID = (
    ("", b'{"name": "Ann", "room": "den", "record": false, "settings": {"restore": "enhance", "speech_rate": 1.2}}'),
    ("/{id}/offer", b'{"type": "offer", "sdp": "v=0\\r\\no=- 1 1 IN IP4 0.0.0.0\\r\\n"}'),
    ("/{id}/consent", b'{"record": true}'),
)


async def json_body(rng: random.Random, client: aiohttp.ClientSession, base: str, id: str) -> str:
    path, body = rng.choice(VALID)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    async with client.post(
        base + "api/sessions" + path.replace("{id}", id), data=mutated(rng, body), headers=headers
    ) as response:
        answer = await response.json()
        if response.status == 201:
            await client.delete(base + f"api/sessions/{answer['session']}", headers=headers)
        return str(response.status)


async def description(rng: random.Random, offer: bytes) -> str:
    peer = WebRtcPeer(SystemClock())
    try:
        await peer.answer(mutated(rng, offer).decode("utf-8", "replace"))
        return "answered"
    except TransportError:
        return "refused"
    finally:
        await peer.close()


async def message(rng: random.Random, held: InProcessHost, id: str, inbox: Inbox) -> str:
    valid = rng.choice(
        (
            b'{"type": "switch", "name": "assistant", "value": true}',
            b'{"type": "switch", "name": "restoration", "value": ""}',
            b'{"type": "text", "text": "what time is it"}',
            b'{"type": "consent", "record": true}',
            b'{"type": "ping", "t": 12.5}',
        )
    )
    before = inbox.dropped
    inbox.receive(mutated(rng, valid))
    await asyncio.sleep(0)
    return "dropped" if inbox.dropped > before else "taken"


async def stranger(rng: random.Random, client: aiohttp.ClientSession, base: str, id: str) -> str:
    method, path = rng.choice(
        (
            ("POST", "api/sessions"),
            ("GET", f"api/sessions/{id}"),
            ("DELETE", f"api/sessions/{id}"),
            ("POST", f"api/sessions/{id}/offer"),
            ("GET", f"api/sessions/{id}/log.jsonl"),
            ("GET", "metrics"),
        )
    )
    headers = {}
    if rng.random() < 0.5:
        headers["Authorization"] = "Bearer " + "".join(chr(rng.randrange(33, 127)) for _ in range(rng.randrange(1, 60)))
    else:
        headers |= {"Authorization": f"Bearer {TOKEN}", "Origin": rng.choice(("null", "https://evil.example", "x"))}
    async with client.request(method, base + path, headers=headers) as response:
        return str(response.status)


async def fuzz(inputs: int, seed: int) -> int:
    clock, peers, canary = SystemClock(), Peers(), Canary()
    rng = random.Random(seed)
    rows: list[list[Any]] = []
    offerer = WebRtcPeer(clock)
    offer = (await offerer.offer()).encode()
    async with (
        InProcessHost(Settings(), peers, clock=clock, limits=LIMITS, engines=engines()) as held,
        Server(held, Gate(TOKEN), Address(port=0), limits=LIMITS, page={}) as server,
        aiohttp.ClientSession() as client,
    ):
        base = server.url()
        canary_id = (await held.create(CallRequest("canary")))["session"]
        await held.offer(canary_id, OFFER)
        canary_peer = peers.of(canary_id)
        canary_peer.play = lambda samples: canary.at.append(clock.now())  # type: ignore[method-assign]
        victim = (await held.create(CallRequest("victim")))["session"]
        await held.offer(victim, OFFER)
        inbox = Inbox(clock)
        inbox._allowed = lambda: True  # type: ignore[method-assign]  # every one is parsed; floods have a test
        peers.of(victim).messages = lambda: aiter(inbox)  # type: ignore[method-assign]
        singing = asyncio.create_task(_sing(canary_peer, clock))
        kinds: dict[str, Callable[[], Awaitable[str]]] = {
            "http": lambda: raw_http(rng, server.port, held),
            "json": lambda: json_body(rng, client, base, victim),
            "sdp": lambda: description(rng, offer),
            "messages": lambda: message(rng, held, victim, inbox),
            "strangers": lambda: stranger(rng, client, base, victim),
        }
        crashes = 0
        for kind, attack in kinds.items():
            counts: Counter[str] = Counter()
            first, began = len(canary.at), time.perf_counter()
            number = round(inputs * SHARES[kind])
            for _ in range(number):
                try:
                    counts[await attack()] += 1
                except Exception as error:
                    counts[f"raised {type(error).__name__}"] += 1
                    crashes += 1
            took = time.perf_counter() - began
            crashes += counts["500"]
            during = Canary()
            during.at = canary.at[first:]
            told = ", ".join(f"{name} {count}" for name, count in counts.most_common())
            rows.append(
                [kind, number, f"{1000 * took / max(1, number):.2f}", told, _ms(during, 0.5), _ms(during, 0.95)]
            )
        singing.cancel()
        alive = (await held.state(canary_id))["state"] == "open"
        others = [load.calls for load in await held.load()]
    await offerer.close()
    print(table(["input", "number", "ms each", "what came of it", "call late p50 ms", "p95 ms"], rows))
    print(
        f"failures of the server: {crashes}; the call beside it is {'open' if alive else 'GONE'}; calls held: {others}"
    )
    return 0 if alive and not crashes else 1


def _ms(canary: Canary, q: float) -> str:
    return f"{1000 * quantile(canary.lateness(), q):.1f}"


async def _sing(peer: Any, clock: SystemClock) -> None:
    began, number = clock.now(), 0
    while True:
        number += 1
        await clock.sleep_until(began + number * FRAME / SAMPLE_RATE)
        peer.speak(np.full(FRAME, 0.01, np.float32))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--inputs", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    logging.disable(logging.CRITICAL)
    return asyncio.run(fuzz(args.inputs, args.seed))


if __name__ == "__main__":
    sys.exit(main())
