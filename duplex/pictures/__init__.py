"""Pictures of sessions and recordings."""

from duplex.streaming.telemetry import keep_matplotlib_out_of_home

keep_matplotlib_out_of_home()
