"""Gates on a language model of `transformers`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from duplex.models.interaction.decider.contract import Gate
from duplex.models.interaction.decider.control_token import ControlTokenGate, control_tokens
from duplex.models.interaction.decider.held_reply import HeldReplyGate
from duplex.models.interaction.decider.hidden_state import HiddenStateGate, load_heads
from duplex.models.interaction.decider.model_stream import ModelStream
from duplex.models.store import catalog, fetch
from duplex.models.transformers_library import check_transformers, loading, on_device, place_of
from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.lm.causal_lm import CausalLM

GATES = ("token", "head", "held_reply")
SPELLING = "decider.json"
"""In the model's folder: {"prompt": text, "tokens": {action: token}, "threshold": 0 to 1}; each may be left out."""


def load_gates(name: str, heads: str = "", gates: str = "") -> list[Gate[Any]]:
    """The gates that `gates` names, over one set of weights. Raises ModelError, SettingsError."""
    wanted = [each.strip() for each in gates.split(",") if each.strip()] or ["head" if heads else "token"]
    if unknown := [each for each in wanted if each not in GATES]:
        raise SettingsError(f"there is no decider's gate {unknown[0]!r}; choose from {', '.join(GATES)}")
    if "head" in wanted and not heads:
        raise SettingsError("the decider's gate head needs decider_heads, a file of heads for its model")
    tokenizer, model, told = _load(name)

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
        return ids

    made: list[Gate[Any]] = []
    for each in wanted:
        stream = ModelStream(CausalLM(model, keep_hidden=each == "head"), encode, str(told.get("prompt", "")))
        if each == "token":
            tokens = control_tokens(name, tokenizer, told.get("tokens"))
            made.append(ControlTokenGate(stream, tokens, float(told.get("threshold", 0.5))))
        elif each == "head":
            made.append(HiddenStateGate(stream, load_heads(heads, model.config.get_text_config().hidden_size)))
        else:
            made.append(HeldReplyGate(stream))
    return made


def _load(name: str) -> tuple[Any, Any, dict[str, Any]]:
    check_transformers()
    from transformers import AutoModelForCausalLM, AutoTokenizer

    place = fetch(name) if name in catalog() else place_of(name, "causal language model", "org/name")
    told: dict[str, Any] = {}
    file = Path(place) / SPELLING
    if isinstance(place, Path) and file.exists():
        try:
            told = dict(json.loads(file.read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{file} is not a decider's description: {error}") from error
    with loading(name, place, "causal language model"):
        tokenizer = AutoTokenizer.from_pretrained(str(place))
        model = AutoModelForCausalLM.from_pretrained(str(place))
    return tokenizer, on_device(model, name, "cpu"), told
