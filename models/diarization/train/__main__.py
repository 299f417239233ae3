"""`python -m duplex.models.diarization.train`: trains the network."""

from __future__ import annotations

from duplex.models.diarization.train.loop import main

main()
