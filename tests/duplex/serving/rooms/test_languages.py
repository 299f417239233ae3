"""A room whose people speak two languages, at virtual time: each is heard in the other's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.retention import Recordings
from duplex.serving.http.call_request import CallRequest, parse_call_request
from duplex.serving.http.metrics import Metrics
from duplex.settings import Settings
from duplex.streaming.errors import SettingsError
from duplex.testing import ScriptedRecognizer, VirtualClock
from duplex.testing.fakes import UserScript, UserSpeech
from tests.duplex.conversation.captions.scripted import TurningTranslator
from tests.duplex.serving.scripted import OFFER, Peers, ScriptedPeer, engines, speak

ANN = UserSpeech(0.5, 1.5, "hello my friend.")
BOB = UserSpeech(4.0, 5.0, "guten tag.")


class BothWays(TurningTranslator):
    pairs = frozenset({("en", "de"), ("de", "en")})


class German(ScriptedRecognizer):
    """Of what it hears it remembers that it did."""

    def __init__(self, script: UserScript) -> None:
        super().__init__(script)
        self.heard: list[str] = []

    def flush(self, state: Any) -> Any:
        found = super().flush(state)
        self.heard.append(found.text)
        return found


def drive(work: Callable[[VirtualClock], Coroutine[Any, Any, None]]) -> None:
    clock = VirtualClock()
    clock.run(work(clock))


def host(peers: Peers, clock: VirtualClock, german: German | None, **more: Any) -> InProcessHost:
    made = engines([ANN, BOB], translator=BothWays())
    made = replace(made, recognizers={"de": german} if german else {})
    settings = Settings(recognizers="de=scripted") if german else Settings()
    return InProcessHost(settings, peers, clock=clock, engines=made, **more)


async def call(held: InProcessHost, peers: Peers, name: str, **more: Any) -> tuple[str, ScriptedPeer]:
    made = await held.create(CallRequest(name, "den", **more))
    await held.offer(made["session"], OFFER)
    await asyncio.sleep(0)
    return made["session"], peers.of(made["session"])


def sounds() -> tuple[np.ndarray, np.ndarray]:
    ann = UserScript((ANN,)).audio(9.0)
    return ann, UserScript((ANN, BOB)).audio(9.0) - ann


def loudest(peer: ScriptedPeer, began: int, start: float, end: float) -> float:
    return float(np.abs(peer.sound[began:][round(start * 16_000) : round(end * 16_000)]).max())


def test_two_people_two_languages_one_call() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, german = Peers(), German(UserScript((ANN, BOB)))
        async with host(peers, clock, german) as held:
            _, ann = await call(held, peers, "Ann")
            id, bob = await call(held, peers, "Bob", speaks="de-AT")
            state = await held.state(id)
            assert (state["speaks"], state["interpret"], state["offers"]["languages"]) == ("de", True, ["en", "de"])
            assert not state["switches"]["assistant"] and "several languages" in ann.of("notice")[-1]["text"]
            began = len(ann.sound), len(bob.sound)
            voices = sounds()
            await speak(clock, {ann: voices[0], bob: voices[1]}, 9.0)
            told = [(e["party"], e["language"], e["text"]) for e in ann.of("interpreted")]
            assert told == [("Ann", "de", "FRIEND. MY HELLO"), ("Bob", "en", "TAG. GUTEN")]
            assert german.heard == ["guten tag."], "Bob is heard by the recognizer of his language, Ann by hers"
            assert ann.of("interpreted") == bob.of("interpreted") and not ann.of("reply")
            first = ann.of("interpreted")[0]
            assert 0.0 < first["behind"] < 2.0
            (load,) = await held.load()
            assert (load.counters["interpreted"], load.counters["interpreting_left_out"]) == (2.0, 0.0)
            assert 'duplex_interpreted_total{host="local"} 2.0' in Metrics().render([load])
            # The translation of what Ann said is heard by Bob and not by Ann, and the other way round.
            at, until = first["start"] / 16_000 + 0.1, first["end"] / 16_000
            assert loudest(bob, began[1], at, until) > 0.09 and loudest(ann, began[0], at, until) == 0.0
            second = ann.of("interpreted")[1]
            at, until = max(5.3, second["start"] / 16_000 + 0.1), second["end"] / 16_000
            assert loudest(ann, began[0], at, until) > 0.09 and loudest(bob, began[1], at, until) == 0.0

    drive(main)


def test_what_each_hears_in_their_language_is_recorded_with_the_call(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        peers, german = Peers(), German(UserScript((ANN, BOB)))
        recordings = Recordings(tmp_path / "calls", 3600.0)
        async with host(peers, clock, german, recordings=recordings) as held:
            _, ann = await call(held, peers, "Ann", record=True)
            _, bob = await call(held, peers, "Bob", speaks="de", record=True)
            voices = sounds()
            await speak(clock, {ann: voices[0], bob: voices[1]}, 9.0)
            told = ann.of("interpreted")
        (folder,) = (tmp_path / "calls").iterdir()
        for event in told:
            sound, _ = soundfile.read(folder / f"interpreter.{event['language']}.wav")
            start, end = event["start"], event["end"]
            assert np.abs(sound[start:end]).max() > 0.09 and not sound[:start].any() and not sound[end:].any()
            mix, _ = soundfile.read(folder / "mix.wav")
            assert len(mix) == len(sound) and np.abs(mix[start:end]).max() > 0.09
        transcript = (folder / "transcript.txt").read_text()
        assert "interpreter (de): FRIEND. MY HELLO" in transcript and "interpreter (en): TAG. GUTEN" in transcript
        assert "FRIEND. MY HELLO" in (folder / "transcript.de.srt").read_text()

    drive(main)


def test_the_language_is_changed_and_interpreting_switched_off_while_the_call_runs() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, german = Peers(), German(UserScript((ANN, BOB)))
        async with host(peers, clock, german) as held:
            _, ann = await call(held, peers, "Ann")
            id, bob = await call(held, peers, "Bob")
            bob.ask({"type": "speaks", "language": "de"})
            bob.ask({"type": "interpret", "on": False})
            bob.ask({"type": "speaks", "language": "tlh"})
            await speak(clock, {ann: np.zeros(0, np.float32), bob: np.zeros(0, np.float32)}, 0.5)
            state = await held.state(id)
            assert (state["speaks"], state["interpret"]) == ("de", False)
            assert "this server hears en, de, not 'tlh'" in bob.of("notice")[-1]["text"]
            voices = sounds()
            await speak(clock, {ann: voices[0], bob: voices[1]}, 9.0)
            assert [(e["party"], e["language"]) for e in ann.of("interpreted")] == [("Bob", "en")]

    drive(main)


def test_a_language_that_is_chosen_in_the_middle_of_a_long_speech_holds_from_its_next_utterance_on() -> None:
    """Nobody has to fall silent for it, and what was being said stays in the language in which it was begun."""
    long, tag = UserSpeech(0.5, 9.0, "hello my dear old friend"), UserSpeech(10.0, 11.0, "guten tag.")
    script = UserScript((long, tag))

    async def main(clock: VirtualClock) -> None:
        peers, german = Peers(), German(script)
        made = replace(engines([long, tag], translator=BothWays()), recognizers={"de": german})
        held = InProcessHost(Settings(recognizers="de=scripted"), peers, clock=clock, engines=made)
        async with held:
            id, ann = await call(held, peers, "Ann")
            _, bob = await call(held, peers, "Bob")
            for each in (ann, bob):  # each reads both, so that both translations are made
                each.ask({"type": "captions", "language": "de" if each is ann else "en"})
            sound = script.audio(14.0)
            await speak(clock, {ann: sound[: 2 * 16_000], bob: np.zeros(0, np.float32)})
            assert (await held.state(id))["switches"]["assistant"]
            ann.ask({"type": "speaks", "language": "de"})
            await speak(clock, {ann: sound[2 * 16_000 : 3 * 16_000], bob: np.zeros(0, np.float32)})
            state = await held.state(id)
            assert state["speaks"] == "de" and not state["switches"]["assistant"]
            assert ann.of("languages")[-1] == {"type": "languages", "speaks": "de", "interpret": True}
            assert ann.of("switches")[-1]["assistant"] is False
            await speak(clock, {ann: sound[3 * 16_000 :], bob: np.zeros(0, np.float32)})
            final = [(e["source_language"], e["language"], e["source"]) for e in ann.of("translation") if e["final"]]
            assert final == [("en", "de", "hello my dear old friend"), ("de", "en", "guten tag.")]
            assert german.heard == ["guten tag."]

    drive(main)


def test_the_page_is_told_what_holds_where_a_choice_is_refused() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, German(UserScript(()))) as held:
            _, ann = await call(held, peers, "Ann")
            ann.ask({"type": "speaks", "language": "tlh"})
            await speak(clock, {ann: np.zeros(0, np.float32)}, 0.2)
            assert ann.of("languages")[-1] == {"type": "languages", "speaks": "en", "interpret": True}

    drive(main)


def test_who_takes_the_seat_after_a_german_speaker_is_heard_in_the_room_s_language() -> None:
    async def main(clock: VirtualClock) -> None:
        peers, german = Peers(), German(UserScript((ANN, BOB)))
        async with host(peers, clock, german) as held:
            await call(held, peers, "Cid")
            id, _ = await call(held, peers, "Bob", speaks="de")
            await held.close(id)
            _, ann = await call(held, peers, "Ann")
            await speak(clock, {ann: sounds()[0]}, 4.0)
            assert [e["text"] for e in ann.of("turn")] == ["hello my friend."] and german.heard == []

    drive(main)


def test_a_language_that_the_server_does_not_hear() -> None:
    async def main(clock: VirtualClock) -> None:
        peers = Peers()
        async with host(peers, clock, None) as held:
            with pytest.raises(SettingsError, match=r"hears en, not 'de'.*--recognizers de=RECOGNIZER"):
                await held.create(CallRequest("Bob", "den", speaks="de"))
            made = await held.create(CallRequest("Bob", "den", speaks="en-GB"))
            assert made["offers"]["languages"] == ["en"] and made["parties"] == ["Bob"]

    drive(main)


def test_a_page_s_request() -> None:
    request = parse_call_request({"speaks": "de", "interpret": False})
    assert (request.speaks, request.interpret) == ("de", False)
    with pytest.raises(SettingsError, match="interpret"):
        parse_call_request({"interpret": "yes"})
    with pytest.raises(SettingsError, match="speaks"):
        parse_call_request({"speaks": 3})
