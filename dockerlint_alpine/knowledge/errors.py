"""What goes wrong with rules: one base type, one clear line each."""

from __future__ import annotations


class KnowledgeError(Exception):
    """Base of every error of this package; its text is one line for the user."""


class RuleError(KnowledgeError):
    """A rule file that does not say what the schema asks for: ``FILE: KEY: MESSAGE``.

    ``file`` is the path as the caller named it, ``key`` the place in it (``build[0].library[0].linkage``; empty for the
    whole file), ``message`` what is wrong.
    """

    def __init__(self, file: str, key: str, message: str) -> None:
        self.file = file
        self.key = key
        self.message = message
        super().__init__(f"{file}: {key}: {message}" if key else f"{file}: {message}")


class MissingDataError(KnowledgeError):
    """The compiled rules are not there or can't be read."""
