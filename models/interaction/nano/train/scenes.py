"""What happens in a simulated session, scene by scene: turns, talk over a reply, side speech, sounds, timers.

A scene is a generator. It yields what is right in the block that the world has just come to, with the answer that a
response would give, and is sent what was decided. A wrong decision is noted and has no consequence but that: the user
goes on as if nothing had been said, so that every gate meets the same occasions.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from duplex.models.interaction.decider.contract import BLOCK, Action
from duplex.models.interaction.nano.train.speech import Spoken
from duplex.models.interaction.nano.train.world import Answer, World
from duplex.models.interaction.percepts import Sound, TimerDue, ToolResult
from duplex.models.turn_taking.backchannel import is_backchannel
from duplex.models.turn_taking.interruption import asks_for_floor

Scene = Generator[tuple[Action, Answer | None], Action, None]

PATIENCE = 0.3
"""Seconds of silence after a turn before the teacher answers."""
UNFINISHED = 2.0
"""The same after a turn that was never finished."""
GIVEN_UP = 4.0
"""Seconds after the end of a turn in which it can be answered."""
SETTLED = 1.2
"""Seconds after speech over a reply, or beside the user's turn, in which a decision still is about it."""


@dataclass(frozen=True, slots=True)
class Over:
    """Speech over a reply. kind: "barge-in", "stop", or what leaves the floor. offset: seconds after it became audible.

    answer: to a barge-in.
    """

    kind: str
    spoken: Spoken
    offset: float
    answer: Answer | None = None

    @property
    def takes(self) -> bool:
        return self.kind in ("barge-in", "stop")


def quiet(world: World, seconds: float) -> Scene:
    """Nothing happens."""
    until, acted = world.now + seconds, False
    while world.now < until:
        world.advance()
        acted |= (yield "silent", None) != "silent"
    world.note("quiet", "silent", acted)


def turn(
    world: World,
    spoken: Spoken,
    answer: Answer,
    *,
    after: float = 0.0,
    finished: bool = True,
    over: Sequence[Over] = (),
) -> Scene:
    """The user says something and is answered. finished: False if the words stay incomplete: the teacher waits longer.

    over: what is said over the reply.
    """
    world.say(spoken, after)
    yield from _until_answered(world, spoken, answer, PATIENCE if finished else UNFINISHED)
    yield from reply(world, answer, over)


def _until_answered(world: World, spoken: Spoken, answer: Answer, patience: float) -> Scene:
    early: float | None = None
    broken: set[int] = set()
    least = patience - PATIENCE
    responded = talked_over = False
    while not responded and world.now < spoken.end + GIVEN_UP:
        world.advance()
        since = world.now - spoken.end
        pause = _pause(spoken, world.now)
        due = since >= patience and world.known(spoken)
        action = yield (
            "backchannel" if _wants_backchannel(spoken, world.now) else "respond" if due else "silent",
            answer,
        )
        if action != "respond":
            continue
        responded = since >= least
        if not responded:
            early = since if early is None else early
            talked_over |= since < 0 and pause is None
            broken |= set() if pause is None else {pause}
    for place, (start, end) in enumerate(spoken.breaks):
        if end - start >= BLOCK:
            world.note("pause", "silent", place in broken)
    world.note("speech", "silent", talked_over)
    delay = early if early is not None else world.now - spoken.end if responded else None
    world.note("turn" if least <= 0 else "unfinished turn", "respond", responded, delay)


def _pause(spoken: Spoken, now: float) -> int | None:
    return next((place for place, (start, end) in enumerate(spoken.breaks) if start < now <= end), None)


STORY = 12
"""Words after which a pause in a turn is one in a story."""


def _wants_backchannel(spoken: Spoken, now: float) -> bool:
    """In the second block of a long pause within a story."""
    place = _pause(spoken, now)
    if place is None or sum(word.end <= now for word in spoken.words) < STORY:
        return False
    start, end = spoken.breaks[place]
    return end - start >= 2 * BLOCK and BLOCK <= now - start < 2 * BLOCK


