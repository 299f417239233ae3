"""Spoken orders made from a grammar: training turns for what an assistant without a language model is asked for."""

# ruff: noqa: E501  (a line for each kind of order)

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from duplex.models.turn_taking.word_lists import spell_small

_GRAMMAR: dict[str, str] = {
    "order": (
        "{timer}|{timer}|{timer}|{remind}|{remind}|{alarm}|{sum}|{sum}|{convert}|{zone}|{date}|{recall}|{control}|"
        "{control}|{control}|{control}|{fact}|{fact}|{small}"
    ),
    "polite": "|||||please |could you please |could you |can you |okay |hey |and |now |um |i want you to |yeah ",
    "after": "||||| please| for me| now| thanks| thank you",
    "timer": (
        "{set} a timer for {span}|{set} a {span1} timer|set the timer for {span}|{set} a timer for {span} / for the "
        "{thing}|start a {thing} timer for {span}|{set} a countdown for {span}|timer for {span}"
    ),
    "set": "set|set|set|start|make",
    "remind": (
        "remind me in {span} to {task}|remind me to {task} in {span}|remind me to {task} at {clock}|remind me at "
        "{clock} to {task}|remind me tomorrow to {task}|remind me to {task} tomorrow"
    ),
    "alarm": (
        "wake me up at {clock}|set an alarm for {clock}|set an alarm for {clock} / tomorrow|wake me at {clock} / tomorrow|"
        "wake me up in {span}"
    ),
    "sum": (
        "{howmuch} {n} {op} {n}|{howmuch} {n} {op} {n}|{howmuch} {n} {op} {n} / {op} {n}|{howmuch} {n} percent of {n}|{howmuch} the square root "
        "of {n}|{howmuch} {n} squared|{howmuch} {n} to the power of {n}|{howmuch} {n} divided by {n}|{n} {op} {n}|"
        "add {n} and {n}"
    ),
    "howmuch": "what is|what's|how much is|calculate|what is|tell me what is",
    "op": "plus|minus|times|over|multiplied by|divided by",
    "convert": (
        "convert {n} {unit} to {unit}|how many {unit} are {n} {unit}|how many {unit} are in {n} {unit}|how many {unit} in a {unit1}|what is {n} {unit} "
        "in {unit}|how much is {n} {unit} in {unit}|how many {unit} are there in {n} {unit}|convert {n} {unit} into {unit}"
    ),
    "zone": (
        "what time is it|what time is it / in {city}|what is the time / in {city}|tell me the time|what's the time / in "
        "{city} / right now|what is the time difference between {city} and {city}"
    ),
    "date": (
        "what day is it|what is the date|what is the date today|what is the date next {weekday}|what day is {month} "
        "{ordinal}|how many days until {holiday}|how long until {holiday}|what day of the week is {holiday}"
    ),
    "recall": (
        "what did i say about the {thing}|what did i say about {thing}|what did i just say|what did you say|remember "
        "that my {thing} is {place}|remember that i {task}|where is my {thing}|what is my {thing}|who has spoken how long|"
        "who has spoken the most|how long have i been talking|how long have we been talking|who said that|who is speaking|"
        "what did {name} say|what did {name} say about the {thing}"
    ),
    "control": (
        "stop|stop|stop|stop|stop|stop|no|no|no|yes|stop talking|stop it|never mind|be quiet|louder|speak louder|turn it up|turn it down|turn the volume up|"
        "turn the volume down|speak more slowly|slow down|say that again|repeat that|cancel the timer|cancel the alarm|"
        "cancel all timers|stop the timer|how much time is left|what can you do|wait|hold on|speak faster|cancel that|"
        "forget it|go on|continue|help|start over|pause|no|yes|yes please|no thank you|thank you|thanks|okay|goodbye|good bye|"
        "how much time is left / on the timer|how much longer|{hold}|{hold}|{correct}|{correct}"
    ),
    "hold": (
        "wait a moment|wait a minute|hold on a second|hold on a moment|one moment|just a second|just a minute|excuse me|"
        "sorry / one more question|one more question|i have one more question|i have a question|no stop|no wait|sorry"
    ),
    "correct": (
        "no / i meant {city}|i meant {city}|no / not that|that is not what i meant|that's not what i asked|not {city} / but {city}|"
        "that is enough|that's enough|that is all|thank you / that is all|that's all for now|that will be all"
    ),
    "fact": (
        "who is the {office} of {country}|what is the capital of {country}|what is the weather like {when}|will it "
        "rain {when}|find me a {thing} in {city}|call my {person}|call {name}|book a table for {n} at {clock}|book a "
        "table for {n}|tell me about {country}|tell me about the {thing}|tell me a joke|play some music|play the next song|turn on the lights|open the door|read my messages|i need a flight from {city} to "
        "{city}|i want to go to {city}|i want to go to the {thing}|my name is {name}|i am {name}|it is a very nice {thing}"
    ),
    "small": (
        "how are you|how are you today|that sounds good|that works for me|good morning|good night|yes that's correct|"
        "no that is all|i do not know|i think that is right|thank you very much|that's fine|nice to meet you|"
        "can you hear me|can you help me|are you there|let me think|let me see|could you please repeat that"
    ),
    "span": "{n} {time}|{n} {time}|{n} {time}|an hour|half an hour|an hour / and a half|{n} {time} / and {n} seconds|a minute",
    "span1": "{n} minute|{n} second|{n} hour|one hour",
    "time": "minutes|minutes|seconds|hours|minute|days",
    "clock": (
        "{hour}|{hour}|{hour}|{hour} / {min}|{hour} / am|{hour} / pm|{hour} / o'clock|half past {hour}|quarter to {hour}|"
        "noon|midnight|{hour} / in the morning|{hour} / in the evening|{hour} / {min} / pm"
    ),
    "hour": "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve",
    "min": "fifteen|thirty|forty five|oh five|twenty|ten",
    "thing": (
        "pizza|pasta|oven|eggs|tea|meeting|car|keys|restaurant|hotel|doctor|laundry|cake|budget|house|phone|passport|"
        "museum|train station|project|password|glasses|beach|bank|dog"
    ),
    "task": (
        "call my {person}|call {name}|check the {thing}|buy milk|take out the trash|go to the {thing}|feed the {thing}|"
        "send the email|pay the rent|water the plants|take my pills|pick up the {thing}|leave|drink some water"
    ),
    "person": "mother|mom|father|dad|sister|brother|wife|husband|boss|doctor|friend",
    "name": "john|mary|anna|peter|sarah|michael|tom|lisa",
    "place": "in the {thing}|on the table|red|at home|under the {thing}|{n}",
    "unit": "miles|kilometers|feet|meters|inches|centimeters|pounds|kilograms|ounces|grams|celsius|fahrenheit|liters|gallons",
    "unit1": "mile|kilometer|foot|meter|pound|kilogram|gallon|day|week|year",
    "city": "tokyo|london|new york|paris|berlin|sydney|new delhi|kathmandu|los angeles|rome|madrid|chicago|moscow",
    "country": "france|germany|japan|italy|spain|the united states|china|brazil|england",
    "office": "president|prime minister|king|queen",
    "weekday": "monday|tuesday|wednesday|thursday|friday|saturday|sunday",
    "month": "january|february|march|april|may|june|july|august|september|october|november|december",
    "ordinal": "first|second|third|fifth|tenth|twenty fifth|thirtieth|thirty first",
    "holiday": "christmas|easter|halloween|new year's eve|my birthday|next {weekday}|{weekday}",
    "when": "today|tomorrow|in {city}|like today|right now|on {weekday}|this weekend",
}
_CHOICES = {name: text.split("|") for name, text in _GRAMMAR.items()}


