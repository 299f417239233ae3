"""A tiny Llama of random weights with a byte-level tokenizer on disk, and simulated sessions of a little world."""

from __future__ import annotations

from tests.models.interaction.nano.conftest import data, simulation, texts  # noqa: F401  (fixtures)
from tests.models.interaction.responders.test_local_lm import folder  # noqa: F401  (fixture)
