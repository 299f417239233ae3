"""A conversation in the terminal: what is said and decided as it happens, and what came of it at the end."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from duplex import events as ev
from duplex.batch.run import Pace, run
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE

COLOURS = ("cyan", "yellow", "magenta", "blue")

_LONGEST_WAIT = 30 * SAMPLE_RATE
"""Samples after which a line waits no longer for speech that began before it."""

DECISIONS = {
    "turn_limit": "the turn is long enough: answering",
    "withdraw": "the user goes on: the reply is withdrawn",
    "suspend": "a sound: the reply is held",
    "barge_in": "interrupted",
    "go_on": "the user had not finished: the turn goes on",
    "backchannel": "a backchannel: the reply goes on",
    "false_interruption": "only a noise: the reply goes on",
    "announce": "something is due",
}


class LiveView:
    """Prints what is settled line by line and keeps what is not (partials, the reply being spoken) below."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lines: list[tuple[int, int, str]] = []
        self._open: dict[str, int] = {}
        self._count = 0
        self._partials: dict[str, str] = {}
        self._reply = ""
        self._state = "listening"
        self._colours: dict[str, str] = {}
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[at]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task = self.progress.add_task("hearing", total=None, at="")
        self._live: Live | None = None

    def __enter__(self) -> LiveView:
        self._live = Live(self, console=self._console, refresh_per_second=12, transient=True)
        return self

    def __exit__(self, *error: Any) -> None:
        self.finish()
        if self._live is not None:
            self._live.stop()

    def _begin(self) -> None:
        """Not before something happens: until then engines are loaded, and a model that is pulled shows a bar."""
        if self._live is not None and not self._live.is_started:
            self._live.start()

    def __rich__(self) -> Group:
        lines = [
            Text.assemble((f"{party} ", self._colour(party)), (text, "dim italic"))
            for party, text in self._partials.items()
            if text
        ]
        if self._reply:
            lines.append(Text.assemble(("assistant ", "green"), (self._reply, "dim")))
        return Group(*lines, Text(self._state, style="bold"), self.progress)

    def on_progress(self, seconds: float, duration: float | None) -> None:
        self._begin()
        self.progress.update(self._task, completed=seconds, total=duration, at=_clock(seconds))

    def on_level(self, seconds: float, level_db: float) -> None:
        """The bar as a level meter, from -60 dBFS up."""
        self._begin()
        self.progress.update(self._task, completed=min(max(level_db + 60.0, 0.0), 60.0), total=60.0, at=_clock(seconds))

    def on_event(self, event: ev.Event) -> None:
        """Lines come in the order of time: what began while somebody still speaks waits until that is over."""
        self._begin()
        self._follow(event)
        self._show(event)
        for party, start in list(self._open.items()):
            if event.end - start > _LONGEST_WAIT:
                del self._open[party]
        self._print(min(self._open.values(), default=event.end + 1))

    def finish(self) -> None:
        """Prints what still waits."""
        self._print(None)

    def _follow(self, event: ev.Event) -> None:
        """Who is speaking, and since when."""
        match event:
            case ev.SpeechStarted(party=party):
                self._open.setdefault(party, event.start)
            case ev.Turn(party=party, typed=False):
                self._open.pop(party, None)
            case ev.ReplyStarted():
                self._open.setdefault("assistant", event.start)
            case ev.Reply():
                self._open.pop("assistant", None)

    def _print(self, until: int | None) -> None:
        self._lines.sort()
        while self._lines and (until is None or self._lines[0][0] < until):
            self._console.print(self._lines.pop(0)[2], highlight=False)

    def _show(self, event: ev.Event) -> None:
        match event:
            case ev.Partial(party=party, text=text):
                self._partials[party] = text
            case ev.SpeechStarted(party=party):
                self._state = f"hearing {party}"
            case ev.Turn(party=party, text=text, typed=True):
                self._line(event.start, party, self._colour(party), f"{escape(text)}[dim]  (typed)[/]")
            case ev.Turn(party=party, text=text, kind=kind):
                self._partials.pop(party, None)
                note = "  (backchannel)" if kind == "backchannel" else ""
                self._line(event.start, party, self._colour(party), escape(text) + f"[dim]{note}[/]")
            case ev.Translation(language=language, final=True, hopeless=hopeless) if event.text:
                text = f"[{event.source}]" if hopeless else event.text
                self._line(event.start, language, "dim", f"[dim]{escape(text)}[/]")
            case ev.Decision(kind=kind) if kind in DECISIONS:
                self._line(event.end, "", "dim", f"[dim]· {DECISIONS[kind]}[/]")
            case ev.Decision(kind="endpoint" | "typed"):
                self._state = "thinking"
            case ev.ReplyStarted():
                self._state, self._reply = "speaking", ""
            case ev.SpokenWord(text=text):
                self._reply = f"{self._reply} {text}".strip()
            case ev.Reply(text=text, interrupted=interrupted):
                self._state, self._reply = "listening", ""
                cut = " [red]— interrupted[/]" if interrupted else ""
                self._line(event.start, "assistant", "green", escape(text or "…") + cut)
            case ev.ToolCalled(tool=tool, arguments=arguments):
                given = ", ".join(f"{name}={value!r}" for name, value in arguments.items() if value not in ("", None))
                self._line(event.start, "", "dim", f"[dim]· {escape(f'{tool}({given})'[:100])}[/]")
            case ev.ToolReturned(tool=tool, text=text, failed=True):
                self._line(event.end, "", "dim", f"[dim]· {escape(f'{tool} failed: {text}'[:140])}[/]")
            case ev.ToolReturned(tool=tool, late=True):
                self._line(event.end, "", "dim", f"[dim]· {escape(tool)} ended after its answer was given up[/]")
            case ev.Remembered(kept=kept, used=used, forgotten=forgotten):
                for done, notes in (("noted", kept), ("remembered", used), ("forgotten", forgotten)):
                    for note in notes:
                        self._line(event.start, "", "dim", f"[dim]· {done}: {escape(note[:100])}[/]")
            case ev.CapabilityLost(capability=capability, reason=reason):
                self._line(event.start, "", "red", f"[red]{capability} lost: {escape(reason)}[/]")
            case ev.CapabilityRestored(capability=capability):
                self._line(event.start, "", "green", f"[green]{capability} is back[/]")

    def _colour(self, party: str) -> str:
        return self._colours.setdefault(party, COLOURS[len(self._colours) % len(COLOURS)])

    def _line(self, sample: int, who: str, colour: str, text: str) -> None:
        line = f"[dim]{_clock(sample / SAMPLE_RATE)}[/] [{colour}]{who:>9}[/] {text}"
        self._count += 1
        self._lines.append((sample, self._count, line))


