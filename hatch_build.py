"""Packs ``rules/`` into the SQLite files that the program reads, for wheels and editable installs alike."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class DataBuildHook(BuildHookInterface):
    """Builds ``dockerlint_alpine/data/`` from ``rules/`` before the files of a wheel are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root))
        try:
            from dockerlint_alpine.knowledge.data_build import build
        finally:
            sys.path.remove(str(root))
        build(root / "rules", root / "dockerlint_alpine" / "data")
