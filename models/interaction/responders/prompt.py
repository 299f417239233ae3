"""A request as the messages of a chat model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from duplex.models.interaction.contract import Request, Utterance
from duplex.models.interaction.memory.relevance import relevant

if TYPE_CHECKING:
    from duplex.models.interaction.tools.call_prompt import CallPrompt

SYSTEM_PROMPT = (
    "You are the voice in a live spoken conversation. Answer in one to three short, plain sentences, as people "
    "speak: no lists, no headings, no markdown, no emoji, no addresses. Lead with what was asked. The user's words "
    "come from a speech recognizer and may be misheard: take the likely meaning, and ask back briefly if you cannot. "
    "A reply of yours that ends in a dash was interrupted there; the user did not hear more."
)
TYPED_PROMPT = (
    "You are in a typed conversation, in a terminal. Answer in one to three short, plain sentences unless more is "
    "asked for: no headings, no tables, no emoji. Lead with what was asked. A reply of yours that ends in a dash was "
    "interrupted there; the user did not read more."
)
INTERRUPTED = "—"
PLAIN_MARKERS = ("\nUser:", "\nAssistant:")
"""At which a model without a chat template begins another turn."""
CHARACTERS_PER_TOKEN = 3
"""Fewer than any usual tokenizer has for the languages of Europe, so that an estimate errs on the safe side."""


def room_for_history(context: int, reply: int, system: str, request: Request) -> int:
    """Characters of history that fit beside the rest into `context` tokens, of which `reply` are for the answer."""
    spare = max(0, context - reply) * CHARACTERS_PER_TOKEN
    return max(0, spare - len(system) - len(request.text))


def system_prompt_for(name: str | None, instructions: str | None, *, typed: bool = False) -> str:
    """The instructions to a model: the given ones, or those for a spoken or a typed conversation; with the name."""
    text = instructions or (TYPED_PROMPT if typed else SYSTEM_PROMPT)
    return f"Your name is {name}. {text}" if name else text


def chat_messages(
    request: Request, system: str = SYSTEM_PROMPT, *, most_characters: int = 12000
) -> list[dict[str, str]]:
    """OpenAI-style messages: system, then user and assistant by turns, the turn to be answered last. system: unless the
    request has instructions of its own.

    Only what was heard is in the history, so only that goes to the model. Consecutive utterances of one side become one
    message, as many chat templates want it; parties are named where there is more than one. The oldest utterances go
    first when there are more than `most_characters`. The system message holds the date and not the time of day: it
    stays the same for a whole session, so a server can reuse its cache.
    """
    parties = {heard.party for heard in request.history} | {request.party}
    named = len(parties - {"assistant"}) > 1
    kept: list[Utterance] = []
    room = most_characters
    for heard in reversed(request.history):
        room -= len(heard.text)
        if room < 0:
            break
        kept.append(heard)
    today = f"Today is {request.wall_time:%A, %B} {request.wall_time.day}, {request.wall_time.year}."
    messages = [{"role": "system", "content": f"{request.instructions or system} {today}"}]
    turn = Utterance(request.party, f"{request.text}{_noted(request)}", request.now, request.now)
    for role, text in _lines([*reversed(kept), turn], named):
        if messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n{text}"
        elif len(messages) > 1 or role == "user":  # templates want the user to speak first
            messages.append({"role": role, "content": text})
    return messages


def later_half(history: tuple[Utterance, ...]) -> tuple[Utterance, ...]:
    """The latest utterances with at most half of the characters."""
    room = sum(len(heard.text) for heard in history) // 2
    place = len(history)
    while place and (room := room - len(history[place - 1].text)) >= 0:
        place -= 1
    return history[max(place, 1) :]


def _noted(request: Request) -> str:
    """What is remembered and bears on the turn; behind it, so that all before stays as a cache has it."""
    found = relevant(request.notes, request.text)
    if not found:
        return ""
    return f"\n(Noted earlier, in {request.party}'s own words: {'; '.join(note.text for note in found)}.)"


def plain_transcript(messages: list[dict[str, str]]) -> tuple[str, list[str]]:
    """(prompt, markers at which the reply is over) for a model without a chat template."""
    names = {"user": "User", "assistant": "Assistant"}
    lines = [messages[0]["content"], ""]
    lines += [f"{names[message['role']]}: {message['content']}" for message in messages[1:]]
    return "\n".join([*lines, "Assistant:"]), list(PLAIN_MARKERS)


def without_system(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same with the system message at the head of the first turn, for templates that know no such role."""
    first = {"role": "user", "content": f"{messages[0]['content']}\n\n{messages[1]['content']}"}
    return [first, *messages[2:]]


def message_ids(tokenizer: Any, calls: CallPrompt, messages: Sequence[dict[str, Any]]) -> tuple[list[int], list[str]]:
    """(token ids, markers at which the reply ends) of messages, as the model's chat template has them."""
    messages = calls.worded(messages)
    if not getattr(tokenizer, "chat_template", None):
        text, markers = plain_transcript(messages)
        return tokenizer(text)["input_ids"], markers
    import jinja2

    def templated(turns: list[dict[str, Any]]) -> str:
        made: str = tokenizer.apply_chat_template(
            turns, tools=calls.templated, tokenize=False, add_generation_prompt=True
        )
        return made

    try:
        text = templated(messages)
    except jinja2.TemplateError:  # some templates know no system role
        text = templated(without_system(messages))
    return tokenizer(text, add_special_tokens=False)["input_ids"], []


def _lines(heard: list[Utterance], named: bool) -> Iterator[tuple[str, str]]:
    for utterance in heard:
        text = utterance.text.strip()
        if not text:
            continue
        if utterance.party == "assistant":
            yield "assistant", text + (INTERRUPTED if utterance.interrupted else "")
        else:
            yield "user", f"{utterance.party}: {text}" if named else text
