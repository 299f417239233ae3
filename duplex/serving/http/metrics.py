"""Metrics in Prometheus' text format: what the front end counted, and what its host says of its load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from duplex.serving.hosts.contract import Load
from duplex.serving.hosts.shedding import STEPS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_COUNTERS = {
    "created": "calls created",
    "ended": "calls ended",
    "refused": "calls refused because the server is full",
    "offers": "offers answered",
    "failed_offers": "offers that could not be answered",
    "reconnected": "connections made anew within a call",
    "shed": "steps of load shedding taken",
    "interpreted": "translated sentences that the interpreter has spoken",
    "interpreting_left_out": "translated sentences that it has left out: too late, hopeless, or failed",
    "deaths": "workers that died",
    "moved": "calls given to another worker after theirs had died",
}

_LOOP = {
    "duplex_loop_stall_longest_seconds": ("longest lateness of the event loop", "longest"),
    "duplex_loop_lateness_p99_seconds": ("99th percentile of the event loop's lateness", "p99"),
}


class Metrics:
    """Each instance has a registry of its own, so that two servers in one process do not count together."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "duplex_requests", "HTTP requests by route and status", ("route", "status"), registry=self._registry
        )
        self.refused = Counter(
            "duplex_requests_refused", "requests refused before they did anything", ("why",), registry=self._registry
        )
        self.present = Gauge(
            "duplex_requests_present", "requests that are being answered, by route", ("route",), registry=self._registry
        )
        self.seconds = Histogram(
            "duplex_request_seconds",
            "time to answer a request",
            ("route",),
            registry=self._registry,
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0),
        )

    def render(self, loads: Sequence[Load]) -> str:
        registry = CollectorRegistry()
        registry.register(_Loads(loads))
        return generate_latest(self._registry).decode() + generate_latest(registry).decode()


class _Loads:
    """Collector of what the hosts say."""

    def __init__(self, loads: Sequence[Load]) -> None:
        self._loads = loads

    def collect(self) -> Iterable[Metric]:
        figures = {
            "duplex_calls": ("calls that are held", lambda load: load.calls),
            "duplex_calls_online": ("calls with a connection", lambda load: load.online),
            "duplex_rooms": ("rooms, those of one person included", lambda load: load.rooms),
            "duplex_calls_limit": ("calls that may be held", lambda load: load.capacity),
            "duplex_frame_lateness_p95_seconds": ("lateness of frames", lambda load: load.late_ms / 1000.0),
            "duplex_cpu_cores": ("share of a core that the process takes", lambda load: load.cpu),
            "duplex_draining": ("1 while no new calls are taken", lambda load: float(load.draining)),
        }
        for name, (help, value) in figures.items():
            gauge = GaugeMetricFamily(name, help, labels=("host",))
            for load in self._loads:
                gauge.add_metric((load.host,), value(load))
            yield gauge
        for name, (help, key) in _LOOP.items():
            gauge = GaugeMetricFamily(name, help, labels=("host",))
            for load in self._loads:
                if key in load.loop:
                    gauge.add_metric((load.host,), load.loop[key])
            yield gauge
        stalls = CounterMetricFamily(
            "duplex_loop_stalls", "times that the event loop was late by 20 ms or more", labels=("host",)
        )
        for load in self._loads:
            stalls.add_metric((load.host,), load.loop.get("stalls", 0.0))
        yield stalls
        wires = GaugeMetricFamily("duplex_calls_by_wire", "calls that are held, by wire", labels=("host", "wire"))
        for load in self._loads:
            for wire, count in load.wires.items():
                wires.add_metric((load.host, wire), count)
        yield wires
        shed = GaugeMetricFamily("duplex_shed", "1 for what is given up under load", labels=("host", "step"))
        for load in self._loads:
            for step in STEPS:
                shed.add_metric((load.host, step.name), float(step.name in load.shed))
        yield shed
        for name, help in _COUNTERS.items():
            counter = CounterMetricFamily(f"duplex_{name}", help, labels=("host",))
            for load in self._loads:
                if name in load.counters:
                    counter.add_metric((load.host,), load.counters[name])
            yield counter
        calls = CounterMetricFamily("duplex_steps", "model steps", labels=("host", "step"))
        spent = CounterMetricFamily("duplex_step_seconds", "time that model steps took", labels=("host", "step"))
        for load in self._loads:
            for step_name, (count, seconds) in load.steps.items():
                calls.add_metric((load.host, step_name), count)
                spent.add_metric((load.host, step_name), seconds)
        yield calls
        yield spent
