"""Errors that end a verification early, by exit code."""

from __future__ import annotations


class VerifyError(Exception):
    """Base of all; ``str()`` is one line for the user. ``code`` is the exit code."""

    code = 3


class PlanError(VerifyError):
    """The command, the compose file or a probe is wrong: nothing was started."""

    code = 2


class NotVerifiedError(VerifyError):
    """No verdict: no engine, something refused, a deadline, an interruption. Never to be taken for success."""

    code = 3
