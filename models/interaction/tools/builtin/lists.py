"""Lists by name. What is on one follows from what was said (`kept_lists`): the answer itself is the record."""

from __future__ import annotations

from duplex.models.interaction.skills.kept_lists import kept_lists, split_items
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError


def _say_added(facts: Facts) -> str:
    return f"{_joined(facts['items'])} {_are(facts['items'])} on your {facts['list']} list."


@builtin(say=_say_added)
def add_to_list(context: Context, items: list[str], name: str = "") -> Facts:
    """Put things on a list.

    items: what is put on it, such as ["milk", "eggs"]
    name: which list, such as shopping; empty: the one spoken of last
    """
    items = [part for item in items for part in split_items(item)]
    if not items:
        raise ToolError("Nothing was named to put on the list.")
    return {"items": items, "list": name or kept_lists(context.request)[1]}


def _say_taken(facts: Facts) -> str:
    if not facts["items"]:
        return f"That is not on your {facts['list']} list."
    return f"{_joined(facts['items'])} {_are(facts['items'])} off your {facts['list']} list."


@builtin(say=_say_taken)
def remove_from_list(context: Context, items: list[str], name: str = "") -> Facts:
    """Take things off a list.

    items: what is taken off
    name: which list; empty: the one spoken of last
    """
    lists, last = kept_lists(context.request)
    name = name or last
    wanted = [part for item in items for part in split_items(item)]
    return {"items": [item for item in wanted if item.casefold() in lists[name]], "list": name}


@builtin(
    say=lambda facts: f"Your {facts['list']} list is empty now.",
    destructive=True,
    ask="Shall I clear your {name} list?",
)
def clear_list(context: Context, name: str = "") -> Facts:
    """Take everything off a list.

    name: which list; empty: the one spoken of last
    """
    return {"list": name or kept_lists(context.request)[1]}


def _say_list(facts: Facts) -> str:
    name, items = facts["list"], facts["items"]
    return f"On your {name} list: {', '.join(items)}." if items else f"Your {name} list is empty."


@builtin(say=_say_list)
def read_list(context: Context, name: str = "") -> Facts:
    """Tell what is on a list.

    name: which list; empty: the one spoken of last
    """
    lists, last = kept_lists(context.request)
    return {"list": name or last, "items": [*lists[name or last].values()]}


def _are(items: list[str]) -> str:
    return "is" if len(items) == 1 else "are"


def _joined(items: list[str]) -> str:
    text = items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
    return text[0].upper() + text[1:]