def show(
    recording: Path, out: Path, settings: Settings, *, pace: Pace, quiet: bool, channels: str | int = "auto"
) -> None:
    """Run a recording with a live view, and say at the end what there is to see and hear."""
    console = Console(quiet=quiet, soft_wrap=True)
    view = LiveView(console)
    with view if console.is_terminal and not quiet else nullcontext():
        outcome = run(
            recording,
            out,
            settings,
            pace=pace,
            channels=channels,
            on_event=view.on_event,
            on_progress=view.on_progress,
        )
    view.finish()
    for note in outcome.notes:
        console.print(f"[yellow]note[/] {escape(note)}")
    console.print()
    console.print(_figures(outcome.summary))
    console.print(f"\nLook at and listen to, in [bold]{escape(str(outcome.folder))}[/]:")
    for path in outcome.files:
        if path.name in FILES:
            console.print(f"  {path.name:<16} [dim]{FILES[path.name]}[/]", highlight=False)


FILES = {
    "timeline.png": "who spoke when, what was decided, what was heard",
    "mix.wav": "the whole conversation",
    "assistant.wav": "the assistant alone, on the recording's clock",
    "transcript.txt": "what was said and heard (also .srt, .vtt)",
    "turns.rttm": "who spoke when",
    "summary.json": "every turn with its delays",
    "events.jsonl": "everything that happened",
}


def _figures(summary: dict[str, Any]) -> Table:
    """Delays of every turn and interruption, in milliseconds of the session's clock."""
    table = Table(title="delays (ms)", title_justify="left", box=None, pad_edge=False)
    for column, justify in (("", "left"), ("p50", "right"), ("p95", "right"), ("max", "right"), ("n", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    rows = [(LATENCIES[part], spread) for part, spread in summary["latency_ms"].items()]
    rows += [(INTERRUPTIONS[part], spread) for part, spread in summary["interruption_ms"].items()]
    for label, spread in rows:
        if spread["count"]:
            table.add_row(label, *(f"{spread[key]:.0f}" for key in ("p50", "p95", "max")), str(spread["count"]))
    return table


LATENCIES = {
    "decision": "end of speech → decision",
    "first_token": "decision → first token",
    "first_audible": "first token → first audible sample",
    "total": "end of speech → first audible sample",
}
INTERRUPTIONS = {
    "decision": "onset of an interruption → decision",
    "silence": "decision → last audible sample",
    "total": "onset of an interruption → last audible sample",
}


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60):02d}:{seconds % 60:05.2f}"
