"""Who holds the calls: this process, or the workers of a cluster."""
