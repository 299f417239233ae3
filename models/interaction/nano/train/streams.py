"""Sessions out of scenes: a minute of a life with an assistant, the same for the same seed."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from duplex.models.interaction.decider.contract import Action
from duplex.models.interaction.nano.train import scenes
from duplex.models.interaction.nano.train.scenes import Over, Scene
from duplex.models.interaction.nano.train.speech import Manner, Speaker, Spoken
from duplex.models.interaction.nano.train.texts import Texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.world import Answer, Block, Outcome, World
from duplex.models.turn_taking.end_of_turn import end_of_turn_score

ALARMING = {
    "baby crying": ("I hear a baby crying.", "It sounds like a baby is crying."),
    "fire": ("I hear something like a fire. Please have a look.", "That sounds like fire. Please check."),
    "alarm": ("I hear an alarm.", "There is an alarm going off. Please check."),
    "glass": ("That sounded like breaking glass.", "I heard glass break. Is everything all right?"),
    "bang": ("I heard a loud bang. Is everything all right?", "That was a loud bang. Are you okay?"),
}
"""Sounds that somebody is told of unasked, and how."""
HARMLESS = (
    "dog", "rain", "waves", "clock ticking", "sneeze", "helicopter", "chainsaw", "rooster", "bird", "animal", "insects",
    "water", "wind", "thunder", "engine", "tool", "bell", "ringtone", "door", "knock", "footsteps", "keyboard", "music",
)  # fmt: skip
BACKCHANNELS = (
    "yeah", "okay", "right", "mhm", "uh huh", "i see", "sure", "got it", "oh", "oh okay", "wow", "really", "great",
    "yes", "good", "that makes sense", "of course", "ah okay", "interesting", "yeah yeah", "cool", "all right",
)  # fmt: skip
STOPS = (
    "stop", "wait", "stop please", "hold on", "no no", "okay stop", "be quiet", "enough", "hang on", "never mind",
    "wait a second", "stop it", "that's enough", "no stop", "pause", "quiet please",
)  # fmt: skip
CALLED = ("duplex", "hey duplex", "okay duplex", "computer", "assistant", "hey computer")
TO_OTHERS = (
    "{name} {remark}",
    "hey {name} {remark}",
    "{remark} {name}",
    "{name} {name} {remark}",
    "oh {name} {remark}",
)
TIMERS = (
    "Your timer is over.", "Your {n} minute timer is over.", "The timer for the {thing} is over.",
    "It is time to {task}.",
    "This is your reminder to {task}.", "Good morning. It is {n} o'clock.", "{n} minutes are over.",
)  # fmt: skip
THINGS = ("pizza", "pasta", "eggs", "tea", "laundry", "cake", "bread", "rice", "coffee", "oven")
TASKS = (
    "call your mother",
    "take your pills",
    "leave",
    "water the plants",
    "feed the dog",
    "send the email",
    "pay the rent",
)
RESULTS = (
    ("weather", "It is {n} degrees and sunny."), ("search", "I found {n} places nearby."),
    ("lights", "The lights are on."), ("send message", "The message is sent."),
    ("calendar", "You have {n} meetings today."), ("music", "Now playing jazz."),
)  # fmt: skip
FAILURES = ("the server does not answer", "it took too long", "there is no network", "the device is off")
LATE, RASH = 0.2, 0.01
"""Shares of blocks in which the wavering teacher misses what is right, and does what is not."""
OVER_REPLY = ("barge-in",) * 3 + ("stop",) * 2 + ("backchannel",) * 2 + ("noise", "side speech")
LONG_REPLY = 9
"""Words of a reply that somebody may speak over."""


@dataclass(frozen=True)
class Mixture:
    """How often things happen. dialogues: share of sessions with a task dialogue instead of requests. orders: share of
    requests that are for a skill. over: of long replies that are spoken over. aside, event: of the times between turns
    with side speech, or a sound, a timer or a tool's result. suspends: of sessions where speech holds a reply at once.
    echo: levels to draw from. longest: blocks of a stream.
    """

    dialogues: float = 0.6
    orders: float = 0.55
    over: float = 0.75
    aside: float = 0.22
    event: float = 0.3
    suspends: float = 0.4
    echo: tuple[float, ...] = (0.0, 0.0, 0.1, 1.0)
    longest: int = 150


@dataclass
class Stream:
    """blocks: in time; outcomes: filled when it is run to its end."""

    seed: str
    blocks: list[Block] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)


Policy = Callable[[World, Action], Action]
"""What decides, out of the world's percepts and situation and what is right."""


