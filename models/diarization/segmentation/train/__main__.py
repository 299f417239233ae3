"""`python -m duplex.models.diarization.segmentation.train`: trains the network further."""

from __future__ import annotations

from duplex.models.diarization.segmentation.train.loop import main

main()
