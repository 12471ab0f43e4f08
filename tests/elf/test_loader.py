"""The model of musl's loader against the real one, run in a chroot on compiled objects."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dockerlint_alpine.elf.folders import open_folder
from dockerlint_alpine.elf.loader import Loader, expand_search_path, system_path
from dockerlint_alpine.elf.objects import read_object
from dockerlint_alpine.elf.trees import Found, MemoryTree, Node

from .building import compile_object, elf_bytes


@dataclass
class Lib:
    """One object of a scenario: where it lies, what it is called in DT_NEEDED of others, what it needs."""

    path: str
    soname: str
    needs: Sequence[str] = ()
    rpath: str | None = None
    new_tags: bool = True


@dataclass
class Scenario:
    libs: Sequence[Lib]
    root: str = "/app/main.so"
    library_path: str = ""
    path_file: str | None = None
    links: dict[str, str] = field(default_factory=dict)
    others: dict[str, bytes] = field(default_factory=dict)


@pytest.fixture(scope="session")
def chroot() -> list[str]:
    """A command prefix that changes the root folder."""
    for command in (["chroot"], ["unshare", "-r", "chroot"]):
        if shutil.which(command[0]) is None:
            continue
        if subprocess.run([*command, "/", "true"], capture_output=True, check=False).returncode == 0:
            return command
    pytest.skip("no right to chroot here")


_compiled: dict[tuple[object, ...], bytes] = {}


def build(scenario: Scenario, top: Path, gcc: str, loader: Path) -> None:
    """Write the scenario's root file system below ``top``."""
    (top / "lib").mkdir(parents=True)
    shutil.copy(os.path.realpath(loader), top / "lib/ld-musl-x86_64.so.1")
    stubs = top.parent / "stubs"
    for lib in scenario.libs:
        key = (lib.soname, tuple(lib.needs), lib.rpath, lib.new_tags)
        if key not in _compiled:
            needed = []
            for name in lib.needs:
                stub = stubs / name.replace("/", "_")
                if not stub.exists():
                    compile_object(gcc, stub, soname=name)
                needed.append(stub)
            made = compile_object(
                gcc, stubs / "made", soname=lib.soname, needed=needed, rpath=lib.rpath, new_tags=lib.new_tags
            )
            _compiled[key] = made.read_bytes()
        place = top / lib.path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_compiled[key])
    for path, content in scenario.others.items():
        place = top / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    for path, target in scenario.links.items():
        place = top / path[1:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    if scenario.path_file is not None:
        (top / "etc").mkdir(exist_ok=True)
        (top / "etc/ld-musl-x86_64.path").write_text(scenario.path_file)


def real_answer(scenario: Scenario, top: Path, chroot: list[str]) -> tuple[dict[str, str], set[tuple[str, str]]]:
    """``({name: path}, {(missing name, needed by)})`` as the loader's ldd mode prints them."""
    environment = {"LD_LIBRARY_PATH": scenario.library_path} if scenario.library_path else {}
    command = [*chroot, str(top), "/lib/ld-musl-x86_64.so.1", "--list", scenario.root]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**environment, "PATH": os.environ["PATH"]}, check=False
    )
    found = dict(re.findall(r"^\t(\S+) => (\S+) \(0x", done.stdout, re.MULTILINE))  # each file once, by its first name
    missing = set(re.findall(r"Error loading shared library (\S+): .* \(needed by (\S+)\)", done.stderr + done.stdout))
    return found, missing


def our_answer(scenario: Scenario, top: Path) -> tuple[dict[str, str], set[tuple[str, str]]]:
    tree = open_folder(top).tree
    assert tree.system
    load = Loader(tree, "x86_64", library_path=scenario.library_path).load(scenario.root)
    assert load is not None
    found: dict[str, str] = {}
    missing: set[tuple[str, str]] = set()
    seen: set[str | None] = {load.root.real}
    for loaded in load.objects:
        for need in loaded.needs:
            if need.status in ("missing", "unloadable"):
                missing.add((need.name, loaded.path))
            elif need.status == "found" and need.real not in seen:
                seen.add(need.real)
                found[need.name] = need.path or ""
    return found, missing


