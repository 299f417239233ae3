"""A call's media path: RTP in through an adaptive jitter buffer, paced Opus out, one data channel, on aiortc."""
