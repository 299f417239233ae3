"""Text models of turn taking: whether a turn is over, is a backchannel, or asks for the floor."""
