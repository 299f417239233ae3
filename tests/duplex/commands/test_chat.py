"""`duplex chat` as a program: with a pipe, and at a terminal (a pseudo terminal)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.models.interaction.responders.chat_server import ChatServer, event, serving

LONGEST_WAIT = 60.0
"""Seconds; a machine may be busy."""


def chat(*argv: str, lines: str | bytes = "", **environment: str) -> subprocess.CompletedProcess[str]:
    given = lines if isinstance(lines, bytes) else lines.encode()
    done = subprocess.run(
        [sys.executable, "-m", "duplex.cli", "chat", *argv],
        input=given,
        capture_output=True,
        check=False,
        timeout=LONGEST_WAIT,
        env={**os.environ, **environment},
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def test_a_pipe_is_answered_line_by_line_and_logged(tmp_path):
    log = tmp_path / "log.jsonl"
    done = chat("-o", str(log), "--wall-time", "2026-11-22T10:00", lines="what time is it\n\nwhat is two plus two")
    assert done.stdout.splitlines() == ["It is 10 AM.", "2 plus 2 is 4."]
    assert (done.returncode, done.stderr) == (0, "")
    types = [json.loads(line)["type"] for line in log.read_text().splitlines()]
    assert (types[0], types[-1], types.count("reply")) == ("session_started", "session_ended", 2)


@pytest.mark.slow
def test_a_timer_is_waited_for_after_the_end_of_a_pipe():
    done = chat(lines="set a timer for one second\n")
    assert done.stdout.splitlines() == ["Timer set for one second.", "Your one second timer is done."]


@pytest.mark.slow
@pytest.mark.parametrize("lines", [b"", b"\xff\xfe\x00\n", b"\n\n\n", ("a " * 20_000).encode() + b"\nwho are you\n"])
def test_odd_input_ends_well(lines):
    done = chat("--assistant-name", "Ada", lines=lines)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    if b"who" in lines:
        assert "I am Ada" in done.stdout
        assert "at most 4000 characters" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--model", "./nowhere.gguf"), "no such file"),
        (("--llm", "http://127.0.0.1:9/v1"), "cannot be reached"),
        (("--system-prompt", "@./nowhere"), "cannot be read"),
        (("-o", "./no/such/folder/log"), "No such file"),
    ],
)
def test_what_is_wrong_is_one_line(argv, message):
    done = chat(*argv, lines="hello\n")
    assert done.returncode != 0
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_nothing_that_hears_or_speaks_is_loaded():
    code = (
        "import sys; from duplex.cli import main; main(['chat']); "
        "heavy = {'onnxruntime', 'pocketsphinx', 'webrtcvad', 'av', 'soundfile', 'espeakng_loader', 'torch'} & "
        "set(sys.modules); sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], input=b"who are you\n", capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
async def test_a_model_server_is_asked_with_the_prompt():
    async def script(_, response) -> None:
        for piece in (event("Arr"), event("."), event(finish="stop")):
            await response.write(piece)

    async with serving(ChatServer(script)) as server:
        argv = ("--llm", server.url, "--system-prompt", "You are a pirate.", "--assistant-name", "Jack")
        done = await asyncio.to_thread(chat, *argv, lines="how is the sea\n")
        assert done.stdout == "Arr.\n"
        assert server.bodies[0]["messages"][0]["content"].startswith("Your name is Jack. You are a pirate.")


@pytest.mark.slow
async def test_a_server_that_answers_html_costs_a_sentence():
    async with serving(ChatServer(lambda *_: None)) as server:
        server.content_type = "text/html"
        done = await asyncio.to_thread(chat, "--llm", server.url, lines="hello there friend\nwhat time is it\n")
        first, second = done.stdout.splitlines()
        assert first.startswith("Sorry")
        assert second.startswith("It is")
        assert "text/html" in done.stderr


class Terminal:
    """The program at a pseudo terminal."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self.process = process
        self._fd = fd
        self._seen = ""

    def type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def until(self, pattern: str) -> str:
        """What was shown up to the next match of `pattern`."""
        import select
        import time

        deadline = time.monotonic() + LONGEST_WAIT
        while (match := re.search(pattern, self._seen)) is None:
            assert time.monotonic() < deadline, self._seen
            if select.select([self._fd], [], [], 1.0)[0]:
                try:
                    self._seen += os.read(self._fd, 65536).decode("utf-8", "replace")
                except OSError:
                    raise AssertionError(f"ended: {self._seen!r}") from None
        shown, self._seen = self._seen[: match.end()], self._seen[match.end() :]
        return shown


@contextmanager
def terminal(*argv: str):
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "duplex.cli", "chat", *argv],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "dumb"},
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


@pytest.mark.slow
def test_a_timer_speaks_up_while_a_line_is_typed():
    with terminal() as at:
        at.until("> ")
        at.type("set a timer for two seconds\n")
        at.until("Timer set for two seconds.")
        at.until("> ")
        at.type("who are")
        shown = at.until(r"timer is done\.\s+> who are")
        assert "Your two second timer is done." in shown
        at.type(" you\n")
        at.until("I am Duplex")
        at.until("> ")
        at.type("\x04")
        assert at.process.wait(LONGEST_WAIT) == 0


@pytest.mark.slow
async def test_ctrl_c_interrupts_an_answer_and_then_ends():
    async def script(_, response) -> None:
        await response.write(event("Once upon a time"))
        await asyncio.sleep(3600)

    async with serving(ChatServer(script)) as server:

        def talk() -> None:
            with terminal("--llm", server.url) as at:
                at.until("> ")
                at.type("tell me a story please\n")
                at.until("Once upon a time")
                at.process.send_signal(signal.SIGINT)
                at.until("—")
                at.until("> ")
                at.type("what time is it\n")
                at.until("It is ")
                at.until("> ")
                at.process.send_signal(signal.SIGINT)
                assert at.process.wait(LONGEST_WAIT) == 0

        await asyncio.to_thread(talk)
        assert server.left.is_set()
