"""Beam search on decoders whose answers are known."""

from __future__ import annotations

import numpy as np

from duplex.models.translation.search import allowed_repeats, limit, longest_run, loop_start, search
from duplex.models.translation.vocabulary import END

WORDS = 40


class Scripted:
    """A decoder with a table: (subwords so far) to (next subword, probability) pairs; the rest shares what is left."""

    def __init__(self, table, default=None):
        self._table, self._default, self.calls = table, default, 0

    def initial_past(self, batch):
        return np.zeros((1, 1, batch, 1, 0, 1), np.float32)

    def step(self, numbers, memory, mask, past):
        self.calls += 1
        batch, new = numbers.shape
        past = np.concatenate([past, numbers[None, None, :, None, :, None].astype(np.float32)], axis=4)
        logs = np.empty((batch, new, WORDS), np.float32)
        for row in range(batch):
            said = tuple(int(n) for n in past[0, 0, row, 0, 1:, 0])
            for place in range(new):
                known = self._table.get(said[: len(said) - new + 1 + place], self._default or {END: 0.9})
                logs[row, place] = np.log((1 - sum(known.values())) / WORDS + 1e-6)
                for number, chance in known.items():
                    logs[row, place, number] = np.log(chance)
        return logs, past, np.full((batch, new, memory.shape[4]), 1 / memory.shape[4])


def memory(length):
    return np.zeros((1, 2, 1, 1, length, 1), np.float32)


def test_greedy_takes_the_likeliest_and_ends():
    found = search(Scripted({(): {10: 0.9}, (10,): {11: 0.9}}), [4, 20, 3], memory(3))
    assert found.numbers == [10, 11] and found.ended and not found.looped
    assert len(found.logs) == 3 and len(found.attention) == 2


def test_a_beam_finds_what_greedy_misses():
    table = {(): {10: 0.5, 12: 0.4}, (10,): {13: 0.2, 14: 0.2, 15: 0.2}, (12,): {16: 0.98}}
    assert search(Scripted(table), [4, 20, 3], memory(3), beam=1).numbers[0] == 10
    assert search(Scripted(table), [4, 20, 3], memory(3), beam=3).numbers == [12, 16]


def test_a_loop_is_cut_to_one_copy():
    found = search(Scripted({}, default={10: 0.99}), [4, 20, 21, 3], memory(4))
    assert found.looped and found.numbers == [10]


def test_a_beam_takes_what_ends_rather_than_a_loop():
    found = search(Scripted({}, default={10: 0.99}), [4, 20, 21, 3], memory(4), beam=4)
    assert found.ended and len(found.numbers) <= 3


def test_a_loop_of_two_subwords_is_cut():
    class TwoByTwo(dict):
        def get(self, said, default):
            return {11 if len(said) % 2 else 10: 0.99}

    found = search(Scripted(TwoByTwo()), [4, 20, 21, 3], memory(4))
    assert found.looped and found.numbers == [10, 11]


def test_what_the_source_repeats_may_be_repeated():
    source = [4, *[20] * 8, 3]
    table = {(10,) * n: {10: 0.99} for n in range(8)}
    found = search(Scripted(table), source, memory(len(source)))
    assert found.numbers == [10] * 8 and found.ended


def test_length_is_limited():
    class Counting(dict):
        def get(self, said, default):
            return {10 + (len(said) * len(said) // 3 + len(said)) % 29: 0.9}

    found = search(Scripted(Counting()), [4, 20, 3], memory(3))
    assert not found.ended and len(found.numbers) <= limit([4, 20, 3])


def test_a_fixed_beginning_stays():
    found = search(Scripted({(30, 31): {32: 0.9}}), [4, 20, 3], memory(3), beam=2, begin=[30, 31])
    assert found.numbers == [30, 31, 32] and len(found.logs) == 4 and len(found.attention) == 3


def test_longest_run():
    assert longest_run([1, 2, 1, 2, 1, 2, 5], 2) == 3
    assert longest_run([1, 2, 3], 1) == 1
    assert longest_run([], 1) == 0


def test_loop_start():
    allowed = allowed_repeats([4, 20, 3])
    assert loop_start([9, 7, 7, 7], allowed) is None
    assert loop_start([9, 7, 7, 7, 7], allowed) == 2
    assert loop_start([9, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3], allowed) == 4
