"""The turn manager: what is perceived goes to the floor, and what the floor decides is carried out.

It stands between the session, which moves audio, and the pure floor. Nothing here waits or computes: replies are made
beside it, and how finished a turn looks is scored on the pool.

Long because each thing that is perceived and each action of the one floor has its few lines here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.deciding import Deciding
from duplex.conversation.floor import Floor
from duplex.conversation.floor import actions as act
from duplex.conversation.floor.table import State
from duplex.conversation.hearing.segmenter import Segmenter
from duplex.conversation.hearing.speaker_labels import SpeakerLabels
from duplex.conversation.history import History
from duplex.conversation.manner import ACKNOWLEDGEMENT, Manner
from duplex.conversation.percepts import HeardAs, Percepts
from duplex.conversation.speaking.announcements import Announcements
from duplex.conversation.speaking.level_match import LevelMatch
from duplex.conversation.speaking.playback import Playback
from duplex.conversation.speaking.replies import Replies
from duplex.conversation.speaking.reply_reports import Interjection, ReplyReports
from duplex.conversation.tool_log import ToolLog
from duplex.conversation.turn_so_far import TurnSoFar
from duplex.conversation.wall_time import WallTime
from duplex.floor_settings import FloorSettings
from duplex.models.asr.contract import Hypothesis
from duplex.models.diarization.contract import Turn as SpeakerTurn
from duplex.models.interaction.contract import Answerer, Control, Request, Utterance, listener_of
from duplex.models.interaction.decider.contract import Decider, Situation, Verdict
from duplex.models.interaction.percepts import Percept
from duplex.models.sounds.events import HeardSound
from duplex.models.tts.contract import Synthesizer
from duplex.models.turn_taking.contract import TurnTakingModels
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock
from duplex.streaming.pipeline import reason_of
from duplex.streaming.pool import Steps


class TurnManager:
    """Hearing and replies report to it, and it does what the floor says.

    emit: takes every event. spawn: starts a task of the session, named by the capability that its failure takes away.
    so_far: takes the words of a turn before it ends. perceived: takes every percept.
    """

    def __init__(
        self,
        floor: FloorSettings,
        manner: Manner,
        models: TurnTakingModels,
        answerer: Answerer,
        synthesizer: Synthesizer,
        steps: Steps,
        clock: Clock,
        wall_time: WallTime,
        emit: Callable[[ev.Event], None],
        spawn: Callable[[str, Coroutine[Any, Any, None]], asyncio.Task[None]],
        so_far: TurnSoFar,
        decider: Decider[Any],
        perceived: Callable[[Percept], None],
        log_decisions: bool = False,
    ) -> None:
        self.percepts = Percepts(self._perceived, lambda: self.deciding.now())
        self.history = History()
        self.playback = Playback(manner.ahead)
        self.floor = Floor(floor, is_backchannel=models.is_backchannel, asks_for_floor=models.asks_for_floor)
        self.asks_for_floor = models.asks_for_floor
        self.announcements = Announcements(self.floor.announce, self.percepts.timer_due)
        self.deciding = Deciding(
            decider,
            self.percepts,
            steps,
            situation=self.situation,
            carry_out=self._decided,
            speak_up=self.announcements.say if manner.warns else None,
            emit=emit,
            every_block=log_decisions,
        )
        self.segmenters: dict[str, Segmenter] = {}
        self.speakers: dict[str, SpeakerLabels] = {}
        """Of parties on whose channel several people may be heard."""
        self.began = clock.now()
        """When sample 0 was due, on the clock."""
        self.captions: Callable[[str, int, Hypothesis, list[str]], None] | None = None
        self._clock = clock
        self._language = manner.language
        self._steps = steps
        self._wall_time = wall_time
        self._emit = emit
        self._spawn = spawn
        self._tell = perceived
        self._so_far = so_far
        self._tools = ToolLog(emit, lambda: self.now, self.percepts.put)
        self._heard: list[float] = []
        """Confidence of the words since the last answer."""
        self._answers = self.deciding.on = manner.answers
        self._level = LevelMatch() if manner.match_level else None
        self.replies = Replies(
            self,
            answerer,
            synthesizer,
            self.playback,
            steps,
            clock,
            manner.voice,
            lambda made: spawn("answering", made),
            self._level,
        )
        again = partial(self.announcements.say, urgent=True, first=True)
        listener = listener_of(answerer)
        self.reports = ReplyReports(
            self.floor,
            self.playback,
            self.replies,
            self.history,
            emit,
            self._act,
            again,
            self.percepts.own_speech,
            None if listener is None else partial(listener.heard, so_far.dialogue),
        )

    @property
    def now(self) -> int:
        """The sample up to which the session has perceived."""
        return self.percepts.now

    @now.setter
    def now(self, at: int) -> None:
        self.percepts.now = at

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Speak `text` when the floor is free; if urgent, at the next clause end of a reply that is being given."""
        self.announcements.say(text, urgent=urgent)

    def typed(self, party: str, text: str) -> None:
        """A party has typed something, which is a turn of its own."""
        self.floor.typed(self.now, party, text)

    def assist(self, on: bool) -> None:
        """Answer from now on, or only listen: a reply that is being given then ends at once."""
        self._answers = self.deciding.on = on
        if not on:
            self.interrupt()

    def interrupt(self) -> None:
        """The reply that is being given, if any, ends at once."""
        if self.replies.current is not None:
            self._act([act.Interrupt(self.replies.current.epoch, self.now)])

    def remember(self, heard: Iterable[Utterance], timers: Iterable[Control] = ()) -> None:
        """What was said before this session began, at negative times, and the timers that are still pending."""
        for each in heard:
            start, end = round(each.start * SAMPLE_RATE), round(each.end * SAMPLE_RATE)
            self.history.add(each.party, each.text, start, end, interrupted=each.interrupted)
        self.announcements.set_timers(timers)

    def tick(self, at: int) -> None:
        """A frame has been perceived: timers become due, and time passes for the floor."""
        self.now = at
        self.announcements.tick(at, self._wall_time.suspended())
        self._act(self.floor.tick(at))
        self.deciding.tick(at)

    def settled(self, deadline: int) -> bool:
        """Nothing is left to happen: nobody speaks, nothing is due before the sample `deadline`."""
        return (
            self.floor.state is State.LISTENING
            and self.replies.current is None
            and not self.floor.typing
            and not self.announcements.due_before(deadline)
            and not self.deciding.waits
            and not any(segmenter.open or segmenter.active for segmenter in self.segmenters.values())
        )

    def played(self, at: int) -> None:
        """Playback has been read up to the sample `at`."""
        self.reports.played(at)

    def finish_reply(self, *, interrupted: bool) -> None:
        """The current reply, if any, is over."""
        self.reports.finish(self.now, interrupted=interrupted)

    def speech_started(self, at: int, onset: int, party: str) -> None:
        self._emit(ev.SpeechStarted(onset, at, party))
        self.percepts.activity(party, onset, at, active=True)
        self._act(self.floor.speech_started(at, onset, party))

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None:
        self._emit(ev.Speech(onset, offset, party))
        self.percepts.activity(party, onset, offset, active=False)
        self._act(self.floor.speech_ended(at, offset, party))

    def heard_speech(self, samples: np.ndarray) -> None:
        """Somebody is speaking; 16 kHz."""
        if self._level is not None:
            self._level.hear(samples)

    def utterance_opened(self, party: str) -> None:
        self.floor.utterance_opened()

    def caught_up(self, reached: int) -> None:
        """The words that come next are all that was said up to the sample `reached`."""
        self.floor.caught_up(reached)
        self.percepts.caught_up()

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        labels = self.speakers.get(party)
        words = [(base + word.start, base + word.end, word.text) for word in hypothesis.words]
        names = labels.attribute([(start, end) for start, end, _ in words]) if labels else [""] * len(words)
        if self.captions is not None:
            self.captions(party, base, hypothesis, names)
        if hypothesis.final:
            for word, (start, end, text), who in zip(hypothesis.words, words, names, strict=True):
                self._emit(ev.Word(start, end, party, text, round(word.confidence, 3), who))
                self._heard.append(word.confidence)
        else:
            stable = len(" ".join(word.text for word in hypothesis.words[: hypothesis.stable]))
            self._emit(ev.Partial(onset, words[-1][1] if words else onset, party, hypothesis.text, stable))
        known = labels is not None and labels.user_known
        heard = [
            HeardAs(*word, who, known and labels is not None and labels.is_side_speech(who), each.confidence)
            for each, word, who in zip(hypothesis.words, words, names, strict=True)
        ]
        self.percepts.words(party, base, heard, hypothesis.stable, final=hypothesis.final)
        if labels and labels.user_known:  # the words of others neither take the floor nor are answered
            said = list(zip(names, words, strict=True))
            words = [word for who, word in said if not labels.is_side_speech(who)]
            if hypothesis.final:
                self._side_speech(party, [(who, word) for who, word in said if labels.is_side_speech(who)])
        text = " ".join(word for _, _, word in words)
        unstable = 0 if hypothesis.final else len(hypothesis.words) - hypothesis.stable
        end = words[-1][1] if words else onset
        self._act(self.floor.words(self.now, party, text, onset=onset, end=end, final=hypothesis.final))
        if whole := self.floor.text:
            self._so_far.score(whole)
            if self._answers:
                stable = whole.split()[: -unstable if unstable else None]
                self._so_far.prepare(
                    " ".join(stable), lambda text: self._request(party, text, self.history.utterances())
                )

    @property
    def contested(self) -> bool:
        """Whether a reply is being given that a command would end."""
        return self.floor.contested

    def command(self, party: str, onset: int, base: int, command: Hypothesis) -> None:
        """A short command over a reply was heard, before the recognizer has said its last word on it."""
        start, end = base + command.words[0].start, base + command.words[-1].end
        labels = self.speakers.get(party)
        if labels is None or not labels.is_side_speech(labels.speaker(start, end)):
            self._act(self.floor.command(self.now, party, command.text, onset=onset, end=end))

    def _side_speech(self, party: str, said: list[tuple[str, tuple[int, int, str]]]) -> None:
        for who, run in itertools.groupby(said, key=lambda each: each[0]):
            words = [word for _, word in run]
            text = " ".join(word for _, _, word in words)
            self._emit(ev.Turn(words[0][0], words[-1][1], party, text, self.floor.turn, "side_speech", who))

    def speaker_turn(self, turn: SpeakerTurn) -> None:
        """The diarizer: somebody on the channel has spoken, in seconds."""
        party = next(iter(self.speakers))
        start, end = round(turn.start * SAMPLE_RATE), round(turn.end * SAMPLE_RATE)
        self._emit(ev.SpeakerTurn(start, end, party, turn.speaker))

    def sound_heard(self, party: str, sound: HeardSound) -> None:
        """The tagger: a sound has begun, or one is over."""
        end = sound.end if sound.over else self.now
        self._emit(ev.SoundHeard(sound.start, end, party, sound.label, sound.score, sound.number, sound.over))
        if not sound.over:
            self.percepts.sound(sound.start, end, sound.label, sound.score)

    def reply_text(self, epoch: int, text: str) -> None:
        self._emit(ev.ReplyText(self.now, self.now, epoch, text))

    def reply_shown(self, epoch: int, text: str) -> None:
        self.reports.shown(self.now)
        self.reply_text(epoch, text)

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
                self.announcements.set_timers([control])
            case "cancel_timers":
                self.announcements.cancel_timers()

    def capability_lost(self, capability: str, reason: str) -> None:
        self._emit(ev.CapabilityLost(self.now, self.now, capability, reason))

    def capability_restored(self, capability: str) -> None:
        self._emit(ev.CapabilityRestored(self.now, self.now, capability))

    def _act(self, actions: list[act.Action]) -> None:
        for action in actions:
            match action:
                case act.Decide(kind, reason, since, epoch):
                    self._emit(ev.Decision(since, self.now, kind, reason, self.floor.turn, epoch))
                case act.EndTurn():
                    self._end_turn(action)
                case act.TypedTurn():
                    self._typed_turn(action)
                case act.Backchannel(party, text, start, end):
                    who = self._who(party, start, end)
                    self._emit(ev.Turn(start, end, party, text, self.floor.turn, "backchannel", who))
                    self.history.add(party, text, start, end)
                case act.Announce(epoch):
                    self.replies.announce(epoch, self.floor.turn, self.announcements.take())
                case act.CutIn(epoch):
                    text = self.announcements.take(urgent_only=True)
                    self._spawn("speech", self._interject(epoch, text, self.now))
                case act.Acknowledge(epoch):
                    if self.replies.current is None:
                        self.replies.announce(epoch, self.floor.turn, ACKNOWLEDGEMENT)
                case act.Withdraw(epoch):
                    self._withdraw(epoch)
                case act.Suspend(epoch, onset):
                    self._silence(onset, suspended=True)
                    self.playback.suspend(epoch)
                case act.Resume(epoch):
                    if self.replies.current is not None:
                        self.replies.current.suspended = self.replies.current.told = False
                    self._emit(ev.Resumed(self.now, self.now, epoch, self.playback.position))
                    self.playback.resume(epoch)
                case act.Interrupt(epoch, onset):
                    self._silence(onset, suspended=False)
                    self.replies.stop()
                    self.playback.interrupt(epoch)

    def _perceived(self, percept: Percept) -> None:
        self._tell(percept)
        self.deciding.perceived(percept)

    def situation(self) -> Situation:
        """The moment, as floor and playback have it."""
        current, track, state = self.replies.current, self.playback.track, self.floor.state
        return Situation(
            now=self.now / SAMPLE_RATE,
            speaking=state in (State.SPEAKING, State.OVERLAP),
            held=state is State.SUSPENDED,
            answering=state is State.THINKING,
            turn_open=state in (State.HEARING, State.PAUSING, State.OVERLAP, State.SUSPENDED),
            asked=self.replies.last_text.endswith("?"),
            since=self.floor.since / SAMPLE_RATE,
            patience=self.floor.pause_limit(),
            rest=track.text[len(track.heard_text()) :].strip() if current is not None and track is not None else "",
        )

    def _decided(self, decision: Verdict, about: int) -> bool:
        actions = self.floor.decided(self.now, decision, about)
        self._act(actions)
        return bool(actions)

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

    def _end_turn(self, action: act.EndTurn) -> None:
        if action.limited:
            for segmenter in self.segmenters.values():
                segmenter.cut(self.now)
        self.finish_reply(interrupted=True)  # an acknowledgement that is still being said
        for party, text, start, end in action.texts:
            self._emit(ev.Turn(start, end, party, text, action.turn, speaker=self._who(party, start, end)))
        self.history.take_back(action.texts)
        past = self.history.utterances()
        for party, text, start, end in action.texts:
            self.history.add(party, text, start, end)
        party, text = action.texts[-1][:2] if action.texts else ("", "")
        self._answer(action.turn, action.epoch, party, text, past)

    def _typed_turn(self, action: act.TypedTurn) -> None:
        self.finish_reply(interrupted=True)  # one that was interrupted for it may not have faded yet
        messages = [message for message in action.messages if not message.told]
        for party, text, start, end in action.texts:
            who, number = self._who(party, start, end), action.turn - len(messages)
            self._emit(ev.Turn(start, end, party, text, number, speaker=who))
        for number, message in enumerate(messages, action.turn - len(messages) + 1):
            self._emit(ev.Turn(message.at, message.at, message.party, message.text, number, typed=True))
        said = (*action.texts, *((each.party, each.text, each.at, each.at) for each in action.messages))
        self.history.take_back(said)
        past = self.history.utterances()
        for party, text, start, end in said:
            self.history.add(party, text, start, end)
        party = action.messages[-1].party
        self._answer(
            action.turn,
            action.epoch,
            party,
            "\n".join(text for who, text, _, _ in said if who == party),
            past,
            typed=True,
        )

    def _answer(
        self, turn: int, epoch: int, party: str, text: str, past: tuple[Utterance, ...], *, typed: bool = False
    ) -> None:
        if not self._answers or not text:
            self._act(self.floor.reply_ended(self.now, epoch))
            return
        self.replies.answer(epoch, turn, replace(self._request(party, text, past), typed=typed))
        self._heard.clear()

    def _request(self, party: str, text: str, past: tuple[Utterance, ...]) -> Request:
        now = self.now / SAMPLE_RATE
        return Request(
            text,
            party,
            past,
            now,
            self._wall_time.at(now),
            self._language,
            self.announcements.timers,
            confidence=self._confidence(),
            dialogue=self._so_far.dialogue,
            steps=self._steps,
            report=self._tools.of_turn(self.floor.turn),
        )

    def request(self, text: str, past: tuple[Utterance, ...], **more: Any) -> Request:
        """A question that is none of this dialogue's turns. more: further fields."""
        party = next(iter(self.segmenters))
        return replace(self._request(party, text, past), confidence=1.0, dialogue="", typed=True, **more)

    def _confidence(self) -> float:
        """Of the final words that were heard since the last answer, on average."""
        return sum(self._heard) / len(self._heard) if self._heard else 1.0

    def _who(self, party: str, start: int, end: int) -> str:
        """The speaker of what was taken for the party's own words: the user, where there is one."""
        labels = self.speakers.get(party)
        if labels is None:
            return ""
        return labels.user if labels.user_known else labels.speaker(start, end)

    async def _interject(self, epoch: int, text: str, decided: int) -> None:
        """Task: say something urgent in the middle of the reply; when the reply is over already, by itself."""
        if self.replies.current is not None and self.replies.current.shown:
            self.announcements.say(text, first=True)
            return
        try:
            spoken, samples, marks = await self.replies.synthesize(text)
        except Exception as error:
            self.capability_lost("speech", reason_of(error))
            return
        track = self.playback.interject(epoch, spoken, samples, marks)
        if track is None:  # the reply is about to end: that is waited for
            self.announcements.say(text, first=True)
            return
        self._emit(ev.ReplyText(self.now, self.now, epoch, text))
        self.reports.interjections.append(Interjection(track, self.floor.turn, decided))

    def _withdraw(self, epoch: int) -> None:
        current = self.replies.current
        if current is None or current.epoch != epoch:
            return
        if current.announcement:
            self.announcements.say(current.announcement, first=True)
        self.replies.stop()
        self.playback.interrupt(epoch)
        self.replies.finish()