def teacher(world: World, best: Action) -> Action:
    """Does what is right."""
    return best


def wavering(world: World, best: Action) -> Action:
    """Mostly does what is right, so that what comes after a mistake is seen in training as well."""
    chance = world.rng.random()
    if best != "silent":
        return "silent" if chance < LATE else best
    if chance < RASH:
        return "yield" if world.situation.speaking else "respond"
    return best


class Simulation:
    """Streams of a split in a manner."""

    def __init__(
        self, texts: Texts, manner: Manner, understanding: Understanding, mixture: Mixture | None = None
    ) -> None:
        self.texts, self.manner, self.understanding = texts, manner, understanding
        self.mixture = mixture or Mixture()

    def stream(self, seed: str, policy: Policy = teacher) -> Stream:
        """The stream of a seed, decided by `policy`."""
        session = self._session(seed)
        made = Stream(seed)
        for scene in session.scenes():
            made.blocks += _played(session.world, scene, policy)
            if len(made.blocks) >= self.mixture.longest:
                break
        made.outcomes = session.world.outcomes
        return made

    def lasting(self, seed: str, policy: Policy) -> Iterator[World]:
        """A session without end, of the same people: yields its world after each scene. Blocks are not kept."""
        session = self._session(seed)
        while True:
            for scene in session.scenes():
                deque(_played(session.world, scene, policy), maxlen=0)
                yield session.world

    def _session(self, seed: str) -> _Session:
        return _Session(self, random.Random(f"{self.texts.split} {seed}"))


def _played(world: World, scene: Scene, policy: Policy) -> Iterator[Block]:
    """The blocks of a scene, decided by `policy`."""
    action: Action | None = None
    while True:
        try:
            best, answer = next(scene) if action is None else scene.send(action)
        except StopIteration:
            return
        action = policy(world, best)
        yield Block(world.percepts, world.situation, best, action, answer)


