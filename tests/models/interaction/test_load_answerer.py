from __future__ import annotations

import subprocess
import sys

import pytest

from duplex.models.interaction import load_answerer
from duplex.models.interaction.responders.openai_server import OpenAIServer
from duplex.models.interaction.responders.router import Router
from duplex.models.interaction.skills import Skills
from duplex.streaming.errors import ModelError, SettingsError


def test_the_skills_alone_by_default():
    assert isinstance(load_answerer(), Skills)


def test_an_address_is_a_server_behind_the_skills():
    router = load_answerer("http://127.0.0.1:1/v1/", "tiny", token_timeout=3.0)
    assert isinstance(router, Router)
    assert isinstance(router.model, OpenAIServer)
    assert (router.model.base_url, router.model.model, router.model.token_timeout) == (
        "http://127.0.0.1:1/v1",
        "tiny",
        3.0,
    )
    assert "timers" in router.keep
    assert "arithmetic" not in router.keep


def test_the_skills_that_stay_can_be_named():
    router = load_answerer("http://127.0.0.1:1/v1", keep_skills=["arithmetic"])
    assert router.keep == {"arithmetic"}


def test_what_cannot_be_had_is_said():
    with pytest.raises(SettingsError):
        load_answerer("ftp://somewhere/v1")
    with pytest.raises(ModelError):
        load_answerer("./no/such/folder")


@pytest.mark.parametrize(
    "given", [{}, {"llm": "http://127.0.0.1:1/v1", "model": "tiny"}, {"llm": "auto"}, {"model": "nano"}]
)
def test_without_a_local_model_nothing_thinks_while_it_listens(given):
    with pytest.raises(SettingsError, match="for a local language model"):
        load_answerer(**given, thinking=True)


def test_the_default_loads_nothing_heavy():
    modules = ", ".join(
        f"duplex.models.interaction.{name}"
        for name in ("sentences", "responders.openai_server", "responders.local_lm", "responders.thinking_lm")
    )
    code = (
        f"import sys; from duplex.models.interaction import load_answerer; load_answerer(); import {modules}; "
        "heavy = {'torch', 'transformers', 'httpx', 'scipy', 'sklearn'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