def reply(world: World, answer: Answer, over: Sequence[Over] = ()) -> Scene:
    """The reply is made and heard, with what is said over it."""
    current = world.answer(answer.text)
    waiting = list(over)
    acted = False
    while world.reply is current:
        if waiting and world.now >= current.audible + waiting[0].offset and current.end - world.now > 1.0:
            yield from over_reply(world, waiting.pop(0))
            continue
        world.advance()
        acted |= (yield "silent", None) == "yield"
    world.note("echo" if world.echo else "reply", "silent", acted)


def over_reply(world: World, over: Over) -> Scene:
    """Somebody speaks over the reply, which the world may hold until it is clear what for."""
    spoken, current = world.say(over.spoken), world.reply
    yielded: float | None = None
    resumed = False
    while world.reply is current and world.now < spoken.end + (2.0 if over.takes or current.held else SETTLED):
        if world.suspends and world.voice() and not resumed and world.now >= spoken.start + 0.16:
            world.hold(True)
        world.advance()
        if over.takes:
            best: Action = "yield" if _clear(spoken, world.now) else "silent"
        else:
            best = "resume" if current.held and world.now > spoken.end + 0.2 and world.known(spoken) else "silent"
        action = yield best, None
        if action == "yield" and yielded is None:
            yielded = world.now - spoken.start
            if over.takes:
                world.stop()
        elif action == "resume" and current.held and not over.takes:
            resumed = True
            world.note("held", "resume", True, world.now - spoken.end)
            world.hold(False)
    if over.takes:
        world.note("barge-in", "yield", yielded is not None, yielded)
        world.stop()
    else:
        world.note(f"{over.kind} over reply", "silent", yielded is not None)
        if current.held:
            world.note("held", "resume", False)
            world.hold(False)
        return
    if over.answer is not None:
        yield from _until_answered(world, spoken, over.answer, PATIENCE)
        yield from reply(world, over.answer)
    else:
        yield from quiet(world, max(0.0, spoken.end - world.now) + SETTLED)


def _clear(spoken: Spoken, now: float) -> bool:
    """Whether the words known so far take the floor."""
    words = [word.text for word in spoken.words if word.text and word.end + spoken.delay <= now]
    text = " ".join(words)
    return asks_for_floor(text) or (len(words) >= 2 and not is_backchannel(text))


def aside(world: World, lines: Sequence[tuple[float, Spoken]], kind: str = "side speech") -> Scene:
    """What is not for the assistant: people talk to each other, somebody coughs. lines: (seconds before, line)."""
    for after, spoken in lines:
        world.say(spoken, after)
        acted = False
        while world.now < spoken.end + 2 * BLOCK:
            world.advance()
            acted |= (yield "silent", None) == "respond"
        world.note(kind, "silent", acted)


def sound(world: World, label: str, scores: Sequence[float], warning: Answer | None) -> Scene:
    """A sound, told every second block. warning: what is said about it once, None if it is not worth that."""
    start = world.now + world.rng.uniform(0.1, 0.8)
    for place, score in enumerate(scores):
        at = start + 2 * BLOCK * place
        world.happen(Sound(at, at - 0.4, at, label, score))
    until = start + 2 * BLOCK * len(scores) + 2 * BLOCK
    yield from _event(world, start, until, warning, "sound" if warning else "harmless sound")


def timer(world: World, text: str) -> Scene:
    """A timer is due while nobody speaks."""
    at = world.now + world.rng.uniform(0.05, 0.35)
    world.happen(TimerDue(at, at, at, text))
    yield from _event(world, at, at + GIVEN_UP, Answer(text), "timer")


def tool_result(world: World, tool: str, text: str, failed: bool) -> Scene:
    """A slow tool has ended."""
    at = world.now + world.rng.uniform(0.05, 0.35)
    world.happen(ToolResult(at, at, at, tool, text, failed))
    told = Answer(f"That did not work: {text}." if failed else text)
    yield from _event(world, at, at + GIVEN_UP, told, "tool result")


def _event(world: World, start: float, until: float, said: Answer | None, kind: str) -> Scene:
    """Something that is to be answered at once, or not at all."""
    while world.now < until:
        world.advance()
        wanted = said is not None and world.now >= start
        action = yield "respond" if wanted else "silent", said
        if action == "respond":
            world.note(kind, "respond" if said else "silent", True, world.now - start)
            if said is not None:
                yield from reply(world, said)
            return
    world.note(kind, "respond" if said else "silent", False)
