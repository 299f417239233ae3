"""Hello, thanks, goodbye, and who is speaking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, phrases


class Courtesies(Skill):
    """name: what the assistant is called."""

    title = "courtesies"
    slight = True
    rules: ClassVar[Mapping[str, str]] = {
        "thanks": "(thanks|thank you|many thanks|cheers|i thank you)",
        "help": "(help|answer|answers|assistance|time|info|information|answering|helping me|telling me)",
        "being": "[a|an] [real|live|actual] (robot|bot|human|human being|person|machine|computer|ai|real|alive)",
    }

    def __init__(self, name: str = "Duplex") -> None:
        self.name = name

    @phrases(
        "(hello|hi|hey|hiya|howdy|greetings|good day|good morning|good afternoon|good evening) [there|you|again]",
        "(hello|hi|hey|good morning|good evening) (everybody|everyone|computer|assistant|duplex|to you|hello|hi|hey)",
        "(nice|good) to (meet|see) you",
    )
    def greeting(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Hello.")

    @phrases(
        "[why|oh|okay|no] [sweet|great|awesome|nice|perfect|cool|very good|good|wonderful|excellent] <thanks>",
        "<thanks> [so much|very much|so very much|a lot|again|kindly]",
        "<thanks> [so much|very much|a lot] for (that|[your|the|that|this] <help>)",
        "(i appreciate|i really appreciate|i am grateful for|appreciate) [your|the|that|this] (it|that|<help>)",
        "[i] (appreciate|really appreciate) (it|that|you helping me)",
        "(much obliged|very kind of you)",
    )
    def thanks(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("You are welcome.")

    @phrases(
        "(goodbye|good bye|bye|bye bye|good night|farewell) [now|then|for now|everybody]",
        "(see you|see ya|talk to you|catch you) [later|soon|tomorrow|around] [bye|goodbye]",
        "have a (good|nice|great) (day|night|evening|one)",
        "(nice|good|great) (talking|speaking|chatting) (to|with) you",
    )
    def goodbye(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("Goodbye.")

    @phrases(
        "how are you [doing|feeling] [today|now]",
        "how (is it going|do you do|have you been|is everything|are things)",
        "are you (okay|well|all right|alright)",
    )
    def well_being(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("All my parts are running. What can I do for you?")

    @phrases(
        "(can|do) you hear me [now]",
        "are you (there|listening|still there|awake|ready)",
        "is (anybody|anyone|somebody|someone) there",
        "(test|testing) [test|testing|one two three|one two]",
    )
    def listening(self, slots: Slots, request: Request) -> Reply:
        return Reply.say("I hear you.")

    @phrases(
        "(who|what) are you",
        "[what is|tell me|give me|state|i want to know|can i have|may i have] your [full|first] name",
        "(introduce yourself|tell me about yourself)",
        "what (do|should|would) (you|people) [(like|want|prefer) (me to|to be)] (call you|called)",
        "what (are you called|do people call you)",
        "what name (should|can|do|would) (i|you) (call you|use|prefer|use for you|answer to)",
        "do you have a name",
        "(what|how) (should|can|may|do) i call you",
        "(are you|if you are|do you think you are) [really|actually] <being> [or] [not|<being>]",
        "am i (talking|speaking) (to|with) <being> [or] [<being>]",
    )
    def identity(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(f"I am {self.name}, a program that listens while it speaks.")
