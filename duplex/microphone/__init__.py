"""The microphone and the loudspeaker of this machine: devices, their clocks, and the echo between them."""
