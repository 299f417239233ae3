"""Which files are taken and where results go: mirrored, never outside OUT, never over a source."""

from __future__ import annotations

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.batch.restore.plan import find_reference, plan, sweep
from duplex.streaming.errors import InputError, OutputError, SettingsError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def targets(planned, out):
    return [os.path.relpath(item.target, out) for item in planned.items]


def test_a_folder_is_mirrored(tmp_path):
    source = touch(tmp_path / "in", "a.wav", "sub/deep/b.MP3", "sub/notes.txt", ".hidden/c.wav", "sub/.d.wav")
    planned = plan([source], tmp_path / "out")
    assert targets(planned, tmp_path / "out") == ["a.wav", "sub/deep/b.MP3"]
    assert planned.others == 1 and not planned.failures


def test_several_inputs_go_where_cp_would_put_them(tmp_path):
    touch(tmp_path, "one/a.wav", "two/a.wav", "b.flac")
    planned = plan([tmp_path / "one", tmp_path / "two", tmp_path / "b.flac"], tmp_path / "out")
    assert targets(planned, tmp_path / "out") == ["one/a.wav", "two/a.wav", "b.flac"]


def test_a_file_given_twice_is_taken_once(tmp_path):
    touch(tmp_path / "in", "a.wav")
    assert len(plan([tmp_path / "in" / "a.wav", tmp_path / "in" / ".." / "in" / "a.wav"], tmp_path / "out").items) == 1


def test_two_results_of_one_name(tmp_path):
    touch(tmp_path, "one/a.wav", "two/a.wav")
    planned = plan([tmp_path / "one" / "a.wav", tmp_path / "two" / "a.wav"], tmp_path / "out")
    assert len(planned.items) == 1
    assert planned.failures[0][0].endswith("two/a.wav") and "name" in planned.failures[0][1]


def test_a_single_result_may_be_named(tmp_path):
    touch(tmp_path, "a.wav")
    planned = plan([tmp_path / "a.wav"], tmp_path / "new" / "b.flac")
    assert planned.single and planned.items[0].target == str(tmp_path / "new" / "b.flac") and planned.items[0].convert
    assert not plan([tmp_path / "a.wav"], tmp_path / "c.wav").items[0].convert


def test_a_result_of_a_suffix_that_cannot_be_written(tmp_path):
    touch(tmp_path, "a.wav")
    with pytest.raises(SettingsError, match="wma"):
        plan([tmp_path / "a.wav"], tmp_path / "b.wma")


@pytest.mark.parametrize("out", ["in", "in/out", "in/sub/../deep/out"])
def test_out_inside_in_is_refused(tmp_path, out):
    touch(tmp_path / "in", "a.wav")
    with pytest.raises(SettingsError, match="inside"):
        plan([tmp_path / "in"], tmp_path / out)
    assert not (tmp_path / "in" / "out").exists()


def test_out_inside_in_through_a_link_is_refused(tmp_path):
    touch(tmp_path / "in" / "sub", "a.wav")
    (tmp_path / "link").symlink_to(tmp_path / "in" / "sub")
    with pytest.raises(SettingsError, match="inside"):
        plan([tmp_path / "in"], tmp_path / "link" / "out")


def test_a_source_is_never_replaced(tmp_path):
    touch(tmp_path, "a.wav", "sub/b.wav")
    for inputs in ([tmp_path / "a.wav"], [tmp_path / "a.wav", tmp_path / "sub" / "b.wav"]):
        planned = plan(inputs, tmp_path)
        assert (str(tmp_path / "a.wav"), "its result would replace a source; choose another OUT") in planned.failures
        assert all(item.source != str(tmp_path / "a.wav") for item in planned.items)
    assert plan([tmp_path / "a.wav"], tmp_path / "a.wav").failures


def test_a_link_does_not_lead_results_out_of_out(tmp_path):
    touch(tmp_path / "in", "sub/a.wav")
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    planned = plan([tmp_path / "in"], tmp_path / "out")
    assert not planned.items and "link" in planned.failures[0][1]


def test_links_to_folders_are_not_followed(tmp_path):
    touch(tmp_path / "in", "a.wav")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    assert len(plan([tmp_path / "in"], tmp_path / "out").items) == 1


@settings(max_examples=50, deadline=None)
@given(
    names=st.lists(st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=12))
)
def test_targets_lie_in_out_and_are_distinct(tmp_path_factory, names):
    root = tmp_path_factory.mktemp("plan")
    for name in names:
        if name not in (".", ".."):
            (root / "in").mkdir(exist_ok=True)
            (root / "in" / f"{name}.wav").write_bytes(b"x")
    if not (root / "in").exists():
        return
    planned = plan([root / "in"], root / "out")
    found = [item.target for item in planned.items]
    assert len(set(found)) == len(found)
    assert all(os.path.dirname(target) == str(root / "out") for target in found)
    assert len({item.part for item in planned.items}) == len(found)


def test_nothing_to_do(tmp_path):
    with pytest.raises(InputError):
        plan([], tmp_path)
    touch(tmp_path / "in", "readme.txt")
    planned = plan([tmp_path / "in"], tmp_path / "out")
    assert planned.failures == ((str(tmp_path / "in"), "there are no recordings in this folder"),)


def test_out_is_a_file(tmp_path):
    touch(tmp_path, "in/a.wav", "out")
    with pytest.raises(OutputError, match="is a file"):
        plan([tmp_path / "in"], tmp_path / "out")


def test_references_are_found_by_path_then_by_stem(tmp_path):
    touch(tmp_path, "clean/sub/a.wav", "clean/sub/b.flac", "clean/sub/c.wav", "clean/sub/c.flac")
    clean = tmp_path / "clean"
    assert find_reference(clean, "sub/a.wav") == str(clean / "sub/a.wav")
    assert find_reference(clean, "sub/b.mp3") == str(clean / "sub/b.flac")
    assert find_reference(clean, "sub/c.mp3") is None and find_reference(clean, "d.wav") is None
    assert find_reference(clean / "sub/a.wav", "anything.wav") == str(clean / "sub/a.wav")


def test_sweeping_takes_only_what_an_interrupted_run_left(tmp_path):
    touch(tmp_path, "sub/.duplex-0123.part", "sub/a.wav", "b.part", ".duplex-restore.jsonl")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        ".duplex-restore.jsonl",
        "a.wav",
        "b.part",
    ]
