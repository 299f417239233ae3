"""Prints the built-in tools as chat models are told of them: python -m duplex.models.interaction.tools."""

from __future__ import annotations

import json

from duplex.models.interaction.tools.builtin import BUILTIN

if __name__ == "__main__":
    print(json.dumps([tool.schema for tool in BUILTIN.values()], indent=2, ensure_ascii=False))
