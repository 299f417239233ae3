"""Segments of what is said: sentences, not utterances."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.conversation.captions.segments import LONGEST, CaptionSegmenter
from duplex.models.asr.contract import Hypothesis, Word
from duplex.streaming.audio import SAMPLE_RATE

WORD = SAMPLE_RATE // 4


def words(text, gap=0):
    return tuple(Word(each, n * (WORD + gap), n * (WORD + gap) + WORD) for n, each in enumerate(text.split()))


def final(text):
    said = words(text)
    return Hypothesis(said, len(said), final=True)


def seconds(value):
    return round(value * SAMPLE_RATE)


def closed(segments):
    return [segment.text for segment in segments if segment.closed]


def test_a_sentence_ends_where_its_punctuation_says():
    segments = CaptionSegmenter("user").hear(0, final("Dr. Smith came home. He is tired. And"))
    assert closed(segments) == ["Dr. Smith came home.", "He is tired."]
    assert segments[-1].text == "And" and not segments[-1].closed


def test_a_sentence_goes_on_over_a_short_pause():
    segmenter = CaptionSegmenter("user")
    first = segmenter.hear(0, final("i would like to"))
    second = segmenter.hear(seconds(1.4), final("buy a ticket"))
    assert not closed(first) and not closed(second)
    assert second[-1].text == "i would like to buy a ticket" and second[-1].id == first[-1].id
    assert closed(segmenter.tick(seconds(2.5), False)) == [] and closed(segmenter.tick(seconds(4), False)) == [
        "i would like to buy a ticket"
    ]


def test_a_full_stop_made_of_a_pause_is_taken_back():
    segmenter = CaptionSegmenter("user")
    assert not closed(segmenter.hear(0, final("I would like to.")))
    segmenter.hear(seconds(1.4), Hypothesis(words("The station"), 2))
    assert closed(segmenter.hear(seconds(1.4), final("The station, please."))) == [
        "I would like to the station, please."
    ]


def test_a_question_that_has_only_begun_is_none():
    segmenter = CaptionSegmenter("user")
    assert not closed(segmenter.hear(0, final("What is?")))
    assert closed(segmenter.hear(seconds(1), final("Nine times twelve?"))) == ["What is Nine times twelve?"]
    assert closed(CaptionSegmenter("user").hear(0, final("Yes, it is."))) == ["Yes, it is."]


def test_a_long_pause_ends_a_segment():
    segmenter = CaptionSegmenter("user")
    segmenter.hear(0, final("yes please"))
    assert closed(segmenter.hear(seconds(3), final("where is it"))) == ["yes please"]


def test_another_speaker_ends_a_segment():
    segments = CaptionSegmenter("user").hear(0, final("how are you fine thanks"), ["a", "a", "a", "b", "b"])
    assert closed(segments) == ["how are you"] and segments[0].speaker == "a" and segments[1].speaker == "b"


def test_a_word_that_is_taken_back_keeps_the_ids_of_the_others():
    segmenter = CaptionSegmenter("user")
    (first,) = segmenter.hear(0, Hypothesis(words("I see a whale"), 2))
    (second,) = segmenter.hear(0, Hypothesis(words("I see away"), 2))
    assert [word.id for word in second.words] == [word.id for word in first.words][:3]
    assert first.stable == 2 and second.text == "I see away" and second.id == first.id
    assert segmenter.hear(0, Hypothesis(words("I see away"), 2)) == []


def test_the_last_spelling_of_stable_words_counts_and_ends_the_sentence():
    segmenter = CaptionSegmenter("user")
    segmenter.hear(0, Hypothesis(words("never mind,"), 2))
    assert closed(segmenter.hear(0, final("Never mind."))) == ["Never mind."]
    segmenter.hear(seconds(3), Hypothesis(words("good bye"), 2))
    assert not closed(segmenter.hear(seconds(3), final("good bye")))


def test_what_is_taken_back_whole_is_closed_empty():
    segmenter = CaptionSegmenter("user")
    (shown,) = segmenter.hear(0, Hypothesis(words("hm"), 0))
    (gone,) = segmenter.hear(0, Hypothesis(final=True))
    assert gone.closed and not gone.words and gone.id == shown.id
    assert segmenter.finish() == []


def test_a_lost_utterance_end_costs_nothing():
    segmenter = CaptionSegmenter("user")
    segmenter.hear(0, Hypothesis(words("one two"), 2))
    segments = segmenter.hear(seconds(0.8), final("three four."))
    assert closed(segments) == ["one two three four."]
    assert len({word.id for word in segments[0].words}) == 4


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["yes", "no.", "well,", "the", "Tom?", "because"]), max_size=50),
            st.floats(0, 2),
            st.integers(0, 50),
        ),
        max_size=5,
    )
)
def test_every_word_comes_once_and_in_order(utterances):
    """Full stops and capitals apart, which a pause may have made."""
    segmenter, out, base, said = CaptionSegmenter("user"), [], 0, []
    for texts, pause, stable in utterances:
        heard = words(" ".join(texts))
        out += segmenter.hear(base, Hypothesis(heard, min(stable, len(heard))))
        out += segmenter.hear(base, Hypothesis(heard, len(heard), final=True))
        base += (heard[-1].end if heard else 0) + seconds(pause) + 1
        out += segmenter.tick(base, False)
        said += texts
    out += segmenter.finish()
    done = [segment for segment in out if segment.closed]
    assert [w.text.rstrip(".?").lower() for s in done for w in s.words] == [text.rstrip(".?").lower() for text in said]
    ids = [w.id for s in done for w in s.words]
    assert ids == sorted(set(ids))
    assert all(len(segment.words) <= LONGEST for segment in done)
    assert len({segment.id for segment in done}) == len(done)
