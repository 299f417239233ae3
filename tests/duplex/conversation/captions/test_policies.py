"""Each policy by its setting: through a session, its event log and the subtitles made of that."""

from __future__ import annotations

import json

import pytest

from duplex.batch.transcribe import Transcript
from duplex.batch.translate import translate_transcript
from duplex.events import Translation as Caption
from duplex.session_record.exports import EVENTS, write_exports
from duplex.settings import Settings
from duplex.streaming.errors import SettingsError
from duplex.streaming.policies.named import NAMES, NamedPolicy
from duplex.testing import UserSpeech, converse, scripted_engines
from tests.duplex.batch.test_translate import utterance
from tests.duplex.conversation.captions.scripted import Capitals

SAID = [
    UserSpeech(0.5, 4.0, "we met at noon in the old town. then we went home by train and slept."),
    UserSpeech(7.0, 8.5, "it was a very good day."),
]


def talk(policy):
    engines = scripted_engines(SAID)
    engines.translator = Capitals()
    settings = Settings(assistant=False, translate_to="de", translation_policy=policy)
    return converse(SAID, engines=engines, settings=settings)


def captions(playout):
    return [event for event in playout.events if isinstance(event, Caption)]


@pytest.mark.parametrize("policy", NAMES)
def test_a_session_translates_under_each_policy_and_its_subtitles_have_every_word(policy, tmp_path):
    playout = talk(policy)
    said = " ".join(sound.text for sound in SAID)
    finals = [event for event in captions(playout) if event.final]
    assert " ".join(event.source for event in finals) == said
    assert " ".join(event.text for event in finals) == said.upper()
    lines = "".join(json.dumps(event.as_dict()) + "\n" for event in playout.events)
    (tmp_path / EVENTS).write_text(lines)
    write_exports(tmp_path, timeline=False)
    lines = (tmp_path / "transcript.de.txt").read_text().splitlines()
    assert " ".join(line.partition(" user: ")[2] for line in lines) == said.upper()
    assert "WE MET AT NOON" in (tmp_path / "transcript.de.srt").read_text()
    both = (tmp_path / "transcript.de.both.vtt").read_text()
    assert "WE MET AT NOON" in both and "we met at noon" in both


@pytest.mark.parametrize("policy", [name for name in NAMES if name != "retranslate"])
def test_what_does_not_revise_takes_nothing_back(policy):
    shown = {}
    for event in captions(talk(policy)):
        assert event.text.startswith(shown.get(event.caption, "")) and event.erased == 0
        assert event.stable == len(event.text)
        shown[event.caption] = event.text
    assert len(shown) >= 2


def test_a_parameter_has_an_effect():
    first = {policy: captions(talk(policy))[0] for policy in ("wait-k:1", "wait-k:6", "retranslate:0", "retranslate:4")}
    assert len(first["wait-k:1"].source) < len(first["wait-k:6"].source)
    assert len(first["retranslate:0"].source) < len(first["retranslate:4"].source)


def test_streamuni_cuts_by_what_was_heard_and_not_by_rules():
    said = [event.source for event in captions(talk("streamuni:2")) if event.final]
    assert said[0].startswith("we met at noon in the old town.") and len(said) >= 2


@pytest.mark.parametrize("policy", NAMES)
def test_a_recording_is_translated_as_a_listener_would_have_read_it(policy):
    words = [utterance(0.0, SAID[0].text), utterance(9.0, SAID[1].text)]
    translator = Capitals()
    lines = translate_transcript(Transcript(words, []), translator, "en", "de", NamedPolicy.parse(policy))
    assert " ".join(line.text for line in lines) == " ".join(sound.text for sound in SAID).upper()
    assert (len(translator.asked) > len(lines)) is (policy != "retranslate")


def test_a_bad_policy_is_one_line_at_the_command(capsys):
    from duplex.cli import main

    assert main(["translate", "nothing.wav", "--to", "de", "--translation-policy", "wait-k:0"]) != 0
    told = capsys.readouterr().err.strip()
    assert "wait-k:N needs a number N from 1 to 50" in told and "\n" not in told
    with pytest.raises(SettingsError, match="settings: translation_policy is one of retranslate, wait-k"):
        Settings(translation_policy="hold-n")
