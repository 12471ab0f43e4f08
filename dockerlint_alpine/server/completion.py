"""What may be typed next: packages and their versions in ``apk add``, as that release has them, and codes in comments."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Literal

from lsprotocol.types import CompletionItem, CompletionItemKind, CompletionList, MarkupContent, MarkupKind, TextEdit
from msgspec import Struct

from dockerlint_alpine.answers.explain import libraries_of_package
from dockerlint_alpine.checks import CHECKS, Subject
from dockerlint_alpine.fixer.lists import apk_steps, package_of
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.wording import chain
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Index, Package
    from dockerlint_alpine.server.judging import Judgement
    from dockerlint_alpine.stages import ApkStep, Stage

TRIGGERS = ("[", ",", "=", "~")
"""What an editor asks after, besides letters."""

_MOST = 200
"""Items in one answer; the editor asks again when more is typed."""
_SHOWN = 60
_IN_COMMENT = lazy_pattern(
    rb"[ \t]*#[ \t]*alpine-doctor:[ \t]*ignore(?:-file)?\[(?:[A-Za-z0-9]*[ \t]*,[ \t]*)*([A-Za-z0-9]*)\Z"
)
_WORD = lazy_pattern(rb"(?P<name>[A-Za-z0-9._+@-]*)(?P<pin>[=~<>]*)(?P<version>[A-Za-z0-9._-]*)\Z")
_GAP = lazy_pattern(rb"(?:[ \t]|\\\r?\n|(?:^|(?<=\n))[ \t]*#[^\n]*\n)*\Z")
"""Between the end of a command and a word that is about to begin."""


class Place(Struct, frozen=True):
    """An ``apk`` command with the cursor in it, the beginning of the word there, and the byte where that starts."""

    subject: Subject
    stage: Stage
    step: ApkStep
    name: str
    pin: str
    version: str
    start: int


def complete(judgement: Judgement, offset: int) -> CompletionList | None:
    """What fits at a byte offset of a Dockerfile; ``None`` where nothing of ours does."""
    data = judgement.document.data
    comment = _IN_COMMENT.match(data, data.rfind(b"\n", 0, offset) + 1, offset)
    if comment is not None:
        return CompletionList(is_incomplete=False, items=list(_codes(judgement, comment.start(1), offset)))
    place = place_at(judgement, offset)
    if place is None or place.stage.packages is None or place.name.startswith("-"):
        return None
    items = _versions(judgement, place, offset) if place.pin else _names(judgement, place, offset)
    found = list(islice(items, _MOST))
    return CompletionList(is_incomplete=not place.pin, items=found)


def place_at(judgement: Judgement, offset: int) -> Place | None:
    """The ``apk add`` or ``apk del`` that the cursor is in or behind."""
    data = judgement.document.data
    word = _WORD.search(data, data.rfind(b"\n", 0, offset) + 1, offset)
    if word is None:
        return None
    name, pin, version = (word[part].decode("ascii") for part in ("name", "pin", "version"))
    for subject in judgement.subjects:
        for stage in subject.alpine_stages():
            for step in apk_steps(stage):
                start, end = step.span
                inside = start <= word.start() and offset <= end
                behind = end <= word.start() and _GAP.fullmatch(data, end, word.start()) is not None
                if step.written is None and step.command.verb in {"add", "del"} and (inside or behind):
                    return Place(subject, stage, step, name, pin, version, word.start())
    return None


def explained(place: Place, name: str) -> str:
    """What a package is, and what adding it here brings along; Markdown."""
    index = place.stage.packages
    package = _package(index, name) if index is not None else None
    if index is None or package is None:
        return ""
    before = place.step.before.world
    own = "" if package.name == name else f": {package.name}"
    parts = [f"**{name}**{own} {package.version} from {package.repository} of Alpine {index.release}"]
    for role in libraries_of_package(package, index, place.subject.knowledge):
        kind = "Headers" if role["role"] == "build" else "Objects"
        users = f"; for {', '.join(role['users'][:_SHOWN])}" if role["users"] else ""
        parts.append(f"{kind} of {role['library']}{users}")
    brought = sorted(before.add(name).packages.keys() - before.packages.keys() - {package.name})
    parts.append(f"Brings {listed(brought, _SHOWN + 1)}" if brought else "Pulls in nothing else.")
    return "\n\n".join(parts)


def documented(item: CompletionItem, place: Place | None) -> CompletionItem:
    """The item with what its package brings."""
    name = item.data.get("package") if isinstance(item.data, dict) else None
    if place is not None and isinstance(name, str):
        item.documentation = MarkupContent(MarkupKind.Markdown, explained(place, name))
    return item


def _names(judgement: Judgement, place: Place, offset: int) -> Iterator[CompletionItem]:
    """Packages: first those that a distribution needs here, then all that begin so."""
    index = place.stage.packages
    assert index is not None
    there = {package_of(operand) for operand in place.step.command.operands} - {place.name}
    if place.step.command.verb == "del":
        for name in sorted(place.step.before.world.explicit):
            yield _item(judgement, place, offset, name, "", "1")
        return
    needed = {
        name: f"{finding.code}: {chain(finding)}"
        for finding in judgement.report.findings
        if finding.stage is not None and finding.stage.index == place.stage.index and finding.fix is not None
        for name in finding.packages
        if name not in there and name.startswith(place.name)
    }
    for name, why in needed.items():
        yield _item(judgement, place, offset, name, f"{_version(index, name)}  {why}", "0")
    if place.name:
        for name in index.names(place.name):
            if ":" not in name and not name.startswith("/") and name not in needed and name not in there:
                version = _version(index, name)
                if version:
                    yield _item(judgement, place, offset, name, version, "1")


def _package(index: Index, name: str) -> Package | None:
    """The package of a name: its own, or the one that provides it."""
    own = index.package(name)
    found = index.find(name) if own is None else ()
    return found[0].package if found else own


def _version(index: Index, name: str) -> str:
    package = _package(index, name)
    if package is None:
        return ""
    return f"{package.version} {package.repository}{'' if package.name == name else f': {package.name}'}"


def _versions(judgement: Judgement, place: Place, offset: int) -> Iterator[CompletionItem]:
    """The pin that this release meets: one that stays met with the next rebuild, and the exact one."""
    index = place.stage.packages
    package = index.package(place.name) if index is not None else None
    if package is None:
        return
    upstream = package.version.rpartition("-r")[0]
    loose = f"{place.name}~{'.'.join(upstream.split('.')[:2])}"
    pins = [(loose, "any rebuild and patch of it"), (f"{place.name}={package.version}", "this build alone")]
    for at, (text, why) in enumerate(pins if place.pin[0] != "~" else pins[:1]):
        yield _item(judgement, place, offset, text, why, str(at), package=place.name, kind="version")


def _item(
    judgement: Judgement,
    place: Place,
    offset: int,
    text: str,
    detail: str,
    order: str,
    *,
    package: str = "",
    kind: Literal["package", "version"] = "package",
) -> CompletionItem:
    span = judgement.snapshot.positions_in(judgement.document).range(place.start, offset)
    return CompletionItem(
        label=text,
        kind=CompletionItemKind.Module if kind == "package" else CompletionItemKind.Constant,
        detail=printable(detail) or None,
        sort_text=f"{order}{text}",
        filter_text=text,
        text_edit=TextEdit(span, text),
        data={"uri": judgement.document.uri, "package": package or text},
    )


def _codes(judgement: Judgement, start: int, offset: int) -> Iterator[CompletionItem]:
    """The codes that are found in this file first, then all others."""
    span = judgement.snapshot.positions_in(judgement.document).range(start, offset)
    here = {finding.code for finding in judgement.report.findings}
    for check in CHECKS:
        yield CompletionItem(
            label=check.code,
            kind=CompletionItemKind.EnumMember,
            detail=check.name,
            documentation=check.summary,
            sort_text=f"{'0' if check.code in here else '1'}{check.code}",
            filter_text=check.code,
            text_edit=TextEdit(span, check.code),
        )
