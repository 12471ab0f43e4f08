"""Answers outside checks: what a name means (explain), what a new Dockerfile would look like (generate)."""
