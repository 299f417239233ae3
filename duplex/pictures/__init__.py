"""Pictures of sessions and recordings."""
