"""An answerer that remembers: over sessions, with any answerer behind it, and when the file fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from duplex.models.interaction.contract import Note, Request, Say, listener_of
from duplex.models.interaction.memory.notes import Notes
from duplex.models.interaction.memory.remembering import LOST, Remembering
from duplex.models.interaction.responders.prompt import chat_messages
from duplex.models.interaction.skills import Skills
from tests.models.interaction.asking import NOW, SUNDAY, ask, collect, heard, request


@pytest.fixture
def file(tmp_path):
    return tmp_path / "notes.sqlite"


def later(text: str, days: float, history=()):
    """A turn of another session, some days on."""
    return replace(request(text), wall_time=SUNDAY + timedelta(days=days), history=tuple(history), dialogue="later")


def said(answerer: Remembering, asked: Request) -> str:
    return "".join(item.text for item in asyncio.run(collect(answerer, asked)) if isinstance(item, Say))


def test_a_fact_survives_a_restart(file):
    first = Remembering(Skills(), Notes(file))
    assert "remember that your bike is in the shed" in ask(first, "Remember that my bike is in the shed.")[0]
    asyncio.run(first.close())
    second = Remembering(Skills(), Notes(file))
    assert said(second, later("where is my bike", 3)) == "Three days ago you told me: my bike is in the shed."
    asyncio.run(second.close())


def test_the_latest_of_two_places_holds(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that my bike is in the shed")
    said(answerer, later("remember that my bike is at the station", 1))
    assert said(answerer, later("where is my bike", 2)) == "One day ago you told me: my bike is at the station."
    assert len(answerer.notes.of("user")) == 1


def test_what_is_to_be_forgotten_is_deleted_and_said_to_be(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that my bike is in the shed")
    ask(answerer, "remember that the cat eats at six")
    assert said(answerer, later("forget about my bike", 1)) == "I will not bring that up again."
    assert [note.text for note in answerer.notes.of("user")] == ["the cat eats at six"]
    assert said(answerer, later("forget everything", 1)) == "I will not bring that up again."
    assert answerer.notes.of("user") == []
    assert said(answerer, later("forget everything", 1)) == "There was nothing to forget."


def test_forget_that_is_the_last_thing_told_and_otherwise_means_never_mind(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that the cat eats at six")
    ask(answerer, "remember that my bike is in the shed", now=NOW)
    history = heard(("user", "remember that my bike is in the shed", NOW))
    said(answerer, replace(request("forget that", history=history), now=NOW + 2, wall_time=SUNDAY))
    assert [note.text for note in answerer.notes.of("user")] == ["the cat eats at six"]
    said(answerer, later("forget that", 1, history=heard(("user", "what time is it", NOW))))
    assert [note.text for note in answerer.notes.of("user")] == ["the cat eats at six"]


def test_forget_that_is_what_was_just_told(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that my bike is in the shed")
    ask(answerer, "remember that the cat eats at six")
    history = heard(
        ("user", "where is my bike", NOW), ("assistant", "One day ago you told me: my bike is in the shed.", NOW + 3)
    )
    assert said(answerer, later("forget that", 1, history=history)) == "I will not bring that up again."
    assert [note.text for note in answerer.notes.of("user")] == ["the cat eats at six"]


def test_people_have_notes_of_their_own(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that my bike is in the shed", party="ann")
    assert "shed" not in ask(answerer, "where is my bike", party="ben")[0]


def test_a_turn_that_goes_on_leaves_one_note(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that my bike", dialogue="d")
    ask(answerer, "remember that my bike is in the shed", dialogue="d")
    assert [note.text for note in answerer.notes.of("user")] == ["my bike is in the shed"]
    history = heard(("user", "remember that my bike is in the shed", NOW - 5))
    ask(answerer, "remember that my bike is in the shed and locked", dialogue="d", history=history)
    assert len(answerer.notes.of("user")) == 1


def test_notes_of_this_conversation_are_told_once(file):
    answerer = Remembering(Skills(), Notes(file))
    ask(answerer, "remember that the cat eats at six", dialogue="d")
    history = heard(("user", "remember that the cat eats at six", NOW))
    told = ask(answerer, "what do you remember", dialogue="d", history=history)[0]
    assert told.count("the cat eats at six") == 1


def test_a_model_has_the_notes_behind_the_turn_so_that_its_cache_still_fits():
    plain = request("where is it", history=heard(("user", "hello", 20.0)))
    noted = replace(plain, notes=(Note("my bike is in the shed", "user", -3600.0),))
    before, after = chat_messages(plain), chat_messages(noted)
    assert before[:-1] == after[:-1]
    assert after[-1]["content"].startswith(before[-1]["content"])
    assert "my bike is in the shed" in after[-1]["content"]


def test_a_file_that_fails_costs_the_note_and_not_the_answer(file):
    answerer = Remembering(Skills(), Notes(file))
    answerer.notes.close()
    answer, _ = ask(answerer, "remember that my bike is in the shed")
    assert answer.startswith("I will remember") and answer.endswith(LOST)
    assert ask(answerer, "what is two plus two")[0] == "2 plus 2 is 4."


def test_preparing_and_forgetting_go_to_the_answerer(file):
    class Preparing(Skills):
        asked = ""
        forgot = ""

        async def prepare(self, request):
            self.asked = request.text

        def forget(self, dialogue):
            self.forgot = dialogue

    behind = Preparing()
    behind.listener = object()
    answerer = Remembering(behind, Notes(file))
    asyncio.run(answerer.prepare(request("so far")))
    answerer.forget("d")
    assert (behind.asked, behind.forgot) == ("so far", "d")
    assert answerer.name == behind.name
    assert listener_of(answerer) is behind.listener


def test_what_the_answerer_cannot_do_is_not_pretended(file):
    answerer = Remembering(Skills(), Notes(file))
    assert getattr(answerer, "prepare", None) is None and listener_of(answerer) is None


def test_what_a_model_says_that_it_will_remember_is_noted(file):
    class Model(Skills):
        async def answer(self, request):
            yield Say("Sure. I will remember ")
            yield Say("that your locker is number nine.")

    answerer = Remembering(Model(), Notes(file))
    ask(answerer, "my locker is number nine, can you hold on to that for me")
    assert [note.text for note in answerer.notes.of("user")] == ["my locker is number nine"]
