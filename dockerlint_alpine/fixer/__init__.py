"""Where a missing package goes, as an experienced author would put it, and the rewriting of files."""

from __future__ import annotations
