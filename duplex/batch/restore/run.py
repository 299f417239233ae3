"""Files and folders restored: what the command does, as a function."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from duplex.batch.restore.plan import Item, Plan, find_reference, plan, sweep
from duplex.batch.restore.processes import run_here, run_in_processes
from duplex.batch.restore.report import REPORT, FileResult, Journal, Report
from duplex.batch.restore.restore_file import Progress, measure_again, place
from duplex.models.restoration.contract import RestoreOptions, StageFactory, load_stage, settled
from duplex.streaming.errors import DuplexError, InputError, OutputError, SettingsError

PathLike = str | os.PathLike[str]


class Watcher:
    """Hears of a run as it goes, on the caller's thread; each method may be overridden."""

    def planned(self, items: Sequence[Item]) -> None:
        """What is about to be restored, without what an earlier run has done."""

    def progress(self, item: Item, progress: Progress) -> None:
        """About once for every second of sound."""

    def finished(self, result: FileResult) -> None:
        """A file was restored, skipped, or failed."""


def restore(
    inputs: PathLike | Sequence[PathLike],
    out: PathLike,
    *,
    task: str = "auto",
    steps: int | None = None,
    mix: float = 1.0,
    device: str = "cpu",
    weights: PathLike | None = None,
    seed: int = 0,
    engine: str = "auto",
    sample_rate: int | None = None,
    jobs: int | None = None,
    cluster: str | bool | None = None,
    overwrite: bool = False,
    reference: PathLike | None = None,
    spectrogram: bool = False,
    loudness: str = "keep",
    report: PathLike | None = None,
    watcher: Watcher | None = None,
    stage_factory: StageFactory = load_stage,
) -> Report:
    """Restores recordings and folders of them, each result in its source's format and exact length.

    Args:
        inputs: files and folders; folders with all that is in them.
        out: the folder for the results, which mirrors the inputs'; for a single file also a file name.
        task: "auto", "enhance", "dereverb", "codec", "bandwidth", "phase" or "vocode".
        steps: of the solver; None for what the model does best.
        engine: "lite", "tuned", "wpe" and "griffin-lim" are included, "gtcrn", "dtln" and "deepfilternet" pulled;
            "published" takes your weights; "auto" is what measured best for the task.
        mix: 1 is all restored, 0 the input; aligned to the sample.
        sample_rate: of the results, in Hz; None keeps each source's.
        jobs: worker processes, each with one thread; None for one a CPU, at most one a file.
        cluster: the address of a Ray cluster; True for RAY_ADDRESS or a new one on this machine.
        overwrite: restore everything again, and replace files that are in the way. Otherwise what an earlier run did of
            the same source with the same settings is skipped, so that an interrupted run is resumed.
        reference: a folder (or file) of clean recordings to score against.
        spectrogram: also draw before and after, as PNG beside the result.
        loudness: "keep" gives each result its source's integrated loudness; "free" leaves what the model makes of it.
        report: where to write the report as JSON; None for OUT/restore-report.json, if OUT is a folder.

    Returns:
        The report: a sequence of FileResult in the order of the inputs; `.failed` those that could not be restored,
        while all others were.

    Raises:
        InputError, OutputError, SettingsError, ModelError, EndpointError: nothing can be restored at all.
        KeyboardInterrupt: passed on, after the report of what had been done by then.
    """
    began = time.monotonic()
    chosen = os.fspath(weights) if weights else None
    options = RestoreOptions(task, steps, mix, device, chosen, seed, sample_rate, engine)
    options.check()
    if jobs is not None and jobs < 1:
        raise SettingsError(f"jobs: {jobs} is not at least 1")
    if loudness not in ("keep", "free"):
        raise SettingsError(f"loudness: must be keep or free, not {loudness!r}")
    if reference is not None and not Path(reference).exists():
        raise InputError(f"{os.fspath(reference)}: there is no such reference")
    if stage_factory is load_stage:
        options = settled(options)  # here, so that all processes do the same and the report says what
    watcher = watcher or Watcher()
    planned = plan([inputs] if isinstance(inputs, str | os.PathLike) else list(inputs), out)
    results = {name: FileResult(name, "", name, "failed", error=f"{name}: {why}") for name, why in planned.failures}
    path = Path(report) if report is not None else None if planned.single else planned.root / REPORT
    settings = asdict(options) | {
        "loudness": loudness,
        "jobs": jobs,
        "cluster": cluster,
        "reference": str(reference) if reference else None,
    }
    if path is not None and not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder for the report")
    complete = False
    try:
        with Journal(
            None if planned.single else planned.root, options.fingerprint() | {"loudness": loudness}
        ) as journal:
            if not planned.single:
                sweep(planned.root)
            for failed in results.values():
                watcher.finished(failed)
            todo: list[Item] = []
            for each in _with_reference(planned, reference, spectrogram):
                item = replace(each, loudness=loudness)
                earlier = None if overwrite else journal.done(item.source, item.relative)
                if earlier is None:
                    todo.append(replace(item, overwrite=overwrite, own=journal.own(item.source, item.relative)))
                else:
                    results[item.source] = _skipped(item, earlier, journal)
                    watcher.finished(results[item.source])
            watcher.planned(todo)
            with closing(_events(todo, options, stage_factory, jobs, cluster)) as events:
                for item, event in events:
                    if isinstance(event, Progress):
                        watcher.progress(item, event)
                        continue
                    results[item.source] = _settled(item, event, journal)
                    watcher.finished(event)
            complete = True
    finally:
        order = [name for name, _ in planned.failures] + [item.source for item in planned.items]
        done = Report(
            [results[name] for name in dict.fromkeys(order) if name in results],
            settings=settings,
            elapsed=time.monotonic() - began,
            complete=complete,
        )
        if path is not None and (complete or done.files):
            done.write(path)
    return done


