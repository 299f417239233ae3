"""What became of each reply: which words of it were heard, when it was held, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from duplex import events as ev
from duplex.conversation.floor import Floor
from duplex.conversation.floor.actions import Action
from duplex.conversation.history import ASSISTANT, History
from duplex.conversation.speaking.playback import Playback
from duplex.conversation.speaking.replies import Replies
from duplex.conversation.speaking.track import HeardWord, Track


@dataclass(slots=True)
class Interjection:
    """An announcement that is said in the middle of a reply. decided: the sample at which that was decided."""

    track: Track
    turn: int
    decided: int
    spoken: int = 0
    started: bool = False


class ReplyReports:
    """Follows playback and turns what was heard into events, history and the floor's triggers.

    act: carries out the floor's actions. unheard: takes the text of an interjection that was dropped before a word of
    it was heard. words: takes an epoch and the words of it that have been heard. listener: takes what was heard of a
    reply, and whether it was an answer.
    """

    def __init__(
        self,
        floor: Floor,
        playback: Playback,
        replies: Replies,
        history: History,
        emit: Callable[[ev.Event], None],
        act: Callable[[list[Action]], None],
        unheard: Callable[[str], None],
        words: Callable[[int, Sequence[HeardWord]], None],
        listener: Callable[[str, bool], None] | None = None,
    ) -> None:
        self.interjections: list[Interjection] = []
        self._floor = floor
        self._playback = playback
        self._replies = replies
        self._history = history
        self._emit = emit
        self._act = act
        self._unheard = unheard
        self._words = words
        self._listener = listener

    def played(self, at: int) -> None:
        """Playback has been read up to the sample `at`."""
        current, track = self._replies.current, self._playback.track
        if current is None or track is None:
            return
        if track.first_audible is not None and not current.started:
            current.started = True
            self._emit(ev.ReplyStarted(track.first_audible, at, current.epoch, current.turn))
            self._act(self._floor.reply_audible(track.first_audible, current.epoch))
        current.spoken = self._report_words(track, current.spoken)
        self._follow_interjections(at)
        if current.suspended and not current.told and current.onset is not None:
            current.told = True
            last = track.last_audible or current.silenced
            self._emit(ev.Suspended(current.onset, last, current.epoch, current.silenced))
        if self._playback.drained:
            self.finish(at, interrupted=current.interrupted)

    def shown(self, at: int) -> None:
        """More of a reply that is written has come: it is read as it comes, and from then on can be interrupted."""
        current, track = self._replies.current, self._playback.track
        if current is None or track is None:
            return
        track.last_audible = at
        if track.first_audible is None:
            track.first_audible, current.started = at, True
            self._emit(ev.ReplyStarted(at, at, current.epoch, current.turn))
            self._act(self._floor.reply_audible(at, current.epoch))

    def finish(self, at: int, *, interrupted: bool) -> None:
        """The current reply, if any, is over, and what was said in the middle of it."""
        while self.interjections:
            self._end_interjection(interrupted=interrupted)
        finished = self._replies.finish()
        if finished is None:
            return
        current, track = finished
        if track is not None and track.first_audible is not None:
            end = track.last_audible or track.first_audible
            heard = track.heard_text()
            if current.interrupted and current.onset is not None:
                self._emit(ev.Interrupted(current.onset, end, current.epoch, current.silenced, heard))
            token = current.first_token if current.first_token is not None else current.decided
            self._report(track, current.turn, heard, interrupted, current.decided, token)
            if self._listener is not None:
                self._listener(heard, not current.announcement)
        self._act(self._floor.reply_ended(at, current.epoch))

    def _follow_interjections(self, at: int) -> None:
        while self.interjections:
            cut_in = self.interjections[0]
            track = cut_in.track
            if track.first_audible is not None and not cut_in.started:
                cut_in.started = True
                self._emit(ev.ReplyStarted(track.first_audible, at, track.epoch, cut_in.turn))
            cut_in.spoken = self._report_words(track, cut_in.spoken)
            if track.played < track.written:
                return
            self._end_interjection(interrupted=False)

    def _end_interjection(self, *, interrupted: bool) -> None:
        cut_in = self.interjections.pop(0)
        heard = cut_in.track.heard_text()
        if not heard:
            self._unheard(cut_in.track.text.strip())
        else:
            self._report(cut_in.track, cut_in.turn, heard, interrupted, cut_in.decided, cut_in.decided)
            if self._listener is not None:
                self._listener(heard, False)

    def _report_words(self, track: Track, known: int) -> int:
        words = track.heard_words()
        for word in words[known:]:
            self._emit(ev.SpokenWord(word.start, word.end, track.epoch, word.text))
        if len(words) > known:
            self._words(track.epoch, words[known:])
        return len(words)

    def _report(self, track: Track, turn: int, heard: str, interrupted: bool, decided: int, token: int) -> None:
        assert track.first_audible is not None
        start, end = track.first_audible, track.last_audible or track.first_audible
        made = track.text.strip()
        self._emit(ev.Reply(start, end, track.epoch, turn, heard, made, interrupted, decided, token, start))
        self._history.add(ASSISTANT, heard, start, end, interrupted=interrupted)
