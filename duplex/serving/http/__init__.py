"""The HTTP front end: signalling, authorization, limits, the page's files, metrics."""