def orders(count: int, rng: random.Random) -> Iterator[list[str]]:
    """`count` orders as words; the same generator state gives the same orders.

    A "/" among the words stands where the order could have ended as well.
    """
    for _ in range(count):
        lead = _filled(rng.choice(_CHOICES["polite"]), rng)
        after = rng.choice(_CHOICES["after"])
        text = lead + _filled("{order}", rng) + (f" /{after}" if after else "")
        yield [word for word in text.split() if word != "um"]


def whole(words: list[str]) -> list[str]:
    """The order without its marks."""
    return [word for word in words if word != "/"]


def beginnings(turns: list[list[str]]) -> Iterator[list[str]]:
    """Every beginning of these orders that is not a whole: neither marked nor one of them, politeness set aside."""
    wholes = {" ".join(_bare(whole(words))) for words in turns}
    for words in turns:
        for end in range(1, len(words)):
            if words[end] == "/" or words[end - 1] == "/":
                continue
            cut = whole(words[:end])
            bare = _bare(cut)
            if bare and " ".join(bare) not in wholes:
                yield cut


_LEAD = re.compile(r"(?:please|could you please|could you|can you|okay|hey|and|now|i want you to|yeah) ")


def _bare(words: list[str]) -> list[str]:
    text = " ".join(words) + " "
    return _LEAD.sub("", text, count=1).split() if (match := _LEAD.match(text)) and match.end() < len(text) else words


def _filled(text: str, rng: random.Random) -> str:
    while (place := re.search(r"\{(\w+)\}", text)) is not None:
        name = place[1]
        value = _number(rng) if name == "n" else rng.choice(_CHOICES[name])
        text = text[: place.start()] + value + text[place.end() :]
    return text


def _number(rng: random.Random) -> str:
    return " / ".join(spell_small(str(rng.choice([rng.randint(1, 12), rng.randint(1, 99), rng.randint(1, 999)]))))
