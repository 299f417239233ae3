"""Factories of stages by name, for processes that must find them again."""

from __future__ import annotations

import importlib

from duplex.models.restoration.contract import StageFactory
from duplex.streaming.errors import SettingsError


def name_of(factory: StageFactory) -> str:
    """A factory as "module:name", for a process that must find it again. Raises SettingsError if it has none."""
    name = f"{factory.__module__}:{factory.__qualname__}"
    try:
        found = named(name)
    except (ImportError, AttributeError):
        found = None
    if found is not factory or factory.__module__ == "__main__":
        raise SettingsError(f"stage_factory: worker processes must be able to import it, and {name} they cannot")
    return name


def named(name: str) -> StageFactory:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)
