"""Programs of others that talk with this server, each in the environment of its own package."""
