"""Policies by name: what each name makes, and what bad names are told."""

from __future__ import annotations

import pytest

from duplex.streaming.errors import SettingsError
from duplex.streaming.policies.append_only import AgreeingTranslations, AlignAtt, WaitK
from duplex.streaming.policies.named import NAMES, NamedPolicy
from duplex.streaming.policies.retranslation import MaskedRetranslation


@pytest.mark.parametrize(
    ("text", "policy", "cuts"),
    [
        ("retranslate", MaskedRetranslation(mask=3), False),
        ("retranslate:0", MaskedRetranslation(mask=0), False),
        ("wait-k:5", WaitK(k=5), False),
        ("agreement", AgreeingTranslations(agree=2), False),
        (" alignatt:1 ", AlignAtt(margin=1), False),
        ("streamuni:3", WaitK(k=3, most=8), True),
    ],
)
def test_a_name_makes_a_policy(text, policy, cuts):
    named = NamedPolicy.parse(text)
    assert named.policy() == policy and named.policy() is not named.policy()
    assert named.cuts is cuts


@pytest.mark.parametrize(
    "text", ["", "waitk", "wait-k:0", "wait-k:", "wait-k:x", "agreement:1", "retranslate:-1", "wait-k:999"]
)
def test_a_bad_name_is_one_line(text):
    with pytest.raises(SettingsError, match="translation_policy") as error:
        NamedPolicy.parse(text)
    assert "\n" not in str(error.value)


def test_every_name_has_a_default():
    assert [NamedPolicy.parse(name).name for name in NAMES] == list(NAMES)
