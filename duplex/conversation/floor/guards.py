"""The guards of the table, by name: each is one question about the moment at the sample `at`."""

from __future__ import annotations

from duplex.conversation.floor.moment import Moment, samples

SURE = 0.9
"""The score from which the decider's silence makes a turn wait as long as for unfinished words."""


def due(moment: Moment, at: int) -> bool:
    return moment.announcements > 0


def urgent(moment: Moment, at: int) -> bool:
    return moment.urgent > 0


def typed(moment: Moment, at: int) -> bool:
    return bool(moment.messages)


def quiet(moment: Moment, at: int) -> bool:
    return not moment.active and at - moment.quiet_since >= samples(moment.settings.breath)


def all_silent(moment: Moment, at: int) -> bool:
    return not moment.active


def talking(moment: Moment, at: int) -> bool:
    return bool(moment.active)


def has_words(moment: Moment, at: int) -> bool:
    return moment.words.any


def heard_all(moment: Moment, at: int) -> bool:
    return moment.heard_all()


def too_long(moment: Moment, at: int) -> bool:
    return at - moment.turn_began >= samples(moment.settings.turn_limit)


def pause_over(moment: Moment, at: int) -> bool:
    pause = at - moment.quiet_since
    if not moment.heard_all() and pause < samples(moment.settings.words_limit):
        return False
    return pause >= samples(moment.pause_limit())


def late_words(moment: Moment, at: int) -> bool:
    """A turn was given up before the recognizer had reached it; now it has, and there were words."""
    text = moment.words.text
    return moment.words.all_final and bool(text) and not moment.is_backchannel(text)


def answering(moment: Moment, at: int) -> bool:
    return moment.answering


def interruptible(moment: Moment, at: int) -> bool:
    return moment.settings.interruptions


def challenged(moment: Moment, at: int) -> bool:
    return moment.challenge is not None


def take_over(moment: Moment, at: int) -> bool:
    """The words are more than a backchannel.

    Of a burst shorter than `hear_out` they must be final and ask for the floor: a cough is easily taken for a word. Of
    a longer one any final word will do, or two of a partial. A command that was spotted needs nothing else.
    """
    if moment.commanded:
        return True
    text = moment.words.text
    if not text or moment.is_backchannel(text):
        return False
    lasted = (at if moment.active else moment.quiet_since) - moment.onset(moment.turn_began)
    if lasted < samples(moment.settings.hear_out):
        return moment.words.all_final and moment.asks_for_floor(text)
    return moment.words.all_final or len(text.split()) >= 2


def insistent_onset(moment: Moment, at: int) -> bool:
    return moment.talked_for(at) >= samples(moment.settings.suspend_after)


def insistent(moment: Moment, at: int) -> bool:
    return moment.talked_for(at) >= samples(moment.settings.insist_after)


def only_noise(moment: Moment, at: int) -> bool:
    return not moment.words.any and moment.talked_for(at) >= samples(moment.settings.noise_limit)


def verdict_due(moment: Moment, at: int) -> bool:
    if moment.active:
        return False
    return moment.words.all_final or at - moment.quiet_since >= samples(moment.settings.words_patience)


def current(moment: Moment, at: int) -> bool:
    """Nobody has begun to speak since the moment that the decision is about."""
    return moment.words.none_since(moment.decided_on)


def to_respond(moment: Moment, at: int) -> bool:
    return moment.decides("respond")


def to_yield(moment: Moment, at: int) -> bool:
    return moment.decides("yield")


def to_resume(moment: Moment, at: int) -> bool:
    return moment.decides("resume")


def to_acknowledge(moment: Moment, at: int) -> bool:
    return moment.decides("backchannel")


def to_wait(moment: Moment, at: int) -> bool:
    return moment.decides("silent", SURE)


def backchannels(moment: Moment, at: int) -> bool:
    return moment.settings.backchannels
