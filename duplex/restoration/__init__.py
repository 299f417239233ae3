"""Restoration of recordings and of live sound: `restore` for files and folders, `Restorer` for blocks.

What both do to audio of other rates than the model's 16 kHz is said in `duplex.restoration.band`.
"""

from __future__ import annotations

from duplex.restoration.batch import Watcher, restore
from duplex.restoration.live import Restorer
from duplex.restoration.options import TASKS
from duplex.restoration.report import FileResult, Report

__all__ = ["TASKS", "FileResult", "Report", "Restorer", "Watcher", "restore"]
