"""Proves rules by building: compiles real sdists against musl, opens real musllinux wheels, and compares DT_NEEDED.

For maintainers, on a Debian machine with musl-tools, pkg-config and pip; `tools/proofs.toml` says what is proven and with
which Debian packages at hand. Only their headers and libraries are visible to a build: it sees what an Alpine build stage
with those libraries would show it. A proof that holds is written into the entry as `proof`; one that doesn't is printed
with what differs, and the exit code is 1.

    python tools/prove_rules.py [NAME...] [--work DIR] [--date YYYY-MM-DD] [--dry-run]
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dockerlint_alpine.knowledge.model import Distribution, Library

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dockerlint_alpine.elf.wheels import open_wheel  # noqa: E402 - from this checkout
from dockerlint_alpine.knowledge.drafting import linked_by, plain_soname  # noqa: E402 - from this checkout
from dockerlint_alpine.knowledge.folder import RuleFolder  # noqa: E402
from dockerlint_alpine.knowledge.proofs import Proof, contradiction  # noqa: E402
from dockerlint_alpine.knowledge.toml import texts  # noqa: E402

TRIPLET = "x86_64-linux-gnu"
_WRAPPER = """#!/bin/sh
# musl-gcc that sees, besides musl, the headers and libraries of this proof only; --as-needed is what Alpine's gcc has.
for word do
  shift
  case $word in
    -I/usr/*|-isystem/usr/*) set -- "$@" "-I{root}${{word#-I}}" ;;
    -L/usr/lib*|-specs=*|-D_FORTIFY_SOURCE*) ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec musl-gcc -Wl,--as-needed "$@" {flags}
"""


@dataclass(frozen=True)
class Plan:
    """One proof to make. ``libraries`` are names of ``rules/libraries/`` that ``debian`` brings; no version: the newest."""

    name: str
    version: str = ""
    kind: str = "build"
    libraries: tuple[str, ...] = ()
    debian: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cflags: str = ""
    python: str = "312"

    @property
    def requirement(self) -> str:
        """What pip is asked for."""
        return f"{self.name}=={self.version}" if self.version else self.name


class ProofError(Exception):
    """What kept a proof from being made, or what differs."""


def plans() -> tuple[Plan, ...]:
    """All plans of ``tools/proofs.toml``, in its order."""
    raw = tomllib.loads((ROOT / "tools" / "proofs.toml").read_text(encoding="utf-8"))
    return tuple(_plan(kind, item) for kind in ("build", "wheel") for item in raw[kind])


def _plan(kind: str, item: dict[str, object]) -> Plan:
    fixed = {key: tuple(value) if isinstance(value, list) else value for key, value in item.items()}
    return Plan(kind=kind, **fixed)  # type: ignore[arg-type]


def run(command: Sequence[str | Path], cwd: Path, env: Mapping[str, str] | None = None) -> None:
    """Run one program; its output goes to ``cwd/log`` and its last lines into the error."""
    done = subprocess.run(  # noqa: S603 - programs of this script
        [str(part) for part in command], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    with (cwd / "log").open("ab") as log:
        log.write(done.stdout)
    if done.returncode:
        tail = "\n    ".join(done.stdout.decode(errors="replace").strip().splitlines()[-12:])
        raise ProofError(f"{shlex.join(str(part) for part in command[:4])} ... failed:\n    {tail}")


# -- what a build sees ------------------------------------------------------------------------------------------------


def sysroot(plan: Plan, work: Path) -> Path:
    """Lay the plan's Debian packages out below ``work`` and return that folder; nothing is installed."""
    root = work / "root"
    root.mkdir()
    debs = work.parent / "debs"
    debs.mkdir(exist_ok=True)
    for package in plan.debian:
        if not list(debs.glob(f"{package}_*.deb")):
            run(["apt-get", "download", package], debs)
        run(["dpkg-deb", "-x", next(debs.glob(f"{package}_*.deb")), root], debs)
    for link in root.rglob("*"):
        if link.is_symlink() and (target := str(link.readlink())).startswith("/"):
            link.unlink()
            link.symlink_to(f"{root}{target}")
    for kind in ("include", "lib"):
        flatten(root / "usr" / kind, [root / "usr" / kind / TRIPLET, root / kind / TRIPLET])
    for module in (root / "usr/lib/pkgconfig").glob("*.pc"):
        if not module.exists():  # a link to what another package has
            continue
        # What only a static link needs is not at hand, and Alpine's -dev packages would bring it.
        text = re.sub(r"^Requires\.private:.*$", "", module.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = re.sub(r"(?<![\w./}-])/usr(?=/|$)", f"{root}/usr", text, flags=re.MULTILINE)
        module.unlink()
        module.write_text(text, encoding="utf-8")
    return root


def flatten(folder: Path, multiarch: Iterable[Path]) -> None:
    """Show what Debian keeps by architecture where Alpine, and most builds, look for it."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in multiarch:
        for path in source.glob("*") if source.is_dir() else ():
            shown = folder / path.name
            if path.name == "pkgconfig" or (path.is_dir() and shown.is_dir() and not shown.is_symlink()):
                flatten(shown, [path])
            elif not shown.exists():
                shown.symlink_to(path)


def environment(plan: Plan, root: Path, work: Path) -> dict[str, str]:
    """The environment of the build: musl's compiler, this root's libraries, and the plan's own switches."""
    tools = work / "bin"
    tools.mkdir()
    flags = f"-idirafter {root}/usr/include -L{root}/usr/lib"
    for name in ("cc", "gcc"):
        (tools / name).write_text(_WRAPPER.format(root=root, flags=flags))
        (tools / name).chmod(0o755)
    compiler = str(tools / "cc")
    return {
        "PATH": f"{tools}:{root}/usr/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "LANG": "C.UTF-8",
        "CC": compiler,
        "LDSHARED": f"{compiler} -shared",
        "CFLAGS": f"-O1 -g0 -w -fPIC {plan.cflags}".strip(),
        "PKG_CONFIG_LIBDIR": f"{root}/usr/lib/pkgconfig:{root}/usr/share/pkgconfig",
        **{key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "REQUESTS_"))},
        **{key: value.replace("{root}", str(root)) for key, value in plan.env.items()},
    }


def built_wheel(plan: Plan, work: Path) -> Path:
    """Compile the sdist, as pip does, and return the wheel."""
    root = sysroot(plan, work)
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-binary",
        plan.name,
        "--wheel-dir",
        work,
    ]
    command += ["--disable-pip-version-check", "--no-cache-dir", plan.requirement]
    run(command, work, environment(plan, root, work))
    return next(work.glob("*.whl"))


def published_wheel(plan: Plan, work: Path) -> Path:
    """Get the wheel for musl that the project publishes."""
    command: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        work,
    ]
    for release in (2, 1):
        command += ["--platform", f"musllinux_1_{release}_x86_64"]
    command += ["--implementation", "cp", "--python-version", plan.python]
    command += ["--disable-pip-version-check", plan.requirement]
    run(command, work)
    return next(work.glob("*.whl"))


# -- comparing --------------------------------------------------------------------------------------------------------


def needed(wheel: Path) -> tuple[set[str], set[str]]:
    """Return the DT_NEEDED of the wheel's extensions but for musl's own, and the names of libraries it carries."""
    subject = open_wheel(wheel, sources=False)
    unread = [path for path in subject.objects if (node := subject.tree.lookup(path)) is None or node.facts is None]
    if unread:
        raise ProofError(f"{unread[0]} of {wheel.name} is no ELF object that can be read")
    carried = {plain_soname(path.rpartition("/")[2]) for path in subject.objects if ".libs/" in path}
    return set(linked_by(subject.needed)), carried


def prove(plan: Plan, entry: Distribution, libraries: Mapping[str, Library], work: Path, date: str) -> Proof:
    """Make one proof; raises ``ProofError`` where it can't be made or does not hold."""
    case = "-".join([plan.name, plan.kind, *plan.libraries, *plan.env])
    place = work / re.sub(r"[^\w.+-]", "_", case)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    wheel = built_wheel(plan, place) if plan.kind == "build" else published_wheel(plan, place)
    version = wheel.name.split("-")[1]
    links, carried = needed(wheel)
    source = version if plan.kind == "build" else wheel.name
    shown = {key: value for key, value in plan.env.items() if "{" not in value}
    proof = Proof(
        kind=plan.kind,
        source=source,
        libraries=plan.libraries,
        env=tuple(shown.items()),
        links=tuple(sorted(links)),
        carries=tuple(sorted(carried - links)),
        date=date,
    )
    problem = contradiction(proof, entry, libraries)
    if problem is not None:
        raise ProofError(f"{problem} ({proof})")
    return proof


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the proofs asked for; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="distributions; default: all of tools/proofs.toml")
    parser.add_argument("--work", type=Path, default=Path("/tmp/alpine-doctor-proofs"))  # noqa: S108 - a default
    parser.add_argument("--date", default=dt.datetime.now(dt.UTC).date().isoformat())
    parser.add_argument("--dry-run", action="store_true", help="write nothing into the rules")
    given = parser.parse_args(arguments)
    folder = RuleFolder(ROOT / "rules", "rules")
    libraries = {library.name: library for library in folder.libraries()}
    entries = {entry.name: entry for entry in folder.entries()}
    chosen = [plan for plan in plans() if not given.names or plan.name in given.names]
    unknown = set(given.names) - {plan.name for plan in chosen}
    if unknown:
        parser.error(f"tools/proofs.toml has no {', '.join(sorted(unknown))}")
    nameless = {name for plan in chosen for name in plan.libraries} - libraries.keys()
    if nameless:
        parser.error(f"rules/libraries/ has no {', '.join(sorted(nameless))}")
    failed = 0
    for plan in chosen:
        try:
            proof = prove(plan, entries[plan.name], libraries, given.work.absolute(), given.date)
        except ProofError as error:
            failed += 1
            print(f"FAILED {plan.requirement} ({plan.kind}): {error}", flush=True)  # noqa: T201
            continue
        print(f"{plan.name}: {proof}", flush=True)  # noqa: T201
        if not given.dry_run:
            write(folder.path / "distributions" / f"{plan.name}.toml", proof)
    return 1 if failed else 0


def with_proofs(entry: str, proofs: Iterable[Proof]) -> str:
    """Return the text of a file of ``rules/distributions/`` with ``proofs`` in it, and every other byte as it was.

    A proof of the same case replaces the one that is there; when both say the same but for the date, the old one stays.
    """
    known = {
        proof.case: proof for text in tomllib.loads(entry).get("proof", ()) if (proof := Proof.parse(text)) is not None
    }
    for proof in proofs:
        old = known.get(proof.case)
        same = old is not None and str(old).partition(" [")[0] == str(proof).partition(" [")[0]
        known[proof.case] = old if same and old is not None else proof
    block = f"proof = {texts([str(proof) for proof in known.values()])}\n"
    bare = re.sub(r"^proof = \[(?:[^\n]*\]|\n(?:  .*\n)*\])\n", "", entry, count=1, flags=re.MULTILINE)
    start = re.search(r"^\[\[", bare, re.MULTILINE)
    at = start.start() if start is not None else len(bare)
    head = bare[:at].rstrip("\n")
    return f"{head}\n{block}\n{bare[at:]}" if start is not None else f"{head}\n{block}"


def write(path: Path, proof: Proof) -> None:
    """Put a proof into its entry; one that says the same as before keeps its date."""
    text = path.read_text(encoding="utf-8")
    changed = with_proofs(text, [proof])
    if changed != text:
        path.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