def _with_reference(planned: Plan, reference: PathLike | None, spectrogram: bool) -> Iterator[Item]:
    for item in planned.items:
        clean = find_reference(reference, item.relative) if reference is not None else None
        yield replace(item, reference=clean, wants_reference=reference is not None, spectrogram=spectrogram)


def _skipped(item: Item, earlier: FileResult, journal: Journal) -> FileResult:
    """The earlier result, with the figures or the picture that it lacked and that are wanted now."""
    result = replace(earlier, source=item.source, status="skipped")
    scored = (earlier.reference or {}).get("reference")
    drawn = earlier.spectrogram is not None and Path(earlier.spectrogram).exists()
    if (item.reference is None or scored == item.reference) and (drawn or not item.spectrogram):
        return result
    again = replace(item, target=earlier.target, own=earlier.target, measure_only=True)
    try:
        measure_again(again, result)
        journal.add(replace(result, status="restored"), result.target)
    except DuplexError as error:
        result.notes.append(str(error))
    return result


def _settled(item: Item, result: FileResult, journal: Journal) -> FileResult:
    """A finished file, noted and under its final name: in this order, so that a crash between the two does no harm."""
    if result.status == "restored":
        try:
            journal.add(result, item.part)
            place(item, result)
        except DuplexError as error:
            result.status, result.error = "failed", str(error)
    return result


def _events(
    items: list[Item], options: RestoreOptions, factory: StageFactory, jobs: int | None, cluster: str | bool | None
) -> Iterator[tuple[Item, Any]]:
    if not items:
        return
    if cluster:
        from duplex.batch.restore.cluster import run_on_cluster

        yield from run_on_cluster(items, options, factory, None if cluster is True else cluster, jobs)
        return
    jobs = min(len(items), jobs or _cpus())
    yield from run_here(items, options, factory) if jobs == 1 else run_in_processes(items, options, factory, jobs)


def _cpus() -> int:
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
