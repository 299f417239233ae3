"""Policies on growing hypotheses: what of them is stable, and when a translation is written."""
