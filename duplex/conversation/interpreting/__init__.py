"""The interpreter: translations are spoken while the speaker goes on."""
