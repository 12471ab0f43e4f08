"""The lists of packages in a Dockerfile that can be edited, wherever their authors keep them.

An ``apk add`` takes its operands from its own words, from variables, from a file. Each of these places is a
:class:`Listing` of its own: a package goes into exactly one of them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.findings import TextEdit
from dockerlint_alpine.stages.model import ApkStep, Stage, Timeline
from dockerlint_alpine.syntax import Edit, EditError, LayoutError, PackageList, Span, list_layout, plain_text
from dockerlint_alpine.syntax.ordering import package_name
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dockerlint_alpine.fixer.textlist import TextList
    from dockerlint_alpine.stages.apk_commands import Operand

BUILD_TOOLS = frozenset(
    """
    autoconf automake bison build-base cargo ccache clang cmake flex g++ gcc gcc-gnat gfortran go libc-dev libtool
    linux-headers lld llvm make meson musl-dev nasm ninja patch pkgconf pkgconfig py3-pybind11 rust rustup samurai scons
    swig yasm alpine-sdk abuild binutils fortify-headers
    """.split()
)
"""Packages that only a build uses; so are all whose names end in ``-dev``."""


def is_build_package(name: str) -> bool:
    """True for compilers, their kin, and what only holds headers."""
    return name in BUILD_TOOLS or name.endswith(("-dev", "-headers"))


_COMMENTS = lazy_pattern(rb"(?m)`#[^`\n]*`|^[ \t]*#.*$")


class Listing(Struct, frozen=True):
    """One place that operands of ``step`` come from.

    ``operands`` are those that stand there. ``shared`` are the other ``apk`` commands that take operands from the same
    place (a variable or a file that is used twice). ``path`` is the file it is kept in, ``None`` for the Dockerfile.
    ``makeshift``: these are the words of a command whose author keeps all operands elsewhere.
    """

    step: ApkStep
    operands: tuple[Operand, ...]
    layout: PackageList | TextList
    shared: tuple[ApkStep, ...]
    path: str | None = None
    makeshift: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The packages in it, without pins."""
        return tuple(package_of(operand) for operand in self.operands)

    @property
    def builds(self) -> bool:
        """True when it holds compilers or headers."""
        return any(is_build_package(name) for name in self.names)

    def insert(self, text: str) -> TextEdit | None:
        """The edit that puts ``text`` (a name or a pinned one) in; ``None`` where the list can't take it."""
        return self._edit(lambda: self.layout.insert(text))

    def remove(self, names: Iterable[str]) -> TextEdit | None:
        """The edit that takes these packages out; ``None`` where nothing would be left, or it can't be done."""
        return self._edit(lambda: self.layout.remove_all(names))

    def _edit(self, make: Callable[[], Edit]) -> TextEdit | None:
        try:
            edit = make()
        except EditError:
            return None
        return TextEdit(edit.start, edit.end, edit.text, self.path)


def package_of(operand: Operand) -> str:
    """The name of an operand without its pin and repository tag."""
    return package_name(operand.text)


def build_names(step: ApkStep) -> tuple[str, ...]:
    """The build packages that an ``apk add`` names, in its order."""
    return tuple(dict.fromkeys(name for one in step.command.operands if is_build_package(name := package_of(one))))


def apk_steps(stage: Stage) -> tuple[ApkStep, ...]:
    """The ``apk`` commands of a stage, in the order they run."""
    return tuple(step for step in stage.steps if isinstance(step, ApkStep))


def deleted_by(step: ApkStep, names: Sequence[str], deletion: ApkStep) -> bool:
    """True when ``deletion`` takes away what ``step`` added: its virtual package, or most of ``names`` one by one."""
    gone = [package_of(operand) for operand in deletion.command.operands]
    virtual = step.command.virtual
    if virtual is not None and any(fnmatchcase(virtual.partition("=")[0], name) for name in gone):
        return True
    return sum(name in gone for name in names) * 2 > len(names)