class _Session:
    """One session: its people, its world, and what they do."""

    def __init__(self, simulation: Simulation, rng: random.Random) -> None:
        self.simulation, self.rng, self.texts = simulation, rng, simulation.texts
        self.mixture, self.manner = simulation.mixture, simulation.manner
        echo = rng.choice(self.mixture.echo)
        self.world = World(rng, echo, rng.random() < self.mixture.suspends)
        self.user = Speaker(self.texts, self.manner, rng)
        self.other = Speaker(self.texts, self.manner, rng)

    def scenes(self) -> Iterator[Scene]:
        """Turns of one kind, with other things between them."""
        rng = self.rng
        yield scenes.quiet(self.world, rng.uniform(0.4, 3.0))
        if rng.random() < 0.35:
            yield from self._between()
        turns = self._dialogue() if rng.random() < self.mixture.dialogues else self._requests()
        for text, answer in turns:
            yield self._turn(text, answer)
            if rng.random() < 0.12:
                yield self._unfinished()
            yield from self._between()

    def _dialogue(self) -> Iterator[tuple[str, Answer]]:
        dialogue = self.rng.choice(self.texts.dialogues)
        first = 0 if self.rng.random() < 0.6 else self.rng.randrange(len(dialogue))
        for exchange in dialogue[first : first + self.rng.randint(2, 5)]:
            yield exchange.user, Answer(exchange.reply, teach=exchange.teach)

    def _requests(self) -> Iterator[tuple[str, Answer]]:
        for _ in range(self.rng.randint(1, 5)):
            text = self._request()
            answer = self.simulation.understanding.answer(text)
            if answer is not None:
                yield text, answer

    def _request(self) -> str:
        return self.rng.choice(self.texts.orders if self.rng.random() < self.mixture.orders else self.texts.requests)

    def _turn(self, text: str, answer: Answer) -> Scene:
        rng = self.rng
        if rng.random() < 0.12:
            text = f"{rng.choice(CALLED)} {text}"
        gap = rng.choice(self.texts.gaps)
        spoken = self.user.say(text, pausing=True)
        over = self._over() if len(answer.text.split()) >= LONG_REPLY and rng.random() < self.mixture.over else []
        return scenes.turn(self.world, spoken, answer, after=min(max(gap, 0.0), 4.0), over=over)

    def _unfinished(self) -> Scene:
        """The beginning of a request, of which no more comes."""
        words = self._request().split()
        cut = " ".join(words[: max(1, len(words) // 2)])
        if end_of_turn_score(cut) > 0.3:
            return scenes.quiet(self.world, 0.8)
        spoken = self.user.say(cut, clear=True)
        return scenes.turn(self.world, spoken, Answer("Yes? Please go on."), after=0.8, finished=False)

    def _over(self) -> list[Over]:
        rng, offset = self.rng, self.rng.uniform(0.3, 2.2)
        kind = rng.choice(OVER_REPLY)
        if kind == "barge-in":
            text = self._request()
            answer = self.simulation.understanding.answer(text)
            if answer is not None:
                lead = rng.choice(("", "", "", "wait ", "no ", "actually ", "okay but ", "sorry ", "and "))
                return [Over(kind, self.user.say(lead + text), offset, answer)]
            kind = "stop"
        if kind == "stop":
            return [Over(kind, self.user.say(rng.choice(STOPS), clear=True), offset)]
        if kind == "backchannel":
            more = [Over(kind, self._backchannel(), rng.uniform(4.0, 6.0))] if rng.random() < 0.3 else []
            return [Over(kind, self._backchannel(), offset), *more]
        if kind == "noise":
            return [Over(kind, self.user.noise(), offset)]
        return [Over(kind, self._to_other() if rng.random() < 0.5 else self._from_other(), offset)]

    def _backchannel(self) -> Spoken:
        return self.user.say(self.rng.choice(BACKCHANNELS), clear=True)

    def _to_other(self) -> Spoken:
        """The user to somebody, by name."""
        name, remark = self.rng.choice(self.manner.names), self.rng.choice(self.texts.remarks)
        return self.user.say(self.rng.choice(TO_OTHERS).format(name=name, remark=remark))

    def _from_other(self) -> Spoken:
        return self.other.say(self.rng.choice(self.texts.remarks), side=True, speaker="2")

    def _between(self) -> Iterator[Scene]:
        """What happens between turns."""
        rng = self.rng
        chance = rng.random()
        if chance < self.mixture.aside:
            yield from self._aside()
        elif chance < self.mixture.aside + self.mixture.event:
            yield self._event()
        elif chance > 0.85:
            yield scenes.quiet(self.world, rng.uniform(2.0, 12.0))

    def _aside(self) -> Iterator[Scene]:
        rng = self.rng
        kind = rng.choice(("people", "people", "people", "backchannel", "noise"))
        if kind == "noise":
            yield scenes.aside(self.world, [(rng.uniform(0.3, 2.0), self.user.noise())], "noise")
            return
        if kind == "backchannel":
            if not self.world.asked:
                yield scenes.aside(self.world, [(rng.uniform(0.2, 1.0), self._backchannel())], "backchannel")
            return
        lines = [(rng.uniform(0.5, 2.0), self._to_other() if rng.random() < 0.6 else self._from_other())]
        for _ in range(rng.randint(0, 3)):
            answering = lines[-1][1].side
            line = self.user.say(rng.choice(self.texts.remarks)) if answering else self._from_other()
            lines.append((min(max(rng.choice(self.texts.gaps), 0.0), 0.75), line))
        yield scenes.aside(self.world, lines)
        if rng.random() < 0.6:
            text = self._request()
            if answer := self.simulation.understanding.answer(text):
                called = self.user.say(f"{rng.choice(CALLED)} {text}")
                yield scenes.turn(self.world, called, answer, after=rng.uniform(0.4, 2.0))
        else:
            yield scenes.quiet(self.world, rng.uniform(3.0, 6.0))

    def _event(self) -> Scene:
        rng = self.rng
        chance, count = rng.random(), rng.randint(2, 40)
        if chance < 0.25:
            text = rng.choice(TIMERS).format(n=count, thing=rng.choice(THINGS), task=rng.choice(TASKS))
            return scenes.timer(self.world, text)
        if chance < 0.4:
            tool, text = rng.choice(RESULTS)
            failed = rng.random() < 0.3
            return scenes.tool_result(
                self.world, tool, rng.choice(FAILURES) if failed else text.format(n=count), failed
            )
        if chance < 0.65:
            label = rng.choice(tuple(ALARMING))
            scores = [rng.uniform(0.55, 0.98) for _ in range(rng.randint(1, 4))]
            return scenes.sound(self.world, label, scores, Answer(rng.choice(ALARMING[label])))
        if chance < 0.75:
            return scenes.sound(self.world, rng.choice(tuple(ALARMING)), [rng.uniform(0.2, 0.48)], None)
        scores = [rng.uniform(0.3, 0.98) for _ in range(rng.randint(1, 4))]
        return scenes.sound(self.world, rng.choice(HARMLESS), scores, None)
