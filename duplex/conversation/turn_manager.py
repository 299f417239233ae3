"""Conducting a conversation: what is perceived goes to the floor, what the floor decides is carried out.

Between the session, which moves audio, and the pure floor. Nothing here waits: replies are made beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation import floor_rules as fl
from duplex.conversation.floor import Floor
from duplex.conversation.history import ASSISTANT, History
from duplex.conversation.playback import Playback
from duplex.conversation.replies import Replies
from duplex.conversation.segmenter import Segmenter
from duplex.conversation.speaker_labels import SpeakerLabels
from duplex.engines import Engines
from duplex.models.asr.contract import Hypothesis
from duplex.models.interaction.contract import Control, Request, Utterance
from duplex.models.tts.contract import Voice
from duplex.models.turn_taking.backchannel import is_backchannel
from duplex.models.turn_taking.end_of_turn import looks_complete
from duplex.models.turn_taking.interruption import asks_for_floor
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock
from duplex.streaming.pool import InferencePool


class TurnManager:
    """The mind of one session: hearing reports to it, replies report to it, and it does what the floor says.

    emit: takes every event. spawn: starts a task of the session.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        pool: InferencePool,
        clock: Clock,
        wall_time: datetime,
        emit: Callable[[ev.Event], None],
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self.now = 0
        """The sample up to which the session has perceived."""
        self.history = History()
        self.playback = Playback(settings.playback_buffer)
        self.floor = Floor(
            settings.floor,
            completeness=looks_complete,
            is_backchannel=is_backchannel,
            asks_for_floor=asks_for_floor,
        )
        self.hearing: dict[str, Segmenter] = {}
        self.speakers: dict[str, SpeakerLabels] = {}
        """Of parties on whose channel several people may be heard."""
        self.began = clock.now()
        """When sample 0 was due, on the clock."""
        self._clock = clock
        self._settings = settings
        self._wall_time = wall_time
        self._emit = emit
        self._timers: list[Control] = []
        self._announcements: list[str] = []
        self._answers = settings.assistant
        voice = Voice(settings.voice, settings.language, settings.speech_rate, settings.speech_volume)
        self.replies = Replies(self, engines.answerer, engines.synthesizer, self.playback, pool, clock, voice, spawn)

    def say(self, text: str) -> None:
        """Speak `text` when the floor is free."""
        self._announcements.append(text)
        self.floor.announcements += 1

    def assist(self, on: bool) -> None:
        """Answer from now on, or only listen: a reply that is being given then ends at once."""
        self._answers = on
        if not on and self.replies.current is not None:
            self._act([fl.Interrupt(self.replies.current.epoch, self.now)])

    def remember(self, heard: Iterable[Utterance], timers: Iterable[Control] = ()) -> None:
        """What was said before this session began, at negative times, and the timers that are still pending."""
        for each in heard:
            start, end = round(each.start * SAMPLE_RATE), round(each.end * SAMPLE_RATE)
            self.history.add(each.party, each.text, start, end, interrupted=each.interrupted)
        self._timers = sorted([*self._timers, *timers], key=lambda timer: timer.at)

    def tick(self, at: int) -> None:
        """A frame has been perceived: what is due is due, and time passes for the floor."""
        self.now = at
        while self._timers and self._timers[0].at * SAMPLE_RATE <= at:
            self.say(self._timers.pop(0).text)
        self._act(self.floor.tick(at))

    def settled(self, deadline: int) -> bool:
        """Nothing is left to happen: nobody speaks, nothing is due before the sample `deadline`."""
        return (
            self.floor.state is fl.State.LISTENING
            and self.replies.current is None
            and not self.floor.announcements
            and not any(h.busy or h.active for h in self.hearing.values())
            and not any(timer.at * SAMPLE_RATE <= deadline for timer in self._timers)
        )

    def played(self, at: int) -> None:
        """Playback has been read up to the sample `at`: report what was heard of the reply."""
        current, track = self.replies.current, self.playback.track
        if current is None or track is None:
            return
        if track.first_audible is not None and not current.started:
            current.started = True
            self._emit(ev.ReplyStarted(track.first_audible, at, current.epoch, current.turn))
            self._act(self.floor.reply_audible(track.first_audible, current.epoch))
        words = track.heard_words()
        for word in words[current.spoken :]:
            self._emit(ev.SpokenWord(word.start, word.end, current.epoch, word.text))
        current.spoken = len(words)
        if current.suspended and not current.told and current.onset is not None:
            current.told = True
            self._emit(
                ev.Suspended(current.onset, track.last_audible or current.silenced, current.epoch, current.silenced)
            )
        if self.playback.drained:
            self.finish_reply(interrupted=current.interrupted)

    def finish_reply(self, *, interrupted: bool) -> None:
        """The current reply, if any, is over."""
        finished = self.replies.finish()
        if finished is None:
            return
        current, track = finished
        if track is not None and track.first_audible is not None:
            start, end = track.first_audible, track.last_audible or track.first_audible
            heard = track.heard_text()
            if current.interrupted and current.onset is not None:
                self._emit(ev.Interrupted(current.onset, end, current.epoch, current.silenced, heard))
            first_token = current.first_token if current.first_token is not None else current.decided
            self._emit(
                ev.Reply(
                    start,
                    end,
                    current.epoch,
                    current.turn,
                    heard,
                    track.text.strip(),
                    interrupted,
                    current.decided,
                    first_token,
                    start,
                )
            )
            self.history.add(ASSISTANT, heard, start, end, interrupted=interrupted)
        self._act(self.floor.reply_ended(self.now, current.epoch))

    # What hearing reports (hearing.Listener).

    def speech_started(self, at: int, onset: int, party: str) -> None:
        self._emit(ev.SpeechStarted(onset, at, party))
        self._act(self.floor.speech_started(at, onset, party))

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None:
        self._emit(ev.Speech(onset, offset, party))
        self._act(self.floor.speech_ended(at, offset, party))

    def utterance_opened(self, party: str) -> None:
        self.floor.utterance_opened()

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        words = hypothesis.words
        end = base + words[-1].end if words else onset
        speakers = self.speakers.get(party)
        text = hypothesis.text
        if hypothesis.final:
            for word in words:
                start, stop = base + word.start, base + word.end
                who = speakers.speaker(start, stop) if speakers else ""
                self._emit(ev.Word(start, stop, party, word.text, round(word.confidence, 3), who))
        else:
            stable = len(" ".join(word.text for word in words[: hypothesis.stable]))
            self._emit(ev.Partial(onset, end, party, text, stable))
        if text and speakers and speakers.overheard(onset, end):
            if hypothesis.final:
                who = speakers.speaker(onset, end)
                self._emit(ev.Turn(onset, end, party, text, self.floor.turn, "side_speech", who))
            text = ""  # the words of others neither take the floor nor are answered
        self._act(self.floor.words(self.now, party, text, onset=onset, end=end, final=hypothesis.final))

    def speaker_turn(self, party: str, start: float, end: float, speaker: str) -> None:
        """The diarizer: somebody on the party's channel has spoken, in seconds."""
        self._emit(ev.SpeakerTurn(round(start * SAMPLE_RATE), round(end * SAMPLE_RATE), party, speaker))

    # What replies report (replies.Stage).

    def reply_text(self, epoch: int, text: str) -> None:
        self._emit(ev.ReplyText(self.now, self.now, epoch, text))

    def reply_made(self, epoch: int) -> None:
        current, track = self.replies.current, self.playback.track
        if current is not None and current.epoch == epoch and (track is None or not track.written):
            self.finish_reply(interrupted=False)

    def control(self, control: Control) -> None:
        at = round(control.at * SAMPLE_RATE)
        self._emit(ev.Controlled(self.now, self.now, control.action, control.value, control.text, at))
        voice = self.replies.voice
        match control.action:
            case "volume":
                self.replies.voice = replace(voice, volume=float(np.clip(voice.volume * control.value, 0.05, 2.0)))
            case "rate":
                self.replies.voice = replace(voice, rate=float(np.clip(voice.rate * control.value, 0.4, 2.5)))
            case "timer":
                self._timers.append(control)
                self._timers.sort(key=lambda timer: timer.at)
            case "cancel_timers":
                self._timers.clear()

    def capability_lost(self, capability: str, reason: str) -> None:
        self._emit(ev.CapabilityLost(self.now, self.now, capability, reason))

    def capability_restored(self, capability: str) -> None:
        self._emit(ev.CapabilityRestored(self.now, self.now, capability))

    # Deciding: carry out what the floor says.

    def _act(self, actions: list[fl.Action]) -> None:
        for action in actions:
            match action:
                case fl.Decide(kind, reason, since, epoch):
                    self._emit(ev.Decision(since, self.now, kind, reason, self.floor.turn, epoch))
                case fl.EndTurn():
                    self._end_turn(action)
                case fl.Backchannel(party, text, start, end):
                    speakers = self.speakers.get(party)
                    who = speakers.speaker(start, end) if speakers else ""
                    self._emit(ev.Turn(start, end, party, text, self.floor.turn, "backchannel", who))
                    self.history.add(party, text, start, end)
                case fl.Announce(epoch):
                    text = " ".join(self._announcements)
                    self._announcements.clear()
                    self.replies.announce(epoch, self.floor.turn, text)
                case fl.Withdraw(epoch):
                    self._withdraw(epoch)
                case fl.Suspend(epoch, onset):
                    self._silence(onset, suspended=True)
                    self.playback.suspend(epoch)
                case fl.Resume(epoch):
                    if self.replies.current is not None:
                        self.replies.current.suspended = self.replies.current.told = False
                    self._emit(ev.Resumed(self.now, self.now, epoch, self.playback.position))
                    self.playback.resume(epoch)
                case fl.Interrupt(epoch, onset):
                    self._silence(onset, suspended=False)
                    self.replies.stop()
                    self.playback.interrupt(epoch)

    def _silence(self, onset: int, *, suspended: bool) -> None:
        current = self.replies.current
        if current is None:
            return
        current.onset = onset
        if not (current.suspended and not suspended):  # held already: it fell silent then
            # On the clock, not the sample perceived: input that comes in larger blocks is perceived later than it is.
            current.silenced = max(self.now, round((self._clock.now() - self.began) * SAMPLE_RATE))
        current.suspended = suspended
        current.interrupted = not suspended

    def _end_turn(self, action: fl.EndTurn) -> None:
        if action.limited:
            for hearing in self.hearing.values():
                hearing.cut(self.now)
        for party, text, start, end in action.texts:
            speakers = self.speakers.get(party)
            who = speakers.speaker(start, end) if speakers else ""
            self._emit(ev.Turn(start, end, party, text, action.turn, speaker=who))
        self.history.take_back(action.texts)
        past = self.history.utterances()
        for party, text, start, end in action.texts:
            self.history.add(party, text, start, end)
        if not self._answers or not action.texts:
            self._act(self.floor.reply_ended(self.now, action.epoch))
            return
        party, text, _, _ = action.texts[-1]
        now = self.now / SAMPLE_RATE
        wall_time = self._wall_time + timedelta(seconds=now)
        timers = tuple(self._timers)
        request = Request(text, party, past, now, wall_time, self._settings.language, timers)
        self.replies.answer(action.epoch, action.turn, request)

    def _withdraw(self, epoch: int) -> None:
        current = self.replies.current
        if current is None or current.epoch != epoch:
            return
        if current.announcement:
            self._announcements.insert(0, current.announcement)
            self.floor.announcements += 1
        self.replies.stop()
        self.playback.interrupt(epoch)
        self.replies.finish()
