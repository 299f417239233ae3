from __future__ import annotations

import argparse
import asyncio

import pytest

from duplex.commands.options import add_settings, load_settings
from duplex.models.interaction.responders import model_servers
from duplex.settings import Settings
from duplex.streaming.errors import SettingsError
from tests.models.interaction.responders.test_model_servers import listing, nothing_there, serving


def settings(*argv: str, shown: tuple[str, ...] | None = None) -> Settings:
    parser = argparse.ArgumentParser()
    add_settings(parser, *([shown] if shown else []))
    return load_settings(parser.parse_args(argv))


async def test_auto_becomes_the_server_that_runs_here_and_says_so(monkeypatch, capsys):
    async with serving(listing("Ollama")) as server:
        monkeypatch.setattr(model_servers, "usual_places", lambda: [("Ollama", server.url)])
        loaded = await asyncio.to_thread(settings, "--llm", "auto")
        assert (loaded.llm, loaded.llm_model) == (server.url, "llama3.2:3b")
        assert capsys.readouterr().err == f"duplex: answering with llama3.2:3b of Ollama at {server.url}\n"
        named = await asyncio.to_thread(settings, "--llm", "auto", "--llm-model", "mine")
        assert named.llm_model == "mine"


def test_auto_without_a_server_is_one_line(monkeypatch, capsys):
    monkeypatch.setattr(model_servers, "usual_places", lambda: [("Ollama", nothing_there())])
    assert settings("--llm", "auto").llm == ""
    said = capsys.readouterr().err
    assert "no model server found" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("argv", [("--no-assistant",), ()])
def test_nothing_is_asked_where_nobody_answers(argv, monkeypatch, capsys):
    monkeypatch.setattr(model_servers, "usual_places", lambda: pytest.fail("asked"))
    assert settings("--llm", "auto", *argv, shown=("language",) if not argv else None).llm == "auto"
    assert capsys.readouterr().err == ""


def test_a_system_prompt_from_a_file(tmp_path):
    file = tmp_path / "pirate.txt"
    file.write_text("You are a pirate.\n")
    assert settings("--system-prompt", f"@{file}").system_prompt == "You are a pirate."
    assert settings("--set", f"system_prompt=@{file}").system_prompt == "You are a pirate."
    assert settings("--system-prompt", "Be kind.", "--assistant-name", "Ada").assistant_name == "Ada"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_system_prompt_that_cannot_be_read_is_one_line(tmp_path, content):
    file = tmp_path / "prompt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="cannot be read"):
        settings("--system-prompt", f"@{file}")
