"""A few facts that everybody asks for and that do not change: capitals, measures of the world, spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Gist, Slots, Template, template
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.skills.words import Word

_CAPITALS = """
argentina: Buenos Aires; australia: Canberra; austria: Vienna; bangladesh: Dhaka; belgium: Brussels; bolivia: Sucre
brazil: Brasília; bulgaria: Sofia; canada: Ottawa; chile: Santiago; china: Beijing; colombia: Bogotá; croatia: Zagreb
cuba: Havana; czechia: Prague; the czech republic: Prague; denmark: Copenhagen; ecuador: Quito; egypt: Cairo
england: London; estonia: Tallinn; ethiopia: Addis Ababa; finland: Helsinki; france: Paris; germany: Berlin
ghana: Accra; greece: Athens; hungary: Budapest; iceland: Reykjavik; india: New Delhi; indonesia: Jakarta; iran: Tehran
iraq: Baghdad; ireland: Dublin; italy: Rome; jamaica: Kingston; japan: Tokyo; kenya: Nairobi; latvia: Riga
lebanon: Beirut; lithuania: Vilnius; luxembourg: Luxembourg; malaysia: Kuala Lumpur; malta: Valletta
mexico: Mexico City; morocco: Rabat; nepal: Kathmandu; the netherlands: Amsterdam; holland: Amsterdam
new zealand: Wellington; nigeria: Abuja; norway: Oslo; pakistan: Islamabad; peru: Lima; the philippines: Manila
poland: Warsaw; portugal: Lisbon; romania: Bucharest; russia: Moscow; saudi arabia: Riyadh; scotland: Edinburgh
serbia: Belgrade; slovakia: Bratislava; slovenia: Ljubljana; south korea: Seoul; spain: Madrid; sweden: Stockholm
switzerland: Bern; thailand: Bangkok; turkey: Ankara; ukraine: Kyiv; the united kingdom: London
great britain: London; the united states: Washington, D.C.; the usa: Washington, D.C.; america: Washington, D.C.
uruguay: Montevideo; venezuela: Caracas; vietnam: Hanoi; wales: Cardiff
"""
CAPITALS = dict(
    entry.strip().split(": ", 1) for line in _CAPITALS.strip().splitlines() for entry in line.split(";") if entry
)
_FACTS = (
    ("how (tall|high) is [the] mount everest", "Mount Everest is 8,849 meters high."),
    ("what is the (highest|tallest) mountain [in the world|on earth]", "Mount Everest, with 8,849 meters."),
    ("what is the (longest|largest) river [in the world]", "The Nile or the Amazon, depending on who measures."),
    ("what is the (largest|biggest) ocean [in the world]", "The Pacific."),
    ("what is the (largest|biggest) country [in the world]", "Russia, by area."),
    ("how far [away] is the moon [from the earth|from earth|from here|away]", "About 384,000 kilometers."),
    ("how far [away] is the sun [from the earth|from earth|from here|away]", "About 150 million kilometers."),
    ("how (big|large) is the earth", "The earth is about 12,700 kilometers across."),
    ("(how many planets are there [in the solar system]|how many planets)", "Eight go around the sun."),
    ("what is the (largest|biggest) planet", "Jupiter."),
    ("(what is the speed of light|how fast is light)", "About 300,000 kilometers per second."),
    ("(what is the speed of sound|how fast is sound)", "About 343 meters per second, in air at 20 degrees Celsius."),
    (
        "(at what temperature|when) does water (boil|freeze)",
        "At sea level water boils at 100 degrees Celsius; it freezes at zero.",
    ),
    ("what is the boiling point of water", "100 degrees Celsius at sea level, which is 212 degrees Fahrenheit."),
    ("why is the sky blue", "Air scatters blue light more than red, so blue comes from everywhere."),
    (
        "what (is|does) photosynthesis [mean]",
        "It is how plants make sugar and oxygen out of light, water and carbon dioxide.",
    ),
    ("what is gravity", "It is the pull between all things that have mass; on earth it makes things fall."),
    ("when did (world war two|the second world war|world war 2) end", "In 1945."),
    ("when did (world war one|the first world war|world war 1) end", "In 1918."),
    ("when did (world war two|the second world war|world war 2) (start|begin)", "In 1939."),
    ("(who was|when was) the first (man|person|human) on the moon", "Neil Armstrong, in July 1969."),
    ("who wrote (hamlet|romeo and juliet|macbeth)", "William Shakespeare."),
    ("who painted the mona lisa", "Leonardo da Vinci."),
    ("who invented the telephone", "Alexander Graham Bell got the patent, in 1876."),
    ("what is the value of pi", "About 3.14159."),
    ("what is pi", "The ratio of a circle's circumference to its diameter, about 3.14159."),
    ("how many continents are there", "Seven, as most count them."),
    ("how many (states are there in the us|states does america have|states are in the united states)", "Fifty."),
    ("how many days are [there] in a year", "365, and 366 in a leap year."),
    ("how many letters are [there] in the alphabet", "Twenty-six in the English one."),
    ("how many legs does a spider have", "Eight."),
    ("how many people (are there|live) (in the world|on earth)", "About eight billion."),
    ("what do (cows drink|bees make)", "Cows drink water, and bees make honey."),
)


class CommonKnowledge(Skill):
    title = "common knowledge"
    rules: ClassVar[Mapping[str, str]] = {}
    facts: ClassVar[tuple[tuple[Template, str], ...]] = tuple((template(wording), said) for wording, said in _FACTS)

    def reply(self, words: Sequence[Word], source: str, request: Request) -> Reply | None:
        gist = Gist.of(words)
        for wording, said in self.facts:
            if wording.may_match(gist) and next(wording.matches(words, source), None) is not None:
                return Reply.say(said)
        return super().reply(words, source, request)

    @phrases(
        "[what is|tell me|name|which city is|what city is] [the] capital [city] (of|from|in) {country}",
        "what is {country} capital [city]",
        "(which|what) city is the capital of {country}",
    )
    def capital(self, slots: Slots, request: Request) -> Reply | None:
        named = slots["country"].removesuffix("'s")
        city = CAPITALS.get(named) or CAPITALS.get(f"the {named}") or CAPITALS.get(named.removeprefix("the "))
        return Reply.say(f"{city.rstrip('.')}.") if city else None

    @phrases(
        "how (do|would|can) (you|i|we) spell {word}",
        "how is {word} (spelled|spelt|written)",
        "(spell|spell out) [the word] {word} [for me]",
        "what is the spelling of {word}",
    )
    def spelling(self, slots: Slots, request: Request) -> Reply | None:
        word = slots["word"].removeprefix("the word ")
        if " " in word or not word.isalpha() or len(word) > 24:
            return None
        return Reply.say(f"{word.capitalize()}: {', '.join(word.upper())}.")
