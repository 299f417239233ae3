"""Speech to text, text to speech and voice activity over Wyoming, the protocol of Home Assistant's voice services."""
