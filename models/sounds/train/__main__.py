"""`python -m duplex.models.sounds.train`: trains the tagger."""

from __future__ import annotations

from duplex.models.sounds.train.loop import main

main()
