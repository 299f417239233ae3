"""Settings: the later source wins, and every error names its source."""

from __future__ import annotations

from pathlib import Path

import pytest

from duplex.settings import Settings, describe
from duplex.streaming.errors import SettingsError


def load(toml: str | None = None, tmp_path: Path | None = None, environ=None, flags=None) -> Settings:
    path = None
    if toml is not None and tmp_path is not None:
        path = tmp_path / "duplex.toml"
        path.write_text(toml, "utf-8")
    return Settings.load(path, environ or {}, flags)


def test_the_later_source_wins(tmp_path: Path) -> None:
    toml = 'language = "de"\nspeech_rate = 1\n[floor]\npause_short = 0.3\npause_long = 2.0\n'
    settings = load(toml, tmp_path, {"DUPLEX_FLOOR_PAUSE_SHORT": "0.4", "DUPLEX_ASSISTANT": "off"}, {"language": "fr"})
    assert (settings.language, settings.speech_rate, settings.assistant) == ("fr", 1.0, False)
    assert (settings.floor.pause_short, settings.floor.pause_long) == (0.4, 2.0)


def test_flags_that_were_not_given_change_nothing() -> None:
    assert load(flags={"language": None}) == Settings()


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("languge = 'de'", "there is no setting 'languge'; did you mean 'language'?"),
        ("workers = 1.5", "workers must be a whole number, not 1.5"),
        ("workers = true", "workers must be a whole number, not True"),
        ("assistant = 'perhaps'", "assistant must be true or false, not 'perhaps'"),
        ("language = 3", "language must be text, not 3"),
        ("speech_rate = 7", "speech_rate must lie between 0.3 and 3, not 7"),
        ("speech_rate = nan", "speech_rate must lie between 0.3 and 3, not nan"),
        ("llm = 'localhost'", "llm must be an http(s) address or auto, not 'localhost'"),
        (
            "synthesizer = 'bells'",
            "synthesizer must be one of auto, espeak, flite, kokoro, piper, or an address, not 'bells'",
        ),
        ("wall_time = 'noon'", "wall_time must be an ISO 8601 time"),
        ("[floor]\npause_short = 3", "floor.pause_short ≤ pause_medium ≤ pause_long does not hold"),
        ("[floor]\npause_shirt = 3", "did you mean 'floor.pause_short'?"),
        ("llm = 'http://x'\nmodel = 'y'", "llm and model are both set"),
        ("= 3", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(toml: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(toml, tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_errors_name_where_the_value_came_from(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"duplex\.toml: workers"):
        load("workers = 'x'", tmp_path)
    with pytest.raises(SettingsError, match="environment variable DUPLEX_WORKERS: workers"):
        load(environ={"DUPLEX_WORKERS": "x"})
    with pytest.raises(SettingsError, match="command line: workers"):
        load(flags={"workers": "x"})
    with pytest.raises(SettingsError, match="did you mean 'DUPLEX_WORKERS'"):
        load(environ={"DUPLEX_WORKER": "1"})
    with pytest.raises(SettingsError, match="no such settings file"):
        Settings.load(tmp_path / "absent.toml", {})


def test_every_setting_has_its_help() -> None:
    assert [name for name, _, help in describe() if not help and not name.startswith("floor.")] == []


def test_earlier_names_work_and_say_what_replaced_them(tmp_path):
    from duplex.settings import RenamedSetting

    (tmp_path / "a.toml").write_text('recogniser = "a"\n', "utf-8")
    with pytest.warns(RenamedSetting, match="a.toml: recogniser is now called recognizer"):
        assert Settings.load(tmp_path / "a.toml", {}).recognizer == "a"
    with pytest.warns(RenamedSetting, match="DUPLEX_RECOGNISER: recogniser is now called recognizer"):
        assert Settings.load(None, {"DUPLEX_RECOGNISER": "b"}).recognizer == "b"
    with pytest.warns(RenamedSetting, match="command line: synthesiser is now called synthesizer"):
        assert Settings.load(None, {}, {"synthesiser": "espeak"}).synthesizer == "espeak"


def test_an_error_names_the_source_of_the_value():
    with pytest.raises(SettingsError, match=r"^command line: llm must be"):
        Settings.load(None, {}, {"llm": "ftp://x"})
    with pytest.raises(SettingsError, match=r"^environment variable DUPLEX_WALL_TIME: wall_time must be"):
        Settings.load(None, {"DUPLEX_WALL_TIME": "noon"})
    with pytest.raises(SettingsError, match=r"must be one of auto, .* or empty, not 'x'"):
        Settings.load(None, {}, {"restore": "x"})


def test_variables_of_the_model_store_are_no_settings() -> None:
    others = {"DUPLEX_MODELS": "/models", "DUPLEX_OFFLINE": "1", "DUPLEX_DATA": "/data"}
    assert Settings.load(environ=others) == Settings()
