"""Errors that prevent checking a whole Dockerfile. The text of each is one line for the user, without the path."""

from __future__ import annotations


class StagesError(ValueError):
    """The file as a whole can't be judged."""


class StageGraphError(StagesError):
    """The stages make no sense: a circle, or a target that is none of them."""


class IncludeCycleError(StagesError):
    """Requirement files include each other in a circle: no installer would come to an end."""
