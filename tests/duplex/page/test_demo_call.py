"""The demo's whole conversation through the page, with its recording as Chromium's microphone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from duplex.models.store import find
from duplex.session_record.session_log import ASSISTANT, SessionLog, parse_events
from tests.duplex.page.browser import Served, chromium, heard, listen_in, tab

LENGTH = 84.0
"""Seconds from the first word to the end of the last reply."""

SOUND = -50.0
"""dBFS: what is louder is somebody's voice."""

TRAVEL = 0.8
"""Seconds that sound may be on its way from the session to the listener, on a busy machine."""

PROMPT = ("decision", "speech_started", "partial")
"""Events that are sent at the moment in which they end."""

SAID = ("tokyo", "times twelve", "twelve seconds", "emma", "ten miles", "bye")
REPLIED = (
    "In Tokyo it is",
    "is 228.",
    "I will remind you",
    "Reminder: call",
    "ago you said",
    "kilometers.",
    "Goodbye.",
)
"""What the demo's conversation is known by. Over the air and on a busy machine a word may be misheard."""

READ_ENTRIES = """() => [...document.querySelectorAll(".entry[data-open=false]")].map((entry) => ({
  speaker: entry.dataset.speaker,
  kind: entry.dataset.kind,
  text: [...entry.querySelector(".text").childNodes].filter((n) => n.nodeType === 3).map((n) => n.data).join("").trim(),
  tag: entry.querySelector("em").hidden ? "" : entry.querySelector("em").textContent,
}))"""


@pytest.mark.slow
async def test_the_whole_demo_through_the_page(server: Served, demo_wav: Path, tmp_path: Path) -> None:
    async with chromium(demo_wav) as browser, tab(browser, accept_downloads=True, bypass_csp=True) as page:
        await listen_in(page)
        await page.goto(server.url)
        await page.click("#start")
        await page.wait_for_selector("[data-state=connected]", timeout=30_000)
        await page.wait_for_timeout(LENGTH * 1000)
        await page.click("#stop")
        entries = await page.evaluate(READ_ENTRIES)
        sound = await heard(page)
        async with page.expect_download() as download:
            await page.click("button[data-file='log.jsonl']")
        await (await download.value).save_as(tmp_path / "log.jsonl")
        figures = {name: await page.inner_text(f"[data-figure={name}]") for name in ("answer", "silence", "rtt")}

    pace = sound["time"][-1] / (sound["wall"][-1] - sound["wall"][0])
    if pace < 0.9:
        pytest.skip(f"this machine is too busy for a call: the browser's sound ran at {100 * pace:.0f} % of real time")
    log = parse_events(json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines())
    _check_words(entries, log)
    _check_interruptions(entries, sound, log)
    _check_sound(sound, log)
    assert all(figure.endswith(" ms") for figure in figures.values())


def _check_words(entries: list[dict[str, str]], log: SessionLog) -> None:
    """The page shows what was said and heard, in order, and it is the demo's conversation."""
    shown = [(entry["speaker"], entry["text"]) for entry in entries if entry["kind"] not in ("tool", "memory")]
    said_by_users = [caption for caption in log.captions() if caption.party != ASSISTANT]
    heard = [reply for reply in log.replies if reply.text]  # whole, also one that an announcement cut in on
    lines = [(each.start, each.party, each.text) for each in said_by_users]
    lines += [(reply.start, ASSISTANT, reply.text) for reply in heard]
    assert shown == [(party, text) for _, party, text in sorted(lines)]
    if find("moonshine-tiny-en") is None:
        return  # pocketsphinx hears too little of it
    said = " / ".join(text for speaker, text in shown if speaker == "user").casefold()
    assert sum(words in said for words in SAID) >= 5
    assert any(entry["kind"] == "tool" and "current_time" in entry["text"] for entry in entries)
    replied = " / ".join(text for speaker, text in shown if speaker == "assistant")
    assert sum(words in replied for words in REPLIED) >= 4


def _check_interruptions(entries: list[dict[str, str]], sound: dict[str, list[Any]], log: SessionLog) -> None:
    """The reply that was cut says so, with the word; the page showed it when it was."""
    cut = [entry for entry in entries if entry["kind"] == "reply" and entry["tag"].startswith("interrupted")]
    assert len(cut) == sum(bool(each.heard) for each in log.interruptions) >= 1
    for entry in cut:
        last = entry["text"].split()[-1].rstrip(".,;:!?")
        assert entry["tag"] == f"interrupted at “{last}”"
    shown = [text for _, text in sound["shown"]]
    assert {"Listening", "Thinking", "Speaking", "Interrupted"} <= set(shown)


def _check_sound(sound: dict[str, list[Any]], log: SessionLog) -> None:
    """Audible while it speaks; silent soon after the beginning of an interruption, and until the next reply."""
    time, voice = np.array(sound["wall"]), np.array(sound["loudspeaker"]) > SOUND
    # The session's zero on the wall clock: no event can come before its time.
    zero = min(event["wall"] - event["end"] / 16_000 for event in sound["events"] if event["type"] in PROMPT)
    spoken = [(part.start + zero, part.end + zero) for reply in log.replies for part in reply.parts]
    inside = np.zeros(len(time), bool)
    for start, end in spoken:
        inside |= (time >= start) & (time < end + TRAVEL)
        if end - start > 1.0:
            assert voice[(time >= start + TRAVEL) & (time < end)].mean() > 0.4
    astray = voice & ~inside
    assert astray.sum() < 5, (np.round(time[astray] - zero, 2), [(a - zero, b - zero) for a, b in spoken])
    for cut in log.interruptions:
        since = cut.last_audible + zero
        until = min((start for start, _ in spoken if start > since), default=time[-1])
        assert not voice[(time >= since + TRAVEL) & (time < until)].any()
