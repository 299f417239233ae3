"""The built-in abilities as tools: called as a model would, and known to the rules."""

from __future__ import annotations

import ast
from pathlib import Path

import jsonschema
import pytest

from duplex.models.interaction.contract import Control
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.tools.builtin import BUILTIN, for_models
from duplex.models.interaction.tools.tool import Context, ToolError
from duplex.models.interaction.tools.toolbox import Toolbox
from tests.models.interaction.asking import ask, heard, request


def called(name: str, history: tuple = (), /, **arguments: object) -> tuple[str, list[Control]]:
    BUILTIN[name].check(arguments)
    context = Context(request("", history=history))
    return BUILTIN[name].said(BUILTIN[name].run(arguments, context)), context.controls


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("set_timer", {"seconds": 300}, "Timer set for five minutes."),
        ("set_timer", {"seconds": 90.5, "label": "egg"}, "Egg timer set for one minute and 30.5 seconds."),
        ("set_timer", {"seconds": -3}, "I can set timers from one second to thirty days."),
        ("set_alarm", {"at": "7:30 am"}, "Alarm set for 7:30 AM tomorrow."),
        ("set_reminder", {"task": "to call Ann", "at": "tomorrow at six pm"}, "I will remind you at 6 PM tomorrow"),
        ("calculate", {"expression": "12 * 7"}, "12 times 7 is 84."),
        ("calculate", {"expression": "15% of 80"}, "15 percent of 80 is 12."),
        ("convert_units", {"quantity": "10 miles", "unit": "kilometers"}, "Ten miles is about 16.09 kilometers."),
        ("current_time", {"place": "Tokyo"}, "In Tokyo it is 11:31 PM."),
        ("date_of", {"day": "christmas"}, "Christmas is Friday, December 25."),
        ("read_list", {"name": "work"}, "Your work list is empty."),
        ("change_volume", {"change": "louder"}, "Is this better?"),
    ],
)
def test_a_tool_is_called_and_worded(name: str, arguments: dict, said: str) -> None:
    assert called(name, **arguments)[0].startswith(said)


def test_timers_are_asked_of_the_session() -> None:
    assert called("set_timer", seconds=60)[1] == [Control("timer", text="Your one minute timer is done.", at=160.0)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("calculate", {"expression": "the color blue"}),
        ("convert_units", {"quantity": "ten", "unit": "kilometers"}),
        ("set_alarm", {"at": "banana"}),
        ("set_reminder", {"task": "to go"}),
        ("time_difference", {"place": "Nowhere"}),
        ("average", {"numbers": [1]}),
        ("roll_dice", {"count": 900}),
        ("speaking_time", {"party": "nobody here"}),
    ],
)
def test_what_cannot_be_done_is_said(name: str, arguments: dict) -> None:
    with pytest.raises(ToolError, match=r"\w"):
        called(name, **arguments)


def test_schemas_are_valid_and_described() -> None:
    for tool in BUILTIN.values():
        jsonschema.Draft202012Validator.check_schema(tool.parameters)
        assert tool.description
        undescribed = [name for name, schema in tool.parameters["properties"].items() if "description" not in schema]
        assert not undescribed, tool.name


def test_what_deletes_asks_back_when_a_model_calls_it() -> None:
    assert {tool.name for tool in BUILTIN.values() if tool.destructive} == {"cancel_timers", "clear_list", "forget"}


async def test_the_questions_name_what_is_meant() -> None:
    box = Toolbox(for_models())
    asked = [
        await box.call("cancel_timers", {"which": "the egg timer"}, request("")),
        await box.call("forget", {}, request("")),
        await box.call("clear_list", {"name": "shopping"}, request("")),
    ]
    assert [each.said for each in asked] == [
        "Shall I cancel the egg timer?",
        "Shall I forget everything?",
        "Shall I clear your shopping list?",
    ]


def test_every_tool_that_a_skill_names_exists() -> None:
    named = set()
    for path in Path("models/interaction/skills").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "call":
                named.add(node.args[1].value)
    assert named == set(BUILTIN), "each tool has its rule, and each rule its tool"


def test_the_rules_call_tools_with_arguments_that_fit() -> None:
    calls = [
        part.reply.call
        for text in ("set an egg timer for ten minutes", "put milk and bread on the list", "what is two plus two")
        for part in Skills().understand(request(text))
    ]
    assert [(call.tool, dict(call.arguments)) for call in calls] == [
        ("set_timer", {"seconds": 600.0, "label": "egg"}),
        ("add_to_list", {"items": ["milk", "bread"], "name": ""}),
        ("calculate", {"expression": "two plus two"}),
    ]
    for call in calls:
        BUILTIN[call.tool].check(call.arguments)


def test_what_a_model_put_on_a_list_is_on_it() -> None:
    history = heard(
        ("user", "we are out of milk again", 10),
        ("assistant", called("add_to_list", items=["milk", "salt"], name="shopping")[0], 14),
        ("user", "no salt after all", 20),
        ("assistant", "Salt is off your shopping list.", 24),
    )
    assert called("read_list", history, name="shopping")[0] == "On your shopping list: Milk."


def test_what_a_model_was_to_remember_is_remembered_and_forgotten_after_a_yes() -> None:
    history = heard(
        ("user", "by the way my sister is called Anna", 10),
        ("assistant", called("remember", fact="my sister is called Anna")[0], 14),
    )
    assert ask(Skills(), "what do you remember", history=history)[0].endswith("you told me: my sister is called Anna.")
    history += heard(("user", "drop that", 20), ("assistant", "Shall I forget my sister?", 22), ("user", "yes", 25))
    assert called("recall", history)[0] == "You have not asked me to remember anything."
