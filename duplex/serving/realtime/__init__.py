"""The OpenAI Realtime API (GA event set) over WebSocket: its events in front of a Duplex session.

Nothing here hears, decides or speaks: a client's events are asked of one `Session`, and what the session tells is put
into the events of the API (https://platform.openai.com/docs/api-reference/realtime).
"""