def deletions(stage: Stage, step: ApkStep, names: Sequence[str]) -> tuple[ApkStep, ...]:
    """The ``apk del`` commands behind ``step`` in its stage that take away what it added."""
    steps = apk_steps(stage)
    later = steps[next((index for index, one in enumerate(steps) if one is step), len(steps)) :]
    return tuple(one for one in later if one.command.verb == "del" and deleted_by(step, names, one))


def listings(timeline: Timeline, step: ApkStep) -> tuple[Listing, ...]:
    """Every place that the operands of an ``apk`` command can be edited in: the variables and files first, then its
    own words (which a package may always join)."""
    found = [*_variables(timeline, step), *_files(timeline, step)]
    words = _words(timeline, step)
    if words is not None:
        found.append(words)
    return tuple(found)


def _variables(timeline: Timeline, step: ApkStep) -> Iterator[Listing]:
    values = dict.fromkeys(
        operand.arg.value
        for operand in step.command.operands
        if operand.path is None and operand.arg is not None and operand.arg.value
    )
    for value in values:
        operands = tuple(one for one in step.command.operands if one.arg is not None and one.arg.value == value)
        args = [operand.arg for operand in operands if operand.arg is not None]
        if not _together(timeline.dockerfile.data, operands):
            continue
        try:
            layout = list_layout(timeline.dockerfile, args)
        except LayoutError:
            continue
        yield Listing(step, operands, layout, _sharing(timeline, step, operands))


def _together(data: bytes, operands: Sequence[Operand]) -> bool:
    """True when nothing but blanks, continuations and comments stands between the members: a value that other
    variables are part of is not a list to write into."""
    spans = [operand.span for operand in operands if operand.span is not None]
    between = (data[one[1] : other[0]] for one, other in pairwise(spans))
    return all(not _COMMENTS.sub(b"", text).strip(b" \t\r\n\\`") for text in between)


def _files(timeline: Timeline, step: ApkStep) -> Iterator[Listing]:
    for path in dict.fromkeys(operand.path for operand in step.command.operands):
        operands = tuple(one for one in step.command.operands if one.path == path)
        if path is None:
            continue
        from dockerlint_alpine.fixer.textlist import file_list

        layout = file_list(timeline, step, path, operands)
        if layout is None:
            continue
        shown: PackageList | TextList = layout
        if layout.path is not None and step.written is not None and path == step.written.path:
            script = _in_script(layout, operands)
            if script is None:
                continue
            shown = script
        yield Listing(step, operands, shown, _sharing(timeline, step, operands), layout.path)


def _in_script(found: TextList, operands: Sequence[Operand]) -> PackageList | None:
    """The words of a command in a shell script, where the whole list stands there by itself: no part of it comes from
    elsewhere, or from a variable that holds other things, too."""
    args = [operand.arg for operand in operands]
    known = [arg for arg in args if arg is not None]
    if len(known) != len(args) or len({arg.value for arg in known}) > 1 or not _together(found.data, operands):
        return None
    try:
        return list_layout(plain_text(found.data), known)
    except LayoutError:
        return None


def _words(timeline: Timeline, step: ApkStep) -> Listing | None:
    """The words of the command itself; a variable among them is one member."""
    if step.written is not None:
        return None
    args = [replace(operand.arg, value=None) for operand in step.command.operands if operand.arg is not None]
    try:
        layout = list_layout(timeline.dockerfile, args)
    except LayoutError:
        return None
    own = tuple(one for one in step.command.operands if one.arg is not None and one.arg.value is None)
    return Listing(step, own or step.command.operands, layout, (), makeshift=not own)


def _sharing(timeline: Timeline, step: ApkStep, operands: Sequence[Operand]) -> tuple[ApkStep, ...]:
    """The other ``apk`` commands whose operands stand at the same places."""
    places = {(operand.path, operand.span) for operand in operands}
    return tuple(
        other
        for stage in timeline.stages.values()
        for other in apk_steps(stage)
        if other is not step and _places(other) & places
    )


def _places(step: ApkStep) -> set[tuple[str | None, Span | None]]:
    return {(operand.path, operand.span) for operand in step.command.operands}
