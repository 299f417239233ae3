"""The built-in skills as an answerer: what runs with no model, no network and no key."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

from duplex.models.interaction.contract import SILENCE, STILL_THERE, CallBegun, CallEnded, Control, Request, Say
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
from duplex.models.interaction.skills.unclear import DOUBTFUL, doubt
from duplex.models.interaction.skills.understanding import Part, understand
from duplex.models.interaction.skills.units import Units
from duplex.models.interaction.tools.running import as_text, next_call
from duplex.models.turn_taking.backchannel import is_backchannel

if TYPE_CHECKING:
    from duplex.models.interaction.tools.by_rule.caller import RuleCaller
    from duplex.models.interaction.tools.by_rule.matching import Wanted
    from duplex.models.interaction.tools.toolbox import Toolbox

CONNECTING = "With a language model I could: start me with --llm auto."


class Skills:
    """Answers by the first skill that understands; several requests in one turn are all answered.

    skills: instead of the built-in ones, in their order of preference. connecting: said once when a turn is beyond
    them: how to connect a larger model. toolbox: tools that have no skill; they are called by their names and schemas.
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
        self._caller: RuleCaller | None = None
        """Made for the first request for which there are tools."""
        self._making = threading.Lock()
        chosen = list(builtin_skills() if skills is None else skills)
        offers = [skill.offer for skill in chosen if skill.offer]
        self.connecting = connecting
        self.skills: tuple[Skill, ...] = (*chosen, Help(offers or ["listen"]))

    def understand(self, request: Request) -> list[Part]:
        """The parts of the turn and who takes each."""
        return understand(request, self.skills)

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        toolbox = self.toolbox if self._caller is None else self._caller.toolbox
        if toolbox is not None and (outcome := await toolbox.answered(request)) is not None:
            for item in outcome.items():
                yield item
            return
        if request.must_call:
            async with aclosing(self._rule_caller().must_answer(request)) as items:
                async for item in items:
                    yield item
            return
        if request.text == SILENCE:
            yield Say(STILL_THERE)
            return
        parts, calls = await request.run("understand", self._understood, request)
        taken = [part for part in parts if part.reply]
        if not taken and parts and is_backchannel(request.text):
            if request.typed:  # who writes waits for an answer
                yield Say("All right.")
            return
        if not calls and (question := doubt(request, parts)):
            yield Say(question)
            return
        tell_calls(taken, request)
        for item in joined(taken):
            yield item
        for place, call in enumerate(calls):
            if taken or place:
                yield Say(" ")
            async with aclosing(self._rule_caller().answer(call, request)) as items:
                async for item in items:
                    yield item
        if not taken and not calls and parts:
            yield Say(beyond(request, self.connecting))

    def _understood(self, request: Request) -> tuple[list[Part], list[Wanted]]:
        """The parts of the turn, and the calls of tools that it asks for where no skill has a tool of its own."""
        parts = self.understand(request)
        if not (self.toolbox or request.tools) or request.confidence < DOUBTFUL:
            return parts, []
        caller = self._rule_caller()
        if all(is_guess(part) for part in parts):
            call = caller.continued(request) or caller.wanted(request)
            return ([], [call]) if call else (parts, [])
        rest = [caller.wanted(request, part.text) for part in parts if not part.reply and part.separate]
        return parts, [call for call in rest if call is not None]

    def _rule_caller(self) -> RuleCaller:
        with self._making:
            if self._caller is None:
                from duplex.models.interaction.tools.by_rule.caller import RuleCaller
                from duplex.models.interaction.tools.toolbox import Toolbox

                self._caller = RuleCaller(self.toolbox if self.toolbox is not None else Toolbox())
            return self._caller

    def forget(self, dialogue: str) -> None:
        """The conversation is over."""
        if self._caller is not None:
            self._caller.forget(dialogue)

    async def close(self) -> None:
        if self.toolbox is not None:
            await self.toolbox.close()


def is_guess(part: Part) -> bool:
    """Whether a tool that is named in the part comes first: no skill has a tool for it, or asks for what is missing, or
    it is put on a list that nobody named."""
    if part.reply is None or (part.reply.call is None and part.reply.finished):
        return True
    call = part.reply.call
    return call is not None and call.tool == "add_to_list" and not any(word.text == "list" for word in part.words)


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
