"""A real server in a process of its own, and Chromium with a recording as its microphone."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

TOKEN = "a-token-for-tests"
CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)

PROBE = (Path(__file__).parent / "probe.js").read_text("utf-8")
WATCH = (Path(__file__).parent / "watch.js").read_text("utf-8")


def missing() -> str:
    """What is not installed; empty if everything is."""
    if not CHROMIUM:
        return "Chromium is not installed: apt-get install chromium"
    try:
        import playwright.async_api  # noqa: F401
    except ImportError:
        return "Playwright is not installed: pip install 'duplex[test]'"
    return ""


class Served:
    """A running `duplex serve`. url: the page's address, with its token."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def freeze(self) -> None:
        """As good as a cut cable: nothing goes in or out."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def serve(folder: Path, *flags: str) -> Iterator[Served]:
    """On a free port; recordings go to the folder."""
    command = [sys.executable, "-m", "duplex.cli", "serve", "--port", "0", "--token", TOKEN]
    command += ["--recordings", str(folder / "recordings"), *flags]
    log = (folder / "serve.log").open("w")
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                yield Served(process, f"{found[0]}#token={TOKEN}")
                break
        else:
            raise RuntimeError("duplex serve did not start: " + (folder / "serve.log").read_text())
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()
        log.close()


@asynccontextmanager
async def chromium(microphone: Path | None, *, allowed: bool = True) -> AsyncIterator[Any]:
    """Playwright's browser. microphone: a WAV file that is heard once from when it is opened; None: no device."""
    from playwright.async_api import async_playwright

    flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
    if microphone is not None:
        flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    if microphone is not None and allowed:
        flags.append("--use-fake-ui-for-media-stream")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def tab(browser: Any, *, context: Any = None, **options: Any) -> AsyncIterator[Any]:
    """A page; what it complains about (scripts that fail, files that the policy forbids) fails the test."""
    own = context is None
    context = context or await browser.new_context(**{"viewport": {"width": 1280, "height": 820}, **options})
    page = await context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on("console", lambda message: complaints.append(message.text) if _serious(message) else None)
    try:
        yield page
    finally:
        await (context if own else page).close()
    assert not complaints, complaints


def _serious(message: Any) -> bool:
    # That a request failed the browser says by itself; whether it had to is the test's affair.
    return message.type == "error" and "Failed to load resource" not in message.text


async def listen_in(page: Any) -> None:
    """Before `goto`, on a tab with bypass_csp: the probe hears what the microphone gives and what the page plays."""
    await page.add_init_script(f"window.probe = {json.dumps(PROBE)};\n{WATCH}")


async def heard(page: Any) -> dict[str, list[Any]]:
    """Of every 10 ms: time (s, of the audio and of the wall) and the levels of microphone and loudspeaker (dBFS).

    And what the page was sent and showed, from when on the wall clock.
    """
    return await page.evaluate("window.heard")
