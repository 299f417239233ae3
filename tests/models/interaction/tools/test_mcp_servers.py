"""MCP servers: real processes, and each way in which one can fail costs one line and nothing else."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import psutil
import pytest

from duplex.models.interaction.tools.mcp_servers import MOST_TOOLS, McpServers
from duplex.models.interaction.tools.toolbox import Toolbox
from tests.models.interaction.asking import request

pytestmark = pytest.mark.slow
SERVER = f"{sys.executable} {Path(__file__).with_name('mcp_server.py')}"
LIMIT = 120.0
"""Seconds: processes start slowly on a busy machine."""


@pytest.fixture(autouse=True)
def _sdk() -> None:
    pytest.importorskip("mcp", reason="the extra mcp is not installed")


async def test_tools_are_listed_called_and_their_processes_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET", "hidden")
    servers = McpServers([f"{SERVER} good"], taken=["add_numbers"], starts_within=LIMIT)
    box = Toolbox(servers.tools, closing=servers.close)
    assert [tool.destructive for tool in box] == [False, True]
    assert servers.tools[0].name.endswith("_add_numbers"), "the plain name is taken"
    assert servers.tools[1].name == "wipe"
    assert len(servers.lost) == 1
    assert "broken schemas: broken" in servers.lost[0]
    name = servers.tools[0].name
    assert (await box.call(name, '{"a": 3}', request(""))).told == "{'a': 3} []"
    assert "a is missing" in (await box.call(name, "{}", request(""))).told
    refused = await box.call(name, '{"a": 1}', request(""))
    assert (refused.failed, refused.said) == (True, "one is refused")
    died = await box.call(name, '{"a": 0}', request(""))
    assert died.failed
    assert "MCP server" in died.said
    assert "\n" not in died.said
    await box.close()
    assert not [each for each in psutil.Process().children(recursive=True) if "good" in each.cmdline()]


async def test_each_failure_is_one_line() -> None:
    lines = ["no-such-command-here", "false", "'", "http://127.0.0.1:9/mcp", f"{SERVER} many"]
    servers = McpServers(lines, starts_within=LIMIT)
    await servers.close()
    assert len(servers.lost) == 5
    assert all(line.startswith("MCP server ") and "\n" not in line and len(line) < 250 for line in servers.lost)
    assert "there is no command 'no-such-command-here'" in servers.lost[0]
    assert "lists 1000 tools" in servers.lost[4]
    assert len(servers.tools) == MOST_TOOLS


async def test_a_server_that_says_nothing_is_given_up() -> None:
    servers = McpServers([f"{sys.executable} -c 'import time; time.sleep(600)'"], starts_within=0.5)
    await servers.close()
    assert servers.tools == []
    assert "listed no tools within 0.5 s" in servers.lost[0]


async def test_the_time_server_of_the_index_as_it_is() -> None:
    if shutil.which("mcp-server-time") is None:
        pytest.skip("mcp-server-time is not installed")
    servers = McpServers(["mcp-server-time --local-timezone UTC"], starts_within=LIMIT)
    box = Toolbox(servers.tools, closing=servers.close)
    outcome = await box.call("get_current_time", '{"timezone": "Europe/Paris"}', request(""))
    await box.close()
    assert not outcome.failed
    assert "Europe/Paris" in outcome.told
