"""Small talk: jokes, feelings, compliments, and what people ask a program to see what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.pronouns import to_hearer
from duplex.models.interaction.skills.skill import Reply, Skill, phrases
from duplex.models.interaction.tools.builtin.jokes import JOKES

STORY = (
    "A traveler asked an echo for the way. Left or right, he called. Right, said the echo. He went right, and found "
    "the village. Since then he tells everybody how wise the mountain is. The end."
)


class SmallTalk(Skill):
    title = "small talk"
    slight = True
    rules: ClassVar[Mapping[str, str]] = {
        "very": "[so|very|really|pretty|quite|a bit|a little|too|such|rather]",
        "now": "[right now|this morning|today|now|tonight|again]",
        "i": "(i am|i feel|i am feeling|we are)",
    }

    @phrases(
        "[tell me|tell|give me|say|let me hear|hear|how about] (a|another|one more|some|any) [good] (joke|jokes)",
        "(make me laugh|another joke|tell me something funny|say something funny|i need a laugh)",
        "tell [me] [a|another|one more] [good] joke",
        "(do you know|do you have|have you|have you got|got) [a|any|some|another] [more] [good] (joke|jokes) [for me]",
        "(cheer me up|make me laugh|entertain me) [with a joke]",
    )
    def joke(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "tell_joke")

    @phrases("[tell me|and] (another one|one more|another|more) [please]")
    def another(self, slots: Slots, request: Request) -> Reply | None:
        """Only after a joke."""
        last = request.history[-1].text if request.history else ""
        return self.call(request, "tell_joke") if any(joke[:24] in last for joke in JOKES) else None

    @phrases(
        "[tell|read] [me|us] [a|another] [short|bedtime|good] story [please]", "do you know [a|any] (story|stories)"
    )
    def story(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(STORY)

    @phrases("(let us|i want to|i would like to|can we|could we) (talk|chat|speak) about {topic}")
    def talk_about(self, slots: Slots, request: Request) -> Reply:
        topic = to_hearer(slots.quote("topic").strip(" .?!"))
        return Reply.say(f"Gladly, though I know little about {topic}. What is on your mind?")

    @phrases("[that is|that was|very|so|haha] (funny|hilarious|a good one|good one)", "you made me laugh")
    def amused(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I am glad you like it.")

    @phrases("[oh] (yes|no|yeah|yep|nope|sure)")
    def agreement(self, slots: Slots, request: Request) -> Reply:
        """Said to a question of the assistant, or to nobody in particular."""
        return Reply.say("All right.")

    @phrases(
        "<i> <very> (tired|sleepy|exhausted|worn out) <now>",
        "i did not sleep [well|much|enough] [last night]",
    )
    def tired(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Then rest a little. I can wake you by a timer, if you like.")

    @phrases(
        "<i> <very> (sad|unhappy|down|lonely|upset|depressed|worried|afraid|scared|anxious|nervous|stressed) <now>",
        "(i had|it was|today was|it has been) [a|such a] <very> (bad|terrible|awful|hard|rough|long) day",
        "<i> not <very> (well|okay|good|happy|all right|alright) <now>",
        "<i> <very> (sick|ill|unwell|angry|mad|frustrated|annoyed) <now>",
        "my {somebody} (is|was) <very> (sick|ill|dead|unwell)",
        "my {somebody} (died|passed away) [yesterday|today|last week|last month|last year|recently|this morning]",
        "i have [got] [a|an|such a] <very> (headache|cold|fever|flu|toothache|stomach ache|migraine)",
    )
    def sorrow(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I am sorry to hear that. I am here, if you want to talk.")

    @phrases(
        "<i> <very> (happy|glad|excited|great|good|well|fine|okay|delighted|proud) <now>",
        "(i had|it was|today was|it has been) [a|such a] <very> (good|great|nice|wonderful|lovely) day",
        "[it is|today is] my birthday <now>",
        "i [just|finally] (got|found|have|passed|won|finished) [a|the|my] [new|first] {what}",
    )
    def joy(self, slots: Slots, request: Request) -> Reply | None:
        if "what" in slots and not {"job", "exam", "test", "prize", "game", "flat", "house", "degree", "race"} & set(
            slots.words("what")
        ):
            return None
        return Reply.say("That is good to hear.")

    @phrases("<i> <very> bored <now>", "(entertain|amuse) me", "what should (i|we) do <now>")
    def bored(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Ask me for a joke, or let me flip a coin for you.")

    @phrases(
        "you are [so|very|really|pretty|quite] (funny|nice|great|good|smart|clever|helpful|kind|amazing|awesome|cool)",
        "(good|great|nice) (job|work|one)",
        "(well done|that is great|that is perfect|that is right|that was good|that was fast|i like you|i love you)",
    )
    def compliment(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Thank you.")

    @phrases(
        "you are [so|very|really|pretty|quite|such|a|an] (stupid|dumb|useless|annoying|bad|slow|boring|idiot|wrong)",
        "(i hate you|i do not like you|that is wrong|that is not right|that was wrong|you are not listening)",
        "(that is not what i (asked|said|meant)|you (misunderstood|did not understand) [me])",
    )
    def blame(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I am sorry. Please say it once more, in other words.")

    @phrases(
        "(how old are you|when were you (born|made)|what is your age)",
        "(when|where) is your birthday",
    )
    def age(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I began with this conversation.")

    @phrases(
        "where are you [from|now|located|right now]",
        "where do you (live|come from|run)",
    )
    def place(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I run on this machine, and nothing that you say leaves it through me.")

    @phrases(
        "who (made|built|created|wrote|programmed|developed) you",
        "who is your (maker|creator|boss|father|mother|owner)",
    )
    def maker(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("People who wanted a program that can listen and speak at once.")

    @phrases(
        "(do|can) you (sing|dance|cook|swim|laugh|cry|dream|sleep|eat|drink|feel|think|love me) [something|for me|too]",
        "sing [me] [a|something|us] [song] [for me]",
        "what (is|are) your favorite {thing}",
        "do you (like|love|enjoy) {thing}",
    )
    def tastes(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I am a program, I only listen and speak. What about you?")

    @phrases(
        "what is the (meaning|purpose|sense) of (life|everything|it all)",
        "what is the answer to (life|everything)",
    )
    def meaning(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Some say 42. I say: to listen.")

    @phrases(
        "(what is up|what is new|what are you doing|what is happening|what is going on) [now]",
        "how (is|was) your day [going|so far|today]",
    )
    def doing(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I am listening to you.")

    @phrases(
        "[i am] [so|very|really] (sorry|sorry about that)",
        "i apologize",
        "(my mistake|my bad|excuse me|pardon me)",
    )
    def apology(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("No problem.")

    @phrases("(say something|talk to me|speak to me|let us talk|let us chat|i want to talk)")
    def topic(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Gladly. How was your day?")

    @phrases("(are you sure|really|is that (right|true|correct)|are you certain|how do you know [that])")
    def sure(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("As sure as I heard you right. Ask me once more to check it.")
