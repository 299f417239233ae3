"""Causal language models on a stream: an explicit key-value cache for each dialogue, one set of weights for all.

Needs torch and transformers (the extra `models`), which are imported when a model is given.
"""
