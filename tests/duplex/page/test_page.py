"""The page in Chromium, on a real server: what a user may do to it and what may happen to it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import soundfile

from tests.duplex.page.browser import Served, chromium, serve, tab

pytestmark = pytest.mark.slow

CONNECTED = "#link[data-state=connected]"
WAIT = 30_000
"""Milliseconds after which something that ought to happen counts as not happening."""


async def begin(page: Any, url: str, *, name: str = "") -> None:
    await page.goto(url)
    if name:
        await page.fill("#name", name)
    await page.click("#start")
    await page.wait_for_selector(f"{CONNECTED}, #problem:not([hidden])", timeout=WAIT)
    if await page.is_visible("#problem"):
        problem = await page.inner_text("#problem")
        if "too busy" in problem:
            pytest.skip(f"this machine is too busy for a call: {problem}")
        pytest.fail(problem)


async def texts(page: Any, speaker: str) -> list[str]:
    return await page.locator(f".entry[data-open=false][data-speaker='{speaker}'] .text").all_inner_texts()


async def until_said(page: Any, speaker: str, count: int = 1) -> None:
    selector = f".entry[data-open=false][data-speaker='{speaker}']"
    await page.wait_for_function(
        "([selector, count]) => document.querySelectorAll(selector).length >= count",
        arg=[selector, count],
        timeout=WAIT,
    )


async def session_of(page: Any) -> str:
    return await page.evaluate("sessionStorage.getItem('duplex.session')")


async def test_microphone_not_allowed(server: Served, demo_wav: Path) -> None:
    async with chromium(demo_wav, allowed=False) as browser, tab(browser) as page:
        await page.goto(server.url)
        await page.click("#start")
        await page.wait_for_selector("#problem:not([hidden])", timeout=WAIT)
        assert "microphone is not allowed" in await page.inner_text("#problem")
        assert await page.is_visible("#start") and await page.is_hidden("#stop")


async def test_no_microphone(server: Served) -> None:
    async with chromium(None) as browser, tab(browser, permissions=["microphone"]) as page:
        await page.goto(server.url)
        await page.click("#start")
        await page.wait_for_selector("#problem:not([hidden])", timeout=WAIT)
        assert "No microphone was found" in await page.inner_text("#problem")


async def test_a_wrong_token_is_said_before_anything_is_asked(server: Served, demo_wav: Path) -> None:
    async with chromium(demo_wav) as browser, tab(browser) as page:
        await page.goto(server.url + "not")
        await page.wait_for_selector("#problem:not([hidden])", timeout=WAIT)
        assert "no valid token" in await page.inner_text("#problem")
        assert await page.is_disabled("#start")


async def test_a_refresh_keeps_the_call_and_what_was_said(server: Served, demo_wav: Path) -> None:
    async with chromium(demo_wav) as browser, tab(browser) as page:
        await begin(page, server.url)
        await until_said(page, "assistant")
        session, said = await session_of(page), await texts(page, "user")
        await page.reload()
        await page.wait_for_selector(CONNECTED, timeout=WAIT)
        assert await session_of(page) == session
        assert (await texts(page, "user"))[: len(said)] == said and said
        before = len(await texts(page, "assistant"))
        await until_said(page, "assistant", before + 1)  # and it goes on
        await page.click("#stop")
        await page.wait_for_selector("#link[data-state=ended]")
        await page.click("#forget")
        await page.wait_for_function("() => !document.querySelector('.entry')")
        assert await session_of(page) is None


async def test_a_cut_network_is_survived_with_the_session(
    chromium_installed: None, demo_wav: Path, tmp_path: Path
) -> None:
    with serve(tmp_path) as own:
        async with chromium(demo_wav) as browser, tab(browser) as page:
            await begin(page, own.url)
            await until_said(page, "user")
            session, said = await session_of(page), await texts(page, "user")
            own.freeze()
            await page.wait_for_selector("#link[data-state=reconnecting]", timeout=WAIT)
            assert "Connecting again" in await page.inner_text("#doing")
            await asyncio.sleep(1.0)
            own.thaw()
            await page.wait_for_selector(CONNECTED, timeout=2 * WAIT)
            assert await session_of(page) == session
            assert (await texts(page, "user"))[: len(said)] == said and said
            await until_said(page, "user", len(said) + 1)


async def test_two_tabs_meet_in_a_room_and_a_copied_tab_leaves_the_call_alone(server: Served, demo_wav: Path) -> None:
    async with chromium(demo_wav) as browser:
        context = await browser.new_context()
        async with tab(browser, context=context) as ann, tab(browser, context=context) as bob:
            await begin(ann, f"{server.url}&room=den", name="Ann")
            await begin(bob, f"{server.url}&room=den", name="Bob")
            await ann.wait_for_function("() => document.querySelectorAll('#parties li').length === 2", timeout=WAIT)
            assert await bob.locator("#parties li").all_inner_texts() == ["A\nAnn", "B\nBob"]
            await until_said(ann, "Bob")
            await until_said(bob, "Ann")
            assert await session_of(ann) != await session_of(bob)
            session = await session_of(ann)
            async with tab(browser, context=context) as copy:
                await copy.add_init_script(f"sessionStorage.setItem('duplex.session', '{session}')")
                await copy.goto(server.url)
                await copy.wait_for_selector("#notices p", timeout=WAIT)
                assert "goes on in the other one" in await copy.inner_text("#notices")
                assert await copy.is_enabled("#start") and await session_of(copy) is None
            assert await ann.get_attribute("#link", "data-state") == "connected"
        await context.close()


async def test_switches_recording_mute_and_keys(server: Served, demo_wav: Path, tmp_path: Path) -> None:
    async with chromium(demo_wav) as browser, tab(browser, accept_downloads=True) as page:
        await begin(page, server.url)
        assert await page.is_disabled("button[data-file='recording.wav']")
        await page.check("#consent")
        await page.wait_for_selector("#recording-now", timeout=WAIT)
        assert "Recording has begun" in await page.inner_text("#notices")
        await page.select_option("#restoration", "enhance")
        await page.focus("#transcript")
        await page.keyboard.press("a")
        await page.wait_for_function(
            "() => document.querySelector('#doing').textContent === 'Writing down'", timeout=WAIT
        )
        await page.keyboard.press("m")
        assert await page.get_attribute("#mute", "aria-pressed") == "true"
        assert "muted" in await page.inner_text("#detail")
        assert await page.evaluate("document.querySelector('#restoration').value") == "enhance"
        await page.keyboard.press("?")
        await page.wait_for_selector("dialog[open]")
        await page.keyboard.press("c")  # in a dialog no key but the dialog's own counts
        await page.keyboard.press("Escape")
        await page.keyboard.press("c")
        await page.wait_for_selector("#link[data-state=ended]", timeout=WAIT)
        async with page.expect_download() as download:
            await page.click("button[data-file='recording.wav']")
        await (await download.value).save_as(tmp_path / "recording.wav")
        assert soundfile.info(tmp_path / "recording.wav").frames > 0
        await page.click("#delete-recording")
        await page.wait_for_selector("#delete-recording", state="hidden", timeout=WAIT)
        assert await page.is_disabled("button[data-file='recording.wav']")


@pytest.mark.parametrize("width", [390, 1360])
async def test_a_message_is_written_with_the_keyboard_and_answered(server: Served, demo_wav: Path, width: int) -> None:
    async with chromium(demo_wav) as browser, tab(browser, viewport={"width": width, "height": 800}) as page:
        await page.goto(server.url)
        assert await page.is_hidden("#compose")
        await begin(page, server.url)
        await page.click("#mute")
        await page.focus("#transcript")
        await page.keyboard.press("w")
        assert await page.evaluate("document.activeElement.id") == "message"
        assert await page.evaluate("document.activeElement.labels[0].textContent") == "Write to the assistant"
        assert await page.is_disabled("#send")
        await page.keyboard.type("what is two plus three")
        assert await page.is_enabled("#send")
        await page.keyboard.press("Enter")
        written = page.locator(".entry[data-open=false]", has_text="what is two plus three")
        await written.wait_for(timeout=WAIT)
        assert await written.locator("em").inner_text() == "typed"
        await page.locator(".entry[data-speaker=assistant]", has_text="5").first.wait_for(timeout=WAIT)
        assert await page.input_value("#message") == ""
        assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert await page.evaluate(UNNAMED) == []
        assert await page.evaluate(FAINT) == []
        await page.click("#stop")
        await page.wait_for_selector("#link[data-state=ended]", timeout=WAIT)
        assert await page.is_hidden("#compose")


@pytest.mark.parametrize("width", [320, 390, 768, 1360])
async def test_every_width_and_scheme_fits(server: Served, demo_wav: Path, width: int) -> None:
    async with chromium(demo_wav) as browser:
        for scheme in ("light", "dark"):
            options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme, "reduced_motion": "reduce"}
            async with tab(browser, **options) as page:
                await page.goto(server.url)
                assert await page.evaluate("document.documentElement.dataset.theme") == scheme
                assert await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
                assert await page.evaluate(UNNAMED) == []
                assert await page.evaluate(FAINT) == []
                await page.click("#theme")
                assert await page.evaluate("document.documentElement.dataset.theme") != scheme
                assert await page.evaluate(FAINT) == []


async def test_a_phone_shows_the_transcript_first_and_the_panel_says_that_there_is_more(server: Served) -> None:
    async with chromium(None) as browser:
        async with tab(browser, viewport={"width": 390, "height": 800}) as page:
            await page.goto(server.url)
            tops = await page.evaluate(
                "['.talk', '.stage', '.join', '.panel'].map((each) => "
                "document.querySelector(each).getBoundingClientRect().top)"
            )
            assert tops == sorted(tops) and tops[0] < 200
        async with tab(browser, viewport={"width": 1280, "height": 720}) as page:
            await page.goto(server.url)
            await page.wait_for_selector(".panel[data-more]", timeout=WAIT)
            await page.evaluate("document.querySelector('.panel').scrollTo(0, 99999)")
            await page.wait_for_selector(".panel:not([data-more])", timeout=WAIT)


async def test_the_token_stays_in_the_fragment(server: Served) -> None:
    asked: list[str] = []
    async with chromium(None) as browser, tab(browser) as page:
        page.on("request", lambda request: asked.append(request.url))
        await page.goto(server.url)
        await page.wait_for_function("() => document.querySelector('#problem').hidden", timeout=WAIT)
        await page.focus(".skip")
        await page.keyboard.press("Enter")
        assert page.url == server.url  # the way to the transcript leaves the address as it is
        assert await page.evaluate("document.activeElement.id") == "transcript"
        assert asked and not [
            url for url in asked if "a-token" in url.partition("#")[0] or "?" in url.partition("#")[0]
        ]
        await page.goto(server.url.replace("#", "?name=Ann&"))
        await page.wait_for_function("() => document.querySelector('#name').value === 'Ann'", timeout=WAIT)
        assert "token" not in page.url.partition("#")[0] and page.url.endswith(server.url.partition("#")[2])


async def test_loudness_overload_and_speakers_are_shown(server: Served) -> None:
    async with chromium(None) as browser, tab(browser) as page:
        await page.goto(server.url)
        heights = await page.evaluate(
            "async () => { const { height, share } = await import('./static/levels.js');"
            "return [-60, -40, -30, -20, -12, -6, -3, 0].map((db) => height(share(db))); }"
        )
        assert heights == sorted(heights) and heights[-1] == 1 and heights[0] < 0.02
        assert heights[5] < 0.7 and heights[6] < 0.85 and all(b > 1.2 * a for a, b in pairwise(heights))
        told = await page.evaluate(
            """async () => {
              const { Trouble } = await import("./static/trouble.js");
              const { Tracks } = await import("./static/tracks.js");
              const element = document.createElement("p");
              const trouble = new Trouble(element);
              const told = [];
              const look = () => told.push(element.hidden ? "" : element.textContent);
              trouble.load({ overloaded: true, shed: ["restoration"], text: "paused" });
              look();
              trouble.event({ type: "lost", capability: "recognition", reason: "gone" });
              look();
              trouble.load({ overloaded: false, shed: [] });
              look();
              trouble.event({ type: "restored", capability: "recognition" });
              look();
              const tracks = new Tracks();
              for (const speaker of ["ann", "bob", "ann"])
                tracks.read({ type: "speaker_turn", party: "user", speaker, start: 0, end: 16000 });
              return [told, [...tracks.speakers].map(([name, spans]) => [name, spans.length])];
            }"""
        )
        assert told[0] == [
            "Overloaded: without restoration",
            "Overloaded: without restoration · Unavailable: recognition",
            "Unavailable: recognition",
            "",
        ]
        assert told[1] == [["ann", 2], ["bob", 1]]


UNNAMED = """() => [...document.querySelectorAll("button, input, select, [role]")]
  .filter((each) => !(each.textContent.trim() || each.labels?.length || each.ariaLabel
                      || each.getAttribute("aria-labelledby")) && !["status", "log", "alert"].includes(each.role))
  .map((each) => each.outerHTML)"""
"""Controls and regions that a screen reader would have no name for."""

FAINT = """() => {
  const part = (value) => (value /= 255, value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const ground = (each) => {
    for (; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (/^rgb\\(/.test(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const each of document.querySelectorAll("h1, h2, p, li, dt, dd, label, button, time")) {
    const direct = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!direct || each.disabled || !each.checkVisibility()) continue;
    const [a, b] = [luminance(getComputedStyle(each).color), luminance(ground(each))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push(`${each.textContent.trim()} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return faint;
}"""
"""Text with less contrast than 4.5 : 1 (WCAG 2.1, 1.4.3)."""
