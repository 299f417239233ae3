"""The interpreter: how far its voice is behind the speaker, in a room of two languages and in a long monologue.

python -m tests.benchmarks.interpreting [--recognizer-de NAME] [--turns 6] [--minutes 5] [--virtual]

The room runs in real time, under the loop watchdog, or with --virtual in virtual time, where computing is free: what a
machine has that keeps up. Ann speaks English, Bob German, three sentences a turn, synthesized
with their word times. Without a recognizer for German only Ann speaks, and Bob listens. Measured from the end of each
sentence, and of each word, to the first and to the last sound of the spoken translation, on the session's clock.

The monologue runs in virtual time with the real translator and voice: sentences without a pause, at a usual pace and at
a hurried one. Computing is free there, so that the figures are those of the speaking alone, whatever the machine: what
the voice takes longer than the speaker. What counts is that the delay does not grow: it is told minute by minute.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.interpreting.voice import speech
from duplex.engines import Engines
from duplex.models.translation import Translation, load_translator
from duplex.models.tts import load_synthesizer
from duplex.models.tts.contract import Voice
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock, SystemClock, VirtualClock
from duplex.streaming.loop_watchdog import LoopWatchdog
from duplex.testing.conversation import converse, scripted_engines
from duplex.testing.fakes import UserSpeech
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.spoken_sentences import ENGLISH, GERMAN
from tests.duplex.serving.scripted import Peers, join, speak

A_TURN = 3
"""Sentences that one says before the other speaks."""

PAUSE, TURN_PAUSE = 0.4, 3.0
"""Seconds between two sentences, and between two turns."""

PACES = {"160 words a minute": 160.0, "220 words a minute": 220.0}


SLOWEST = 60
"""Seconds that the room is waited for at its end."""


class WholeSentences:
    """The bundled translator where captions of half sentences are nobody's concern: they are not computed."""

    def __init__(self) -> None:
        self._translator = load_translator("auto", "en", "de")
        self.name, self.pairs = self._translator.name, self._translator.pairs

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        return Translation("", source, target) if partial else self._translator.translate(text, source, target)


@dataclass
class Sentence:
    """start, end: seconds of the speech; words: where each of its words ends."""

    party: str
    start: float
    end: float
    words: list[float]


@dataclass
class Delays:
    """Seconds from the end of what was said to the spoken translation of its sentence."""

    first: list[float]
    last: list[float]
    words: list[float]


def conversation(speakers: Sequence[tuple[str, str]], turns: int) -> tuple[dict[str, np.ndarray], list[Sentence]]:
    """The sound of each speaker, (n,) at 16 kHz on one clock, and what was said. speakers: (name, language)."""
    synthesizer = load_synthesizer()
    texts = {"en": itertools.cycle(ENGLISH[1:]), "de": itertools.cycle(GERMAN)}
    sounds: list[tuple[str, int, np.ndarray]] = []
    said: list[Sentence] = []
    at = SAMPLE_RATE
    for turn in range(turns):
        name, language = speakers[turn % len(speakers)]
        for _ in range(A_TURN):
            text, voice = next(texts[language]), Voice(language=language)
            scale = 1.0 / synthesizer.sample_rate
            marks = {m.text_start: m for chunk in synthesizer.synthesize(text, voice) for m in chunk.marks}
            ends = [at / SAMPLE_RATE + mark.end * scale for mark in marks.values()]
            samples = np.concatenate(list(speech(synthesizer, text, voice)))
            sounds.append((name, at, samples))
            said.append(Sentence(name, at / SAMPLE_RATE, max(ends), ends))
            at = round((max(ends) + PAUSE) * SAMPLE_RATE)
        at += round((TURN_PAUSE - PAUSE) * SAMPLE_RATE)
    tracks = {name: np.zeros(at + 2 * SAMPLE_RATE, np.float32) for name, _ in speakers}
    for name, start, samples in sounds:
        tracks[name][start : start + len(samples)] += samples
    return tracks, said


