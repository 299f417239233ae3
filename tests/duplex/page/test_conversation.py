"""From events to what the page shows, without a call: the same as what the session's own log reader makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from duplex import events as ev
from duplex.session_record.session_log import parse_events
from tests.duplex.page.browser import Served, chromium, tab

READ = """async (events) => {
  const { Conversation } = await import("./static/conversation.js");
  const conversation = new Conversation();
  for (const event of events) conversation.read(event);
  return conversation.ordered.map((entry) => ({ ...entry, name: conversation.nameOf(entry) }));
}"""

DRAW = """async (events) => {
  const { Tracks, within } = await import("./static/tracks.js");
  const tracks = new Tracks();
  for (const event of events) tracks.read(event);
  return [tracks.audible, within(tracks.audible, 4.5), within(tracks.audible, 5.5), tracks.speech.get("Ann")];
}"""

LINES = """async (events) => {
  const { Tracks } = await import("./static/tracks.js");
  const tracks = new Tracks();
  for (const event of events) tracks.read(event);
  return tracks.sounds.map(({ label, start, end }) => [label, start, Number.isFinite(end) ? end : null]);
}"""

CAPTIONS = """async (events) => {
  const { Conversation } = await import("./static/conversation.js");
  const conversation = new Conversation();
  const told = ({ text, stable, unspoken }) => [text, stable, ...(unspoken ? ["unspoken"] : [])];
  const seen = () => conversation.ordered.map(({ captions }) => captions.map(told));
  for (const event of events.slice(0, 2)) conversation.read(event);
  const off = seen();
  conversation.translate("de");
  const german = seen();
  for (const event of events.slice(2)) conversation.read(event);
  const whole = seen();
  conversation.translate("fr");
  return [off, german, whole, seen()];
}"""

DOWNLOADS = """async (events) => {
  const { Downloads } = await import("./static/downloads.js");
  const card = document.getElementById("downloads").cloneNode(true);
  const asked = [];
  const api = { download: async (session, file) => (asked.push(file), new Blob()) };
  const downloads = new Downloads(card, { api, session: () => "s", failed: () => {} });
  const languages = card.querySelector("select");
  downloads.clear();
  downloads.enable(true, false);
  const hidden = [languages.parentElement.hidden];
  for (const event of events) downloads.event(event);
  hidden.push(languages.parentElement.hidden);
  const offered = [...languages.options].map(({ value, text }) => [value, text]);
  for (const language of ["", "de", "de.both"]) {
    languages.value = language;
    for (const file of ["subtitles.srt", "transcript.txt", "log.jsonl"]) {
      card.querySelector(`[data-file="${file}"]`).click();
      await new Promise((done) => setTimeout(done));
    }
  }
  return [hidden, offered, asked];
}"""

ACTS = """async (events) => {
  const { Tracks } = await import("./static/tracks.js");
  const tracks = new Tracks();
  for (const event of events) tracks.read(event);
  return tracks.acts.map(({ what, failed, start, end }) => [what, failed, start, Number.isFinite(end) ? end : null]);
}"""

EVENTS: list[ev.Event] = [
    ev.SpeechStarted(16_000, 17_000, "Ann"),
    ev.Partial(16_000, 20_000, "Ann", "what ti", 4),
    ev.Word(16_000, 20_000, "Ann", "what", 0.9),
    ev.Word(20_000, 30_000, "Ann", "time", 0.9),
    ev.Speech(16_000, 31_000, "Ann"),
    ev.Decision(31_000, 40_000, "endpoint", "silence", 1, 1),
    ev.Turn(16_000, 31_000, "Ann", "what time", 1),
    ev.ReplyText(40_000, 40_000, 1, "It is half past nine."),
    ev.ReplyStarted(48_000, 48_160, 1, 1),
    ev.SpokenWord(48_000, 52_000, 1, "It"),
    ev.Suspended(72_000, 80_000, 1, 79_000),
    ev.Turn(72_000, 79_000, "Ann", "mhm", 1, "backchannel"),
    ev.Word(72_000, 79_000, "Ann", "mhm", 0.9),  # final after the turn is over
    ev.Resumed(96_000, 96_000, 1, 32_000),
    ev.SpokenWord(96_000, 100_000, 1, "is"),
    ev.Interrupted(100_000, 104_000, 1, 103_000, "It is"),
    ev.Reply(48_000, 104_000, 1, 1, "It is", "It is half past nine.", True, 40_000, 40_000, 48_000),
    ev.Turn(100_000, 110_000, "Ann", "wait", 2),
    ev.Turn(100_000, 118_000, "Ann", "wait a moment", 2),  # it went on after all
    ev.Decision(118_000, 120_000, "endpoint", "silence", 2, 2),
    ev.ReplyText(120_000, 120_000, 2, "Yes?"),
    ev.Decision(121_000, 122_000, "withdraw", "the user went on", 2, 2),
    ev.Partial(130_000, 132_000, "Ann", "hm", 0),
    ev.Decision(132_000, 140_000, "nothing_said", "no words", 2, 2),
]


async def entries(server: Served, demo_wav: Path, events: list[dict[str, Any]], code: str = READ) -> Any:
    async with chromium(demo_wav) as browser, tab(browser) as page:
        await page.goto(server.url)
        return await page.evaluate(code, events)


@pytest.mark.slow
async def test_the_page_reads_events_as_the_log_does(server: Served, demo_wav: Path) -> None:
    events = [event.as_dict() for event in EVENTS]
    shown = await entries(server, demo_wav, events)
    captions = parse_events(events).captions()
    assert [(each["party"], each["text"], each["start"]) for each in shown] == [
        (caption.party, caption.text, caption.start) for caption in captions
    ]
    assert [each["kind"] for each in shown] == ["turn", "reply", "backchannel", "turn"]
    reply = shown[1]
    assert reply["interrupted"] and reply["last"] == "is" and reply["rest"] == "half past nine."
    assert not any(each["open"] for each in shown)


@pytest.mark.slow
async def test_several_on_one_channel_get_names(server: Served, demo_wav: Path) -> None:
    events = [
        ev.Turn(0, 16_000, "Ann", "hello", 1, "turn", "speaker 1").as_dict(),
        ev.Turn(20_000, 30_000, "Ann", "good morning", 2, "turn", "speaker 2").as_dict(),
    ]
    assert [each["name"] for each in await entries(server, demo_wav, events[:1])] == ["Ann"]
    shown = await entries(server, demo_wav, events)
    assert [each["name"] for each in shown] == ["speaker 1", "speaker 2"]


@pytest.mark.slow
async def test_the_timeline_knows_what_was_audible(server: Served, demo_wav: Path) -> None:
    audible, inside, held, speech = await entries(server, demo_wav, [event.as_dict() for event in EVENTS], DRAW)
    assert audible == [{"start": 3.0, "end": 5.0}, {"start": 6.0, "end": 6.5}]
    assert inside and not held
    assert speech == [{"start": 1.0, "end": 1.9375}]


@pytest.mark.slow
async def test_a_sound_is_one_entry_and_one_line(server: Served, demo_wav: Path) -> None:
    """Told when it is known and when it is over, and again within a while: one entry, and a line for each time."""
    told = [
        ev.SoundHeard(16_000, 22_400, "Ann", "dog", 0.7, 1, False),
        ev.SoundHeard(16_000, 32_000, "Ann", "dog", 0.8, 1, True),
        ev.SoundHeard(64_000, 96_000, "Ann", "dog", 0.8, 2, True),
        ev.SoundHeard(64_000, 70_400, "Ann", "rain", 0.8, 3, False),
    ]
    events = [event.as_dict() for event in told]
    shown = [(each["kind"], each["text"], each["end"]) for each in await entries(server, demo_wav, events)]
    assert shown == [("sound", "dog", 6.0), ("sound", "rain", 4.4)]
    lines = await entries(server, demo_wav, events, LINES)
    assert lines == [["dog", 1, 2], ["dog", 4, 6], ["rain", 4, None]]


@pytest.mark.slow
async def test_tools_and_memory_are_told(server: Served, demo_wav: Path) -> None:
    told: list[ev.Event] = [
        ev.ToolCalled(16_000, 16_000, 1, 1, "get_weather", {"city": "Oslo", "days": ""}),
        ev.ToolReturned(16_000, 48_000, 1, "get_weather", "no network", failed=True),
        ev.Remembered(64_000, 64_000, 2, [], ["a", "b"], []),
        ev.ToolCalled(80_000, 80_000, 2, 2, "look", {}),
    ]
    events = [event.as_dict() for event in told]
    shown = [(each["kind"], each["text"], each["open"]) for each in await entries(server, demo_wav, events)]
    assert shown == [
        ("tool", "get_weather(city: Oslo) → failed: no network", False),
        ("memory", "used: a; b", False),
        ("tool", "look()", True),
    ]
    lines = await entries(server, demo_wav, events, ACTS)
    assert lines == [["get_weather", True, 1, 3], ["2 notes used", False, 4, 4], ["look", False, 5, None]]


def translated(start: int, end: int, caption: int, language: str, text: str, stable: int, hopeless: bool) -> ev.Event:
    return ev.Translation(
        start, end, "Ann", caption, language, text, "so", "en", 1, stable, 0, True, 0.9, hopeless, (0, 1)
    )


@pytest.mark.slow
async def test_captions_stand_with_the_turn_that_they_are_of(server: Served, demo_wav: Path) -> None:
    told: list[ev.Event] = [
        ev.Partial(16_000, 24_000, "Ann", "so what", 4),
        translated(16_000, 24_000, 1, "de", "also was", 4, False),
        translated(16_000, 24_000, 1, "fr", "alors quoi", 4, False),
        translated(24_000, 32_000, 2, "de", "oder", 4, True),
        ev.Turn(16_000, 32_000, "Ann", "so what or", 1),
        translated(90_000, 95_000, 3, "de", "zu spät", 7, False),
        ev.Interpreted(200_000, 200_000, "Ann", 1, "de", "also was", 11.0, 0.0, True, "late"),
        ev.Interpreted(200_000, 220_000, "Ann", 1, "fr", "alors quoi", 8.0, 1.5),
    ]
    off, german, whole, french = await entries(server, demo_wav, [event.as_dict() for event in told], CAPTIONS)
    assert off == [[]] and german == [[["also was", 4]]]
    assert whole == [[["also was", 4, "unspoken"], ["[so]", 4]]], "what cannot be translated is shown as it was said"
    assert french == [[["alors quoi", 4]]]


@pytest.mark.slow
async def test_files_can_be_had_in_each_language_that_was_read(server: Served, demo_wav: Path) -> None:
    told = [translated(16_000, 24_000, number, "de", "also was", 4, False) for number in (1, 2)]
    hidden, offered, asked = await entries(server, demo_wav, [event.as_dict() for event in told], DOWNLOADS)
    assert hidden == [True, False]
    assert offered == [["", "As spoken"], ["de", "German"], ["de.both", "German, with the original"]]
    assert asked == [
        *["subtitles.srt", "transcript.txt", "log.jsonl"],
        *["subtitles.de.srt", "transcript.de.txt", "log.jsonl"],
        *["subtitles.de.both.srt", "transcript.de.both.txt", "log.jsonl"],
    ]
