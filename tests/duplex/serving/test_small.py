"""Token and origin, credentials, rates, names, retention, the page's files, the command's settings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.cli import main
from duplex.serving.hosts.ice_servers import SharedSecretIceServers, read_secret
from duplex.serving.hosts.retention import Recordings
from duplex.serving.http.auth import Gate, bearer, new_id, new_token
from duplex.serving.http.call_request import WHITELIST, parse_call_request, parse_consent, parse_offer
from duplex.serving.http.limits import TokenBucket
from duplex.serving.http.pages import read_page
from duplex.settings import Settings
from duplex.streaming.errors import OutputError, SettingsError
from duplex.testing import VirtualClock


def test_tokens_and_ids_are_long_and_never_the_same() -> None:
    assert len({new_token() for _ in range(1000)}) == len({new_id() for _ in range(1000)}) == 1000
    assert len(new_token()) == 32 and len(new_id()) == 22
    with pytest.raises(SettingsError, match="16"):
        Gate("fifteen letters")
    with pytest.raises(SettingsError, match="origin"):
        Gate("long enough a token", ["calls.example"])


@given(st.text(max_size=50))
def test_only_the_token_is_the_token(text: str) -> None:
    gate = Gate("this is the right token")
    assert gate.knows(text) == (text == "this is the right token")
    assert not gate.knows(None)


@pytest.mark.parametrize(
    ("header", "token"),
    [(None, None), ("", None), ("Bearer", None), ("Bearer ", None), ("Basic x", None), ("bearer  a b ", "a b")],
)
def test_bearer(header: str | None, token: str | None) -> None:
    assert bearer(header) == token


@pytest.mark.parametrize(
    ("origin", "site", "accepted"),
    [
        ("http://host:8080", None, True),
        ("HTTP://HOST:8080", None, True),
        ("http://host", None, False),
        ("https://host:8080", None, False),
        ("http://host:8080.evil.example", None, False),
        ("null", None, False),
        ("", None, False),
        ("https://calls.example", None, True),
        (None, None, True),
        (None, "same-origin", True),
        (None, "none", True),
        (None, "cross-site", False),
        (None, "same-site", False),
    ],
)
def test_origins(origin: str | None, site: str | None, accepted: bool) -> None:
    gate = Gate("long enough a token", ["https://calls.example/"])
    assert gate.accepts_origin(origin, "http", "host:8080", site) is accepted


def test_turn_credentials_are_what_the_turn_server_computes() -> None:
    servers = SharedSecretIceServers(["stun:a"], ["turn:b", "turns:c"], "s3cret", 60.0, wall_time=lambda: 1000.5)(
        "call"
    )
    assert [server.urls for server in servers] == [("stun:a",), ("turn:b", "turns:c")]
    assert servers[1].username == "1060:call"
    digest = hmac.new(b"s3cret", b"1060:call", hashlib.sha1).digest()
    assert servers[1].credential == base64.b64encode(digest).decode()
    assert SharedSecretIceServers(wall_time=lambda: 0.0)("call") == []
    for wrong in (dict(stun=["http://a"]), dict(turn=["turn:b"]), dict(turn=["stun:b"], secret="s")):
        with pytest.raises(SettingsError):
            SharedSecretIceServers(**wrong, wall_time=lambda: 0.0)  # type: ignore[arg-type]


def test_secrets_from_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("  s3cret \nmore\n")
    assert read_secret(str(tmp_path / "secret")) == "s3cret"
    (tmp_path / "empty").write_text("\n")
    for name in ("empty", "missing"):
        with pytest.raises(SettingsError, match=name):
            read_secret(str(tmp_path / name))


def test_a_token_bucket() -> None:
    clock = VirtualClock()
    bucket = TokenBucket(clock, rate=2.0, burst=3.0)
    assert [bucket.take() for _ in range(5)] == [True] * 3 + [False] * 2 and bucket.refused == 2
    clock._now += 1.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_any_json_is_a_wish_or_a_settings_error(body: object) -> None:
    for parse in (parse_call_request, parse_consent, lambda body: parse_offer(body, 100)):
        try:
            parse(body)
        except SettingsError as error:
            assert "\n" not in str(error) or isinstance(body, dict)


@given(st.fixed_dictionaries({}, optional={"name": st.text(), "room": st.text(), "record": st.booleans()}))
def test_names_are_fit_to_be_shown(body: dict[str, object]) -> None:
    try:
        wish = parse_call_request(body)
    except SettingsError:
        return
    for name in (wish.name, wish.room):
        assert len(name) <= 40 and name == name.strip() and (name.isprintable() or " " in name)
    assert wish.name


def test_a_wish_changes_only_what_a_page_may_change() -> None:
    base = Settings(recognizer="pocketsphinx", workers=7)
    changed = parse_call_request({"settings": {"restore": "enhance", "speech_rate": 1.5}}).settings_on(base)
    assert (changed.restore, changed.speech_rate, changed.workers) == ("enhance", 1.5, 7)
    assert parse_call_request({}).settings_on(base) is base
    with pytest.raises(SettingsError, match="settings: speech_rate"):
        parse_call_request({"settings": {"speech_rate": "fast"}}).settings_on(base)
    assert set(WHITELIST) <= set(Settings().as_dict())


def test_recordings_are_deleted_when_their_time_is_over_and_nothing_else_is(tmp_path: Path) -> None:
    now = [1_000_000.0]
    recordings = Recordings(tmp_path / "kept", 3600.0, lambda: now[0])
    old, new = recordings.new_folder(), recordings.new_folder()
    empty = recordings.new_folder()
    for folder, age in ((old, 7200.0), (new, 60.0)):
        (folder / "mix.wav").write_bytes(b"")
        os.utime(folder / "mix.wav", (now[0] - age, now[0] - age))
    os.utime(empty, (now[0] - 9000.0,) * 2)
    foreign = tmp_path / "kept" / "holiday"
    foreign.mkdir()
    os.utime(foreign, (0, 0))
    link = tmp_path / "kept" / new.name.replace(new.name[-3:], "abc")
    link.symlink_to(foreign)
    assert sorted(recordings.sweep()) == sorted([old, empty])
    assert new.exists() and foreign.exists() and link.exists() and not old.exists()
    assert recordings.folder.stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        Recordings(tmp_path / "file", 1.0)


def test_only_files_of_known_kinds_are_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_page"
    (package / "js").mkdir(parents=True)
    (package / "__pycache__").mkdir()
    for name in ("__init__.py", "index.html", "js/app.js", "__pycache__/x.js", "notes"):
        (package / name).write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert {path: file.media_type for path, file in read_page("some_page").items()} == {
        "index.html": "text/html",
        "js/app.js": "text/javascript",
    }
    assert read_page("no_such_page_anywhere") == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "70000"], "--port"),
        (["--max-calls", "0"], "--max-calls"),
        (["--keep", "-1"], "--keep"),
        (["--token", "short"], "token"),
        (["--origin", "nonsense"], "origin"),
        (["--tls-key", "key.pem"], "TLS"),
        (["--tls-cert", "/no/such.pem"], "no/such.pem"),
        (["--turn", "turn:a"], "secret"),
        (["--turn-secret-file", "/no/such"], "/no/such"),
    ],
)
def test_what_the_command_cannot_do_is_said_in_one_line(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 1
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1 and error.startswith("duplex: ")


@pytest.mark.parametrize("missing", ["aiohttp", "aiortc"])
def test_without_the_extra_the_command_says_what_to_install(
    missing: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in list(sys.modules):
        if name.startswith((missing, "duplex.transport", "duplex.serving")):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(["serve"]) == 1
    error = capsys.readouterr().err
    assert "pip install 'duplex[call]'" in error and error.count("\n") == 1
