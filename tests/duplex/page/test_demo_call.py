"""The demo's whole conversation through the page, with its recording as Chromium's microphone."""

from __future__ import annotations

import json
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from duplex.session_log import SessionLog, parse_events
from tests.duplex.page.browser import Served, chromium, heard, listen_in, tab

LENGTH = 84.0
"""Seconds from the first word to the end of the last reply."""

SOUND = -50.0
"""dBFS: what is louder is somebody's voice."""

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
        began = perf_counter() - (await heard(page))["time"][-1]
        await page.wait_for_timeout(LENGTH * 1000)
        await page.click("#stop")
        entries = await page.evaluate(READ_ENTRIES)
        sound, ended = await heard(page), perf_counter()
        async with page.expect_download() as download:
            await page.click("button[data-file='log.jsonl']")
        await (await download.value).save_as(tmp_path / "log.jsonl")
        figures = {name: await page.inner_text(f"[data-figure={name}]") for name in ("answer", "silence", "rtt")}

    pace = sound["time"][-1] / (ended - began)
    if pace < 0.95:
        pytest.skip(f"this machine is too busy for a call: the browser's sound ran at {100 * pace:.0f} % of real time")
    log = parse_events(json.loads(line) for line in (tmp_path / "log.jsonl").read_text("utf-8").splitlines())
    _check_words(entries, log)
    _check_interruptions(entries, sound, log)
    _check_sound(sound, log)
    assert all(figure.endswith(" ms") for figure in figures.values())


def _check_words(entries: list[dict[str, str]], log: SessionLog) -> None:
    """The page shows what was said and heard, in order, and it is the demo's conversation."""
    shown = [(entry["speaker"], entry["text"]) for entry in entries]
    assert shown == [(caption.party, caption.text) for caption in log.captions()]
    said = " / ".join(text for speaker, text in shown if speaker == "user")
    assert sum(words in said for words in ("time is it in tokyo", "nine times twelve", "twelve seconds", "my car")) >= 3
    replied = " / ".join(text for speaker, text in shown if speaker == "assistant")
    assert sum(words in replied for words in ("In Tokyo it is", "9 times 12 is 108.", "Reminder: call your")) >= 2


def _check_interruptions(entries: list[dict[str, str]], sound: dict[str, list[Any]], log: SessionLog) -> None:
    """The reply that was cut says so, with the word; the page showed it when it was."""
    cut = [entry for entry in entries if entry["kind"] == "reply" and entry["tag"].startswith("interrupted")]
    assert len(cut) == len(log.interruptions) >= 1
    for entry in cut:
        last = entry["text"].split()[-1].rstrip(".,;:!?")
        assert entry["tag"] == f"interrupted at “{last}”"
    shown = [text for _, text in sound["shown"]]
    assert {"Listening", "Thinking", "Speaking", "Interrupted"} <= set(shown)


def _check_sound(sound: dict[str, list[Any]], log: SessionLog) -> None:
    """Audible while it speaks; silent soon after the beginning of an interruption, and until the next reply."""
    time, voice = np.array(sound["time"]), np.array(sound["loudspeaker"]) > SOUND
    offset = _offset(sound)
    spoken = [(part.start + offset, part.end + offset) for reply in log.replies for part in reply.parts]
    inside = np.zeros(len(time), bool)
    for start, end in spoken:
        inside |= (time >= start) & (time < end + 0.7)  # on its way for that long at most
        if end - start > 1.0:
            assert voice[(time >= start + 0.5) & (time < end)].mean() > 0.4
    assert not (voice & ~inside).any()
    for cut in log.interruptions:
        until = min((start for start, _ in spoken if start > cut.last_audible + offset), default=time[-1])
        assert not voice[(time >= cut.onset + offset + 1.0) & (time < until)].any()


def _offset(sound: dict[str, list[Any]]) -> float:
    """The session's zero on the audio context's clock, from the onsets of the user's speech on both."""
    time, speech = np.array(sound["time"]), np.array(sound["microphone"]) > SOUND
    onsets = time[1:][speech[1:] & ~speech[:-1]]
    known = np.array([event["start"] / 16_000 for event in sound["events"] if event["type"] == "speech_started"])
    differences = (onsets[:, None] - known[None, :]).ravel()
    votes = [int((np.abs(differences - difference) < 0.15).sum()) for difference in differences]
    best = differences[int(np.argmax(votes))]
    return float(np.median(differences[np.abs(differences - best) < 0.15]))
