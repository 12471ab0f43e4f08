"""Libraries that a Dockerfile has beside the packages of the release: built from their sources and installed (``git clone
.../librdkafka && ./configure && make install``), or a package of another repository (``apk add --repository .../edge/testing
rocksdb-dev``). What such a build or package brings is not followed; that the author cares for the library himself is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.knowledge import Library
    from dockerlint_alpine.stages.walk import StageWalk
    from dockerlint_alpine.syntax import Instruction

_INSTALLS = lazy_pattern(
    r"\b(?:make|gmake|ninja|samu|cmake|meson|scons|b2|bjam|waf)\b[^;&|\n]*\binstall|--target[= ]install\b"
)
_LIBRARIES = lazy_pattern(r"/?(?:(?:usr/(?:local/?)?)?(?:(?:lib|include)\b.*)?|opt/.*|.*\.so\b.*|.*/lib/?)\Z")
"""Sources of a COPY with which libraries come along."""
_SHORT = 3
"""Letters that a name needs to be told from other words."""


def is_own_build(walk: StageWalk, instruction: Instruction, library: Library) -> bool:
    """Whether the stage installs what it compiles up to ``instruction``, or has it copied from a stage that does, and names
    ``library`` there; or adds a package of its headers that the release doesn't know."""
    text = "\n".join((*_texts(walk, instruction.end, frozenset()), *(name for name in walk.foreign if "-dev" in name)))
    if not text:
        return False
    stems = {library.name, *(name.removeprefix("lib").partition(".so")[0] for name in library.sonames)}
    names = "|".join(re.escape(stem) for stem in stems if len(stem) >= _SHORT)
    return bool(names) and re.search(rf"(?<![a-z])(?:lib)?(?:{names})(?![a-z])", text, re.IGNORECASE) is not None


def _texts(walk: StageWalk, end: int, seen: frozenset[int]) -> Iterator[str]:
    """What the stages say that install what they compile: this one up to ``end``, its parents, and those copied from."""
    node, others = walk.node, walk.build.stages
    if node.index in seen:
        return
    seen |= {node.index}
    before = [one for one in node.instructions if one.end <= end]
    own = "\n".join(one.value for one in before)
    if _INSTALLS.search(own):
        yield own
    found = [node.parent]
    for one in before:
        origin = one.flag("from") if one.keyword == "COPY" else None
        if origin is not None and origin.value and any(_LIBRARIES.match(word.text) for word in one.words()[:-1]):
            found.append(walk.build.graph.find(origin.value))
    for index in found:
        other = others.get(index) if index is not None else None
        if other is not None:
            yield from _texts(other, len(walk.build.dockerfile.data), seen)
