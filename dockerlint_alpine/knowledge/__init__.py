"""The rules: what distributions need, what libraries are, what base images hold, and which wheels exist.

``Knowledge.open()`` is the way in; see ``store.py``. The schema of ``rules/`` is in ``schema.py``.
"""

from __future__ import annotations

from dockerlint_alpine.knowledge.bases import BaseImage
from dockerlint_alpine.knowledge.errors import KnowledgeError, MissingDataError, RuleError
from dockerlint_alpine.knowledge.facts import WheelFacts
from dockerlint_alpine.knowledge.model import Build, Distribution, Impossible, Language, Library, Link, RuntimeNeed
from dockerlint_alpine.knowledge.store import Knowledge

__all__ = [
    "BaseImage", "Build", "Distribution", "Impossible", "Knowledge", "KnowledgeError", "Language", "Library", "Link",
    "MissingDataError", "RuleError", "RuntimeNeed", "WheelFacts",
]  # fmt: skip
