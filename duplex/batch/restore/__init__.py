"""Restoration of recordings and of live sound: `restore` for files and folders, `Restorer` for blocks.

What both do to audio of other rates than the model's 16 kHz is said in `duplex.models.restoration.band`.
"""

from __future__ import annotations

from duplex.batch.restore.report import FileResult, Report
from duplex.batch.restore.run import Watcher, restore
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.restorer import Restorer

__all__ = ["TASKS", "FileResult", "Report", "Restorer", "Watcher", "restore"]
