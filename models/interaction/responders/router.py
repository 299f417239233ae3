"""Skills for what needs the session, a language model for everything else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from dataclasses import replace

from duplex.models.interaction.around import Around
from duplex.models.interaction.contract import SILENCE, Answerer, Control, Request, Say
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.answerer import is_guess, joined, tell_calls
from duplex.models.interaction.skills.unclear import DOUBTFUL
from duplex.models.interaction.skills.understanding import Part
from duplex.models.interaction.tools.by_rule.caller import RuleCaller
from duplex.models.interaction.tools.by_rule.matching import Wanted
from duplex.models.interaction.tools.toolbox import Toolbox

LEAST_REST = 3
"""Words; a shorter stretch beside a request ("so then") is not sent to the model."""


class Router(Around):
    """Gives every part of a turn to whom it belongs.

    keep: titles of the skills that answer although there is a model; None: those that a model cannot stand in for
    (Skill.own): clock, timers, volume and rate, repeat, stop, the transcript, speaking time. The model may prepare an
    answer in advance, and hear for itself: most turns are its own. caller: calls, by rules, the tools of its toolbox
    and of requests, for a model that knows its own alone. Raises what `model` raises.
    """

    def __init__(
        self,
        skills: Skills,
        model: Answerer,
        *,
        keep: Collection[str] | None = None,
        toolbox: Toolbox | None = None,
        caller: RuleCaller | None = None,
    ) -> None:
        super().__init__(model)
        self.skills = skills
        self.toolbox = toolbox or Toolbox()
        self.caller = caller
        self.keep = frozenset(skill.title for skill in skills.skills if skill.own) if keep is None else frozenset(keep)

    @property
    def model(self) -> Answerer:
        return self.answerer

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        if (outcome := await self.toolbox.answered(request)) is not None:
            for item in outcome.items():
                yield item
            return
        if request.must_call:  # which is no matter for the skills
            chosen = self.model.answer(request) if self.caller is None else self.caller.must_answer(request)
            async with aclosing(chosen) as items:  # type: ignore[type-var]
                async for item in items:
                    yield item
            return
        if request.text == SILENCE:  # which is none to the skills
            prompting = self.model if self.caller is None else self.skills
            async with aclosing(prompting.answer(request)) as items:  # type: ignore[type-var]
                async for item in items:
                    yield item
            return
        parts, call = await request.run("understand", self._understood, request)
        if call is not None and self.caller is not None:
            async with aclosing(self.caller.answer(call, request)) as items:
                async for item in items:
                    yield item
            return
        if not parts:  # not a word
            return
        kept = [part for part in parts if part.skill and part.skill.title in self.keep]
        tell_calls(kept, request)
        spoke = False
        for item in joined(kept):
            spoke = spoke or isinstance(item, Say)
            yield item
        rest = [part for part in parts if part not in kept]
        if kept and not any(part.separate and len(part.words) >= LEAST_REST for part in rest):
            return
        text = " ".join(_unjoined(part) for part in rest) if kept else request.text
        async with aclosing(self.model.answer(replace(request, text=text))) as answer:
            async for item in answer:
                if spoke and isinstance(item, Say):
                    item, spoke = Say(f" {item.text.lstrip()}"), False
                yield item

    def _understood(self, request: Request) -> tuple[list[Part], Wanted | None]:
        """The parts of the turn, or the call that it asks for where no skill has a tool of its own."""
        parts = self.skills.understand(request)
        if self.caller is None or request.confidence < DOUBTFUL or not all(map(is_guess, parts)):
            return parts, None
        return parts, self.caller.continued(request) or self.caller.wanted(request)

    def forget(self, dialogue: str) -> None:
        self.toolbox.forget(dialogue)
        if self.caller is not None:
            self.caller.forget(dialogue)
        super().forget(dialogue)

    async def close(self) -> None:
        await self.skills.close()
        await super().close()
        await self.toolbox.close()


def _unjoined(part: Part) -> str:
    """The part's text without the "and" that tied it to the one before."""
    text = part.text.strip()
    first, _, rest = text.partition(" ")
    return rest if first.lower() in ("and", "then", "also", "but") else text
