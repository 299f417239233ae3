"""Jokes, none of them twice in a conversation."""

from __future__ import annotations

from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts

JOKES = (
    "Why did the microphone break up with the loudspeaker? It never got a word in.",
    "I would tell you a joke about silence, but it loses something when I say it.",
    "Two sound waves meet. Says the one: I think we should see other frequencies.",
    "What did the clock do when it was hungry? It went back four seconds.",
    "Why was the echo so tired? It always had to have the last word.",
)


@builtin(say=lambda facts: facts["joke"] or "You have heard all of mine. Now it is your turn.")
def tell_joke(context: Context) -> Facts:
    """Tell a joke."""
    history = context.request.history
    told = [joke for joke in JOKES if any(heard.text.startswith(joke[:24]) for heard in history)]
    return {"joke": next((joke for joke in JOKES if joke not in told), "")}
