"""The models that can be pulled by name: what they are, their licences, sums and sources."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duplex.models.store.entry import Entry, File, PackageSource

ENTRIES = (
    Entry(
        "moonshine-tiny-en",
        family="asr",
        languages=("en",),
        licence="MIT",
        about="Moonshine tiny: English speech to cased, punctuated text; the default recognizer",
        files=(
            File(
                "decoder_model_merged.ort",
                30_412_256,
                "cf524c4862d36e9e5ab032eddc73637efd822d70e868ac575cf1a46e1e4708a0",
            ),
            File("encoder_model.ort", 13_281_600, "94e90a4654fc45cdfedb77c4c08e1739f48862998e58fada384b25118134f221"),
            File("tokenizer.bin", 249_974, "6884b35fd6377d4c4d32336a0bc152f36b64d1e45b6503683cdc238250a8472d"),
        ),
        sources=(
            PackageSource(
                "moonshine-voice",
                "0.1.0",
                folder="moonshine_voice/assets/tiny-en",
                platform="manylinux_2_34_x86_64",
                sha256="0f833deb43bad5dcfb4cfd3257b6df83ef9abd3f27be3199622fe41932e8d916",
                size=56_369_045,
            ),
        ),
    ),
    Entry(
        "moonshine-base-en",
        family="asr",
        languages=("en",),
        licence="MIT",
        about="Moonshine base: fewer errors at three times the cost",
        files=(
            File(
                "decoder_model_merged.ort",
                42_703_232,
                "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
            ),
            File("encoder_model.ort", 20_661_976, "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c"),
            File("tokenizer.bin", 241_639, "04670d78994d030185c3dd843c60591788fed0a56cc6750747bd326825f13ca9"),
        ),
        sources=(
            PackageSource(
                "moonshine-cpp",
                "0.1.4",
                folder="moonshine_cpp-0.1.4.data/purelib/moonshine_cpp/models/base-en",
                platform="manylinux2014_x86_64",
                sha256="f7afc662bdd3ef98815ee3b940438b456e77d5a77cea5396ed9c572785412ebd",
                size=54_645_697,
            ),
        ),
    ),
)

CATALOG: Mapping[str, Entry] = MappingProxyType({entry.name: entry for entry in ENTRIES})