async def room(
    settings: Settings, engines: Engines, tracks: Mapping[str, np.ndarray], clock: Clock
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events of a room in which Ann and Bob say what is on their tracks, and how late its loop was."""
    peers = Peers()
    async with InProcessHost(settings, peers, clock=clock, engines=engines) as held:
        people = await join(held, peers, "room", {"Ann": "en", "Bob": "de"})
        await clock.sleep_until(clock.now() + 1.0)
        silence = np.zeros(0, np.float32)
        length = max(len(track) for track in tracks.values()) / SAMPLE_RATE
        async with LoopWatchdog() as watchdog:
            voices = {peer: tracks.get(name, silence) for name, peer in people.items()}
            await speak(clock, voices, length + 10.0)
            for _ in range(SLOWEST):  # a machine that does not keep up is still at work
                if not unsaid(people["Ann"].told):
                    break
                await speak(clock, {peer: silence for peer in people.values()}, 1.0)
        events = list(people["Ann"].told)
    return events, watchdog.as_dict()


def measured(settings: Settings, turns: int, *, virtual: bool) -> tuple[list[Sentence], list[dict[str, Any]], Any]:
    """What was said in a room, its events, and how late its loop was."""
    several = "de" in settings.other_recognizers
    tracks, said = conversation([("Ann", "en"), ("Bob", "de")] if several else [("Ann", "en")], turns)
    engines = Engines.from_settings(settings)
    if not several:  # Bob only listens, so nobody need hear him: the English recognizer stands in
        engines.recognizers = {"de": engines.recognizer}
    clock = VirtualClock() if virtual else SystemClock()
    running = room(settings, engines, tracks, clock)
    events, loop = clock.run(running) if isinstance(clock, VirtualClock) else asyncio.run(running)
    asyncio.run(engines.close())
    return said, events, "virtual time" if virtual else loop


def unsaid(events: Sequence[dict[str, Any]]) -> bool:
    """Whether the last that was heard is still to be spoken, or told to be left out."""
    heard = max((event["end"] for event in events if event["type"] == "speech"), default=0)
    final = [event for event in events if event["type"] == "translation" and event["final"]]
    done = {(event["caption"], event["language"]) for event in events if event["type"] == "interpreted"}
    late = heard - max((event["end"] for event in final), default=0) > SAMPLE_RATE
    return late or any((event["caption"], event["language"]) not in done for event in final)


def delays(said: Sequence[Sentence], events: Sequence[dict[str, Any]]) -> tuple[Delays, int]:
    """Of all sentences whose translation was spoken, and how many were not."""
    onset = min(event["start"] for event in events if event["type"] == "speech_started") / SAMPLE_RATE
    shift = onset - said[0].start  # between the clock of the sound and that of the session
    captions = {(e["caption"], e["language"]): e for e in events if e["type"] == "translation" and e["final"]}
    spoken = [e for e in events if e["type"] == "interpreted" and not e["left_out"]]
    found, missing = Delays([], [], []), 0
    captions = {key: (event["start"] / SAMPLE_RATE, event["end"] / SAMPLE_RATE) for key, event in captions.items()}
    for sentence in said:
        start, end = sentence.start + shift, sentence.end + shift
        of_it = []
        for event in spoken:
            first, last = captions[event["caption"], event["language"]]
            shared = min(end, last) - max(start, first)  # a caption may hold two sentences, or half of one
            if event["party"] == sentence.party and 2.0 * shared > min(last - first, end - start):
                of_it.append((event["start"] / SAMPLE_RATE, event["end"] / SAMPLE_RATE))
        if not of_it:
            missing += 1
            continue
        found.first.append(min(of_it)[0] - end)
        found.last.append(max(last for _, last in of_it) - end)
        found.words += [min(of_it)[0] - word - shift for word in sentence.words]
    return found, missing


def monologue(minutes: float, words_a_minute: float) -> list[list[object]]:
    """A row for each minute: usual and greatest delay, rate, and what was left out, of one who never pauses."""
    sounds: list[UserSpeech] = []
    at = 1.0
    for text in itertools.cycle(ENGLISH):
        seconds = len(text.split()) * 60.0 / words_a_minute
        if at + seconds > 60.0 * minutes:
            break
        sounds.append(UserSpeech(at, at + seconds, text, delay=0.5))
        at += seconds + 0.25  # no less, or two of the script's sounds are one
    engines = replace(scripted_engines(sounds), translator=WholeSentences(), synthesizer=load_synthesizer())
    playout = converse(sounds, settings=Settings(interpret="de"), engines=engines)
    told = [event for event in playout.events if isinstance(event, ev.Interpreted)]
    rows = []
    for minute in range(math.ceil(minutes)):
        these = [e for e in told if minute <= (e.start / SAMPLE_RATE - e.behind) / 60.0 < minute + 1]
        behind = [event.behind for event in these if not event.left_out]
        reasons = Counter(event.reason for event in these)
        delay = [f"{quantile(behind, 0.5):.2f}", f"{quantile(behind, 0.95):.2f}", f"{max(behind):.2f}"]
        rate = f"{max(event.rate for event in these):.2f}"
        rows.append([minute + 1, *delay, rate, len(behind), reasons["late"], reasons["hopeless"]])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="How far the spoken translation is behind the speaker.")
    parser.add_argument("--recognizer-de", default="", help="what hears Bob, such as faster-whisper:base")
    parser.add_argument("--turns", type=int, default=6, help="of the two, three sentences each")
    parser.add_argument("--virtual", action="store_true", help="the room in virtual time, where computing is free")
    parser.add_argument("--minutes", type=float, default=5.0, help="of the monologue; 0: none")
    arguments = parser.parse_args()
    print(versions(["onnxruntime", "faster-whisper", "espeakng-loader"]))
    german = f"de={arguments.recognizer_de}" if arguments.recognizer_de else ""
    settings = Settings(recognizers=german, translate_to="de", diarize=False)
    if arguments.turns:
        said, events, loop = measured(settings, arguments.turns, virtual=arguments.virtual)
        rows = []
        for party in sorted({sentence.party for sentence in said}):
            own = events_of(events, party)
            found, missing = delays([each for each in said if each.party == party], own)
            reasons = Counter(event["reason"] for event in own if event["type"] == "interpreted" and event["left_out"])
            for name, values in (
                ("end of sentence → first sound", found.first),
                ("end of sentence → last sound", found.last),
                ("end of word → first sound", found.words),
            ):
                p50, p95 = (f"{quantile(values, q):.2f}" for q in (0.5, 0.95))
                rows.append([f"{party}: {name}", p50, p95, len(values), missing, reasons["late"], reasons["hopeless"]])
        print(table(["seconds", "p50", "p95", "n", "not spoken", "late", "hopeless"], rows))
        print(f"event loop: {loop}")
    if arguments.minutes:
        rows = [[name, *row] for name, pace in PACES.items() for row in monologue(arguments.minutes, pace)]
        header = ["seconds behind", "minute", "p50", "p95", "greatest", "top rate", "spoken", "late", "hopeless"]
        print(table(header, rows))


def events_of(events: Sequence[dict[str, Any]], party: str) -> list[dict[str, Any]]:
    return [event for event in events if event.get("party") == party]


if __name__ == "__main__":
    main()