SCENARIOS = {
    "system path order": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so", "libb.so", "libc2.so"]),
            Lib("/lib/liba.so", "liba.so"),
            Lib("/usr/local/lib/liba.so", "liba.so"),
            Lib("/usr/local/lib/libb.so", "libb.so"),
            Lib("/usr/lib/libb.so", "libb.so"),
            Lib("/usr/lib/libc2.so", "libc2.so"),
        ]
    ),
    "missing, also indirectly": Scenario(
        [Lib("/app/main.so", "main", ["liba.so", "libno.so"]), Lib("/lib/liba.so", "liba.so", ["libnever.so.3"])]
    ),
    "runpath is inherited": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so"], "$ORIGIN/libs"),
            Lib("/app/libs/liba.so", "liba.so", ["libb.so"]),
            Lib("/app/libs/libb.so", "libb.so"),
        ]
    ),
    "rpath of the old kind": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so"], "${ORIGIN}/../libs:/opt/b", new_tags=False),
            Lib("/libs/liba.so", "liba.so", ["libb.so"], "/opt/c", new_tags=False),
            Lib("/opt/b/libb.so", "libb.so"),
            Lib("/opt/c/libb.so", "libb.so"),
        ]
    ),
    "a search path with another word is ignored": Scenario(
        [Lib("/app/main.so", "main", ["liba.so"], "/opt/x:$LIB/y"), Lib("/opt/x/liba.so", "liba.so")]
    ),
    "environment goes first": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so", "libb.so"], "/opt/r"),
            Lib("/opt/r/liba.so", "liba.so"),
            Lib("/opt/r/libb.so", "libb.so"),
            Lib("/opt/e/liba.so", "liba.so"),
        ],
        library_path="/nowhere:/opt/e",
    ),
    "a path file replaces the default": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so", "libb.so"]),
            Lib("/lib/liba.so", "liba.so"),
            Lib("/opt/p/libb.so", "libb.so"),
        ],
        path_file="/opt/q\n/opt/p:/opt/z\n",
    ),
    "an empty path file": Scenario(
        [Lib("/app/main.so", "main", ["liba.so"]), Lib("/lib/liba.so", "liba.so")], path_file=""
    ),
    "names of glibc's parts are the loader": Scenario(
        [Lib("/app/main.so", "main", ["libc.so.6", "libpthread.so.0", "libm.so.6", "libdl.so.2", "libcrypt.so.1"])]
    ),
    "the loader of glibc is not": Scenario([Lib("/app/main.so", "main", ["ld-linux-x86-64.so.2", "libresolv.so.2"])]),
    "origin is the folder of the link": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so"]),
            Lib("/real/liba.so.1.2", "liba.so", ["libb.so"], "$ORIGIN"),
            Lib("/real/libb.so", "libb.so"),
            Lib("/usr/lib/libb.so", "libb.so"),
        ],
        links={"/lib/liba.so": "../real/liba.so.1.2"},
    ),
    "absolute links stay inside": Scenario(
        [Lib("/app/main.so", "main", ["liba.so", "libb.so"]), Lib("/opt/deep/liba.so", "liba.so")],
        links={"/usr/lib": "/opt/deep", "/opt/deep/libb.so": "/usr/lib/liba.so"},
    ),
    "one file under two names": Scenario(
        [Lib("/app/main.so", "main", ["liba.so", "liba.so.1"]), Lib("/lib/liba.so.1", "liba.so.1")],
        links={"/lib/liba.so": "liba.so.1"},
    ),
    "a name with a slash": Scenario(
        [
            Lib("/app/main.so", "main", ["/opt/x/liba.so"]),
            Lib("/opt/x/liba.so", "liba.so"),
            Lib("/lib/liba.so", "liba.so"),
        ]
    ),
    "a text file ends the search": Scenario(
        [Lib("/app/main.so", "main", ["liba.so"], "/opt/t"), Lib("/lib/liba.so", "liba.so")],
        others={"/opt/t/liba.so": b"INPUT(liba.so.1)\n" + b"x" * 200},
    ),
    "a folder ends the search": Scenario(
        [Lib("/app/main.so", "main", ["liba.so"], "/opt/t"), Lib("/lib/liba.so", "liba.so")],
        others={"/opt/t/liba.so/file": b""},
    ),
    "a loop of links ends the search": Scenario(
        [Lib("/app/main.so", "main", ["liba.so"], "/opt/t"), Lib("/lib/liba.so", "liba.so")],
        links={"/opt/t/liba.so": "liba.so"},
    ),
    "a dangling link does not": Scenario(
        [Lib("/app/main.so", "main", ["liba.so"], "/opt/t"), Lib("/lib/liba.so", "liba.so")],
        links={"/opt/t/liba.so": "gone"},
    ),
    "loaded once under a short name": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so", "libb.so"], "$ORIGIN/x"),
            Lib("/app/x/liba.so", "liba.so", ["libb.so"], "$ORIGIN/y"),
            Lib("/app/x/libb.so", "libb.so"),
            Lib("/app/x/y/libb.so", "libb.so"),
        ]
    ),
    "a circle": Scenario(
        [
            Lib("/app/main.so", "main", ["liba.so"]),
            Lib("/lib/liba.so", "liba.so", ["libb.so"]),
            Lib("/lib/libb.so", "libb.so", ["liba.so"]),
        ]
    ),
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_agrees_with_the_real_loader(
    name: str, tmp_path: Path, musl_gcc: str, musl_loader: Path, chroot: list[str]
) -> None:
    scenario = SCENARIOS[name]
    top = tmp_path / "root"
    build(scenario, top, musl_gcc, musl_loader)
    found, missing = real_answer(scenario, top, chroot)
    reserved = {n for n in found if re.match(r"lib(c|pthread|m|dl|rt|util|xnet)\.", n) or n.startswith("ld-musl")}
    ours, lacking = our_answer(scenario, top)
    assert ours == {n: p for n, p in found.items() if n not in reserved}
    assert lacking == missing


