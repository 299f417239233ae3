"""What the recordings of the data folder are, as labels of the tagger, and which of them each split has.

A category is a label, or a kind of sound that is none but must be known for what it may be mistaken for. Where a
recording may well hold another label's sound too, that label is neither right nor wrong on it: it is masked.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from duplex.models.corpora.manifest import NOISE, SPEECH

SPEECH_SETS = (*SPEECH, "gcompris_es", "gcompris_gd", "gcompris_en", "thorsten_de")

_BY_NAME = (
    (r"rooster", "rooster"),
    (r"helicopter", "helicopter"),
    (r"alarm|siren|rear_beeper", "alarm"),
    (r"_beep\d|jingle", "ringtone"),
    (r"door_knock|hit_vehicle", "knock"),
    (r"RAINSTORM|heavyrain", "rain"),
    (r"weather_(clear|sunny|cloudy)|weather_night|night_night|clear_night|cloudy_night|summer-night", "nature"),
    (r"sea_lion", "animal"),
    (r"EggCrack|balloon|Balloon|trunk|gear_shift|bicycle_spokes|_bite_|melee_hit_monster|jaguar_saw", "noise"),
    (r"inaudible_chatter", "radio"),
    (r"zombie_groan|_Die|_Hurt|_hurt|_death|Oof", "voice"),
)
"""Names of files that say more than their coarse label, tried first."""

_BY_LABEL = {
    "Baby cry": "baby crying",
    "Chainsaw": "chainsaw",
    "Clock tick": "clock ticking",
    "clock": "clock ticking",
    "Dog bark": "dog",
    "animal_dog": "dog",
    "Fire crackling": "fire",
    "fireplace": "fire",
    "Helicopter": "helicopter",
    "Person sneeze": "sneeze",
    "Rain": "rain",
    "rain": "rain",
    "Rooster": "rooster",
    "Sea waves": "waves",
    "waves": "waves",
    "animal_bird": "bird",
    "birds": "bird",
    "animal_farm": "animal",
    "animal_cat": "animal",
    "dude_miaowing": "animal",
    "animal_insect": "insects",
    "water": "water",
    "running_tap": "water",
    "wind": "wind",
    "thunder": "thunder",
    "vehicle_engine": "engine",
    "train": "engine",
    "aircraft": "engine",
    "machine_tool": "tool",
    "alarm_beep": "alarm",
    "bell_chime": "bell",
    "phone_ring": "ringtone",
    "notification_ui": "ringtone",
    "door": "door",
    "glass": "glass",
    "explosion": "bang",
    "impact_hit": "knock",
    "wood": "knock",
    "metal": "knock",
    "stone_dirt": "knock",
    "dice_ball": "knock",
    "footsteps": "footsteps",
    "keyboard": "keyboard",
    "human_voice": "voice",
    "crowd_babble": "voice",
    "instrument_hit": "instrument",
}

MASKED = {
    "voice": ("speech", "noise", "animal", "baby crying"),
    "instrument": ("music", "ringtone", "bell", "noise"),
    "radio": ("speech",),
    "nature": ("wind", "bird", "insects", "rain", "water"),
    "flames": ("fire", "bang"),
    "noise": (),
    "dog": ("animal",),
    "rain": ("water", "wind", "waves"),
    "waves": ("water", "wind", "rain"),
    "water": ("waves", "rain"),
    "wind": ("rain", "waves", "noise"),
    "thunder": ("rain", "wind", "bang"),
    "helicopter": ("engine",),
    "chainsaw": ("tool", "engine"),
    "rooster": ("bird", "animal"),
    "bird": ("animal", "rooster", "insects"),
    "animal": ("dog", "bird"),
    "insects": ("bird", "animal"),
    "engine": ("tool", "helicopter"),
    "tool": ("engine", "knock"),
    "alarm": ("ringtone", "bell"),
    "bell": ("ringtone", "music"),
    "ringtone": ("bell", "music", "alarm"),
    "door": ("knock", "bang"),
    "glass": ("knock",),
    "bang": ("thunder", "knock"),
    "knock": ("door", "footsteps", "tool"),
    "footsteps": ("knock",),
    "keyboard": ("knock",),
    "clock ticking": ("knock",),
    "song": ("speech",),
}
"""Labels that are masked where a sound of the category is heard."""

NO_LABEL = {"voice": None, "instrument": None, "radio": "noise", "nature": "noise", "flames": "noise", "song": "music"}
"""Categories that are no labels, and what they are taught as."""


def category(row: dict) -> str:
    """Of a manifest row of kind noise or music."""
    name, label = row["path"].rsplit("/", 1)[1], row["label"]
    if row["kind"] == "music":
        return "song" if label == "song_folk" else "music"
    for pattern, found in _BY_NAME:
        if re.search(pattern, name):
            return found
    if label == "fire":
        return "fire" if re.search(r"crackl|static_fire|Fire_ocg_Fire_|furnace|Furnace", name) else "flames"
    if label == "gun_weapon":
        return "bang" if re.search(r"fire_gun|_fire_|burst|cannon|GunS|shotgun_fire", name) else "noise"
    if label == "animal_other":
        return "animal" if row["dataset"] in ("luanti_mod_sounds", "librosa_examples") else "noise"
    return _BY_LABEL.get(label, "noise")


def source(row: dict) -> str:
    """Who made a recording, or which original it is cut from: what must not be in two splits."""
    name = row["path"].rsplit("/", 1)[1]
    if row["dataset"] == "esc10":
        return "esc10/" + name.split("-")[1]
    if row["dataset"] == "kbsim_keyboard":
        return "kbsim/" + name.split("_")[0]
    if row["kind"] == "speech":
        return f"{row['dataset']}/{row.get('speaker')}"
    if row["dataset"] in NOISE:
        return name
    return str(row.get("source_key") or name)


def held_out(rows: Sequence[dict], share: float = 0.15) -> set[str]:
    """Sources of the development split: of each category about this share of the recordings, two at least."""
    of: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        of["speech" if row["kind"] == "speech" else category(row)][source(row)] += 1
    chosen: set[str] = set()
    for _, counts in sorted(of.items(), key=lambda each: (len(each[1]), each[0])):
        if len(counts) < 4:
            continue
        wanted = max(share * counts.total(), 2)
        has = sum(counts[name] for name in chosen & counts.keys())
        for name in sorted(counts.keys() - chosen, key=lambda name: hashlib.sha256(name.encode()).hexdigest()):
            if has >= wanted:
                break
            if has + counts[name] <= 2 * wanted:
                chosen.add(name)
                has += counts[name]
    return chosen
