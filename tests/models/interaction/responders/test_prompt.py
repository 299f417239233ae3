from __future__ import annotations

from duplex.models.interaction.responders.prompt import SYSTEM_PROMPT, chat_messages, plain_transcript, without_system
from tests.models.interaction.asking import heard, request


def test_the_turn_comes_last_after_what_was_heard():
    history = heard(("user", "hello", 10), ("assistant", "Hello, how", 12), interrupted=True)
    messages = chat_messages(request("what's up", history=history))
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert messages[0]["content"] == f"{SYSTEM_PROMPT} Today is Sunday, November 22, 2026."
    assert messages[2]["content"] == "Hello, how—"
    assert messages[-1]["content"] == "what's up"


def test_sides_take_turns_and_the_user_begins():
    history = heard(
        ("assistant", "Your timer is done.", 5), ("user", "one", 10), ("user", "two", 12), ("assistant", "", 14)
    )
    messages = chat_messages(request("three", history=history))
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[1]["content"] == "one\ntwo\nthree"


def test_parties_are_named_where_there_are_several():
    messages = chat_messages(request("and you", history=heard(("anna", "I like tea", 10))))
    assert messages[1]["content"] == "anna: I like tea\nuser: and you"


def test_the_oldest_goes_first_when_there_is_too_much():
    history = heard(*(("user" if place % 2 else "assistant", f"{place:04d}" * 5, place) for place in range(100)))
    messages = chat_messages(request("now", history=history), most_characters=100)
    assert sum(len(message["content"]) for message in messages[1:]) <= 110
    assert "0099" in messages[-1]["content"]
    assert messages[-1]["content"].endswith("now")


def test_the_system_message_does_not_change_within_a_session():
    later = request("b", now=400.0, history=heard(("user", "a", 10)))
    assert chat_messages(request("a"))[0] == chat_messages(later)[0]


def test_models_without_a_template_get_a_transcript():
    messages = chat_messages(
        request("and now", history=heard(("user", "hi", 1), ("assistant", "Hello.", 2))), "Be brief."
    )
    text, markers = plain_transcript(messages)
    assert text.endswith("\nUser: hi\nAssistant: Hello.\nUser: and now\nAssistant:")
    assert "\nUser:" in markers


def test_templates_without_a_system_role_get_it_with_the_first_turn():
    messages = without_system(chat_messages(request("hi"), "Be brief."))
    assert [message["role"] for message in messages] == ["user"]
    assert messages[0]["content"].startswith("Be brief.")
    assert messages[0]["content"].endswith("hi")