def random_scenario(seed: int) -> Scenario:
    """Objects thrown over folders with random needs, search paths and links."""
    dice = random.Random(seed)
    folders = ["/lib", "/usr/lib", "/usr/local/lib", "/opt/a", "/opt/b", "/app", "/app/libs"]
    names = ["liba.so", "libb.so", "libd.so", "libe.so"]
    paths = [
        None,
        None,
        "$ORIGIN",
        "$ORIGIN/libs",
        "/opt/a:/opt/b",
        "${ORIGIN}/../opt/b",
        "/opt/b:$ORIGIN",
        "$PLATFORM/x",
    ]
    libs = [Lib("/app/main.so", "main", dice.sample(names, 3), dice.choice(paths), dice.random() < 0.5)]
    for name in names:
        needs = dice.sample([other for other in [*names, "libno.so"] if other != name], dice.choice([0, 1, 2]))
        homes = dice.sample(folders, dice.choice([1, 1, 2]))
        libs += [Lib(f"{home}/{name}", name, needs, dice.choice(paths), new_tags=dice.random() < 0.5) for home in homes]
    taken = {lib.path for lib in libs}
    links = {
        f"{folder}/{name}": dice.choice(libs[1:]).path
        for folder in dice.sample(folders, 2)
        for name in dice.sample(names, 1)
        if f"{folder}/{name}" not in taken
    }
    return Scenario(
        libs,
        library_path=dice.choice(["", "", "/opt/b", "/app/libs:/opt/a"]),
        path_file=dice.choice([None, None, None, "/opt/a:/lib", "/usr/lib\n/opt/b\n"]),
        links=links,
    )


