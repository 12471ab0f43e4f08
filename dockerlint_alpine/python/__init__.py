"""The Python side of alpine-doctor: which distributions an installation brings, in which version, as wheel or sdist.

Everything public is importable from here, and a module is loaded when one of its names is first used. The one exception
is ``dockerlint_alpine.python.resolve.resolve``, which shares its name with its module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dockerlint_alpine.python.formats.project import (
        follow_folders,
        name_of,
        read_project,
    )
    from dockerlint_alpine.python.formats.pylock import read_pylock
    from dockerlint_alpine.python.formats.requirements_file import read_requirements
    from dockerlint_alpine.python.index.cached_resolver import CachedResolver, Network
    from dockerlint_alpine.python.index.online import PythonIndex
    from dockerlint_alpine.python.index.questions import Gathered
    from dockerlint_alpine.python.index.uv_program import find_uv
    from dockerlint_alpine.python.markers import applies, environment
    from dockerlint_alpine.python.model import (
        External,
        Facts,
        FileReader,
        IndexOptions,
        Origin,
        Packaged,
        Problem,
        PythonError,
        Release,
        Requested,
        RequirementSet,
        Resolution,
        Resolved,
        Target,
        Unresolved,
        Verdict,
        normalise,
        redact,
    )
    from dockerlint_alpine.python.requirement import parse_argument, parse_pep508, requirement_name
    from dockerlint_alpine.python.resolve import Resolver, ResolverError
    from dockerlint_alpine.python.sources.sdist import read_sdist, read_tree
    from dockerlint_alpine.python.sources.source_facts import SourceFacts, SourceNeed
    from dockerlint_alpine.python.tags import libc_of_tag, musl_of_alpine, supported_tags, tag_of_wheel
    from dockerlint_alpine.python.verdict import Choice, choose, judge_file
    from dockerlint_alpine.python.versions import specifiers

__all__ = [
    "CachedResolver",
    "Choice",
    "External",
    "Facts",
    "FileReader",
    "Gathered",
    "IndexOptions",
    "Network",
    "Origin",
    "Packaged",
    "Problem",
    "PythonError",
    "PythonIndex",
    "Release",
    "Requested",
    "RequirementSet",
    "Resolution",
    "Resolved",
    "Resolver",
    "ResolverError",
    "SourceFacts",
    "SourceNeed",
    "Target",
    "Unresolved",
    "Verdict",
    "applies",
    "choose",
    "environment",
    "find_uv",
    "follow_folders",
    "judge_file",
    "libc_of_tag",
    "musl_of_alpine",
    "name_of",
    "normalise",
    "parse_argument",
    "parse_pep508",
    "read_project",
    "read_pylock",
    "read_requirements",
    "read_sdist",
    "read_tree",
    "redact",
    "requirement_name",
    "specifiers",
    "supported_tags",
    "tag_of_wheel",
]

_HOMES = {
    "markers": "applies environment",
    "model": (
        "External Facts FileReader IndexOptions Origin Packaged Problem PythonError Release "
        "Requested RequirementSet Resolution Resolved Target Unresolved Verdict normalise redact"
    ),
    "index.online": "PythonIndex",
    "index.cached_resolver": "CachedResolver Network",
    "index.questions": "Gathered",
    "index.uv_program": "find_uv",
    "formats.project": "follow_folders name_of read_project",
    "formats.pylock": "read_pylock",
    "requirement": "parse_argument parse_pep508 requirement_name",
    "formats.requirements_file": "read_requirements",
    "resolve": "Resolver ResolverError",
    "sources.sdist": "read_sdist read_tree",
    "sources.source_facts": "SourceFacts SourceNeed",
    "tags": "libc_of_tag musl_of_alpine supported_tags tag_of_wheel",
    "verdict": "Choice choose judge_file",
    "versions": "specifiers",
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Load the module that holds ``name``; raises ``AttributeError`` for a name that is not public."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{module}"), name)
