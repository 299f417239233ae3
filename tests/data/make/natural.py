"""The library of clips in natural voices: `python -m tests.data.make.natural KOKORO OUT [--demo]`.

KOKORO: a folder of Kokoro-82M with the five voices below (Apache-2.0). Recognizers that learned from people hear the
diphones of Flite badly; so a benchmark that is about the conversation, not about the synthesizer, takes these clips:
the same sentences under the same names. Noises are taken over from tests/data/clips. --demo: the sentences of the demo
instead, for tests/data/demo.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile
import soxr

from duplex.models.tts.kokoro import KokoroSynthesizer
from duplex.models.tts.kokoro_model import SAMPLE_RATE as KOKORO_RATE
from duplex.models.tts.kokoro_model import KokoroModel
from duplex.streaming.audio import SAMPLE_RATE
from tests.data.make.clips import CLIPS, SAID, Row, Said, pcm
from tests.data.make.voices import LEVEL_DB, at_level, trim

SPEAKS_FOR = {
    "slt_hts": "jf_gongitsune",
    "slt": "jf_tebukuro",
    "rms": "jm_kumo",
    "awb": "jf_alpha",
    "kal16": "jf_nezumi",
}
"""Which of Kokoro's voices speaks the sentences of which other."""

SYMBOLS = {"mhm": "ʌmhˈʌm.", "mm hmm": "m hˈm.", "mm mm": "mˌm mˈm.", "mm": "mˈm.", "uh-huh": "ʌhˈʌ.", "um": "ˈʌm…"}
"""What is not spelled as it is spoken, in Kokoro's symbols."""

_ASKING = ("what", "how", "who", "can", "really")

DEMO = (
    Said("slt", "what time is it in tokyo"),
    Said("slt", "what is", "fragment", spelling="What is,"),
    Said("slt", "nineteen times twelve", "fragment", spelling="nineteen times twelve?"),
    Said("slt", "what can you do"),
    Said("slt", "okay", "backchannel"),
    Said("slt", "never mind", "interruption"),
    Said("slt", "remind me in twelve seconds to call my brother"),
    Said(
        "slt",
        "my sister emma is coming from boston on thursday and we will take the train to the mountains",
        "story",
        spelling="My sister Emma is coming from Boston on Thursday, and we will take the train to the mountains.",
    ),
    Said("slt", "what did i say about emma", spelling="What did I say about Emma?"),
    Said("slt", "what is ten miles", "fragment", spelling="What is ten miles,"),
    Said("slt", "in kilometers", "fragment", spelling="in kilometers?"),
    Said("slt", "goodbye"),
)


def speak(model: KokoroModel, engine: KokoroSynthesizer, said: Said) -> np.ndarray:
    """(n,) float32 at 16 kHz, trimmed, at the clips' level."""
    style = model.styles[SPEAKS_FOR[said.voice]]
    if said.text in SYMBOLS:
        samples, _ = model.speak([model.symbols[sign] for sign in SYMBOLS[said.text]], style, 1.0)
    else:
        voice = next(each for each in engine.voices() if each.name.endswith(f"#{SPEAKS_FOR[said.voice]}"))
        samples = np.concatenate([chunk.samples for chunk in engine.synthesize(written(said), voice)])
    return at_level(trim(soxr.resample(samples, KOKORO_RATE, SAMPLE_RATE).astype(np.float32)), LEVEL_DB)


def written(said: Said) -> str:
    """The sentence with case and punctuation."""
    if said.spelling:
        return said.spelling
    text = said.text.replace(" i ", " I ")
    end = "" if said.label == "beginning" else "?" if text.startswith(_ASKING) else "."
    return text[0].upper() + text[1:] + end


def make(folder: Path, out: Path, sentences: Iterable[Said]) -> list[Row]:
    """Writes the clips of the sentences into `out`; returns their rows of the manifest."""
    engine = KokoroSynthesizer(str(folder))
    model = KokoroModel(folder)
    rows: list[Row] = []
    for said in sentences:
        samples = speak(model, engine, said)
        file = f"{said.name}.flac"
        soundfile.write(out / file, pcm(samples), SAMPLE_RATE)
        rows.append(
            {
                "file": file,
                "kind": said.kind,
                **({"label": said.label} if said.label else {}),
                "duration": round(len(samples) / SAMPLE_RATE, 3),
                "origin": f"Kokoro-82M v1.0, voice {SPEAKS_FOR[said.voice]}",
                "licence": "synthetic speech of a freely licensed model (hexgrad); Apache-2.0",
                "text": said.text,
                "voice": said.voice,
            }
        )
        print(f"{file}: {rows[-1]['duration']} s", flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kokoro", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--demo", action="store_true", help="the sentences of the demo")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = make(arguments.kokoro, arguments.out, DEMO if arguments.demo else SAID)
    for row in json.loads((CLIPS / "manifest.json").read_text(encoding="utf-8")):
        if not arguments.demo and not row.get("text"):
            shutil.copy(CLIPS / row["file"], arguments.out)
            rows.append(row)
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (arguments.out / "manifest.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
