"""The built-in skills as an answerer: what runs with no model, no network and no key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from duplex.models.interaction.contract import CallBegun, CallEnded, Control, Request, Say
from duplex.models.interaction.skills.about_itself import AboutItself
from duplex.models.interaction.skills.arithmetic import Arithmetic
from duplex.models.interaction.skills.beyond import beyond
from duplex.models.interaction.skills.chance import Chance
from duplex.models.interaction.skills.common_knowledge import CommonKnowledge
from duplex.models.interaction.skills.conversation import Controls
from duplex.models.interaction.skills.courtesies import Courtesies
from duplex.models.interaction.skills.help import Help
from duplex.models.interaction.skills.lists import Lists
from duplex.models.interaction.skills.memory import Memory
from duplex.models.interaction.skills.skill import Skill
from duplex.models.interaction.skills.small_talk import SmallTalk
from duplex.models.interaction.skills.speaking_time import SpeakingTime
from duplex.models.interaction.skills.time_and_date import TimeAndDate
from duplex.models.interaction.skills.timers import Timers
from duplex.models.interaction.skills.transcript import Recall
from duplex.models.interaction.skills.unclear import doubt
from duplex.models.interaction.skills.understanding import Part, understand
from duplex.models.interaction.skills.units import Units
from duplex.models.interaction.tools.running import as_text, next_call
from duplex.models.turn_taking.backchannel import is_backchannel

if TYPE_CHECKING:
    from duplex.models.interaction.tools.toolbox import Toolbox

CONNECTING = "With a language model I could: start me with --llm auto."


class Skills:
    """Answers by the first skill that understands; several requests in one turn are all answered.

    skills: instead of the built-in ones, in their order of preference. connecting: said once when a turn is beyond
    them: how to connect a larger model. toolbox: tools that no rule calls.
    Deterministic: the same request gives the same answer.
    """

    name = "skills"

    def __init__(
        self,
        skills: Sequence[Skill] | None = None,
        *,
        connecting: str = CONNECTING,
        toolbox: Toolbox | None = None,
    ) -> None:
        self.toolbox = toolbox
        chosen = list(builtin_skills() if skills is None else skills)
        offers = [skill.offer for skill in chosen if skill.offer]
        self.connecting = connecting
        self.skills: tuple[Skill, ...] = (*chosen, Help(offers or ["listen"]))

    def understand(self, request: Request) -> list[Part]:
        """The parts of the turn and who takes each."""
        return understand(request, self.skills)

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        parts = await request.run("understand", self.understand, request)
        taken = [part for part in parts if part.reply]
        if not taken and parts and is_backchannel(request.text):
            if request.typed:  # who writes waits for an answer
                yield Say("All right.")
            return
        if question := doubt(request, parts):
            yield Say(question)
            return
        tell_calls(taken, request)
        for item in joined(taken):
            yield item
        if not taken and parts:
            yield Say(beyond(request, self.connecting))

    async def close(self) -> None:
        pass


def builtin_skills(name: str = "Duplex") -> list[Skill]:
    """name: what the assistant is called."""
    return [
        TimeAndDate(),
        Timers(),
        Arithmetic(),
        Units(),
        Lists(),
        Memory(),
        Recall(),
        SpeakingTime(),
        Chance(),
        Controls(),
        Courtesies(name),
        AboutItself(),
        CommonKnowledge(),
        SmallTalk(),
    ]


def tell_calls(parts: Sequence[Part], request: Request) -> None:
    """Reports the built-in tools that the parts' replies come from."""
    for call in (part.reply.call for part in parts if part.reply):
        if call is not None and request.report is not None:
            begun = CallBegun(next_call(), call.tool, call.arguments)
            request.report(begun)
            request.report(CallEnded(begun.call, call.tool, as_text(call.facts)))


def joined(parts: Sequence[Part]) -> list[Say | Control]:
    """The replies of several parts as one answer. "Stop" with a request after it only cleared the floor for that."""
    items = [item for part in parts for item in (part.reply.items if part.reply else ())]
    if any(isinstance(item, Say) for item in items):
        items = [item for item in items if not (isinstance(item, Control) and item.action == "stop")]
    said = 0
    for place, item in enumerate(items):
        if isinstance(item, Say):
            items[place] = Say(f" {item.text}") if said else item
            said += 1
    return items
