"""The languages of a room on its page, in Chromium, while somebody speaks without a pause."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.duplex.page.browser import chromium, serve, tab
from tests.duplex.page.test_page import WAIT, begin

STORY = Path(__file__).parents[2] / "data" / "clips" / "rms-story-my-car-is-in-the-garage-and-i.flac"

CHOSEN = """() => document.getElementById("speaks").value === "de"
  && !document.getElementById("assistant").checked && document.querySelector("#doing").textContent === "Writing down"
"""


@pytest.mark.slow
async def test_german_is_chosen_while_one_talks_and_the_assistant_s_switch_goes_off(
    chromium_installed: None, tmp_path: Path
) -> None:
    sound, rate = soundfile.read(STORY, dtype="int16")
    loud = np.flatnonzero(np.abs(sound) > 300)
    microphone = tmp_path / "talk.wav"
    soundfile.write(microphone, np.tile(sound[loud[0] : loud[-1]], 12), rate)
    # Nobody listens at that address, and nobody has to: what counts is what the page shows.
    flags = ("--recognizer", "pocketsphinx", "--recognizers", "de=http://127.0.0.1:9/v1")
    with serve(tmp_path, *flags) as served:
        async with chromium(microphone) as browser, tab(browser) as page:
            await begin(page, f"{served.url}&room=den", name="Ann")
            await page.wait_for_selector(".entry[data-speaker='Ann'][data-open=true]", timeout=WAIT)
            assert await page.is_checked("#assistant")
            await page.select_option("#speaks", "de")
            await page.wait_for_function(CHOSEN, timeout=WAIT)
            assert "several languages" in await page.inner_text("#notices")
