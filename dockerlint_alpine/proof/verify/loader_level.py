"""Level ``loader``: musl's own loader, in the image, on every extension module of every distribution.

``ld-musl-ARCH.so.1 --preload LIBPYTHON --list OBJECT`` maps an object and its libraries, binds their symbols and runs none
of their code. Its exit code is no answer (127 also for a sound object whose Python symbols are not there), its text is: the
messages of ``ldso/dynlink.c`` and ``ldso/dlerror.c`` of musl 1.2, the reason being ``strerror`` of what opening the file
gave.
"""

from __future__ import annotations

import re
import secrets
import shlex
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.elf.libc import is_python_symbol
from dockerlint_alpine.elf.trees import Tree, opened
from dockerlint_alpine.proof.verify.errors import NotVerifiedError
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.proof.verify.engine import Container

FaultKind: TypeAlias = Literal["missing", "permission", "format", "symbol", "other"]

_LOADER = lazy_pattern(r"/(?:usr/)?lib/ld-musl-[\w-]+\.so\.1")
_LIBPYTHON = lazy_pattern(r"(?P<prefix>/.*)/lib/libpython3(?:\.\d+t?)?\.so(?:\.1\.0)?")
_LIBRARY = lazy_pattern(
    r"Error loading shared library (?P<name>.+?): (?P<reason>[^()\n]+?)(?: \(needed by (?P<by>.+)\))?$"
)
_RELOCATING = lazy_pattern(r"Error relocating (?P<by>.+?): (?:(?P<symbol>\S+): symbol not found|(?P<reason>.+))$")
_NO_OBJECT = lazy_pattern(r"(?:.*: )?cannot load (?P<name>\S+): (?P<reason>.+)$")
_NO_PROGRAM = lazy_pattern(r"(?P<name>/.+): Not a valid dynamic program$")
_FORMAT = ("exec format error", "invalid argument", "not a valid dynamic program", "wrong elf class")
_MAX_SCRIPT = 100_000
"""Bytes of one script: Linux takes 128 KiB as one argument (``MAX_ARG_STRLEN``)."""

_MARKER = 36
"""Bytes of the line that marks where the answer for one object begins."""


class LoaderFault(Struct, frozen=True):
    """One thing that the loader refuses: ``what`` is a library, a symbol, or the object itself.

    ``needed_by`` is the object whose header or code asks for it, ``line`` what the loader says, as it says it.
    """

    kind: FaultKind
    what: str
    needed_by: str
    line: str


class Loaded(Struct, frozen=True):
    """What the loader says of one object; no ``faults``: it loads."""

    path: str
    faults: tuple[LoaderFault, ...]


def find_loader(tree: Tree) -> str | None:
    """Give the path of musl's loader in an image, ``None`` where it has none: no musl."""
    found = sorted(path for path, _ in tree.nodes() if _LOADER.fullmatch(path))
    return found[0] if found else None


def libpythons(tree: Tree) -> dict[str, str]:
    """Python's own library by the prefix that it serves (``/usr/local``), the fully versioned name first."""
    found: dict[str, str] = {}
    for path in sorted((path for path, _ in tree.nodes() if _LIBPYTHON.fullmatch(path)), key=len, reverse=True):
        match = _LIBPYTHON.fullmatch(path)
        assert match is not None
        if match["prefix"] not in found and opened(tree, path) is not None:
            found[match["prefix"]] = path
    return found


def has_shell(tree: Tree) -> bool:
    """Whether the image has ``/bin/sh``: then one container serves many objects."""
    return opened(tree, "/bin/sh") is not None


def ask_loader(container: Container, tree: Tree, loader: str, objects: Sequence[str]) -> tuple[Loaded, ...]:
    """Ask the image's own ``loader`` about these absolute paths, in order.

    Raises :class:`NotVerifiedError` where containers can't be run, or an answer is missing.
    """
    run = _in_shell if has_shell(tree) else _one_by_one
    return tuple(run(_Question(container, loader, libpythons(tree)), objects))


