"""The packages in ``apk add`` commands, except those that the release's own index does not cover.

Shared by AD301, AD302 and AD303.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.apk import Constraint, ConstraintError
from dockerlint_alpine.checks.base import locate
from dockerlint_alpine.model.findings import TextEdit
from dockerlint_alpine.stages import ApkStep, Stage
from dockerlint_alpine.stages.files import FromStage
from dockerlint_alpine.syntax import LayoutError, list_layout
from dockerlint_alpine.syntax.shell.failure import is_handled
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.checks.base import Subject
    from dockerlint_alpine.model.findings import Confidence, Location
    from dockerlint_alpine.stages.apk_commands import Operand
    from dockerlint_alpine.syntax import PackageList, Span

REPOSITORIES = ("main", "community")
"""What an image of Alpine has in /etc/apk/repositories (docker-alpine: Dockerfile and rootfs)."""

_REPOSITORIES_FILE = "/etc/apk/repositories"
_NAME = lazy_pattern(r"[^=<>~@]*")
_OTHER_SOURCE = lazy_pattern(r"/etc/apk\b|--repositories-file\b")
_MIRROR = lazy_pattern(
    r"""\bsed\s+(?:-\S+\s+)*(?P<quote>['"]?)s(?P<mark>[/|#,@!])(?P<old>(?:(?!(?P=mark))[^'"\s])*alpinelinux(?:(?!(?P=mark))[^'"\s])*)(?P=mark)"""
    r"""(?P<new>(?:(?!(?P=mark))[^'"\s])*)(?P=mark)g?(?P=quote)\s+/etc/apk/repositories\b"""
)
"""``sed -i 's/dl-cdn.alpinelinux.org/mirrors.example/g' /etc/apk/repositories``: another host, the same packages."""
_OTHER_SHELL = lazy_pattern(rb"/bin/sh\b|\b(?:ba|k|z)sh\b")
_CHOOSES_RELEASE = lazy_pattern(r"edge|testing|latest-stable|v\d")


class Asked(Struct, frozen=True):
    """One operand of one ``apk add``. ``constraint`` is ``None`` where apk would refuse the text as written."""

    stage: Stage
    step: ApkStep
    operand: Operand
    name: str
    constraint: Constraint | None

    @property
    def index(self) -> Index:
        """The packages of the stage's release."""
        return self.stage.apk

    @property
    def confidence(self) -> Confidence:
        """How sure a finding on this operand is, as far as the image, the index and the shell decide."""
        image = self.stage.image
        if self.step.conditional or (image is not None and image.undated):
            return "possible"
        sure = complete(self.index) or (self.index.names_known and not self._may_have_come())
        return "certain" if sure and image is not None and image.certain else "likely"

    def _may_have_come(self) -> bool:
        """True where a package that the release did not start with may be in it by now: edge takes in new ones every day,
        a stable branch now and then one that a later release has."""
        return self.index.release == "edge" or bool(self.index.elsewhere(self.name))

    def location(self, subject: Subject) -> Location:
        """Where the operand is written; the command where that is in another file or nowhere."""
        elsewhere = self.operand.span is None or self.operand.path is not None
        span = self.step.span if elsewhere else self.operand.span
        assert span is not None
        return locate(subject.dockerfile, span)


def asked_for(subject: Subject) -> tuple[Asked, ...]:
    """Every package that an ``apk add`` must find in the repositories of its own release, in file order.

    Left out are commands and stages with other repositories, tags and ``.apk`` files; lists that a variable without a
    value hides; commands whose failure the author handles; virtual packages and what is there already.
    """
    return subject.once((asked_for,), lambda: tuple(_asked_for(subject)))


def _asked_for(subject: Subject) -> Iterator[Asked]:
    for stage in subject.alpine_stages():
        limit = _repositories_changed_at(subject, stage)
        for step in stage.steps:
            if isinstance(step, ApkStep) and step.instruction.start < limit and _judged(subject, step):
                for operand in step.command.operands:
                    asked = _asked(stage, step, operand)
                    if asked is not None and not _is_list_of_bash(subject, stage, operand.text):
                        yield asked


def complete(index: Index) -> bool:
    """True when the release's own indexes answer, for every repository that an image of it has."""
    return index.exact and all_repositories(index)


def names_complete(index: Index) -> bool:
    """True when all names that the release has are known, by its own indexes or by its recipes."""
    return index.names_known and all_repositories(index)


def all_repositories(index: Index) -> bool:
    """True when there is some index of every repository that an image has."""
    return set(REPOSITORIES) <= {source.repository for source in index.sources}


def _judged(subject: Subject, step: ApkStep) -> bool:
    """True for an ``apk add`` that the release's own repositories must satisfy."""
    command = step.command
    if command.verb != "add" or command.other_repositories or command.unknown:
        return False
    files = step.before.files
    if files.exists(_REPOSITORIES_FILE) or any(
        isinstance(placement, FromStage) and placement.files is None
        for placement, _ in files.sources(_REPOSITORIES_FILE)
    ):  # copied here, or with the root of another image
        return False
    if any(
        name.startswith("/etc/apk/repositories by ") for name in step.before.repositories
    ):  # a script has changed it
        return False
    return not failure_is_handled(subject, step.span)


def failure_is_handled(subject: Subject, span: Span) -> bool:
    """True for a command behind which the author says what is done when it fails (``||``, ``if ...; then``)."""
    return is_handled(subject.dockerfile.data, span[1])


def _repositories_changed_at(subject: Subject, stage: Stage) -> int:
    """The offset of the first instruction, here or in a stage that this one is built from, that may change where
    packages come from; the end of the file when there is none."""
    data = subject.dockerfile.data
    changes = (
        instruction.start
        for place in subject.timeline.lineage(stage)
        for instruction in place.instructions
        if _changes_repositories(data[instruction.start : instruction.end].decode("utf-8", "replace"))
    )
    return min(changes, default=len(data))


def _changes_repositories(text: str) -> bool:
    """True when an instruction may make other packages available than the release has."""
    return _OTHER_SOURCE.search(_MIRROR.sub(_same_packages, text)) is not None


def _same_packages(match: re.Match[str]) -> str:
    """Nothing for a substitution that only swaps the host, else the text as it is."""
    return match[0] if _CHOOSES_RELEASE.search(match["old"] + match["new"]) else ""


def _is_list_of_bash(subject: Subject, stage: Stage, text: str) -> bool:
    """True for ``php-{curl,gd}`` unless the shell is busybox's for certain, which hands it to apk as it is written."""
    if "{" not in text:
        return False
    lineage = subject.timeline.lineage(stage)
    image, data = lineage[-1].image, subject.dockerfile.data
    plain = image is not None and image.evidence and not image.undated
    return not plain or any(
        one.keyword == "SHELL" or _OTHER_SHELL.search(data, one.start, one.end)
        for place in lineage
        for one in place.instructions
    )


def _asked(stage: Stage, step: ApkStep, operand: Operand) -> Asked | None:
    text = operand.text
    if not text or text[0] in "!.-" or text.endswith(".apk") or "/" in text or set(text) & set("@*?[$`"):
        return None
    match = _NAME.match(text)
    name = match[0] if match else ""
    if not name or (step.before.possible.has(name) and not step.before.world.index.providers(name)):
        return None
    try:
        constraint = Constraint.parse(text)
    except ConstraintError:
        constraint = None
    return Asked(stage, step, operand, name, constraint)


def replace_operand(subject: Subject, step: ApkStep, operand: Operand, new: str) -> TextEdit | None:
    """Write ``new`` for an operand of an ``apk`` command, or take the operand out when its list has ``new`` already.

    ``None`` where the operand is not written out in a list that can be edited.
    """
    try:
        if operand.path is not None:
            return _replace_in_file(subject, step, operand, new)
        layout = _layout(subject, step, operand)
        edit = layout.remove(operand.text) if new in layout.names else layout.replace(operand.text, new)
    except LayoutError:
        return None
    return TextEdit(edit.start, edit.end, edit.text)


def _replace_in_file(subject: Subject, step: ApkStep, operand: Operand, new: str) -> TextEdit | None:
    """The same in a list that is kept in a file of its own, or in a here-document that makes one."""
    from dockerlint_alpine.fixer.textlist import file_list

    assert operand.path is not None
    listed = [other for other in step.command.operands if other.path == operand.path]
    layout = file_list(subject.timeline, step, operand.path, listed)
    if layout is None:
        return None
    if new in layout.names:
        edit = layout.remove(operand.text)
        return TextEdit(edit.start, edit.end, edit.text, layout.path)
    return TextEdit(*layout.spans[listed.index(operand)], new, layout.path)


def remove_operand(subject: Subject, step: ApkStep, operand: Operand) -> TextEdit | None:
    """Take an operand out of its list; ``None`` where it is the only one or not written out in the Dockerfile."""
    try:
        edit = _layout(subject, step, operand).remove_all((operand.text,))
    except LayoutError:
        return None
    return TextEdit(edit.start, edit.end, edit.text)


def _layout(subject: Subject, step: ApkStep, operand: Operand) -> PackageList:
    """The list that an operand is written in: the words of the command, or the value of a variable.

    Raises LayoutError where it stands in no list of the Dockerfile.
    """
    value = operand.arg.value if operand.arg is not None else None
    args = [other.arg for other in step.command.operands if other.arg is not None and other.arg.value == value]
    return list_layout(subject.dockerfile, args)
