"""Gates on a language model of `transformers`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from duplex.models.interaction.causal_model import load_causal
from duplex.models.interaction.decider.contract import Gate
from duplex.models.interaction.decider.control_token import ControlTokenGate, control_tokens
from duplex.models.interaction.decider.held_reply import HeldReplyGate
from duplex.models.interaction.decider.hidden_state import HiddenStateGate, load_heads
from duplex.models.interaction.decider.model_stream import ModelStream
from duplex.models.interaction.responders.local_models import locate
from duplex.streaming.errors import ModelError, SettingsError, first_line
from duplex.streaming.lm.causal_lm import CausalLM

GATES = ("token", "head", "held_reply")
DESCRIPTION = "decider.json"
"""In the folder of the model, or of an adapter on one: {"prompt": text, "tokens": {action: token}, "threshold": 0 to 1,
"adapter": folder of one to merge, from this folder}; each may be left out."""


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
    """(tokenizer, model, description)"""
    place = locate(name)
    told: dict[str, Any] = {}
    adapter: Path | None = None
    if isinstance(place, Path) and (file := place / DESCRIPTION).is_file():
        try:
            told = dict(json.loads(file.read_text("utf-8")))
            adapter = place / told["adapter"] if "adapter" in told else None
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{file} is not a decider's description: {first_line(error)}") from error
    return *load_causal(str(place), adapter=adapter), told