class _Question(Struct, frozen=True):
    container: Container
    loader: str
    pythons: Mapping[str, str]

    def preload(self, path: str) -> list[str]:
        """``--preload`` with the Python library that serves the prefix of this object, else the only one there is."""
        fitting = [prefix for prefix in self.pythons if path.startswith(f"{prefix}/")]
        prefix = max(fitting, key=len, default=None) or next(iter(self.pythons), None)
        return ["--preload", self.pythons[prefix]] if prefix is not None else []

    def run(self, entrypoint: Sequence[str], command: Sequence[str]) -> tuple[int, str]:
        """Run a command in a container of the image: its exit code and output."""
        ran = self.container.run(entrypoint, command)
        return ran.code, ran.output.decode("utf-8", "surrogateescape")


def _in_shell(question: _Question, objects: Sequence[str]) -> Iterator[Loaded]:
    """One container for as many objects as fit into one script."""
    script, size = list[tuple[str, str]](), 0
    for path in objects:
        line = f"{shlex.join([question.loader, *question.preload(path), '--list', path])} 2>&1"
        if script and size + len(line) > _MAX_SCRIPT:
            yield from _one_script(question, script)
            script, size = [], 0
        script.append((path, line))
        size += len(line) + _MARKER
    if script:
        yield from _one_script(question, script)


def _one_script(question: _Question, script: Sequence[tuple[str, str]]) -> Iterator[Loaded]:
    nonce = secrets.token_hex(8)  # marks our lines among the loader's
    lines = [f"echo '@@{nonce} {number}'; {line}" for number, (_, line) in enumerate(script)]
    code, text = question.run(["/bin/sh", "-c"], ["\n".join([*lines, f"echo '@@{nonce} end'"])])
    parts = re.split(rf"^@@{nonce} (\d+|end)\n", text, flags=re.MULTILINE)
    answers = dict(zip(parts[1::2], parts[2::2], strict=True))
    if "end" not in answers:
        said = " ".join(text.split())[-300:]
        raise NotVerifiedError(f"{question.container.image}: the loader could not be asked (exit code {code}): {said}")
    for number, (path, _) in enumerate(script):
        yield read_answer(path, answers.get(str(number), ""), preloaded=bool(question.preload(path)))


def _one_by_one(question: _Question, objects: Sequence[str]) -> Iterator[Loaded]:
    """Without a shell in the image: a container for each object."""
    for path in objects:
        _, text = question.run([question.loader], [*question.preload(path), "--list", path])
        yield read_answer(path, text, preloaded=bool(question.preload(path)))


def read_answer(path: str, text: str, *, preloaded: bool) -> Loaded:
    """Read what ``--list`` printed for one object.

    Without Python's library beside it (``preloaded`` false: a Python that has none) its symbols are found nowhere, which
    says nothing of the object: they are left out.
    """
    faults: dict[tuple[str, str], LoaderFault] = {}
    for line in map(str.strip, text.splitlines()):
        fault = _fault(path, line)
        if fault is None or (fault.kind == "symbol" and not preloaded and is_python_symbol(fault.what)):
            continue
        faults.setdefault((fault.kind, fault.what), fault)
    # What a missing library would have brought is not missing by itself.
    missing = any(fault.kind != "symbol" for fault in faults.values())
    kept = [fault for fault in faults.values() if not (missing and fault.kind == "symbol")]
    return Loaded(path, tuple(kept))


def _fault(path: str, line: str) -> LoaderFault | None:
    match = _LIBRARY.search(line)
    if match is not None:
        return LoaderFault(_kind(match["reason"]), match["name"], match["by"] or path, line)
    match = _RELOCATING.search(line)
    if match is not None:
        kind: FaultKind = "symbol" if match["symbol"] else "other"
        return LoaderFault(kind, match["symbol"] or match["reason"], match["by"], line)
    match = _NO_OBJECT.search(line) or _NO_PROGRAM.search(line)
    if match is not None:
        reason = match.groupdict().get("reason") or "Not a valid dynamic program"
        return LoaderFault(_kind(reason), match["name"], path, line)
    return None


def _kind(reason: str) -> FaultKind:
    said = reason.strip().lower()
    if said == "no such file or directory":
        return "missing"
    if said in ("permission denied", "operation not permitted"):
        return "permission"
    return "format" if said in _FORMAT else "other"
