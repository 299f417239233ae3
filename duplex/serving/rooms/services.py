"""What the rooms of a host share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from duplex.engines import Engines
from duplex.models.restoration.contract import TASK_HELP
from duplex.serving.disk import DiskThreads
from duplex.serving.hosts.retention import Recordings
from duplex.serving.hosts.shedding import Lateness
from duplex.serving.hosts.warm_up import RESTORATIONS
from duplex.serving.http.limits import Limits
from duplex.streaming.clock import Clock


@dataclass(frozen=True, slots=True)
class Services:
    """recordings: None if none are kept. restorations: tasks that can be had here; "" is none. counters: of the host,
    by name."""

    engines: Engines
    limits: Limits
    clock: Clock
    lateness: Lateness
    disk: DiskThreads
    recordings: Recordings | None = None
    restorations: tuple[str, ...] = RESTORATIONS
    counters: dict[str, float] = field(default_factory=dict)

    @property
    def offers(self) -> dict[str, Any]:
        """What every room offers."""
        tasks = self.restorations
        return {"restoration": list(tasks), "restoration_help": {task: TASK_HELP[task] for task in tasks if task}}
