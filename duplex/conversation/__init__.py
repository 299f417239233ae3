"""One conversation: hearing, the floor, replies, and the session that joins them."""
