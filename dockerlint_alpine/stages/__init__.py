"""What a Dockerfile does: its stages, and the packages, files and distributions in them, moment by moment."""

from __future__ import annotations

from dockerlint_alpine.stages.context import BuildContext, ContextFileError, guess_root, open_context
from dockerlint_alpine.stages.copied_libraries import library_copied
from dockerlint_alpine.stages.graph import StageGraphError
from dockerlint_alpine.stages.installing import Installer
from dockerlint_alpine.stages.linkage import BuildFacts, LibraryUse
from dockerlint_alpine.stages.model import (
    ApkStep,
    Installed,
    InstallStep,
    Moment,
    PythonHome,
    PythonStep,
    Stage,
    Timeline,
    Unjudged,
)
from dockerlint_alpine.stages.timeline import APK_ARCH, build_timeline, copy_sources

__all__ = [
    "APK_ARCH",
    "ApkStep",
    "BuildContext",
    "BuildFacts",
    "ContextFileError",
    "InstallStep",
    "Installed",
    "Installer",
    "LibraryUse",
    "Moment",
    "PythonHome",
    "PythonStep",
    "Stage",
    "StageGraphError",
    "Timeline",
    "Unjudged",
    "build_timeline",
    "copy_sources",
    "guess_root",
    "library_copied",
    "open_context",
]
