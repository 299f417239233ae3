"""Holidays by name: those on the same day every year, and those that move."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

HOLIDAYS = {
    "christmas": (12, 25),
    "christmas day": (12, 25),
    "christmas eve": (12, 24),
    "new year's eve": (12, 31),
    "new year's day": (1, 1),
    "new year's": (1, 1),
    "new year": (1, 1),
    "the new year": (1, 1),
    "halloween": (10, 31),
    "valentine's day": (2, 14),
    "independence day": (7, 4),
    "the fourth of july": (7, 4),
}
"""Month and day."""


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm: Nature, 20 April 1876, p. 487)."""
    century, of_century = divmod(year, 100)
    moon = (19 * (year % 19) + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _weekday_of_month(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


MOVABLE: dict[str, Callable[[int], date]] = {
    "easter": easter,
    "easter sunday": easter,
    "easter monday": lambda year: easter(year) + timedelta(days=1),
    "good friday": lambda year: easter(year) - timedelta(days=2),
    "pentecost": lambda year: easter(year) + timedelta(days=49),
    "thanksgiving": lambda year: _weekday_of_month(year, 11, 3, 4),
    "mother's day": lambda year: _weekday_of_month(year, 5, 6, 2),
    "father's day": lambda year: _weekday_of_month(year, 6, 6, 3),
    "labor day": lambda year: _weekday_of_month(year, 9, 0, 1),
}
"""Holidays that are on another day each year, those of the United States among them."""
