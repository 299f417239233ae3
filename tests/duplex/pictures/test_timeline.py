from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex import events as ev
from duplex.audio_files.wav_writer import WavWriter
from duplex.audio_files.waveform import BIN, coarser, loudest, peaks, peaks_of_file
from duplex.pictures import timeline_style as style
from duplex.pictures.mind_lane import decided_actions, decided_stretches, has_mind
from duplex.pictures.timeline import draw_timeline
from duplex.pictures.timeline_layout import MOST_ROWS, busy, layout, rows, speaker_colours, unheard
from duplex.session_record.recorder import Recorder
from duplex.session_record.session_log import ASSISTANT, SessionLog, Span, parse_events
from duplex.streaming.audio import AudioChunk
from duplex.streaming.errors import InputError, OutputError
from tests.duplex.pictures.test_typesetting import SET
from tests.duplex.session_record.test_session_log import S, conversation


def log_of(events: list[ev.Event]) -> SessionLog:
    return parse_events([event.as_dict() for event in events])


def pixels(path: Path) -> np.ndarray:
    """(height, width, 3) in 0...255."""
    from PIL import Image

    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def coloured(image: np.ndarray, colour: str) -> np.ndarray:
    """Which pixels are (nearly) of that colour: (height, width)."""
    wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return np.abs(image - wanted).max(axis=2) < 12


def columns(image: np.ndarray, seconds: float) -> np.ndarray:
    """For each column of the picture of a session in one row, the time it stands for."""
    left, right = (side / style.WIDTH * image.shape[1] for side in (style.LEFT, style.WIDTH - style.RIGHT))
    return (np.arange(image.shape[1]) - left) / (right - left) * seconds


def test_a_sound_is_a_line_over_the_waveform_where_it_was_heard(tmp_path):
    before = [ev.SessionStarted(0, 0, ("user",), "", {}), ev.SessionEnded(10 * S, 10 * S, {})]
    heard = [ev.SoundHeard(2 * S, 6 * S, "user", "dog", 0.9, 1, True)]
    pictures = []
    for number, events in enumerate((before, before + heard)):
        draw_timeline(log_of(events), tmp_path / f"{number}.png")
        pictures.append(pixels(tmp_path / f"{number}.png"))
    changed = (np.abs(pictures[0] - pictures[1]).max(axis=2) > 12).any(axis=0)
    times = columns(pictures[0], 10.0)[changed]
    assert 1.8 < times.min() < 2.1 and 5.9 < times.max() < 6.2


def test_waveforms_lie_at_their_times_in_their_colours(tmp_path):
    sound, voice = np.zeros(10 * S, np.float32), np.zeros(10 * S, np.float32)
    sound[2 * S : 4 * S] = 0.5
    sound[8 * S : 9 * S] = 0.5  # a noise, no speech
    voice[5 * S : 7 * S] = 0.5
    log = log_of(
        [
            ev.SessionStarted(0, 0, ("user",), "", {}),
            ev.Speech(2 * S, 4 * S, "user"),
            ev.Speech(8 * S, 9 * S, "user"),
            ev.Turn(2 * S, 4 * S, "user", "", 1),
            ev.Reply(5 * S, 7 * S, 1, 1, "a", "a", False, 5 * S, 5 * S, 5 * S),
            ev.SessionEnded(10 * S, 10 * S, {}),
        ]
    )
    draw_timeline(log, tmp_path / "a.png", sounds={"user": sound, ASSISTANT: voice})
    image = pixels(tmp_path / "a.png")
    times = columns(image, 10.0)
    for colour, start, end in ((style.PARTIES[0], 2, 4), (style.ASSISTANT, 5, 7), (style.NOISE, 8, 9)):
        tall = coloured(image, colour).sum(axis=0) > 30
        assert times[tall].min() == pytest.approx(start, abs=0.05), colour
        assert times[tall].max() == pytest.approx(end, abs=0.05), colour


