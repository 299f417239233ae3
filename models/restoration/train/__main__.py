"""`python -m duplex.models.restoration.train`: trains the network."""

from __future__ import annotations

from duplex.models.restoration.train.lite_training import main

main()
