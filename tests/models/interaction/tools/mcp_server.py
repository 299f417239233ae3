"""An MCP server for tests, over its standard input and output: python mcp_server.py KIND."""

from __future__ import annotations

import json
import os
import sys

KIND = sys.argv[1]
GOOD = {
    "name": "add.numbers",
    "description": "Add",
    "inputSchema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
}
WIPE = {"name": "wipe", "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": True}}
BROKEN = {"name": "broken", "inputSchema": {"type": "object", "properties": {"x": {"$ref": "#/nowhere"}}}}
TOOLS = {
    "good": [GOOD, WIPE, BROKEN],
    "many": [{**GOOD, "name": f"tool{number}"} for number in range(1000)],
}


def answer(request: dict) -> object:
    match request["method"]:
        case "initialize":
            version = request["params"]["protocolVersion"]
            return {
                "protocolVersion": version,
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "t", "version": "1"},
            }
        case "tools/list":
            return {"tools": TOOLS[KIND]}
        case "tools/call":
            arguments = request["params"]["arguments"]
            if arguments.get("a") == 0:
                os._exit(1)
            if arguments.get("a") == 1:
                return {"content": [{"type": "text", "text": "one is refused\nTraceback"}], "isError": True}
            said = f"{arguments} {sorted(name for name in os.environ if 'SECRET' in name)}"
            return {"content": [{"type": "text", "text": said}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answer(message)}), flush=True)
