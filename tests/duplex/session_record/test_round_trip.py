"""A conversation goes through the session and the recorder to the log, and from there into every export: nothing is
lost, nothing merged, every speaker named, every time right."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from duplex import events as ev
from duplex.conversation.session import Session
from duplex.models.diarization.rttm import read_rttm
from duplex.pictures.timeline_layout import layout
from duplex.serving.rooms.handover import ResumeState
from duplex.session_record.recorder import Recorder
from duplex.session_record.session_log import ASSISTANT, SessionLog, read_log
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.pool import InferencePool
from duplex.testing import (
    Answer,
    Playout,
    ScriptedDiarizer,
    UserScript,
    UserSpeech,
    VirtualClock,
    scripted_engines,
)
from tests.duplex.pictures.test_typesetting import SET

ANN, BOB, EVE = "ann", "bob", "eve"
"""Ann is the user and known; the others are strangers."""

SIGN_OF_LIFE = 4.0
"""Seconds after which one frame arrives in a long gap: a session conceals at most ten at once."""


@dataclass
class Recorded:
    folder: Path
    log: SessionLog
    playout: Playout
    events: list[dict[str, Any]]

    def text(self, name: str) -> str:
        return (self.folder / name).read_text("utf-8")


def record(
    folder: Path,
    sounds: list[UserSpeech],
    answers: list[Answer],
    *,
    missing: list[tuple[float, float]] = (),
    latency: float = 0.4,
    known: bool = True,
) -> Recorded:
    """missing: stretches (seconds) of which nothing arrives but a sign of life now and then."""
    script = UserScript(tuple(sounds))
    audio = script.audio()
    engines = scripted_engines(sounds, answers)
    engines = replace(engines, diarizer=ScriptedDiarizer(script, latency=latency))
    engines.voices = ((ANN, np.zeros(SAMPLE_RATE, np.float32)),) if known else ()
    playout, clock, recorder = Playout(), VirtualClock(), Recorder(folder)

    async def main() -> None:
        async with Session(
            Settings(),
            engines=engines,
            clock=clock,
            pool=InferencePool(inline=True),
            sinks=[recorder, playout],
            wall_time=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        ) as session:
            began = clock.now()
            for at in range(0, len(audio), FRAME):
                await clock.sleep_until(began + (at + FRAME) / SAMPLE_RATE)
                lost = [a for a, b in missing if a * SAMPLE_RATE <= at < b * SAMPLE_RATE]
                if not lost or (at - round(lost[0] * SAMPLE_RATE)) % round(SIGN_OF_LIFE * SAMPLE_RATE) == 0:
                    session.feed(audio[at : at + FRAME], start=at)
            await session.finish(60.0)

    clock.run(main())
    recorder.close(timeline=False)
    lines = (folder / "events.jsonl").read_text("utf-8").splitlines()
    return Recorded(folder, read_log(folder / "events.jsonl"), playout, [json.loads(line) for line in lines])


SCRIPT = [
    UserSpeech(0.5, 1.5, "what time is it", speaker=ANN),
    UserSpeech(3.0, 3.4, "mhm", speaker=ANN),  # over the reply
    UserSpeech(5.0, 6.6, "shall we go and have lunch", speaker=BOB),  # over it too, and not to the assistant
    UserSpeech(8.0, 9.2, "no i meant london", speaker=ANN),  # interrupts it
    UserSpeech(13.0, 14.5, "i would like some soup", speaker=EVE),
    UserSpeech(78.0, 79.2, "and where am i now", speaker=ANN),  # after a minute of which nothing arrived
    UserSpeech(84.0, 85.0, "in the soup", speaker=BOB),
]
GAP = (16.0, 76.0)
ANSWERS = [Answer(" ".join(f"one{n}" for n in range(25))), Answer("four"), Answer("here")]
NAMES = {ANN: "ann", BOB: "speaker 1", EVE: "speaker 2"}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return record(tmp_path_factory.mktemp("round") / "my call", SCRIPT, ANSWERS, missing=[GAP])


def test_every_turn_is_in_the_log_with_its_kind_its_speaker_and_its_samples(recorded: Recorded) -> None:
    kinds = {"mhm": "backchannel"} | {sound.text: "side_speech" for sound in SCRIPT if sound.speaker != ANN}
    assert [(t.text, t.kind, t.speaker) for t in recorded.log.turns] == [
        (sound.text, kinds.get(sound.text, "turn"), NAMES[sound.speaker]) for sound in SCRIPT
    ]
    for turn, sound in zip(recorded.log.turns, SCRIPT, strict=True):
        assert (turn.start, turn.end) == (sound.start, sound.end), sound.text  # to the sample, also after the gap
        assert [word.text for word in turn.words] == sound.text.split()
        assert {word.speaker for word in turn.words} == {NAMES[sound.speaker]}
    assert recorded.log.ended and recorded.log.version == ev.LOG_VERSION


def test_the_diarizers_turns_are_at_their_times(recorded: Recorded) -> None:
    found = recorded.log.diarized["user"]
    assert [(turn.start, turn.end, turn.speaker) for turn in found] == [
        (pytest.approx(sound.start, abs=0.1), pytest.approx(sound.end, abs=0.1), NAMES[sound.speaker])
        for sound in SCRIPT
    ]


def test_interruptions_are_what_was_heard(recorded: Recorded) -> None:
    first = recorded.log.replies[0]
    assert first.interrupted and first.full_text == ANSWERS[0].text and ANSWERS[0].text.startswith(first.text)
    assert [reply.text for reply in recorded.log.replies[1:]] == ["four", "here"]
    heard = recorded.playout.audible()
    assert round(first.start * SAMPLE_RATE) == heard[0][0]
    assert 8.0 < first.end < 9.2


def test_the_transcripts_hold_every_word_under_its_speaker(recorded: Recorded) -> None:
    lines = [line.split("] ")[1] for line in recorded.text("transcript.txt").splitlines()]
    said = [f"{NAMES[sound.speaker]}: {sound.text}" for sound in SCRIPT]
    said += [f"{ASSISTANT}: {reply.text}" for reply in recorded.log.replies]
    assert sorted(lines) == sorted(said)
    srt = " ".join(recorded.text("transcript.srt").split())
    vtt = recorded.text("transcript.vtt")
    for sound in SCRIPT:
        name = NAMES[sound.speaker]
        assert f"{name}: {sound.text}" in srt
        assert f"<v {name}>{sound.text}</v>" in vtt
        assert f"{stamp(sound.start, ',')} --> " in srt and f"{stamp(sound.start, '.')} --> " in vtt
    assert f"{stamp(78.0, ',')} --> {stamp(79.2, ',')}" in srt


def test_the_rttm_has_every_stretch_of_speech(recorded: Recorded) -> None:
    turns = read_rttm(recorded.folder / "turns.rttm")
    assert list(turns) == ["my_call"]
    own = [turn for turn in turns["my_call"] if turn.speaker != ASSISTANT]
    assert [(turn.speaker, turn.start, turn.end) for turn in own] == [
        (NAMES[s.speaker].replace(" ", "_"), pytest.approx(s.start, abs=0.1), pytest.approx(s.end, abs=0.1))
        for s in SCRIPT
    ]
    assert len(turns["my_call"]) > len(own)


def test_the_summary_counts_everybody(recorded: Recorded) -> None:
    summary = json.loads(recorded.text("summary.json"))
    assert summary["counts"] | {"decisions": 0} == {
        "turns": 3, "backchannels": 1, "side_speech": 3, "replies": 3, "interrupted_replies": 1, "decisions": 0,
    }  # fmt: skip
    assert [(said["speaker"], said["text"]) for said in summary["side_speech"]] == [
        (NAMES[s.speaker], s.text) for s in SCRIPT if s.speaker != ANN
    ]
    assert [turn["speaker"] for turn in summary["turns"]] == ["ann"] * 3
    for name in (ANN, BOB, EVE):
        own = [sound for sound in SCRIPT if sound.speaker == name]
        told = summary["speakers"][NAMES[name]]
        assert told["seconds"] == pytest.approx(sum(sound.end - sound.start for sound in own), abs=0.2 * len(own))
        assert told["words"] == sum(len(sound.text.split()) for sound in own) and told["turns"] == len(own)


def test_the_picture_shows_each_turn_in_its_place(recorded: Recorded) -> None:
    rows, _ = layout(recorded.log, recorded.log.duration, 1000.0, SET)
    assert [(s.start, s.end, s.speaker, s.faint) for s in rows[0].stretches["user"]] == [
        (sound.start, sound.end, NAMES[sound.speaker], sound.text == "mhm") for sound in SCRIPT
    ]
    colours = {stretch.speaker: stretch.colour for stretch in rows[0].stretches["user"]}
    assert len(set(colours.values())) == 3
    assert [stretch.speaker for stretch in rows[0].stretches[ASSISTANT]] == [ASSISTANT] * 3


def test_the_next_worker_remembers_the_user_and_no_stranger(recorded: Recorded) -> None:
    heard = ResumeState(recorded.events, round(100 * SAMPLE_RATE)).heard()
    assert [(h.party, h.text) for h in heard if h.party != ASSISTANT] == [
        ("user", sound.text) for sound in SCRIPT if sound.speaker == ANN
    ]
    assert [h.text for h in heard if h.party == ASSISTANT] == [reply.text for reply in recorded.log.replies]
    assert [h.start + 100 for h in heard if h.text == SCRIPT[5].text] == [pytest.approx(78.0)]


def test_the_sound_is_at_its_place_after_the_gap(recorded: Recorded) -> None:
    for sound in SCRIPT:
        start, end = round(sound.start * SAMPLE_RATE), round(sound.end * SAMPLE_RATE)
        samples, _ = soundfile.read(recorded.folder / "input.wav", start=start - 160, stop=end + 160)
        loud = np.flatnonzero(np.abs(samples) > 0.05)
        assert (loud[0], loud[-1]) == (160, 160 + end - start - 1), sound.text
    lengths = {soundfile.info(recorded.folder / name).frames for name in ("input.wav", "assistant.wav", "mix.wav")}
    assert len(lengths) == 1


def stamp(seconds: float, point: str) -> str:
    ms = round(seconds * 1000)
    return f"{ms // 3_600_000:02d}:{ms // 60_000 % 60:02d}:{ms // 1000 % 60:02d}{point}{ms % 1000:03d}"


TURNS = st.lists(
    st.tuples(
        st.sampled_from([ANN, BOB, EVE]),
        st.integers(3, 5),  # words: over a reply, fewer that ask for nothing are let pass and are no turn
        st.integers(25, 60),  # tenths of a second of silence before it
        st.sampled_from([0, 0, 0, 30, 120]),  # tenths of a second of which nothing arrives, before that
    ),
    min_size=1,
    max_size=3,
)


@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # a conversation takes a second: no search for the smallest that fails
    suppress_health_check=[HealthCheck.too_slow],
)
@given(TURNS, st.sampled_from([0.0, 0.4]), st.lists(st.integers(1, 12), min_size=1, max_size=3))
def test_whatever_is_said_by_whom_it_is_in_every_export(
    tmp_path_factory: pytest.TempPathFactory,
    script: list[tuple[str, int, int, int]],
    latency: float,
    lengths: list[int],
) -> None:
    """Strangers speak aside, Ann to the assistant, at times over its answers. The diarizer answers in time: where it
    looks a second ahead, the floor decides about short sentences before it is known who spoke."""
    sounds, missing, at = [UserSpeech(0.5, 1.1, "hello there", speaker=ANN)], [], 1.1
    for number, (speaker, words, silence, gap) in enumerate(script):
        if gap:
            missing.append((round(at + 1.0, 1), round(at + 1.0 + gap / 10, 1)))
            at = missing[-1][1]
        start = round(at + silence / 10, 1)
        at = round(start + 0.3 * max(2, words), 1)
        sounds.append(UserSpeech(start, at, " ".join(f"w{number}x{n}" for n in range(words)), speaker=speaker))
    answers = [Answer(" ".join(f"a{n}x{m}" for m in range(length))) for n, length in enumerate(lengths)]
    got = record(tmp_path_factory.mktemp("script"), sounds, answers, missing=missing, latency=latency)
    # A turn that goes on after a reply that was about to begin is one turn: its words are all there, in order.
    said = {ANN: [], "others": []}
    for sound in sounds:
        said[ANN if sound.speaker == ANN else "others"] += sound.text.split()
    turns = got.log.turns
    assert [w for t in turns if not t.side_speech for w in t.text.split()] == said[ANN]
    assert [w for t in turns if t.side_speech for w in t.text.split()] == said["others"]
    assert sorted(word.text for turn in turns for word in turn.words) == sorted(said[ANN] + said["others"])
    heard = ResumeState(got.events, 0).heard()
    assert [w for h in heard if h.party != ASSISTANT for w in h.text.split()] == said[ANN]
    names = {ANN: "ann"}
    for sound in sounds:
        names.setdefault(sound.speaker, f"speaker {len(names)}")
    for sound in sounds:
        (turn,) = [turn for turn in turns if sound.text.split()[0] in turn.text.split()]
        assert turn.speaker == names[sound.speaker]
        (word,) = [word for word in turn.words if word.text == sound.text.split()[0]]
        assert (word.start, word.speaker) == (pytest.approx(sound.start, abs=1e-4), names[sound.speaker])
    rttm = read_rttm(got.folder / "turns.rttm")[got.folder.name]
    assert [(t.speaker, t.start, t.end) for t in rttm if t.speaker != ASSISTANT] == [
        (names[s.speaker].replace(" ", "_"), pytest.approx(s.start, abs=0.1), pytest.approx(s.end, abs=0.1))
        for s in sounds
    ]
    txt = got.text("transcript.txt")
    for text in (txt, got.text("transcript.srt"), got.text("transcript.vtt")):
        tokens = text.replace("<", " <").replace(">", "> ").split()
        assert all(tokens.count(word) == 1 for word in said[ANN] + said["others"])
    assert all(f" {names[s.speaker]}: " in line for s in sounds for line in txt.splitlines() if s.text in line)
    summary = json.loads(got.text("summary.json"))
    assert sum(told["words"] for name, told in summary["speakers"].items() if name != ASSISTANT) == len(
        said[ANN] + said["others"]
    )
    rows, _ = layout(got.log, got.log.duration, 10_000.0, SET)
    assert len(rows[0].stretches["user"]) == len(turns)
