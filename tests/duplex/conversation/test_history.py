from duplex.conversation.history import History


def test_what_was_heard_is_kept_in_order_of_speaking() -> None:
    history = History()
    history.add("assistant", "fine", 32_000, 48_000, interrupted=True)
    history.add("user", "how are you", 0, 16_000)
    history.add("user", "", 50_000, 60_000)
    assert [(u.party, u.text, u.start, u.end, u.interrupted) for u in history.utterances()] == [
        ("user", "how are you", 0.0, 1.0, False),
        ("assistant", "fine", 2.0, 3.0, True),
    ]


def test_a_turn_that_goes_on_is_taken_back() -> None:
    history = History()
    history.add("user", "convert ten miles", 16_000, 32_000)
    history.take_back((("user", "convert ten miles to kilometers", 16_000, 64_000),))
    history.add("user", "convert ten miles to kilometers", 16_000, 64_000)
    assert [u.text for u in history.utterances()] == ["convert ten miles to kilometers"]


def test_it_forgets_the_oldest() -> None:
    history = History(limit=3)
    for n in range(5):
        history.add("user", str(n), n * 16_000, n * 16_000 + 8000)
    assert [u.text for u in history.utterances()] == ["2", "3", "4"]
