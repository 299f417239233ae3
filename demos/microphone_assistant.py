"""Talk with the assistant over this machine's microphone and loudspeakers; interrupt it whenever you like.

    python demos/microphone_assistant.py [MICROPHONE [LOUDSPEAKER]]

Devices go by a part of their name (`duplex mic --list` shows them); without names the default ones are taken.
Say "goodbye", or press Ctrl-C, to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

import duplex


async def follow(session: duplex.Session) -> None:
    """Print what is said, until somebody says goodbye."""
    async for event in session.events():
        said = event.as_dict()
        match said["type"]:
            case "turn":
                print(f"{said['party']:>10}: {said['text']}")
            case "reply":
                print(f" assistant: {said['text']}" + (" —" if said["interrupted"] else ""))
                if said["text"].lower().startswith("goodbye"):
                    return
            case "lost" | "restored":
                print(f"{said['capability']} {said['type']} {said.get('reason', '')}")


async def main() -> None:
    async with (
        duplex.Microphone(*sys.argv[1:3]) as microphone,
        duplex.Session(duplex.Settings(), echo_control=microphone.echo_control) as session,
    ):
        conversation = asyncio.create_task(microphone.run(session))
        print("Speak.")
        await follow(session)
        conversation.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await conversation


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
    except duplex.DuplexError as error:
        sys.exit(f"microphone_assistant: {error}")
