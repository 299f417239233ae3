"""Text models of turn taking: whether a turn is over, is a backchannel, or asks for the floor."""

from __future__ import annotations

from importlib import import_module

from duplex.models.turn_taking.contract import TurnTakingModels
from duplex.models.turn_taking.prosody import Slopes, ending_slopes
from duplex.streaming.errors import ModelError

__all__ = ["MODELS", "Slopes", "TurnTakingModels", "ending_slopes", "load_turn_taking"]

MODELS = {
    "words": "duplex.models.turn_taking.by_words:by_words",
    "silence": "duplex.models.turn_taking.by_silence:by_silence",
}
"""Name of each set of models, and the module and function that makes it.

"words": by the words of the turn, in English. "silence": no opinion about words, so that pauses alone decide.
"""


def load_turn_taking(language: str = "en", name: str = "auto") -> TurnTakingModels:
    """The models of turn taking for a language.

    name: one of MODELS, or "auto": the first that knows the language; "silence" knows every language. Raises
    ModelError for an unknown name or a language that the named models do not know.
    """
    if name != "auto" and name not in MODELS:
        raise ModelError(f"there are no turn-taking models {name!r}; choose one of auto, {', '.join(MODELS)}")
    for candidate in MODELS if name == "auto" else (name,):
        module, factory = MODELS[candidate].split(":")
        models: TurnTakingModels = getattr(import_module(module), factory)()
        if models.languages is None or language.partition("-")[0].lower() in models.languages:
            return models
    raise ModelError(f'the turn-taking models {name!r} do not know the language {language!r}; use "auto"')
