"""Proofs in rules: what a real build against musl, or a real wheel for it, was seen to link.

``tools/prove_rules.py`` makes them; an entry keeps them as texts of a stable form in ``proof``:

    built 4.4.5 with lz4: links liblz4.so.1 [2026-11-23]
    built 4.4.5 with lz4, PYLZ4_USE_SYSTEM_LZ4=0: links nothing but libc [2026-11-23]
    wheel cffi-2.0.0-cp312-cp312-musllinux_1_2_x86_64.whl: links libffi.so.8, carries libx.so.1 [2026-11-23]
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dockerlint_alpine.knowledge.model import Build, Distribution, Library, Link

_NOTHING = "nothing but libc"
_COMPILERS = {"libstdc++": "c++", "libgcc_s": "", "libgomp": "", "libgfortran": "fortran", "libquadmath": "fortran"}
"""Libraries of the compiler: allowed for this language, or for any."""
_FORM = lazy_pattern(
    r"(?P<kind>built|wheel) (?P<source>\S+?)(?: with (?P<given>[^:]+))?: links (?P<links>[^\[\]]+?)"
    r"(?:, carries (?P<carries>[^\[\]]+))? \[(?P<date>\d{4}-\d\d-\d\d)\]"
)


class Proof(Struct, frozen=True):
    """One proof. ``kind`` is ``build`` or ``wheel``; ``source`` a version or a wheel's file name.

    ``libraries`` and ``env`` are what the build was given; ``links`` the DT_NEEDED of all its extensions but for the C
    library; ``carries`` other libraries that the wheel holds; ``date`` is ``YYYY-MM-DD``.
    """

    kind: str
    source: str
    libraries: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    links: tuple[str, ...]
    carries: tuple[str, ...]
    date: str

    @property
    def case(self) -> tuple[str, ...]:
        """What tells it from the other proofs of an entry: a newer one of the same case replaces it."""
        return (self.kind, *self.libraries, *(f"{name}={value}" for name, value in self.env))

    def __str__(self) -> str:
        given = ", ".join([*self.libraries, *(f"{name}={value}" for name, value in self.env)])
        words = ["built" if self.kind == "build" else "wheel", self.source]
        if given:
            words.append(f"with {given}")
        links = f"links {', '.join(self.links) or _NOTHING}"
        if self.carries:
            links += f", carries {', '.join(self.carries)}"
        return f"{' '.join(words)}: {links} [{self.date}]"

    @classmethod
    def parse(cls, text: str) -> Proof | None:
        """Read the stable form; ``None`` for anything else."""
        match = _FORM.fullmatch(text)
        if match is None:
            return None
        given = match["given"].split(", ") if match["given"] else []
        links = () if match["links"] == _NOTHING else tuple(match["links"].split(", "))
        return cls(
            kind="build" if match["kind"] == "built" else "wheel",
            source=match["source"],
            libraries=tuple(word for word in given if "=" not in word),
            env=tuple((name, value) for name, equals, value in (word.partition("=") for word in given) if equals),
            links=links,
            carries=tuple(match["carries"].split(", ")) if match["carries"] else (),
            date=match["date"],
        )


def contradiction(proof: Proof, entry: Distribution, libraries: Mapping[str, Library]) -> str | None:
    """Say what a proof shows that the rule does not, or the other way round; ``None`` when they agree.

    A build must link what the rule says with these libraries at hand, and nothing else. A published wheel may have been
    built with other options: it must not link what the rule has never heard of.
    """
    version = proof.source.split("-")[1] if proof.kind == "wheel" else proof.source
    build = entry.build(version)
    if build is None:
        return f"the rule says nothing of the build of {version}"
    links = {stem(name) for name in proof.links}
    for name in sorted(links - _allowed(build, libraries, proof)):
        return f"{version} links {name}, of which the rule says nothing in this case"
    for link in build.libraries:
        expected = {stem(name) for name in _sonames(link, libraries)}
        if proof.kind == "build" and _linked(link, proof) and expected and not expected & links:
            return f"{version} does not link {' or '.join(sorted(expected))} with {link.library} at hand"
    return None


def stem(soname: str) -> str:
    """``liblz4.so.1`` -> ``liblz4``; a version before ``.so`` goes too. OpenBLAS built for wheels is OpenBLAS."""
    end = soname.find(".so")
    name = re.sub(r"-\d[\d.*]*$", "", soname[:end] if end > 0 else soname)
    return re.sub(r"^libscipy_openblas(?:64_)?$", "libopenblas", name)


def _allowed(build: Build, libraries: Mapping[str, Library], proof: Proof) -> set[str]:
    found = {name for name, language in _COMPILERS.items() if not language or language in build.language}
    for link in build.libraries:
        if proof.kind == "wheel" or _linked(link, proof):
            library = libraries.get(link.library)
            found.update(stem(name) for name in (*link.sonames, *(library.sonames if library else ())))
    return found


def _linked(link: Link, proof: Proof) -> bool:
    uses = link.runtime and link.linkage in {"always", "system-if-present"}
    return uses and link.library in proof.libraries and link.switched_on(dict(proof.env))


def _sonames(link: Link, libraries: Mapping[str, Library]) -> tuple[str, ...]:
    library = libraries.get(link.library)
    return link.sonames or (library.sonames if library is not None else ())
