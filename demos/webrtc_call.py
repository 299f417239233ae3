"""Talk with the assistant in the browser; who opens the same room is in the same call.

    python demos/webrtc_call.py [ADDRESS]

ADDRESS: of an OpenAI-compatible model server that answers, such as http://127.0.0.1:11434/v1. Without one the
assistant has its own skills: time, timers, arithmetic, units, and what was said. Ctrl-C ends it.
"""

from __future__ import annotations

import asyncio
import sys
import webbrowser

import duplex


async def main() -> None:
    settings = duplex.Settings(llm=sys.argv[1] if len(sys.argv) > 1 else "")
    async with duplex.serve(settings, port=0) as serving:
        print(f"Open {serving.url}", flush=True)
        webbrowser.open(serving.url)
        await serving.drained()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
    except duplex.DuplexError as error:
        sys.exit(f"webrtc_call: {error}")