@pytest.mark.parametrize("loudness", [1.0, 8.0, 100.0])
def test_loud_speech_is_a_waveform_and_no_block(tmp_path, loudness):
    """Syllables four times a second, limited: however loud, its track is neither filled nor of one height."""
    at = np.arange(20 * S) / S
    syllables = 0.05 + np.abs(np.sin(2 * np.pi * 2 * at)) ** 2
    noise = np.random.default_rng(1).standard_normal(len(at))
    speech = np.tanh(loudness * 0.1 * syllables * noise).astype(np.float32)
    log = log_of([ev.Speech(0, 20 * S, "user"), ev.Turn(0, 20 * S, "user", "", 1), ev.SessionEnded(20 * S, 20 * S, {})])
    draw_timeline(log, tmp_path / "a.png", sounds={"user": speech})
    image = pixels(tmp_path / "a.png")
    ((row,), _) = layout(log, 20.0, 30.0, SET)
    bar = np.flatnonzero(coloured(image, style.PARTIES[0]).mean(axis=1) > 0.8)[0] + round(style.BAR * style.DPI)
    track = image[bar + round(style.GAP * style.DPI) :][: round(style.WAVE * style.DPI)]
    times = columns(image, 20.0)
    track = track[:, (times > 0.5) & (times < 19.5)]
    dark = coloured(track, style.PARTIES[0]).mean(axis=0)
    assert dark.max() < 0.6 and dark.mean() < 0.55
    inked = (track.min(axis=2) < 250).mean(axis=0)
    assert np.quantile(inked, 0.95) < 0.9  # room is left above the loudest; lines of the time go through it
    assert row.lanes[0].party == "user"


def several() -> SessionLog:
    return log_of(
        [
            ev.SessionStarted(0, 0, ("user",), "", {}),
            ev.SpeakerTurn(0, 4 * S, "user", "ann"),
            ev.SpeakerTurn(5 * S, 7 * S, "user", "bob"),
            ev.Turn(0, 4 * S, "user", "what time is it", 1, "turn", "ann"),
            ev.Turn(5 * S, 7 * S, "user", "no dad", 1, "side_speech", "bob"),
            ev.SessionEnded(10 * S, 10 * S, {}),
        ]
    )


def test_the_speakers_on_a_channel_have_colours_and_names(tmp_path):
    log = several()
    ((row,), _) = layout(log, 10.0, 30.0, SET)
    assert [(s.speaker, s.colour, s.start, s.end) for s in row.stretches["user"]] == [
        ("ann", style.PARTIES[0], 0.0, 4.0),
        ("bob", style.PARTIES[1], 5.0, 7.0),
    ]
    assert ["".join(run.text for run in s.text) for s in row.stretches["user"]] == [
        "ann: what time is it",
        "bob: no dad",
    ]
    draw_timeline(log, tmp_path / "a.png", sounds={"user": np.full(10 * S, 0.5, np.float32)})
    image = pixels(tmp_path / "a.png")
    times = columns(image, 10.0)
    for colour, start, end in ((style.PARTIES[0], 0, 4), (style.PARTIES[1], 5, 7)):
        tall = coloured(image, colour).sum(axis=0) > 30
        assert times[tall].min() == pytest.approx(start, abs=0.05)
        assert times[tall].max() == pytest.approx(end, abs=0.05)


def test_one_speaker_is_the_lanes(tmp_path):
    log = log_of([ev.SpeakerTurn(0, S, "user", "ann"), ev.Turn(0, S, "user", "hi", 1, "turn", "ann")])
    ((row,), _) = layout(log, 2.0, 30.0, SET)
    (stretch,) = row.stretches["user"]
    assert (stretch.speaker, stretch.colour, [run.text for run in stretch.text]) == ("ann", "", ["hi"])


def test_colours_of_speakers_differ_also_where_several_parties_have_them():
    events = [ev.SessionStarted(0, 0, ("left", "right"), "", {})]
    for number, (party, name) in enumerate(itertools.product(("left", "right"), ("ann", "bob", "eve", "dan"))):
        events.append(ev.Turn(number * S, (number + 1) * S, party, "hi", number, "turn", name))
    log = log_of(events)
    for party in ("left", "right"):
        colours = list(speaker_colours(log, party).values())
        assert len(set(colours)) == 4 and style.ASSISTANT not in colours


