"""What a conversation says: replies, announcements, their playback, and what of them was heard."""
