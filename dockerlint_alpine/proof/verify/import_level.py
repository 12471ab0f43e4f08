"""Level ``import``: every extension module is imported by its dotted name, in one process that forks for each.

A failure is told by its kind: a shared library or a symbol (the loader's matter: red), a crash (red), a Python
dependency that is not installed or an error of the module's own (said, not red: 3 of 242 measured modules fail so in
sound images), or no end within the time for one module (not verified).
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Literal, TypeAlias

from msgspec import Struct

from dockerlint_alpine.elf.trees import Tree, opened
from dockerlint_alpine.proof.verify.errors import NotVerifiedError
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.proof.verify.engine import Container

ImportKind: TypeAlias = Literal["imported", "library", "symbol", "crash", "dependency", "error", "timeout"]

ALARM = 20
"""Seconds for one module."""

_PLACE = lazy_pattern(r"(?P<prefix>/.*)/lib/python(?P<version>3\.\d+)t?/(?:site|dist)-packages/(?P<below>.+)\.so")
_TAG = lazy_pattern(r"\.(?:cpython-|abi3|pypy)[\w-]*$|\.abi3$")
_TESTS = lazy_pattern(r"(?:^|\.)(?:tests?|_?testing|_test\w*)(?:\.|$)")
_LIBRARY = lazy_pattern(r"Error loading shared library (?P<name>.+?): ")
_SYMBOL = lazy_pattern(r"Error relocating \S+: (?P<name>\S+): symbol not found")
_MAX_NAMES = 60_000

SCRIPT = r"""
import importlib, json, os, select, signal, sys, time
nonce, alarm, names = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
sys.path[:] = [one for one in sys.path if one not in ("", os.getcwd())]
for name in names:
    sys.stdout.flush()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        signal.alarm(alarm)
        try:
            importlib.import_module(name)
            said = {"kind": "imported"}
        except BaseException as error:
            said = {"kind": type(error).__name__, "text": str(error)[:2000], "name": str(getattr(error, "name", "") or "")}
        os.write(writer, json.dumps(said).encode())
        os._exit(0)
    os.close(writer)
    data, end = b"", time.time() + alarm + 5
    while True:
        ready, _, _ = select.select([reader], [], [], max(0, end - time.time()))
        if not ready:
            os.kill(child, signal.SIGKILL)
            break
        chunk = os.read(reader, 65536)
        if not chunk:
            break
        data += chunk
    os.close(reader)
    status = os.waitpid(child, 0)[1]
    said = json.loads(data.decode()) if data else {"kind": ""}
    said["module"], said["signal"] = name, status & 127
    print("\n@@" + nonce + " " + json.dumps(said), flush=True)
print("\n@@" + nonce + " end", flush=True)
"""


class Imported(Struct, frozen=True):
    """How the import of one extension module ended; ``what`` is the library or symbol, ``text`` the error in one line."""

    path: str
    module: str
    kind: ImportKind
    text: str = ""
    what: str = ""

    @property
    def red(self) -> bool:
        """Whether it is a fault of what the image holds, and not of the module's own making."""
        return self.kind in ("library", "symbol", "crash")


class Module(Struct, frozen=True):
    """An extension module as Python would import it: the dotted name, and the Python that its place belongs to."""

    path: str
    name: str
    python: str


def modules_of(tree: Tree, objects: Sequence[str]) -> tuple[Module, ...]:
    """The extension modules among these objects that can be imported: a name that Python can say, no test module, and a
    Python beside them (of the virtual environment, or of the prefix that the folder belongs to)."""
    found: list[Module] = []
    for path in objects:
        match = _PLACE.fullmatch(path)
        if match is None:
            continue
        name = _TAG.sub("", match["below"]).replace("/", ".")
        python = _python(tree, match["prefix"], match["version"])
        if python is not None and all(part.isidentifier() for part in name.split(".")) and not _TESTS.search(name):
            found.append(Module(path, name, python))
    return tuple(found)


def _python(tree: Tree, prefix: str, version: str) -> str | None:
    for folder in dict.fromkeys((f"{prefix}/bin", "/usr/local/bin", "/usr/bin")):
        for name in (f"python{version}", "python3", "python"):
            path = f"{folder}/{name}"
            if (folder == f"{prefix}/bin" or name == f"python{version}") and opened(tree, path) is not None:
                return path
    return None


def import_modules(container: Container, modules: Sequence[Module]) -> tuple[Imported, ...]:
    """Import them in the image: no network, read-only. Raises :class:`NotVerifiedError` where that can't be done."""
    nonce = secrets.token_hex(8)  # marks our lines among those that modules print
    by_python: dict[str, list[Module]] = {}
    for module in modules:
        by_python.setdefault(module.python, []).append(module)
    done: list[Imported] = []
    for python, group in by_python.items():
        while group:
            part, size = list[Module](), 0
            while group and (not part or size + len(group[0].name) < _MAX_NAMES):
                size += len(group[0].name) + 1
                part.append(group.pop(0))
            script = [python, "-B", "-c", SCRIPT, nonce, str(ALARM)]
            ran = container.run(script, [module.name for module in part])
            where = f"{container.image}: {python}"
            done += read_answers(part, ran.output.decode("utf-8", "replace"), nonce, where, ran.code)
    return tuple(done)


def read_answers(modules: Sequence[Module], text: str, nonce: str, where: str, code: int) -> list[Imported]:
    """Read what the script printed. Raises :class:`NotVerifiedError` where it did not come to its end."""
    lines = [line.removeprefix(f"@@{nonce} ") for line in text.splitlines() if line.startswith(f"@@{nonce} ")]
    if "end" not in lines:
        said = " ".join(text.split())[-300:]
        raise NotVerifiedError(f"{where} could not import anything (exit code {code}): {said}")
    paths = {module.name: module.path for module in modules}
    answers = (json.loads(line) for line in lines if line != "end")
    return [_imported(paths[said["module"]], said) for said in answers if said.get("module") in paths]


def _imported(path: str, said: Mapping[str, object]) -> Imported:
    module, signal, kind = str(said["module"]), int(str(said["signal"])), str(said["kind"])
    text = " ".join(str(said.get("text", "")).split())
    if kind == "imported" and not signal:
        return Imported(path, module, "imported")
    if signal in (9, 14):
        return Imported(path, module, "timeout", f"no end within {ALARM} seconds")
    if signal:
        return Imported(path, module, "crash", f"ended by signal {signal}", str(signal))
    match = _LIBRARY.search(text)
    if match is not None:
        return Imported(path, module, "library", f"{kind}: {text}", match["name"])
    match = _SYMBOL.search(text)
    if match is not None:
        return Imported(path, module, "symbol", f"{kind}: {text}", match["name"])
    if kind == "ModuleNotFoundError":
        return Imported(path, module, "dependency", f"{kind}: {text}", str(said.get("name", "")))
    return Imported(path, module, "error", f"{kind or 'ended without output'}: {text}".rstrip(": "))
