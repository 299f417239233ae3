from __future__ import annotations

import pytest

from duplex.models.sounds.contract import LABELS
from duplex.models.sounds.train import categories
from duplex.models.sounds.train.categories import MASKED, NO_LABEL, category, held_out, source


def row(path: str, label: str, dataset: str = "luanti_mod_sounds", kind: str = "noise", by: str = "ann") -> dict:
    return {"path": f"audio/{dataset}/train/{path}", "label": label, "dataset": dataset, "kind": kind, "source_key": by}


@pytest.mark.parametrize(
    ("name", "label", "expected"),
    [
        ("3-1-A.ogg", "Baby cry", "baby crying"),
        ("sounds_rooster_1.ogg", "animal_bird", "rooster"),
        ("car_alarm_1.ogg", "alarm_beep", "alarm"),
        ("soundfx_d_beep1_1.ogg", "alarm_beep", "ringtone"),
        ("rifle_fire_01.ogg", "gun_weapon", "bang"),
        ("rifle_cock_01.ogg", "gun_weapon", "noise"),
        ("Fire_ocg_Blast1.ogg", "fire", "flames"),
        ("fire_crackle.ogg", "fire", "fire"),
        ("monkey_01.ogg", "animal_other", "animal"),
        ("something.ogg", "swoosh", "noise"),
    ],
)
def test_names_say_more_than_labels(name: str, label: str, expected: str) -> None:
    assert category(row(name, label)) == expected


def test_every_category_is_a_label_or_says_what_it_teaches() -> None:
    known = {*LABELS, *NO_LABEL}
    assert set(categories._BY_LABEL.values()) <= known
    assert {found for _, found in categories._BY_NAME} <= known
    assert set(MASKED) <= known
    assert {label for masked in MASKED.values() for label in masked} <= set(LABELS)
    assert {label for label in NO_LABEL.values() if label} <= set(LABELS)
    assert not any(label in masked for label, masked in MASKED.items())


def test_clips_of_one_recording_are_of_one_source() -> None:
    a, b = (row(f"3-170015-{part}.opus.ogg", "Dog bark", "esc10") for part in "AB")
    other = row("3-180256-A.opus.ogg", "Dog bark", "esc10")
    assert source(a) == source(b) != source(other)


def test_the_development_split_has_some_of_each_category_and_whole_sources() -> None:
    rows = [row(f"dog_{n}.ogg", "animal_dog", by=f"person {n % 10}") for n in range(40)]
    rows += [row(f"rain_{n}.ogg", "rain", by=f"other {n}") for n in range(5)]
    rows += [row("clock.ogg", "clock", by="only one")]
    chosen = held_out(rows)
    assert chosen == held_out(rows)
    of = {each: sum(source(r) in chosen for r in rows if category(r) == each) for each in ("dog", "rain")}
    assert 4 <= of["dog"] <= 12 and 2 <= of["rain"] <= 3
    assert "only one" not in chosen
