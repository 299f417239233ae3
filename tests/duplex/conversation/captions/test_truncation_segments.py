"""Segments that StreamUni's truncation cuts, from hypotheses that grow, change and stand still."""

from __future__ import annotations

from duplex.conversation.captions.truncation_segments import HOP, TruncationSegmenter
from duplex.models.asr.contract import Hypothesis
from tests.duplex.conversation.captions.test_segments import closed, final, seconds, words


def hear(segmenter, texts, stable=0):
    """A step of the recognizer for each text; the last two words of each may change."""
    found = []
    for number, text in enumerate(texts):
        said = words(text)
        found += segmenter.hear(0, Hypothesis(said, max(stable, len(said) - 2)))
        found += segmenter.tick((number + 1) * HOP, True)
    return found


def test_a_sentence_ends_when_what_follows_has_confirmed_its_end():
    segmenter = TruncationSegmenter("user")
    found = hear(segmenter, ["we met", "we met at noon", "we met at noon. Then we", "we met at noon. Then we all ate"])
    assert closed(found) == ["we met at noon."]
    assert found[-1].text == "Then we all ate" and not found[-1].closed
    assert {segment.id for segment in found} == {0, 1}


def test_silence_ends_a_segment_after_three_steps_and_not_before():
    segmenter = TruncationSegmenter("user")
    segmenter.hear(0, final("good bye"))
    ends = [now for now in range(0, seconds(5), seconds(0.02)) if closed(segmenter.tick(now, False))]
    assert len(ends) == 1 and 2 * HOP <= ends[0] < 2 * HOP + seconds(0.1)
    assert segmenter.finish() == []


def test_words_that_may_change_are_not_cut_off():
    segmenter = TruncationSegmenter("user")
    found = []
    for number, text in enumerate(["it is", "it is true", "it is true. So we", "it is too. So", "it is too sad so we"]):
        found += segmenter.hear(0, Hypothesis(words(text), min(2, len(text.split()))))
        found += segmenter.tick((number + 1) * HOP, True)
    assert not closed(found)
    found += segmenter.hear(0, final("it is too sad so we left."))
    assert " ".join(closed(found + segmenter.finish())) == "it is too sad so we left."


def test_endless_speech_without_punctuation_is_cut():
    segmenter = TruncationSegmenter("user")
    said = [f"word{number}" for number in range(500)]
    found = hear(segmenter, [" ".join(said[: count + 2]) for count in range(0, 500, 2)])
    found += segmenter.hear(0, final(" ".join(said)))
    found += segmenter.finish()
    texts = closed(found)
    assert " ".join(texts).split() == said and max(len(text.split()) for text in texts) <= 60


def test_another_speaker_begins_a_segment():
    segmenter = TruncationSegmenter("user")
    said = words("really no why")
    found = segmenter.hear(0, Hypothesis(said, 3, final=True), ["ann", "bob", "bob"])
    assert closed(found) == ["really"] and found[-1].text == "no why" and found[-1].speaker == "bob"


def test_a_full_stop_in_the_middle_of_a_sentence_goes():
    segmenter = TruncationSegmenter("user")
    assert segmenter.hear(0, final("I would like to."))[-1].text == "I would like to"
