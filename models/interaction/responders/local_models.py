"""Which runtime a local language model needs: a GGUF file, a folder, a name of the store, or a Hugging Face id."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from duplex.models.interaction.adapter.lora import is_adapter
from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT
from duplex.models.interaction.speech_lm import hears, open_speech_model
from duplex.streaming.errors import ModelError

if TYPE_CHECKING:
    from duplex.models.interaction.contract import Answerer
    from duplex.models.interaction.tools.toolbox import Toolbox
    from duplex.streaming.pool import InferencePool

_MAGIC = b"GGUF"


def open_local_model(
    model: str,
    *,
    device: str = "cpu",
    system_prompt: str = SYSTEM_PROMPT,
    max_new_tokens: int = 256,
    context_tokens: int = 4096,
    temperature: float = 0.0,
    pool: InferencePool | None = None,
    toolbox: Toolbox | None = None,
    thinking: bool = False,
) -> Answerer:
    """Loads the model (seconds). A GGUF file runs in llama.cpp where that is installed, else in `transformers`; there
    also if it is to think while it listens (`thinking`).

    Raises ModelError if the model cannot be had, is none, or needs a package that is not installed.
    """
    place = locate(model)
    if isinstance(place, Path) and place.is_file():
        from duplex.models.interaction.responders.gguf_lm import GGUFModel, runs_gguf

        if runs_gguf() and not thinking:
            return GGUFModel(
                place,
                system_prompt=system_prompt,
                max_new_tokens=max_new_tokens,
                context_tokens=context_tokens,
                temperature=temperature,
                pool=pool,
                toolbox=toolbox,
            )
        _check_unpacking(place)
    elif hears(place):
        if thinking:
            raise ModelError(f"{model}: takes speech and not words, so it cannot think while it listens: thinking=off")
        return open_speech_model(
            str(place),
            device=device,
            system_prompt=system_prompt,
            max_new_tokens=max_new_tokens,
            context_tokens=context_tokens,
            temperature=temperature,
        )
    from duplex.models.interaction.responders.local_lm import LocalLM
    from duplex.models.interaction.responders.thinking_lm import ThinkingLM

    return (ThinkingLM if thinking else LocalLM)(
        str(place),
        device=device,
        system_prompt=system_prompt,
        max_new_tokens=max_new_tokens,
        context_tokens=context_tokens,
        temperature=temperature,
        pool=pool,
        toolbox=toolbox,
    )


def locate(model: str) -> Path | str:
    """The GGUF file or the folder that `model` names, or `model` itself as an id on the Hugging Face hub.

    The folder is that of a model, or of an adapter on one. One without config.json that holds a GGUF file stands for
    that file; a name of the model store is pulled if it is not there. Raises ModelError for a file that is no GGUF and
    a folder that holds no model.
    """
    path = Path(model).expanduser()
    try:
        if path.is_file():
            return _gguf(path)
        if path.is_dir():
            return _in_folder(path)
    except OSError as error:
        raise ModelError(f"{model}: cannot be read: {error.strerror or error}") from error
    if path.suffix.lower() == ".gguf":
        raise ModelError(f"{model}: no such file")
    if "/" not in model:
        from duplex.models.store import catalog, fetch, lookup

        if model in catalog():
            lookup(model, "interaction")  # before it is pulled
            return _in_folder(fetch(model))
    return model


def _gguf(path: Path) -> Path:
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            raise ModelError(f"{path}: not a GGUF file; give a .gguf file, a model's folder, or a Hugging Face id")
    return path


def _in_folder(folder: Path) -> Path:
    if (folder / "config.json").exists() or is_adapter(folder):
        return folder
    files = sorted(path for path in folder.glob("*.gguf") if path.is_file())
    first = [path for path in files if "-of-" not in path.name or "-00001-of-" in path.name]
    if not first:
        raise ModelError(f"{folder}: holds no language model: neither config.json nor a .gguf file is in it")
    if len(first) > 1:
        names = ", ".join(path.name for path in first[:4])
        raise ModelError(f"{folder}: holds several GGUF files ({names}); name one of them")
    return _gguf(first[0])


def _check_unpacking(path: Path) -> None:
    """Raises ModelError unless `transformers` can unpack a GGUF file here."""
    try:
        import accelerate  # noqa: F401
        import gguf  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as error:
        raise ModelError(
            f"{path}: a GGUF file needs llama.cpp: pip install 'duplex[gguf]' (or, slower, the packages transformers, "
            "gguf and accelerate)"
        ) from error