def test_a_recorded_session_is_drawn_from_its_folder(tmp_path):
    recorder = Recorder(tmp_path)
    recorder.on_input(AudioChunk(0, np.full(13 * S, 0.25, np.float32)))
    recorder.on_output(AudioChunk(0, np.full(13 * S, 0.25, np.float32)))
    for event in conversation():
        recorder.on_event(event)
    recorder.close(timeline=False)
    draw_timeline(tmp_path, tmp_path / "a.png", title="A title")
    image = pixels(tmp_path / "a.png")
    for kind in ("endpoint", "withdraw", "barge_in", "backchannel"):
        # Once in the legend, and once at least in the row.
        assert len(set(np.flatnonzero(coloured(image, style.MARKS[kind].colour).any(axis=1)) // 60)) >= 2, kind
    assert not coloured(image, style.MARKS["false_interruption"].colour).any()
    assert image.shape[1] == style.WIDTH * style.DPI
    assert not list(tmp_path.glob(".*"))


def test_the_same_session_gives_the_same_picture(tmp_path):
    for name in ("a.png", "b.png"):
        draw_timeline(log_of(conversation()), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "events",
    [
        [],
        [ev.SessionStarted(0, 0, ("left", "a party with quite a long name"), "", {})],
        [ev.Turn(0, S, "user", "$5 and $6 _x_ ^2 \\frac \N{GRINNING FACE} 日本語 مرحبا \x00\n" * 30, 1)],
        [ev.Decision(0, S, "endpoint", "", 1, 1)] * 3,
        [ev.Turn(number * 10, number * 10 + 5, "user", "tiny", number) for number in range(300)],
    ],
)
def test_whatever_happened_it_can_be_drawn(tmp_path, events, capfd):
    draw_timeline(log_of(events), tmp_path / "a.png")
    assert pixels(tmp_path / "a.png").shape[1] == style.WIDTH * style.DPI
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_a_long_session_is_split_over_rows_and_stays_a_picture(tmp_path):
    events = [ev.Turn(n * 10 * S, (n * 10 + 4) * S, "user", "some words were said here", n) for n in range(14)]
    draw_timeline(log_of(events), tmp_path / "a.png", row_seconds=10.0)
    height, width, _ = pixels(tmp_path / "a.png").shape
    assert width == style.WIDTH * style.SMALL_DPI
    assert 2000 < height < 4000


SPANS = st.lists(st.builds(lambda start, length: Span(start, start + length), st.floats(0, 900), st.floats(0, 20)))


@settings(deadline=None)
@given(st.floats(1, 5000), st.floats(5, 60), SPANS)
def test_rows_cover_the_session_without_gap_and_are_not_too_many(duration, most, spans):
    found = rows(duration, most, spans)
    assert found[0].start == 0
    assert found[-1].end == duration
    assert all(before.end == after.start for before, after in itertools.pairwise(found))
    assert all(span.end > span.start for span in found)
    assert len(found) <= MOST_ROWS / 0.7 + 1
    longest = max(most, 1.01 * duration / MOST_ROWS)
    assert all(span.end - span.start <= longest * (1 + 1e-9) for span in found)


def test_a_row_ends_in_a_pause_near_its_end():
    speech = [Span(0, 10), Span(11, 24), Span(26, 33), Span(34, 50)]
    assert rows(50, 30, speech)[0] == Span(0, pytest.approx(25.85))
    assert rows(50, 30, [Span(0, 50)])[0].end == 30


def test_the_answer_to_a_turn_is_in_its_row():
    log = log_of(conversation())
    assert Span(2.0, 3.0) in busy(log)


def test_unheard_parts():
    held, cut = sorted(unheard(log_of(conversation())))
    assert held == Span(5.0625, 6.0)
    assert cut.start == pytest.approx(7.20625)
    assert 0 < cut.end - cut.start <= 1.5 + 1e-9


def test_words_that_were_not_heard_are_faint_and_nothing_overlaps():
    drawn, scale = layout(log_of(conversation()), 13.0, 30.0, SET)
    (row,) = drawn
    (reply,) = row.stretches[ASSISTANT]
    assert [(run.text, run.faint) for run in reply.text] == [("It is", False), ("ten o'clock", True)]
    for stretches in row.stretches.values():
        for before, after in itertools.pairwise(stretches):
            right = max((run.x + SET.width(run.text) for run in before.text), default=0.0)
            assert before.start * scale + right <= after.start * scale


def test_lanes_do_not_overlap():
    log = log_of([ev.SessionStarted(0, 0, ("a", "b", "c"), "", {}), *conversation()[1:]])
    ((row,), _) = layout(log, 13.0, 30.0, SET)
    edges = [row.height]
    for lane in row.lanes[:-1]:
        edges += [lane.words, lane.bar + style.BAR, lane.bar, lane.wave + style.WAVE, lane.wave]
    edges += [row.floor + style.FLOOR, row.floor]
    own = row.lanes[-1]
    edges += [own.wave + style.WAVE, own.wave, own.bar + style.BAR, own.bar, own.words, 0.0]
    assert edges == sorted(edges, reverse=True)


def test_the_lane_of_the_mind_is_there_if_the_log_has_decisions_of_it():
    ((plain,), _) = layout(log_of(conversation()), 13.0, 30.0, SET)
    decided = [
        ev.Decided(S, S, "respond", 0.8, "rules", "", True),
        ev.Decided(2 * S, 2 * S, "silent", 0.9, "rules", "", False),
        ev.Decided(4 * S, 4 * S, "yield", 0.5, "rules", "", True),
    ]
    log = log_of([*conversation(), *decided])
    ((row,), _) = layout(log, 13.0, 30.0, SET)
    own = row.lanes[-1]
    assert plain.mind is None and row.mind is not None
    assert own.wave + style.WAVE <= row.mind < row.mind + style.MIND <= row.floor
    assert row.height - plain.height == pytest.approx(style.MIND + style.GAP)
    assert decided_actions(log) == ["respond", "yield"]
    held = [(span.start, round(span.end, 1), each.action) for span, each in decided_stretches(log)]
    assert held == [(1.0, 2.0, "respond"), (2.0, 4.0, "silent"), (4.0, 4.4, "yield")]
    silent = log_of([*conversation(), ev.Decided(S, S, "silent", 0.8, "rules", "", False)])
    assert not has_mind(silent)


def test_tools_and_memory_are_told_above_the_decisions(tmp_path):
    acts = [
        ev.ToolCalled(S, S, 1, 1, "get_weather", {"city": "Oslo", "days": ""}),
        ev.ToolReturned(S, 3 * S, 1, "get_weather", "no network", failed=True),
        ev.Remembered(5 * S, 5 * S, 2, ["a", "b"], [], ["c"]),
        ev.ToolCalled(6 * S, 6 * S, 2, 2, "never_ends", {}),
    ]
    log = log_of([*conversation(), *acts])
    assert [(act.what, act.about, act.start, act.end, act.failed) for act in log.mind_acts] == [
        ("get_weather", "city: Oslo", 1.0, 3.0, True),
        ("2 notes kept", "a; b", 5.0, 5.0, False),
        ("1 note forgotten", "c", 5.0, 5.0, False),
        ("never_ends", "", 6.0, log.duration, False),
    ]
    ((row,), _) = layout(log, 13.0, 30.0, SET)
    assert row.mind + style.MIND + style.ACTS <= row.floor
    picture = tmp_path / "timeline.png"
    draw_timeline(log, picture)
    assert coloured(pixels(picture), style.ACTIONS["yield"]).any(), "the tool that failed"


def test_peaks(tmp_path):
    samples = np.zeros(BIN * 4 + 1, np.float32)
    samples[BIN * 2 + 3], samples[-1] = -0.5, 0.25
    assert peaks(samples).tolist() == [0, 0, 0.5, 0, 0.25]
    with WavWriter(tmp_path / "a.wav", S, 2) as writer:
        writer.write(np.stack([samples, 0 * samples], axis=1))
    left, right = peaks_of_file(tmp_path / "a.wav")
    assert left == pytest.approx([0, 0, 0.5, 0, 0.25], abs=1e-4)
    assert not right.any()
    assert peaks_of_file(tmp_path / "none.wav") == []
    (tmp_path / "text.wav").write_text("no sound")
    with pytest.raises(InputError, match=r"text\.wav: cannot be read as audio"):
        peaks_of_file(tmp_path / "text.wav")


def test_a_thin_peak_survives_being_drawn_small():
    levels = np.zeros(10_000, np.float32)
    levels[4321] = 1.0
    shown, merged = coarser(levels, 100)
    assert (len(shown), merged, shown.argmax()) == (100, 100, 43)
    assert coarser(levels[:0], 100)[0].size == 0


def test_the_scale_follows_the_speech_and_not_a_click_or_the_noise():
    levels = np.full(1000, 0.3, np.float32)
    levels[0] = 1.0
    assert loudest(levels) == pytest.approx(0.3)
    assert loudest(np.full(1000, 0.001, np.float32)) == pytest.approx(0.02)
    assert loudest(np.zeros(10, np.float32)) == 1.0


def test_what_cannot_be_drawn_is_one_line(tmp_path):
    with pytest.raises(InputError, match="event log cannot be read"):
        draw_timeline(tmp_path, tmp_path / "a.png")
    with pytest.raises(OutputError, match=r"a\.png: cannot be written"):
        draw_timeline(log_of([]), tmp_path / "missing" / "a.png")


def test_matplotlib_is_neither_imported_early_nor_its_global_state_touched(tmp_path):
    program = (
        "import sys, duplex.pictures.timeline as t, duplex.session_record.recorder\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from duplex.session_record.session_log import parse_events\n"
        f"t.draw_timeline(parse_events([]), {str(tmp_path / 'a.png')!r})\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
