"""Timers, reminders and alarms: they speak up by themselves when due.

Nothing is held between turns; what an earlier turn left open ("For how long?") is found in the history.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.dates import parse_date
from duplex.models.interaction.skills.durations import parse_duration
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.patterns import Slots, template
from duplex.models.interaction.skills.pronouns import to_hearer
from duplex.models.interaction.skills.skill import Reply, Skill, cues, phrases
from duplex.models.interaction.skills.words import plain, sentences
from duplex.models.interaction.tools.builtin.timers import KINDS, kind_of

HOW_LONG = "For how long?"
WHEN = "When should I remind you?"
WHAT_TIME = "For what time?"
AT_WHAT_TIME = "At what time?"
MOST_UNCLEAR = 4
"""Words of a time that is none."""

_TOLD = {"timer": "timer", "alarm": "alarm", "reminder": "remind"}
"""By what of an answer one knows that it is about such a one."""
_OPEN_REMINDERS = (
    "remind me (to|that i have to|that i need to|about) {task}",
    "[set|make|create|add|give|need] [up] [me] [a|an] [new] reminder (to|for me to|for|about|that) {task}",
    "(do not|never) let me forget (to|about) {task}",
)

_DAY_REMINDERS = (
    "remind me [on] {moment} (to|that i have to|that i need to) {task}",
    "remind me (to|that i have to|that i need to) {task} [on] {moment}",
    "[on] {moment} remind me (to|that i have to|that i need to) {task}",
)
"""What is left open is the time of day, if the moment is a day."""


class Timers(Skill):
    title = "timers"
    offer = "set timers and reminders"
    own = True
    rules: ClassVar[Mapping[str, str]] = {
        "set": "(set|start|make|put|create|add|begin|run|do|schedule|set up|put in|give me|get me|need|want|have|get)",
        "a": "[me] [a|an|the|my|another|one] [new|another]",
        "task": "(to|that i have to|that i need to|that i should|i have to|i need to)",
        "timers": "(timer|timers|reminder|reminders|alarm|alarms)",
        "left": "[left|there left|remaining|still] [left|remaining|to go]",
    }

    @phrases(
        "<set> <a> timer [set|going] (for|to|of|at) {duration}",
        "[<set>] <a> {duration} (timer|countdown)",
        "[a|the|another] timer [set|going|started] [for|of] {duration}",
        "(set|start|get) [up] [a|the] [timer|countdown] [going|counting] (for|of|from) {duration}",
        "(start|begin) counting [down] [from|for] {duration}",
        "set (a|the|my) (time|time are) (for|of) {duration}",
        "[and] (one|another|another one|a second one|a second) for {duration}",
        "(count down|countdown|time|count) [from|for] {duration}",
        "(wake|call|alert|notify|buzz|ping) me [up] (in|after) {duration}",
        "(let me know|tell me|remind me|say something|speak up) (in|after|when) {duration} [from now]",
        "(let me know|tell me|say something) when {duration} (are|is|have|has) (over|passed|up)",
        "[set|start] [a|the] timer [to] go off in {duration}",
        "set [a|an|the] (alarm|reminder) (in|for) {duration} [from now]",
        "in {duration} (wake me up|wake me|let me know|tell me|remind me)",
        "remind me {duration} from now",
        "(put|give me) {duration} on (the|a|my) (clock|timer)",
        "time {duration} [for me|from now]",
        "(let me know|tell me|say something|call me) (when|after|once) {duration} (has|have) (gone by|gone|elapsed)",
    )
    def timer(self, slots: Slots, request: Request) -> Reply | None:
        words = slots.words("duration")
        if parse_number(words) is not None:
            # An alarm for seven is at a time of day; of a timer for seven the unit is missing.
            return None if "alarm" in slots.text.split() else Reply.say(HOW_LONG, finished=False)
        return _set_timer(parse_duration(words), "", request)

    @phrases(
        "<set> <a> {label} timer (for|to|of) {duration}",
        "<set> <a> timer (for|of) {duration} (for|named|called|labeled) [the|my] {label}",
        "<set> <a> timer (for|called|named) [the|my] {label} (for|of|at|to) {duration}",
        "<set> <a> {duration} timer (for|called|named) [the|my] {label}",
    )
    def named_timer(self, slots: Slots, request: Request) -> Reply | None:
        return _set_timer(parse_duration(slots.words("duration")), slots["label"], request)

    @phrases(
        "remind me [again] in {duration} <task> {task}",
        "remind me <task> {task} (in|after) {duration} [from now]",
        "in {duration} remind me <task> {task}",
        "remind me to {task} {duration} from now",
        "[<set>] <a> reminder (in|for) {duration} (to|for) {task}",
        "[<set>] <a> reminder (to|for me to|for) {task} in {duration}",
        "(do not|never) let me forget (to|that i have to|that i need to) {task} in {duration}",
        "(tell|call) me in {duration} to {task}",
    )
    def reminder(self, slots: Slots, request: Request) -> Reply | None:
        seconds = parse_duration(slots.words("duration"))
        return _remind(seconds, "to " + to_hearer(slots.quote("task")), request)

    @phrases(
        "remind me [in|in the] [at|on] {moment} (about|of|that) {subject}",
        "remind me (in|after) {moment} (about|of|that) {subject}",
        "remind me (about|of) {subject} (in|at|on) {moment}",
    )
    def reminder_about(self, slots: Slots, request: Request) -> Reply | None:
        subject, moment = "about " + to_hearer(slots.quote("subject")), slots.words("moment")
        return _remind(parse_duration(moment), subject, request) or _remind_at(moment, subject, request)

    @phrases(
        "remind me [at|on] {moment} <task> {task}",
        "remind me <task> {task} [at|on] {moment}",
        "[at|on] {moment} remind me <task> {task}",
        "[<set>] <a> reminder [for|at|on] {moment} (to|for) {task}",
        "[<set>] <a> reminder (to|for me to|for) {task} [at|on] {moment}",
        "(do not|never) let me forget (to|that i have to|that i need to) {task} [at|on] {moment}",
        "[at|on] {moment} (do not|never) let me forget to {task}",
    )
    def reminder_at(self, slots: Slots, request: Request) -> Reply | None:
        moment = slots.words("moment")
        if parse_date(moment, request.wall_time.date()) is not None:  # a day without a time of day
            return Reply.say(AT_WHAT_TIME, finished=False)
        return _remind_at(moment, "to " + to_hearer(slots.quote("task")), request)

    @phrases(
        "(<set>|turn on) <a> alarm [for me] [set] [for|at|on|to] [go off] [at] {moment}",
        "<set> <a> {moment} alarm",
        "[a|an|the|my|one|another] [new] alarm [set] (for|at|to go off at|to go off|to ring at) {moment}",
        "(wake|call|alert|ring) me [up] [at] {moment}",
        "(be woken|get|wake) [me] up [at] {moment}",
        "set [a|the] timer (for|at|to|until) {moment}",
        "(have to|need to|must|want to) (get up|be up|wake up|be awake) (at|by) {moment}",
        "(make sure|see to it) [that] i (am|get|wake) (up|awake) [up] (at|by) {moment}",
    )
    def alarm(self, slots: Slots, request: Request) -> Reply | None:
        return _alarm(slots.words("moment"), request)

    @phrases(
        "(<set>|use|schedule) [up] <a> (timer|alarm|countdown) [set|set up] [for] [me]",
        "[the|a|an|my] [new] (timer|alarm|countdown) [set]",
    )
    def timer_open(self, slots: Slots, request: Request) -> Reply | None:
        return Reply.say(HOW_LONG, finished=False)

    @phrases("<set> <a> timer (for|of) {duration}", "<set> <a> {duration} timer")
    def timer_unclear(self, slots: Slots, request: Request) -> Reply | None:
        return Reply.say(HOW_LONG, finished=False) if _is_short(slots.words("duration")) else None

    @phrases("<set> <a> alarm (for|at|to) {moment}", "wake me [up] (at|by) {moment}")
    def alarm_unclear(self, slots: Slots, request: Request) -> Reply | None:
        return Reply.say(WHAT_TIME, finished=False) if _is_short(slots.words("moment")) else None

    @phrases(
        *_OPEN_REMINDERS,
        "<set> <a> reminder [for me]",
        "[a|an] [new] reminder",
        "remind me [later|again|of something|of this later]",
    )
    def reminder_open(self, slots: Slots, request: Request) -> Reply | None:
        return Reply.say(WHEN, finished=False)

    @phrases("[for|in|after|make it|at|say|to] {span}")
    def span_alone(self, slots: Slots, request: Request) -> Reply | None:
        """Only as the answer to a question of this skill, the last thing that was said."""
        asked = request.history[-1] if request.history and request.history[-1].party == "assistant" else None
        if asked is None or not asked.text.rstrip().endswith((HOW_LONG, WHAT_TIME, WHEN, AT_WHAT_TIME)):
            return None
        words, seconds = slots.words("span"), parse_duration(slots.words("span"))
        if asked.text.rstrip().endswith(WHAT_TIME):
            return _alarm(words, request) or _set_timer(seconds, "", request)
        if asked.text.rstrip().endswith(HOW_LONG):
            return _set_timer(seconds, "", request) or _alarm(words, request)
        before = next((heard.text for heard in reversed(request.history) if heard.party == request.party), "")
        if asked.text.rstrip().endswith(AT_WHAT_TIME):
            open_days = _open_days(before, request)
            return next((_remind_at([*day, *words], task, request) for day, task in open_days), None)
        task = _open_task(before)
        return _remind(seconds, task, request) or _remind_at(words, task, request)

    @phrases(
        "(cancel|stop|delete|clear|remove|end|kill|forget|drop|abort|disable) {which}",
        "(get rid of|turn off|switch off|never mind|no more) {which}",
        "(turn|switch|shut) {which} off",
        "i do not need {which} [any more|anymore|any longer|no more]",
    )
    def cancel(self, slots: Slots, request: Request) -> Reply | None:
        which = slots.words("which")
        if not KINDS.intersection(which) or len(which) > 8:
            return None
        return self.call(request, "cancel_timers", which=" ".join(which))

    @phrases("(cancel|stop|delete|clear|remove|drop|undo|turn off) (it|that|this|that one|the last one) [again|please]")
    def cancel_that(self, slots: Slots, request: Request) -> Reply | None:
        """Only right after one was set or told of, and if it is clear which is meant."""
        last = request.history[-1].text if request.history and request.history[-1].party == "assistant" else ""
        kinds = {kind_of(timer) for timer in request.timers if _TOLD[kind_of(timer)] in last.lower()}
        meant = [timer for timer in request.timers if kind_of(timer) in kinds]
        return self.call(request, "cancel_timers", which=f"the {kinds.pop()}") if len(meant) == 1 else None

    @phrases(
        "how (much longer|long|much more time) (does|do|will|must) [the|my] {label} [still] (need|take|have) [to cook]",
        "(when|how soon) (is|are|will) [the|my] {label} [be] (done|ready|finished)",
    )
    def left_on(self, slots: Slots, request: Request) -> Reply | None:
        """Only of what a timer is named after."""
        named = set(slots.words("label"))
        known = any(named <= set(plain(timer.text).split()) for timer in request.timers)
        return self.call(request, "list_timers") if known else None

    @phrases(
        "how (much time|much longer|long|many minutes) [is|are|do i have] <left> (on|for|of|in) (the|my) <timers>",
        "how (much time|much longer|long|many minutes) (is|are|do i have) (left|there left|remaining|to go)",
        "how (much time|much longer|long) [is it] until (the|my) <timers> [is done|goes off]",
        "how (much time|much longer|long) [does] (the|my) <timers> (has|have) [left]",
        "(when|how soon) (is|does|will) (the|my|the next) <timers> [be] [done|over|up|due|go off|ready|end|ring]",
        "(what|which) <timers> [are|do|did] [i] [running|set|have|pending|there|active]",
        "[what are|list|tell me|read|show|show me|check|read me] [all] (my|the) <timers>",
        "(is|are) [there] [the|my|any|a] <timers> [still] [running|set|on|active]",
        "do i have [any|a] <timers> [set|running]",
        "[the|my] timer status",
        "how is (the|my) timer [doing]",
        "(is|are) (the|my) <timers> (on|still on|still running|still set|running|set)",
    )
    @cues("reminders|reminder|timers|alarms what|list|read|check|which|go|hear|everything|all my|the|list|have")
    def left(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "list_timers")


def _is_short(words: Sequence[str]) -> bool:
    """Whether they may be a time that was misheard, and nothing more."""
    return len(words) <= MOST_UNCLEAR and "and" not in words


def _set_timer(seconds: Fraction | None, label: str, request: Request) -> Reply | None:
    return None if seconds is None else Timers.call(request, "set_timer", seconds=float(seconds), label=label)


def _remind(seconds: Fraction | None, task: str, request: Request) -> Reply | None:
    return None if seconds is None else Timers.call(request, "set_reminder", task=task, seconds=float(seconds))


def _remind_at(words: Sequence[str], task: str, request: Request) -> Reply | None:
    return Timers.call(request, "set_reminder", task=task, at=" ".join(words))


def _alarm(words: Sequence[str], request: Request) -> Reply | None:
    return Timers.call(request, "set_alarm", at=" ".join(words))


def _open_days(text: str, request: Request) -> Iterator[tuple[list[str], str]]:
    """The day and the task of a reminder for a day without a time."""
    for sentence in sentences(text):
        for lead in range(len(sentence)):
            for wording in _DAY_REMINDERS:
                for slots in template(wording).matches(sentence[lead:], text):
                    if parse_date(slots.words("moment"), request.wall_time.date()) is not None:
                        yield slots.words("moment"), "to " + to_hearer(slots.quote("task"))


def _open_task(text: str) -> str:
    """What a reminder without a time was for; empty if the text is no such request."""
    for sentence in sentences(text):
        for lead in range(len(sentence)):
            for wording in _OPEN_REMINDERS:
                for slots in template(wording).matches(sentence[lead:], text):
                    return "to " + to_hearer(slots.quote("task"))
    return ""
