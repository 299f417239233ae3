"""Steering the conversation itself: again, louder, slower, stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, cues, phrases


class Controls(Skill):
    title = "controls"
    offer = "repeat, speak louder or slower, and stop"
    own = True
    slight = True
    rules: ClassVar[Mapping[str, str]] = {
        "bit": "[a] [bit|little|little bit|lot] [much|even|more]",
        "sound": "[speaker] (volume|sound|speakers|speaker|voice)",
        "speak": "(speak|talk|be|say it|make it|get|go|read) [to me]",
        "too": "[you are|it is|that is] [talking|speaking|going] [much|way|far] too",
        "not_caught": "((did|could) not (hear|get|catch|understand)|can not (get|catch|understand))",
        "loudness": "volume|sound|speaker|speakers|voice",
        "speech": "speak|talk|speaking|talking|speech|voice|say|words|speed|rate|pace|reply|replies|read",
    }

    @phrases(
        "(say|repeat|read) (that|it|this|yourself|your answer|the answer|the question) [again|once more|one more time]",
        "(say|repeat|tell me) (what you said|what you just said|the last thing|that) [again|once more|one more time]",
        "(say|repeat|tell me|ask) (again|that again|once more|one more time)",
        "(repeat|again)",
        "(once|one|just once|just one) (more|more time|again)",
        "(pardon|pardon me|excuse me|sorry|what|come again)",
        "(pardon|sorry|what) (what|again|come again|did you say|was that|was it)",
        "(run|say) that by me [again]",
        "what was that [again]",
        "what (did|have|were) you [just] (say|said|saying)",
        "i <not_caught> (you|that|it|this|what you said|what you just said|the last part|a word) [so] [repeat that]",
        "i <not_caught> [it|that|you|what you just said] [so] [can you] (repeat|say) (that|it) [again]",
        "i missed (that|it|what you said) [so] [can you] [repeat|say] [that|it] [again]",
        "(i need|i want|i would like) [you to] (repeat|say) that [again|repeated]",
    )
    @cues(
        "repeat|repeated|repeating that|it|what|yourself|last|phrase|response|message|question|answer|again|said",
        "say|said|ask|read again|more|over that|it|question|last|what",
    )
    def again(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "repeat")

    @phrases("(say|repeat) (that|it) [again] (slower|slowly|more slowly|louder|faster|quieter)")
    def again_otherwise(self, slots: Slots, request: Request) -> Reply | None:
        manner = slots.text.split()[-1]
        return self.call(request, "repeat", manner="slower" if manner.startswith("slow") else manner)

    @phrases(
        "<bit> louder",
        "<speak> <bit> (louder|loudly|loud)",
        "(speak|talk|turn it|turn|crank it|pump it) up [a bit|a little]",
        "(turn|bring|crank) (up|it up) [the|your] [<sound>]",
        "(turn|bring|put) (the|your) <sound> up [a bit|a little|overall]",
        "(raise|increase|boost) [the|your] <sound>",
        "(volume|sound) up",
        "[you are|it is|that is|you are speaking] [much] too (quiet|soft|low|quietly)",
        "i can (not|hardly|barely) hear you",
    )
    @cues(
        "louder|loud|loudly speak|talk|say|be|voice|volume|sound|speaker|speakers|make|need|like",
        "<loudness> up|raise|raised|increase|increased|boost|higher|louder|rise|greater",
    )
    def louder(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "change_volume", change="louder")

    @phrases(
        "<bit> (quieter|softer)",
        "<speak> <bit> (quieter|softer|quietly|softly|less loud)",
        "(turn|bring) (down|it down) [the|your] [<sound>] [a bit|a little]",
        "(turn|bring|put) (the|your) <sound> down [a bit|a little]",
        "(lower|decrease|reduce) [the|your] <sound>",
        "(volume|sound) down",
        "keep (it|your voice) down",
        "not so loud",
        "[you are|it is|that is|you are speaking] [much|way] too loud",
    )
    @cues(
        "quieter|softer|quietly|softly speak|talk|say|be|voice|volume|sound|speaker|speakers|make|need|like",
        "<loudness> down|lower|lowered|decrease|decreased|reduce|reduced|quieter|softer",
    )
    def quieter(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "change_volume", change="quieter")

    @phrases(
        "(set|turn|put|change|bring|raise|lower|increase) [the|your] (volume|sound) [up|down] to {level} [percent]"
    )
    def volume_level(self, slots: Slots, request: Request) -> Reply | None:
        if parse_number(slots.words("level"), homophones=True) is None:
            return None
        return Reply.say("I know louder and quieter, but no scale for it.")

    @phrases(
        "<bit> slower",
        "<speak> <bit> (slower|slowly|slow)",
        "slow (down|it down|your speech|your speaking|your talking) [down] [a bit|a little|a little bit]",
        "<too> (fast|quick|quickly) [for me]",
        "not so fast",
        "(do not|could you not|can you not|stop) (speak|talk|talking|speaking) so (fast|quickly)",
        "(decrease|reduce|lower) [the|your] [speaking|speech|talking] (speed|rate)",
    )
    @cues(
        "<speech> slower|slowly",
        "<speech> slow|reduce|decrease|lower|slower down|speed|rate|pace",
        "too fast|quick|quickly|rapidly speaking|talking|going|speak|talk",
    )
    def slower(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "change_rate", change="slower")

    @phrases(
        "<bit> (faster|quicker)",
        "<speak> <bit> (faster|quicker|quickly|fast)",
        "speed (up|it up|up your speech) [a bit|a little]",
        "<too> (slow|slowly) [for me]",
        "hurry up",
        "(do not|could you not|can you not|stop) (speak|talk|talking|speaking) so (slow|slowly)",
        "(increase|raise) [the|your] [speaking|speech|talking] (speed|rate)",
    )
    @cues(
        "<speech> faster|quicker|quickly|rapidly",
        "speed|rate|pace up|increase|raise|faster|quicker <speech>",
        "too slow|slowly speaking|talking|going|speak|talk",
    )
    def faster(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "change_rate", change="faster")

    @phrases(
        "(stop|halt|quit|silence|enough|cancel|quiet|hush|shush|shh|shhh|mute|pause) [it|that|now|there]",
        "(stop|quit) (talking|speaking|it|that|that now|this|what you are doing|right there)",
        "(be|keep) (quiet|silent|still)",
        "shut (up|your mouth)",
        "never mind [that|it|about that|about it]",
        "forget (it|that|about it)",
        "[that is|that will be|okay that is] (enough|all|enough of that|all for now)",
        "(no more|not now|wait|hold on|abort)",
        "(cancel|drop) (that|it|this|my last request|my request)",
        "(i would like|i want|i need) you to stop [talking|speaking]",
    )
    @cues(
        "stop|quit|cease talking|speaking|doing|saying|it|that",
        "cancel|abort|halt|stop|drop|quit that|it|action|task|request|command|process|current|last|previous|input",
        "shut mouth|up",
    )
    def stop(self, slots: Slots, request: Request) -> Reply | None:
        """Silence is the answer; only who writes does not hear it."""
        return Reply.say("All right.") if request.typed else self.call(request, "stop")
