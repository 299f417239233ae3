"""Policies on growing hypotheses: what of them is stable."""
