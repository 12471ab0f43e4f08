"""Answers to questions that are no check: what a name means (explain), what a new Dockerfile would look like (generate)."""
