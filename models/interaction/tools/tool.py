"""What a tool is: a function with a name, a description and a JSON schema of its arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, overload

from duplex.models.interaction.contract import Control, Request
from duplex.models.interaction.tools.json_schema import problems
from duplex.models.interaction.tools.signature import converted, description_of, hints_of, parameters_of

Facts = dict[str, Any]
"""What a built-in tool has found or done, for JSON; how it is worded is the tool's `say`."""


class ToolError(Exception):
    """A tool cannot do what it was asked; the message may be told to the model and to the user."""


class InvalidArguments(ToolError):
    """The arguments do not fit the tool's schema; the message says which, and what would."""


@dataclass(slots=True)
class Context:
    """The turn in which a tool is called. A function that has a parameter of this type is given it.

    controls: what the session should do beside speaking; the function appends.
    """

    request: Request
    controls: list[Control] = field(default_factory=list)


@dataclass(frozen=True)
class Tool:
    """parameters: the JSON schema of the arguments, an object.

    destructive: it deletes, buys, sends or unlocks, so the user is asked before it runs; ask: what the user is asked,
    None for a question made of the name. time_limit: seconds. say: the spoken answer out of what the function
    returned; None speaks a text as it is. immediate: it neither waits nor computes, and runs where it is called.
    remote: somebody else does it, who takes his time and says so himself: a slow call is not announced, and costs
    nothing here.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    function: Callable[..., Any]
    destructive: bool = False
    time_limit: float = 10.0
    say: Callable[[Any], str] | None = None
    ask: str | None = None
    immediate: bool = False
    remote: bool = False

    @classmethod
    def of(cls, function: Callable[..., Any] | Tool, **options: Any) -> Tool:
        """The tool that a function is, by its name, docstring and signature. Raises SettingsError."""
        if isinstance(function, Tool):
            return function
        told = options.pop("description", None) or description_of(function)
        name = options.pop("name", None) or function.__name__
        return cls(name, told, parameters_of(function, frozenset({Context})), function, **options)

    @property
    def schema(self) -> dict[str, Any]:
        """As chat models are told of it (OpenAI's form)."""
        told = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": told}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The function itself, for who uses it as one."""
        return self.function(*args, **kwargs)

    def check(self, arguments: Any) -> None:
        """Raises InvalidArguments unless `arguments` fit the schema."""
        wrong = [*problems(arguments, self.parameters)] if isinstance(arguments, dict) else ["they are no JSON object"]
        if wrong:
            raise InvalidArguments(f"{self.name}: {'; '.join(wrong[:3])}")

    def run(self, arguments: Mapping[str, Any], context: Context) -> Any:
        """What the function returns to checked arguments: for an async function, an awaitable."""
        return self.function(**self._given(context), **converted(self.function, arguments))

    def said(self, result: Any) -> str:
        """The spoken answer; empty where only a model can word the result."""
        if self.say is not None:
            return self.say(result)
        if result is None or result is True:
            return "Done."
        if isinstance(result, str):
            return "" if result.lstrip()[:1] in ("{", "[") else result  # nobody wants to hear JSON
        return str(result) if isinstance(result, int | float) and not isinstance(result, bool) else ""

    def _given(self, context: Context) -> dict[str, Context]:
        return {name: context for name, kind in hints_of(self.function).items() if kind is Context}


@overload
def tool(function: Callable[..., Any], /) -> Tool: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    destructive: bool = False,
    time_limit: float = 10.0,
    ask: str | None = None,
) -> Callable[[Callable[..., Any]], Tool]: ...
def tool(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a function, sync or async, a tool that the assistant may call: `Settings(tools=[set_light])`.

        @duplex.tool
        def set_light(room: str, on: bool) -> str:
            \"\"\"Switch the light of a room.

            room: which room, such as kitchen
            \"\"\"

    Its name, docstring and signature say what it is for; what it returns is told to the model and, if text, spoken.
    Raise ToolError with a line that may be told where it cannot do it; of other exceptions only the type is told.
    destructive: the user is asked first (ask: with this question), and it runs only after a yes. time_limit: seconds.
    Raises SettingsError for a parameter whose type has no JSON schema.
    """
    if function is not None:
        return Tool.of(function)
    return lambda made: Tool.of(made, **options)
