"""A hundred everyday turns, answered with nothing installed: no language model, no network.

    python -m tests.benchmarks.open_questions [--llm http://127.0.0.1:11434/v1] [--model FOLDER]

Prints every turn and its answer, to be judged by reading; counts those without an answer and the answers that come
again and again. Words that were misheard are given with the confidence that a recognizer would have in them.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import Counter
from datetime import datetime

from duplex.conversation.typed import TypedConversation
from duplex.models.interaction import load_answerer
from duplex.streaming.clock import VirtualClock

TURNS: dict[str, tuple[str, ...]] = {
    "identity": (
        "who are you",
        "What's your name?",
        "are you a robot",
        "who made you",
        "how old are you",
        "Where are you right now?",
        "do you have feelings",
        "are you listening to me all the time",
        "do you remember me",
        "can you see me",
        "what languages do you speak",
        "do you work without the internet",
        "what happens to what I say",
        "what can you do",
    ),
    "small talk": (
        "hello",
        "good morning",
        "how are you",
        "how was your day",
        "tell me a joke",
        "another one",
        "tell me a story",
        "sing me a song",
        "I'm bored",
        "I'm so tired today",
        "my dog died yesterday",
        "I got the job!",
        "I love you",
        "you are stupid",
        "that's funny",
        "what do you think about politics",
        "what's your favorite color",
        "let's talk about football",
        "do you like music",
        "nice to meet you, I'm Tom",
        "thank you so much",
        "good night",
    ),
    "time": (
        "what time is it",
        "what's the date tomorrow",
        "wake me up at seven thirty tomorrow morning",
        "set an alarm for six am",
        "remind me to call mom at five pm",
        "how long until christmas",
        "what time is it in Tokyo",
        "set a timer for ten minutes",
        "how much time is left",
        "cancel the alarm",
        "set a timer",
        "is today a holiday",
        "when is easter",
        "how many days are in February",
    ),
    "lists and memory": (
        "put milk and eggs on my shopping list",
        "what's on my shopping list",
        "remember that my locker code is four seven one",
        "what's my locker code",
        "what did I say about the locker",
        "add bread",
        "make a note to water the plants",
        "forget everything",
    ),
    "numbers": (
        "what's fifteen percent of eighty",
        "how many feet are in a mile",
        "what is the square root of two",
        "convert seventy degrees fahrenheit to celsius",
        "flip a coin",
        "roll two dice",
        "what's a hundred dollars in euros",
        "how do you spell necessary",
    ),
    "facts": (
        "what's the capital of France",
        "who won the world cup",
        "how tall is mount everest",
        "who is the president of the united states",
        "why is the sky blue",
        "how far away is the moon",
        "what does photosynthesis mean",
        "when did world war two end",
        "how many planets are there",
        "what is the speed of light",
        "how do I cook rice",
        "what is the meaning of life",
    ),
    "beyond": (
        "what's the weather like",
        "will it rain tomorrow",
        "what's in the news",
        "play some music",
        "turn on the lights",
        "call my mother",
        "order a pizza",
        "what's the traffic like",
        "read my email",
        "translate good morning into Spanish",
        "book a table for two",
        "open the garage door",
    ),
    "statements": (
        "I went to the dentist this morning.",
        "My sister is coming on Thursday.",
        "The meeting was moved to Friday.",
        "I think it's going to snow.",
        "I don't like mondays",
        "we won the game",
        "I have a headache",
        "it's so hot in here",
    ),
    "unclear": (
        "let's fifteen percent and eighty",
        "the thing with the",
        "bluh",
        "what",
        "set uh the for ten",
        "remind me in some",
        "so anyway I was like you know",
        "seven",
        "and then the green of it over",
        "time in the",
        "convert miles",
        "yes",
    ),
}


async def talk(llm: str | None, model: str | None) -> None:
    answerer = load_answerer(llm or model, typed=True)
    clock = VirtualClock()
    conversation = TypedConversation(answerer, clock=clock, wall_time=datetime(2026, 11, 22, 14, 31))
    answers: Counter[str] = Counter()
    for kind, turns in TURNS.items():
        print(f"\n{kind}")
        for turn in turns:
            said = "".join([piece async for piece in conversation.answer(turn)]).strip()
            answers[said] += 1
            print(f"  {turn}\n    {said or '-- no answer --'}")
    await answerer.close()
    asked = sum(map(len, TURNS.values()))
    often = ", ".join(f"{count} x {text[:40]!r}" for text, count in answers.most_common(4) if count > 1)
    print(f"\n{asked} turns, {answers['']} without an answer, {len(answers)} different answers; most often: {often}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--llm", help="address of a model server")
    parser.add_argument("--model", help="a local language model")
    options = parser.parse_args()
    asyncio.run(talk(options.llm, options.model))


if __name__ == "__main__":
    main()
