"""Timers, alarms and reminders. The session keeps them: a `Control` asks for one, the request has those pending."""

from __future__ import annotations

from datetime import datetime

from duplex.models.interaction.contract import Control, Request
from duplex.models.interaction.skills.dates import evening_of, parse_moment, say_day, say_time
from duplex.models.interaction.skills.durations import say_duration, say_exactly, say_length
from duplex.models.interaction.skills.numbers import counted, exact
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError
from duplex.models.turn_taking.word_lists import word_set
from duplex.streaming.system_zone import seconds_between

LONGEST = 30 * 86400
"""Seconds ahead."""

KINDS = word_set("timer timers reminder reminders alarm alarms")
_ALL = word_set("all every everything any both timers")
_GENERIC = word_set("a an the my this that all any both every of those these for to about")


def _say_timer(facts: Facts) -> str:
    if "limit" in facts:
        return "I can set timers from one second to thirty days."
    label = facts["label"]
    return f"{f'{label.capitalize()} timer' if label else 'Timer'} set for {facts['length']}."


@builtin(say=_say_timer)
def set_timer(context: Context, seconds: float, label: str = "") -> Facts:
    """Start a timer, which speaks up by itself when the time is over.

    seconds: how long
    label: what it is for, such as pasta
    """
    if not 1 <= seconds <= LONGEST:
        return {"limit": LONGEST}
    spoken = say_exactly(exact(seconds))
    length = say_length(exact(seconds))
    name = f"{label} timer" if label else f"{length} timer" if length else f"timer for {spoken}"
    at = context.request.now + seconds
    context.controls.append(Control("timer", text=f"Your {name} is done.", at=at))
    return {"label": label, "length": spoken}


@builtin(say=lambda facts: f"Alarm set for {facts['time']}{facts['day']}.")
def set_alarm(context: Context, at: str) -> Facts:
    """Set an alarm for a time of day.

    at: as people say it: "7:30 am", "half past six", "tomorrow at six"
    """
    moment = _moment(at, context.request)
    facts = _said_moment(moment, context.request)
    said = f"It is {facts['time']}. This is your alarm."
    context.controls.append(Control("timer", text=said, at=_when(moment, context.request)))
    return facts


def _say_reminder(facts: Facts) -> str:
    if "limit" in facts:
        return "I can remind you from one second to thirty days ahead."
    when = f"in {facts['length']}" if "length" in facts else f"at {facts['time']}{facts['day']}"
    said = f"I will remind you {when} {facts['task']}".rstrip()
    return f"{said}."


@builtin(say=_say_reminder)
def set_reminder(context: Context, task: str = "", seconds: float | None = None, at: str = "") -> Facts:
    """Remind the user of something, after a span of time or at a time of day; one of the two is needed.

    task: what of, as said to the user: "to call your mother", "about the meeting"
    seconds: how long from now
    at: the time of day as people say it: "5 pm", "tomorrow at noon"
    """
    request = context.request
    if seconds is None and not at:
        raise ToolError("When should I remind you?")
    if seconds is not None and not 1 <= seconds <= LONGEST:
        return {"limit": LONGEST}
    if seconds is not None:
        due, facts = request.now + seconds, {"length": say_exactly(exact(seconds))}
    else:
        moment = _moment(at, request)
        due, facts = _when(moment, request), _said_moment(moment, request)
    said = f"Reminder: {task.removeprefix('to ').removeprefix('about ')}." if task else "This is your reminder."
    context.controls.append(Control("timer", text=said, at=due))
    return {**facts, "task": task}


def _say_cancelled(facts: Facts) -> str:
    kind, gone = facts["kind"], facts["gone"]
    if facts["nothing"]:
        return "No timer is running."
    if not gone:
        return f"There is no such {kind}. {_say_pending(facts)}"
    return f"The {kind} is cancelled." if gone == 1 else f"All {counted(gone)} {kind}s are cancelled."


@builtin(say=_say_cancelled, destructive=True, ask="Shall I cancel {which}?")
def cancel_timers(context: Context, which: str = "all timers") -> Facts:
    """Cancel timers, alarms or reminders.

    which: "the timer", "all alarms", or by name: "the pasta timer"
    """
    request, words = context.request, plain(which).split()
    kind = next((word for word in words if word in KINDS), "timer").removesuffix("s")
    labels = {word for word in words if word not in _GENERIC | KINDS}
    kinds = {word.removesuffix("s") for word in words if word in KINDS} or {"timer"}
    # "Cancel all timers" means all that is pending; "cancel the alarm" no timer.
    anything = not labels and kinds == {"timer"} and bool(_ALL.intersection(words))
    meant = [
        timer
        for timer in request.timers
        if anything or (kind_of(timer) in kinds and not labels) or (labels and labels <= set(plain(timer.text).split()))
    ]
    if request.timers and not meant:
        return {"kind": kind, "gone": 0, "nothing": False, **_pending(request)}
    kept = [timer for timer in request.timers if timer not in meant]
    context.controls += [Control("cancel_timers"), *kept]
    return {"kind": kind, "gone": len(request.timers) - len(kept), "nothing": not request.timers}


def _say_pending(facts: Facts) -> str:
    if not facts["pending"]:
        return "No timer is running."
    said = []
    for timer in facts["pending"]:
        task, left = timer["what"].rstrip("."), timer["left"]
        if task.startswith("Reminder: "):
            said.append(f"{left} until the reminder: {task.removeprefix('Reminder: ')}")
        elif task.startswith("Your ") and task.endswith(" is done"):
            said.append(f"{left} left on the {task[5:-8]}")
        else:
            said.append(f"{left} until the alarm" if "alarm" in task else f"{left} until the reminder")
    text = ". ".join(part[0].upper() + part[1:] for part in said)
    return text + (f". And {counted(facts['more'])} more." if facts["more"] else ".")


@builtin(say=_say_pending)
def list_timers(context: Context) -> Facts:
    """Tell which timers, alarms and reminders are pending, and how much time is left."""
    return _pending(context.request)


def kind_of(timer: Control) -> str:
    """timer, alarm or reminder, by what it will say."""
    if timer.text.endswith("This is your alarm."):
        return "alarm"
    return "reminder" if timer.text.startswith("Reminder: ") or "your reminder" in timer.text else "timer"


def _pending(request: Request) -> Facts:
    told = [
        {"what": timer.text, "left": say_duration(max(1.0, timer.at - request.now), parts=3)}
        for timer in request.timers[:3]
    ]
    return {"pending": told, "more": len(request.timers) - len(told)}


def _moment(at: str, request: Request) -> datetime:
    moment = parse_moment(plain(at).split(), request.wall_time)
    if moment is None:
        raise ToolError(f"I do not know when {at} is.")
    return moment


def _said_moment(moment: datetime, request: Request) -> Facts:
    day = say_day(evening_of(moment), request.wall_time.date())
    return {"time": say_time(moment), "day": "" if day == "today" else f" {day}"}


def _when(moment: datetime, request: Request) -> float:
    """Seconds on the session's clock."""
    return request.now + seconds_between(request.wall_time, moment)