@pytest.mark.parametrize("seed", [*range(8), *(pytest.param(n, marks=pytest.mark.slow) for n in range(8, 60))])
def test_agrees_with_the_real_loader_on_random_layouts(
    seed: int, tmp_path: Path, musl_gcc: str, musl_loader: Path, chroot: list[str]
) -> None:
    scenario = random_scenario(seed)
    top = tmp_path / "root"
    build(scenario, top, musl_gcc, musl_loader)
    assert our_answer(scenario, top) == real_answer(scenario, top, chroot)


def test_an_extension_inherits_the_search_path_of_its_python() -> None:
    """dlopen() counts the program as what needs the library it opens."""
    python = read_object(elf_bytes(interpreter=b"/lib/ld-musl-x86_64.so.1", rpath=b"/opt/python/lib"))
    extension = read_object(elf_bytes(needed=[b"libz.so.1"]))
    library = read_object(elf_bytes(soname=b"libz.so.1"))
    tree = MemoryTree(
        {
            "/usr/bin/python3.12": Node("file", facts=python),
            "/app/x.so": Node("file", facts=extension),
            "/opt/python/lib/libz.so.1": Node("file", facts=library),
        },
        system=True,
    )
    host = Found("/usr/bin/python3.12", Node("file", facts=python))
    alone, hosted = Loader(tree, "x86_64").load("/app/x.so"), Loader(tree, "x86_64", host=host).load("/app/x.so")
    assert alone is not None
    assert hosted is not None
    assert [need.status for need in alone.root.needs] == ["missing"]
    assert [need.path for need in hosted.root.needs] == ["/opt/python/lib/libz.so.1"]


def test_the_first_file_of_another_architecture_ends_the_search() -> None:
    tree = MemoryTree(
        {
            "/x.so": Node("file", facts=read_object(elf_bytes(needed=[b"liba.so"]))),
            "/lib/liba.so": Node("file", facts=read_object(elf_bytes(machine=183))),
            "/usr/lib/liba.so": Node("file", facts=read_object(elf_bytes())),
        },
        system=True,
    )
    load = Loader(tree, "x86_64").load("/x.so")
    assert load is not None
    assert (load.root.needs[0].status, load.root.needs[0].path) == ("unloadable", "/lib/liba.so")
    assert "aarch64" in load.root.needs[0].how


def test_without_a_root_file_system_only_origin_counts() -> None:
    """The laptop's own /usr/lib says nothing about the stage where a wheel will run."""
    facts = read_object(elf_bytes(needed=[b"liba.so", b"libb.so"], runpath=b"/usr/lib:$ORIGIN/../x.libs"))
    tree = MemoryTree(
        {
            "/x/x.so": Node("file", facts=facts),
            "/x.libs/liba.so": Node("file", facts=read_object(elf_bytes())),
            "/usr/lib/libb.so": Node("file", facts=read_object(elf_bytes())),
        }
    )
    load = Loader(tree, "x86_64").load("/x/x.so")
    assert load is not None
    assert [(need.status, need.path) for need in load.root.needs] == [
        ("found", "/x/../x.libs/liba.so"),
        ("external", None),
    ]


def test_search_paths() -> None:
    assert expand_search_path("$ORIGIN/a:/b:${ORIGIN}", "/x/y.so") == ["/x/a", "/b", "/x"]
    assert expand_search_path("$ORIGIN/a:$LIB", "/x/y.so") == []
    assert expand_search_path("", "/x/y.so") == []
    assert system_path(MemoryTree({}, system=True), "x86_64") == "/lib:/usr/local/lib:/usr/lib"
    armhf = MemoryTree({"/etc/ld-musl-armhf.path": Node("file", content=b"/a\n/b")}, system=True)
    assert system_path(armhf, "armv7") == "/a\n/b"
