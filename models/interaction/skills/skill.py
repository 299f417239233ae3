"""What a skill is: phrases, and what each does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.skills.patterns import Cue, Gist, Template, cue, template
from duplex.models.interaction.skills.words import Word

Handler = TypeVar("Handler", bound=Callable[..., "Reply | None"])


@dataclass(frozen=True, slots=True)
class Call:
    """A tool, the arguments it was called with, and the facts that it gave."""

    tool: str
    arguments: Mapping[str, Any]
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a skill answers.

    finished: False when the request lacks something that the reply asks for ("For how long?"), so that the floor
        may wait a little longer for it. call: of the built-in tool that the answer comes from.
    """

    items: tuple[Say | Control, ...]
    finished: bool = True
    call: Call | None = None

    @classmethod
    def say(cls, text: str, *controls: Control, finished: bool = True) -> Reply:
        return cls((*controls, Say(text)), finished)


class Skill:
    """Base of the skills, which understand by rules; what they do, they do by calls of the built-in tools.

    Methods marked with `phrases`, then those with `cues`, are tried in order of definition.

    title: what it is called in settings; offer: what it can do, as said to the user ("set timers"), empty for what
        needs no telling. own: True for what a language model cannot do for want of a clock, a timer, a volume knob or
        the session's record; these stay with the skill when a model answers the rest. slight: True for requests so
        short or common that they only count when they stand by themselves, not in the midst of other talk. rules: what
        `<name>` in the phrases stands for.
    """

    title: ClassVar[str]
    offer: ClassVar[str] = ""
    own: ClassVar[bool] = False
    slight: ClassVar[bool] = False
    rules: ClassVar[Mapping[str, str]] = {}
    _intents: ClassVar[list[tuple[Template | Cue, str]]] = []
    _by_word: ClassVar[dict[str, tuple[Template | Cue, ...]]] = {}
    """The wordings that need a word; each stands under the words of one of its required groups."""
    _without_words: ClassVar[tuple[Template | Cue, ...]] = ()
    _vocabulary: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._intents = [(template(cls._expanded(text)), name) for name, text in _marked(cls, "_phrases")]
        cls._intents += [(cue(cls._expanded(text)), name) for name, text in _marked(cls, "_cues")]
        wordings = [wording for wording, _ in cls._intents]
        found: dict[str, list[Template | Cue]] = {}
        for wording in wordings:
            for word in wording.required[0] if wording.required else ():
                found.setdefault(word, []).append(wording)
        cls._by_word = {word: tuple(needing) for word, needing in found.items()}
        cls._without_words = tuple(wording for wording in wordings if not wording.required)
        cls._vocabulary = frozenset(cls._by_word)

    @classmethod
    def _expanded(cls, text: str) -> str:
        for rule, meaning in cls.rules.items():
            text = text.replace(f"<{rule}>", meaning)
        return text

    def may_reply(self, gist: Gist) -> bool:
        """A cheap necessary condition for a reply; True for a skill that overrides `reply`."""
        if type(self).reply is not Skill.reply:
            return True
        return any(
            wording.may_match(gist) for word in gist.texts & self._vocabulary for wording in self._by_word[word]
        ) or any(wording.may_match(gist) for wording in self._without_words)

    def reply(self, words: Sequence[Word], source: str, request: Request) -> Reply | None:
        """The reply if all of `words` (of the text `source`) together are a request to this skill, else None."""
        gist = Gist.of(words)
        for wording, name in self._intents:
            if not wording.may_match(gist):
                continue
            for slots in wording.matches(words, source):
                answer = getattr(self, name)(slots, request)
                if answer is not None:
                    return answer
        return None

    @staticmethod
    def call(request: Request, tool: str, **arguments: Any) -> Reply | None:
        """The answer of a built-in tool, by name; None where it cannot do anything with the arguments."""
        # Imported here: tools are made of what the modules beside this one know of numbers, times and measures.
        from duplex.models.interaction.tools.builtin import BUILTIN
        from duplex.models.interaction.tools.tool import Context, ToolError

        context = Context(request)
        try:
            facts = BUILTIN[tool].run(arguments, context)
        except ToolError:
            return None
        said = BUILTIN[tool].said(facts)
        items = (*context.controls, *([Say(said)] if said else []))
        return Reply(items, call=Call(tool, arguments, facts))


def _marked(cls: type, mark: str) -> list[tuple[str, str]]:
    return [(name, text) for name, method in vars(cls).items() for text in getattr(method, mark, ())]


def phrases(*wordings: str) -> Callable[[Handler], Handler]:
    """Marks a method `(self, slots, request) -> Reply | None` as the answer to these templates (patterns.Template).

    It returns None where the slots make no sense to it, and the search goes on.
    """

    def mark(method: Handler) -> Handler:
        method._phrases = wordings  # type: ignore[attr-defined]
        return method

    return mark


def cues(*wordings: str) -> Callable[[Handler], Handler]:
    """Marks a method as the answer to these cues (patterns.Cue) as well."""

    def mark(method: Handler) -> Handler:
        method._cues = wordings  # type: ignore[attr-defined]
        return method

    return mark
