"""What this program is called by others: its version, and where its documentation is published."""

from __future__ import annotations

__version__ = "0.1.0"
DOCS_URL = "https://alpine-doctor.github.io/alpine-doctor/"
"""Where the documentation of this version is published; ``mkdocs.yml`` and the package's metadata say the same."""
