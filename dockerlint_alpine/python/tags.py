"""Wheel tags: which wheels an interpreter in a stage accepts, best first (PEP 425, PEP 600, PEP 656).

``packaging.tags`` makes the tags; the platforms of a stage, which is not the machine that this runs on, are listed here.
The tests compare them with ``packaging.tags``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from packaging.tags import compatible_tags, cpython_tags, generic_tags

from dockerlint_alpine.python.markers import machine
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.python.model import Target

MUSL_OF_ALPINE: Mapping[str, tuple[int, int]] = {
    # Alpine 3.N main index, package musl: 3.9 1.1.20, 3.10 1.1.22, 3.11 and 3.12 1.1.24, 3.14 and 3.15 1.2.2, 3.16 and
    # 3.17 1.2.3, 3.18 and 3.19 1.2.4, 3.20 to 3.22 1.2.5. Only major.minor matters to a tag; 3.13 moved to 1.2
    # (release notes of Alpine 3.13, "musl 1.2 and new time64 ABI").
    **{f"3.{minor}": (1, 1) for minor in range(13)},
    **{f"3.{minor}": (1, 2) for minor in range(13, 25)},
    "edge": (1, 2),
}
"""(major, minor) of musl by Alpine release."""

MUSLLINUX_SINCE_PIP = (21, 2)
"""pip 21.2 (July 2021) is the first whose vendored packaging knows PEP 656."""

_LEGACY_MANYLINUX = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_OLD_X86 = frozenset({"x86_64", "i686"})
_MANYLINUX_MACHINES = frozenset({"x86_64", "aarch64", "ppc64", "ppc64le", "s390x", "loongarch64", "riscv64"})
_RELEASE = lazy_pattern(r"v?(\d+\.\d+)")


def musl_of_alpine(release: str) -> tuple[int, int] | None:
    """Return (major, minor) of musl in an Alpine release (``3.19``, ``v3.19.1``, ``edge``), ``None`` if unknown."""
    match = _RELEASE.match(release)
    return MUSL_OF_ALPINE.get(match[1] if match else release)


def knows_musllinux(pip_version: str | None) -> bool:
    """Tell whether that pip accepts musllinux wheels; ``None`` is an installer that knows every tag."""
    return _is_since(pip_version, MUSLLINUX_SINCE_PIP)


def lacks_musllinux(target: Target) -> str | None:
    """Return why what installs there accepts no musllinux wheels, in words; ``None`` where it does."""
    if target.no_musllinux or knows_musllinux(target.pip_version):
        return target.no_musllinux or None
    return f"pip {target.pip_version} does not support musllinux wheels (21.2 does)"


def backtracks(pip_version: str | None) -> bool:
    """Tell whether that pip refuses requirements that contradict each other; older ones take what they meet first (pip's
    changelog, 20.3: the new resolver is the default). ``None`` is an installer that does."""
    return _is_since(pip_version, (20, 3))


def _is_since(pip_version: str | None, since: tuple[int, int]) -> bool:
    match = re.match(r"(\d+)(?:\.(\d+))?", pip_version or "")
    return match is None or (int(match[1]), int(match[2] or 0)) >= since


def libc_of_tag(tag: str) -> str | None:
    """Return ``"musl"`` or ``"glibc"`` for a wheel tag that needs one, ``None`` for one that needs neither or any."""
    platforms = tag.rsplit("-", 1)[-1].split(".")
    if any(platform.startswith("musllinux") for platform in platforms):
        return "musl"
    return "glibc" if any(platform.startswith("manylinux") for platform in platforms) else None


@lru_cache(maxsize=4096)
def expand_tag(tag: str) -> tuple[str, ...]:
    """Return the plain tags of a compressed tag set (``cp311-abi3-a.b`` -> ``cp311-abi3-a``, ``cp311-abi3-b``)."""
    parts = tag.lower().split("-")
    if len(parts) != 3:
        return ()
    interpreters, abis, platforms = (part.split(".") for part in parts)
    return tuple(f"{one}-{abi}-{platform}" for one in interpreters for abi in abis for platform in platforms)


def tag_of_wheel(filename: str) -> str | None:
    """Return the compressed tag set in a wheel's file name, ``None`` if it is no wheel name."""
    if not filename.endswith(".whl"):
        return None
    parts = filename[:-4].split("-")
    return "-".join(parts[-3:]) if len(parts) in {5, 6} else None


def _manylinux(glibc: tuple[int, int], arch: str) -> Iterator[str]:
    if arch not in _OLD_X86 | _MANYLINUX_MACHINES | {"armv7l", "armv8l"}:
        return
    oldest = 5 if arch in _OLD_X86 else 17
    for minor in range(glibc[1], oldest - 1, -1):
        yield f"manylinux_2_{minor}_{arch}"
        if (legacy := _LEGACY_MANYLINUX.get((2, minor))) is not None:
            yield f"{legacy}_{arch}"


def _forced(platform: str) -> Iterator[str]:
    """Yield what pip makes of one ``--platform`` value (pip: ``compatibility_tags._expand_allowed_platforms``)."""
    prefix, _, arch = platform.partition("_")
    yield platform
    if prefix == "manylinux2014" and arch in _OLD_X86:
        yield f"manylinux2010_{arch}"
        yield f"manylinux1_{arch}"
    elif prefix == "manylinux2010":
        yield f"manylinux1_{arch}"


def platforms(target: Target) -> list[str]:
    """Return the platform tags of ``target``, best first."""
    if target.forced_platforms:
        return list(dict.fromkeys(tag for given in target.forced_platforms for tag in _forced(given)))
    arch = machine(target.platform)
    found = [f"linux_{arch}"]
    if target.glibc is not None:
        found.extend(_manylinux(target.glibc, arch))
    if target.musl is not None and lacks_musllinux(target) is None:
        major, minor = target.musl
        found.extend(f"musllinux_{major}_{older}_{arch}" for older in range(minor, -1, -1))
    return found


@lru_cache(maxsize=256)
def supported_tags(target: Target) -> Mapping[str, int]:
    """Return every plain wheel tag that pip accepts on ``target`` -> its rank, 0 the best. Raises ``PythonError``.

    pip: ``compatibility_tags.get_supported``.
    """
    version = target.python_version
    names = platforms(target)
    nodot = "".join(map(str, version))
    if target.implementation == "pp":
        own, interpreter = generic_tags(f"pp{nodot}", [f"pypy{nodot}_pp73"], names), "pp3"
    else:
        # Python 2: docker-library/python and Alpine's aport both configure --enable-unicode=ucs4.
        suffix = "t" if target.free_threaded else "mu" if version < (3, 3) else "m" if version < (3, 8) else ""
        own, interpreter = cpython_tags(version, [f"cp{nodot}{suffix}"], names), f"cp{nodot}"
    tags = (str(tag) for tag in (*own, *compatible_tags(version, interpreter, names)))
    return {tag: rank for rank, tag in enumerate(dict.fromkeys(tags))}
