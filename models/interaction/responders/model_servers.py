"""Model servers that run on this machine: Ollama, llama.cpp, LM Studio, vLLM, found by asking their usual ports."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

ANSWERS_WITHIN = 1.0
"""Seconds that a server has to list its models; all are asked at once."""

MOST_BYTES = 1_000_000
"""Of a list of models; what is longer is none."""

_NO_CHAT = re.compile(
    r"embed|rerank|(?:^|[^a-z])(?:bge|gte|e5|minilm|jina|whisper|clip|siglip|tts|kokoro|bark|stable-diffusion|sdxl|flux|"
    r"moderation|guard|ocr)(?:[^a-z]|$)|all-mpnet|dall-e|-base$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ModelServer:
    """A server that listed its models. url: ends in /v1. model: its first chat model, "" if it has none."""

    kind: str
    url: str
    models: tuple[str, ...]
    model: str


def first_chat_model(names: Sequence[str]) -> str:
    """The first of `names` that does not look like a model for something else (embeddings, speech, …); "" if none."""
    return next((name for name in names if not _NO_CHAT.search(name)), "")


def usual_places(environ: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """(kind, address ending in /v1) of where each kind of server listens, in the order of preference.

    OLLAMA_HOST moves Ollama, in every form that Ollama itself accepts.
    """
    host = (os.environ if environ is None else environ).get("OLLAMA_HOST", "").strip().strip("\"'")
    return [
        ("Ollama", _ollama(host)),
        ("llama.cpp", "http://127.0.0.1:8080/v1"),
        ("LM Studio", "http://127.0.0.1:1234/v1"),
        ("vLLM", "http://127.0.0.1:8000/v1"),
    ]


def running_model_servers(
    places: Sequence[tuple[str, str]] | None = None, timeout: float = ANSWERS_WITHIN
) -> list[ModelServer]:
    """Those of `places` (usual_places if None) that list models, in that order. Blocking, about `timeout` seconds."""
    places = usual_places() if places is None else places
    if not places:
        return []
    with ThreadPoolExecutor(len(places)) as pool:
        lists = list(pool.map(lambda place: _models(place[1], timeout), places))
    return [
        ModelServer(kind, url, tuple(models), first_chat_model(models))
        for (kind, url), models in zip(places, lists, strict=True)
        if models is not None
    ]


def find_model_server(
    places: Sequence[tuple[str, str]] | None = None, timeout: float = ANSWERS_WITHIN
) -> ModelServer | None:
    """The first running server that has a chat model; None if none has. Blocking, as running_model_servers."""
    return next((server for server in running_model_servers(places, timeout) if server.model), None)


def _models(url: str, timeout: float) -> list[str] | None:
    """What the server at `url` offers; None if nothing there speaks OpenAI's protocol."""
    import httpx

    deadline = time.monotonic() + timeout
    try:
        # A proxy from the environment is no way to a server on this machine.
        with (
            httpx.Client(timeout=timeout, trust_env=False) as client,
            client.stream("GET", f"{url}/models") as response,
        ):
            if response.status_code != 200:
                return None
            content = b""
            for piece in response.iter_bytes():
                content += piece
                if len(content) > MOST_BYTES or time.monotonic() > deadline:
                    return None
        entries = json.loads(content)["data"] or []
        return [str(entry["id"]) for entry in entries]
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError, RecursionError):
        return None


def _ollama(host: str) -> str:
    address = host if "://" in host else f"http://{host}"
    try:
        parts = urlsplit(address)
        name, port = parts.hostname or "127.0.0.1", parts.port
    except ValueError:
        return _ollama("")
    if name in ("0.0.0.0", "::"):  # where it listens, not where it is reached
        name = "127.0.0.1"
    default = {"http": 80, "https": 443}.get(parts.scheme, 11434) if "://" in host else 11434
    name = f"[{name}]" if ":" in name else name
    scheme = parts.scheme if parts.scheme in ("http", "https") else "http"
    return f"{scheme}://{name}:{port or default}{parts.path.rstrip('/')}/v1"
