"""From what a log names (a soname, a header, ``-lpq``, a program) to the apk packages of one release.

The rules' libraries are asked first, then the tables of ``rules/errors.toml``, then the release's index. What the
release does not have is looked for in the other releases, newest first, so that the answer can say where it went.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.apk import Index
    from dockerlint_alpine.diagnose.model import Outcome
    from dockerlint_alpine.diagnose.patterns import Match, PatternSet
    from dockerlint_alpine.diagnose.releases import Releases
    from dockerlint_alpine.knowledge import Knowledge, Library
    from dockerlint_alpine.model.findings import Confidence

_BUNDLED = lazy_pattern(r"-[0-9a-f]{8}(?:\.so|-|\.\d)")
_VERSION_TAIL = lazy_pattern(r"[-.]?\d[\d.]*$")
_LIBC_PARTS = frozenset(
    {"c", "m", "pthread", "dl", "rt", "util", "crypt", "resolv", "xnet", "ssp_nonshared", "c_nonshared"}
)
_COMPILER_PARTS = {
    "stdc++": "cmd:g++", "supc++": "cmd:g++", "gcc": "cmd:gcc", "gcc_s": "cmd:gcc", "gomp": "cmd:gcc",
    "atomic": "cmd:gcc", "gfortran": "cmd:gfortran", "quadmath": "cmd:gfortran", "blas": "pc:openblas",
    "cblas": "pc:openblas", "lapack": "pc:openblas", "execinfo": "libexecinfo-dev",
}  # fmt: skip
_LANGUAGES = {"C": "cmd:gcc", "CXX": "cmd:g++", "Fortran": "cmd:gfortran", "ASM_NASM": "cmd:nasm", "Rust": "cmd:rustc"}
_PROGRAMS = {"ninja": "cmd:ninja", "unix makefiles": "cmd:make", "cmake_make_program": "cmd:make"}
_ASIDES = frozenset(
    {"svnversion", "lsb_release", "xcrun", "sw_vers", "dpkg-architecture", "ldconfig", "sysctl", "chcp"}
)
"""Programs that builds try to start and do well without."""

_RECENT_RUST = "1.70"
"""What is taken to be asked for where the message names no version."""

_EDITIONS = {"edition2021": "1.56", "edition2024": "1.85", "3": "1.53", "4": "1.78"}


class Answer(Struct, frozen=True):
    """What a name stands for.

    ``need`` is in apk's vocabulary or a header's name; ``packages`` are of the release asked. ``known`` is false where
    the name may well be no library at all, so that the line should not count. ``replaces`` as in ``Cause``. ``found`` is
    false where no index known here has it. ``pin`` is what to write in
    place of a pin that can't be met. ``extension`` is the installed distribution whose extension does not fit.
    """

    outcome: Outcome
    need: str | None = None
    packages: tuple[str, ...] = ()
    advice: str = ""
    confidence: Confidence = "certain"
    known: bool = True
    replaces: str | None = None
    found: bool = True
    pin: str | None = None
    extension: str | None = None


class Lookup:
    """Answers for one release. ``python_home`` is ``/usr/local`` or ``/usr`` where the log tells whose Python it is."""

    def __init__(self, knowledge: Knowledge, releases: Releases, patterns: PatternSet) -> None:
        self._knowledge = knowledge
        self._releases = releases
        self._patterns = patterns
        self.python_home: str | None = None
        self.python: str | None = None

    def answer(self, match: Match) -> Answer:
        """Return the answer to what a pattern has read."""
        pattern = match.pattern
        if not pattern.helps:
            return Answer("none", advice=pattern.advice)
        if pattern.unknown or pattern.strength == "echo":
            return Answer("unknown", advice=pattern.advice)
        if pattern.needs:
            found = self._all(pattern.needs)
        else:
            assert pattern.lookup is not None
            name = match.name.rstrip(".,;:")
            found = getattr(self, "_" + pattern.lookup.replace("-", "_"))(name, match)
        assert isinstance(found, Answer)
        return replace(found, advice=" ".join(part for part in (pattern.advice, found.advice) if part))

    @property
    def release(self) -> str:
        """The release that answers."""
        return self._releases.release

    def packages_for(self, need: str) -> tuple[str, ...]:
        """Return the packages of the release that meet a need of the rules; empty where there are none."""
        return self._need(need).packages

    def _say(self, key: str, **values: str) -> str:
        """The text ``key`` of the table ``advice`` with its names filled in."""
        return self._patterns.advice(key, **values)

    # -- needs ---------------------------------------------------------------------------------------------------

    def _all(self, needs: Iterable[str]) -> Answer:
        """Every one of ``needs`` is missing."""
        answers = [self._need(need) for need in needs]
        packages = tuple(dict.fromkeys(name for answer in answers for name in answer.packages))
        first = answers[0]
        return first if len(answers) == 1 else replace(first, packages=packages)

    def _any(self, needs: Iterable[str]) -> Answer:
        """The first of ``needs`` that the release has, else the first that another release has."""
        answers = [self._need(need) for need in needs]
        here = [answer for answer in answers if answer.packages and answer.confidence == "certain"]
        return next(iter((*here, *(answer for answer in answers if answer.packages), *answers)))

    def _need(self, need: str) -> Answer:
        """Look up ``so:``, ``pc:``, ``cmd:`` or a package's name."""
        need = self._patterns.table("aliases").get(need, need)
        if need.startswith("so:"):
            return self._so(need)
        library = self._knowledge.library_for(need) if need.startswith(("pc:", "cmd:")) else None
        if library is not None:
            return self._development(library, need)
        return self._from_index(need)

    def _so(self, need: str) -> Answer:
        library = self._knowledge.library_for(need)
        pinned = library.runtime_needs(self._releases.release) if library is not None else ()
        plain = [name for name in pinned if not name.startswith("so:")]
        stem = need[: need.find(".so")] if ".so" in need else need
        moved = self._moved(need, (need, *plain), f"{stem}.so.*")
        return moved or self._from_index(need, *plain, f"{stem}.so.*")

    def _moved(self, need: str, exact: Sequence[str], any_version: str) -> Answer | None:
        """The answer where this release has the library under another soname and an other release has this one.

        A loader wants the very soname: what brings the library with another one does not help.
        """
        if need == any_version or self._first(self._releases.index, exact) is not None:
            return None
        here = self._releases.index.best(any_version)
        there = next(((found, i.release) for i in self._releases.others() if (found := self._first(i, (need,)))), None)
        if here is None or there is None:
            return None
        package, release = there
        certain = self._releases.known and self._releases.exact
        advice = self._say(
            "moved-soname-here" if certain else "moved-soname",
            release=self._releases.release,
            here=here.capability.removeprefix("so:"),
            package=here.package.name,
            other=release,
            name=need.removeprefix("so:"),
        )
        if certain:
            return Answer("none", need, advice=advice, confidence="likely")
        return Answer("package", need, (package,), advice, "likely")

    def _development(self, library: Library, need: str) -> Answer:
        """The package with a library's headers, pkg-config file and config tool."""
        needs = library.build_needs(self._releases.release)
        if need.startswith(("pc:", "cmd:")) and need not in needs[:1]:
            needs = (*needs, need)
        return replace(self._from_index(*needs), need=need)

    def _from_index(self, *needs: str) -> Answer:
        """The first of ``needs`` that the release's index has; else that of another release, said so."""
        found = self._first(self._releases.index, needs)
        if found is not None:
            return Answer("package", needs[0], (found,))
        for index in self._releases.others():
            found = self._first(index, needs)
            if found is not None:
                return self._elsewhere(needs[0], found, index.release)
        return Answer("none", needs[0], advice=self._say("no-package", name=needs[0]), confidence="likely", found=False)

    def _elsewhere(self, need: str, package: str, release: str) -> Answer:
        """What only another release has: no help where the log's own release is known for certain."""
        if self._releases.complete:
            advice = self._say("only-elsewhere", release=self._releases.release, other=release, package=package)
            return Answer("none", need, advice=advice, confidence="likely")
        key = "named-for" if self._releases.known else "named-for-newest"
        advice = self._say(key, release=self._releases.release, other=release)
        return Answer("package", need, (package,), advice, "likely")

    @staticmethod
    def _first(index: Index, needs: Iterable[str]) -> str | None:
        for need in needs:
            for provider in index.find(need):
                return provider.package.name
        return None

    def _has(self, need: str) -> bool:
        return self._first(self._releases.index, (need,)) is not None

    # -- libraries -----------------------------------------------------------------------------------------------

    def _object(self, name: str, match: Match) -> Answer:
        """A shared object by its soname, or as ``ctypes`` and cffi are told to open it."""
        base = name.rpartition("/")[2]
        if _BUNDLED.search(base):
            return Answer("none", f"so:{base}", advice=self._say("bundled-library"))
        if base.startswith("libpython"):
            return self._libpython(base)
        if re.match(r"lib(?:cuda|cudart|cudnn|cublas|nvidia|nvrtc|mkl_|clntsh|tensorflow)", base):
            return Answer("none", f"so:{base}", advice=self._say("glibc-library"))
        table = self._patterns.table("libraries")
        if base.lower() in table:
            return self._runtime(table[base.lower()])
        answers = [self._so(f"so:{soname}") for soname in _soname_spellings(base)]
        for answer in answers:
            if answer.packages:
                return answer
        elsewhere = next((answer for answer in answers if answer.found), None)
        if elsewhere is not None:
            return elsewhere
        known = ".so" in base
        if not known and match.pattern.id == "loader":
            return Answer("none", f"so:{base}", advice=self._say("damaged-file"), confidence="likely")
        outcome: Outcome = "none" if known else "unknown"
        advice = self._say("no-package", name=base)
        return Answer(outcome, f"so:{base}", advice=advice, confidence="likely", known=known)

    def _libpython(self, soname: str) -> Answer:
        need = f"so:{soname}"
        found = self._from_index(need) if self.python_home != "/usr/local" else Answer("none", need)
        if not found.packages:
            return Answer("none", need, advice=self._say("libpython"))
        if self._has(need):
            return replace(found, confidence="likely")
        advice = " ".join((self._say("libpython-of-image"), found.advice))
        return replace(found, confidence="possible", advice=advice)

    def _runtime(self, need: str) -> Answer:
        """A need of the tables, at run time; a development need there stands for its library."""
        if need.startswith(("so:", "cmd:")):
            return self._need(need)
        library = self._knowledge.library_for(need)
        return self._so(f"so:{library.sonames[0]}") if library is not None and library.sonames else self._need(need)

    def _library(self, name: str, match: Match) -> Answer:
        """A library by the name that a message gives it."""
        need = self._patterns.table("libraries").get(name.lower())
        if match.pattern.moment == "run":
            return self._runtime(need) if need else self._object(name, match)
        if need is not None:
            return self._build_side(need)
        library = self._knowledge.library(name.lower()) or self._knowledge.library(f"lib{name.lower()}")
        headers = library.build_needs(self._releases.release) if library is not None else ()
        if library is not None and headers:
            return self._development(library, headers[0])
        for candidate in _stems(name):
            if self._has(f"pc:{candidate}"):
                return replace(self._need(f"pc:{candidate}"), confidence="likely")
            if self._has(f"{candidate}-dev"):
                return Answer("package", candidate, (f"{candidate}-dev",), confidence="likely")
        return Answer("unknown", advice=self._say("unknown-library", name=name), known=False)

    def _libraries(self, name: str, match: Match) -> Answer:
        answers = [self._library(part.strip(), match) for part in name.split(",")]
        return replace(answers[0], packages=tuple(dict.fromkeys(n for answer in answers for n in answer.packages)))

    def _build_side(self, need: str) -> Answer:
        """A need of the tables when compiling: a runtime need there stands for its library's headers."""
        if not need.startswith("so:"):
            return self._need(need)
        library = self._knowledge.library_for(need)
        if library is not None and library.build_needs(self._releases.release):
            return self._development(library, library.build_needs(self._releases.release)[0])
        return self._beside(need)

    def _linker(self, name: str, _: Match) -> Answer:
        """``-lNAME``: the -dev package with ``libNAME.so``."""
        bare = re.sub(r"^lib|\.(?:so|a)[\d.]*$", "", name)
        if bare in _LIBC_PARTS:
            return Answer("package", f"-l{bare}", ("musl-dev",))
        if bare in _COMPILER_PARTS:
            return replace(self._need(_COMPILER_PARTS[bare]), need=f"-l{bare}")
        if re.match(r"python\d", bare):
            return replace(self._python_headers(), need=f"-l{bare}")
        library = self._knowledge.library_for(f"so:lib{bare}.so")
        if library is not None and library.build_needs(self._releases.release):
            return self._development(library, f"-l{bare}")
        for candidate in (bare, f"lib{bare}"):
            if self._has(f"pc:{candidate}"):
                return replace(self._need(f"pc:{candidate}"), need=f"-l{bare}")
        return replace(self._beside(f"so:lib{bare}.so.*"), need=f"-l{bare}")

    def _beside(self, need: str) -> Answer:
        """The -dev package beside the one that has a shared object, by the names that aports gives them."""
        for index in (self._releases.index, *self._releases.others()):
            for provider in index.find(need):
                dev = index.development_of(provider.package)
                if dev is not None:
                    return Answer("package", need, (dev.name,), confidence="likely")
        return Answer("none", need, advice=self._say("no-package", name=need.removeprefix("so:")), confidence="likely")

    # -- headers -------------------------------------------------------------------------------------------------

    def _header(self, name: str, match: Match) -> Answer:
        header = name.removeprefix("./")
        if header in {"Python", "Python.h", "pyconfig.h"}:
            return replace(self._python_headers(), need="Python.h")
        library = self._knowledge.library_for(header)
        if library is not None:
            return self._development(library, header)
        for rule in self._patterns.headers:
            if any(fnmatchcase(header, pattern) for pattern in rule.names):
                return self._header_by_rule(header, rule.needs, rule.advice)
        if not _is_header(header, match.group("path")):
            return Answer("unknown", header, advice=self._say("no-header", name=header), known=False)
        found = self._header_by_name(header)
        if found is not None:
            return found
        return Answer("unknown", header, advice=self._say("unknown-header", name=header), confidence="possible")

    def _header_by_rule(self, header: str, needs: tuple[str, ...], advice: str) -> Answer:
        if not needs:
            return Answer("none", header, advice=advice)
        answer = self._any(needs)
        if advice and (not answer.packages or (self._releases.known and answer.confidence != "certain")):
            return Answer("none", header, advice=advice)
        return replace(answer, need=header)

    def _header_by_name(self, header: str) -> Answer | None:
        """A guess by name that the index bears out: ``foo/bar.h`` -> ``pc:foo`` or ``libfoo-dev``."""
        folder, _, file = header.rpartition("/")
        words = [folder.partition("/")[0]] if folder else []
        words.append(file.rpartition(".")[0] or file)
        for word in words:
            for stem in _stems(word):
                for need in (f"pc:{stem}", f"{stem}-dev"):
                    answer = self._from_index(need)
                    if answer.packages:
                        advice = " ".join(part for part in (self._say("header-by-name"), answer.advice) if part)
                        return replace(answer, need=header, confidence="likely", advice=advice)
        return None

    def _python_headers(self) -> Answer:
        if self.python_home == "/usr/local":
            return Answer("none", advice=self._say("python-headers-of-image"))
        if self.python == "2.7":
            return self._any(("python2-dev", "python-dev"))
        sure: Confidence = "certain" if self.python_home == "/usr" else "likely"
        return Answer("package", "Python.h", ("python3-dev",), self._say("python-headers"), sure)

    # -- pkg-config, programs ------------------------------------------------------------------------------------

    def _pkg_config(self, name: str, match: Match) -> Answer:
        need = self._patterns.table("aliases").get(f"pc:{name}", f"pc:{name}")
        names = dict.fromkeys((need.removeprefix("pc:"), name, name.lower(), f"lib{name.lower()}"))
        for candidate in names:
            if self._has(f"pc:{candidate}") or self._knowledge.library_for(f"pc:{candidate}") is not None:
                return self._need(f"pc:{candidate}")
        if name in self._patterns.table("cmake"):
            return self._cmake(name, match)
        answer = self._library(name, match)
        if answer.packages:
            return replace(answer, need=need)
        return self._from_index(*(f"pc:{candidate}" for candidate in names))

    def _cmake(self, name: str, match: Match) -> Answer:
        table = self._patterns.table("cmake")
        need = table.get(name)
        if need:
            return self._need(need)
        if need is not None:
            return Answer("none", advice=self._say("cmake-not-apk", name=name), known=not name.startswith("Python"))
        lower = {key.lower(): value for key, value in table.items()}
        if lower.get(name.lower()):
            return self._need(lower[name.lower()])
        return self._library(name, match)

    def _command(self, name: str, _: Match) -> Answer:
        program = name.rpartition("/")[2]
        if program in _ASIDES:
            return Answer("unknown", known=False)
        if name.startswith(("./", "../")) or program.endswith((".sh", ".py", ".so")):
            return Answer("unknown", advice=self._say("file-of-image", name=name), known=False)
        if re.fullmatch(r"[\w-]+-linux-(?:gnu|musl)\w*-(?:gcc|cc)(?:-\d+)?", program):
            program = "gcc"
        elif re.fullmatch(r"[\w-]+-linux-(?:gnu|musl)\w*-(?:g\+\+|c\+\+)", program):
            program = "g++"
        elif re.fullmatch(r"(?:gcc|g\+\+|clang|llvm-config)-\d+(?:\.\d+)?", program):
            program = program.rpartition("-")[0]
        answer = self._need(f"cmd:{program}")
        package = answer.packages[0] if answer.packages else ""
        if package.startswith("py3-") and package not in {"py3-pip", "py3-virtualenv", "py3-setuptools"}:
            advice = self._say("program-of-distribution", name=program)
            return Answer("none", f"cmd:{program}", advice=advice, confidence="likely")
        if not answer.packages:
            return Answer("unknown", f"cmd:{program}", advice=self._say("no-package", name=program), known=False)
        return answer

    def _language(self, name: str, match: Match) -> Answer:
        need = _LANGUAGES.get(name)
        return self._need(need) if need else self._cmake(name, match)

    def _compilers(self, listed: str, _: Match) -> Answer:
        """Meson's list of what it tried: ``['c++'], ['g++'] ...``."""
        names = re.findall(r"'([\w.+-]+)'", listed)
        tried = next((name for name in ("gfortran", "g++", "rustc", "nasm") if name in names), "gcc")
        return self._need(f"cmd:{tried}")

    def _build_program(self, name: str, _: Match) -> Answer:
        return self._need(_PROGRAMS.get(name.lower(), "cmd:make"))

    # -- Python's side -------------------------------------------------------------------------------------------

    def _module(self, name: str, _match: Match) -> Answer:
        """A module of Python: Python's own, one that Python dropped, the extension of a distribution, or from pip."""
        top, _, rest = name.partition(".")
        need = self._patterns.table("modules").get(top)
        if need:
            return self._tk() if "tk" in top.lower() else self._need(need)
        if top in {"distutils", "pkg_resources", "setuptools"}:
            return self._setuptools(top)
        if (since := self._patterns.table("dropped").get(top)) is not None:
            return Answer("none", advice=self._say("module-dropped", name=top, since=since))
        if top in sys.stdlib_module_names and top not in self._patterns.table("stdlib"):
            return Answer("none", advice=self._say("module-of-python", name=top), confidence="likely")
        owner = self._patterns.table("extensions").get(top) or (top if _is_extension(rest) else None)
        if owner is not None:
            advice = self._say("extension", name=name, distribution=owner)
            return Answer("none", advice=advice, confidence="likely", extension=owner)
        return Answer("none", advice=self._say("module", name=top))

    def _setuptools(self, module: str) -> Answer:
        """Python 3.12 dropped distutils and the bundled setuptools, which brings it."""
        if self.python_home == "/usr":
            return replace(self._need("py3-setuptools"), confidence="likely")
        return Answer("none", advice=self._say("setuptools", name=module))

    def _tk(self) -> Answer:
        if self.python_home == "/usr":
            return self._from_index("python3-tkinter")
        return self._from_index("so:libtk8.6.so", "tk")

    def _stdlib(self, name: str, _: Match) -> Answer:
        need = self._patterns.table("stdlib").get(name)
        if need is None:
            return Answer("unknown", known=False)
        return replace(self._need(need), advice=self._say("compiled-python"))

    def _distribution(self, _: str, match: Match) -> Answer:
        entry = self._knowledge.distribution(match.group("dist")) if match.group("dist") else None
        impossible = entry.verdict_impossible(None) if entry is not None else None
        if impossible is not None:
            parts = (part.rstrip(".") for part in (impossible.reason, impossible.advice) if part)
            return Answer("none", advice="".join(f"{part}. " for part in parts).strip())
        listed = [version.strip(" .") for version in match.group("versions").split(",")]
        if listed[-1]:
            return Answer("none", advice=self._say("other-releases", newest=listed[-1]))
        return Answer("none", advice=self._say("no-release"))

    def _symbol(self, name: str, _: Match) -> Answer:
        table = self._patterns.table("musl-symbols")
        since = next((release for known, release in table.items() if fnmatchcase(name, known)), None)
        if since is not None:
            return Answer("none", advice=self._say("newer-musl", name=name, since=since), confidence="likely")
        return Answer("none", advice=self._say("symbol", name=name), confidence="likely")

    def _reference(self, name: str, _: Match) -> Answer:
        if name.startswith(("std::", "operator new", "operator delete", "__cxa", "__gxx", "vtable for")):
            return Answer("none", advice=self._say("reference-cxx"), confidence="likely")
        return Answer("none", advice=self._say("reference", name=name), confidence="possible")

    def _rust(self, name: str, _: Match) -> Answer:
        wanted = name if re.match(r"1\.\d+", name) else _EDITIONS.get(name) or _EDITIONS.get(name[-1:], _RECENT_RUST)
        release = self._releases.first_with("rust", wanted)
        here = self._releases.index.package("rust") if self._releases.known else None
        parts = []
        if here is not None:
            version = here.version.partition("-")[0]
            parts.append(self._say("rust-here", release=self._releases.release, version=version))
        parts.append(self._say("rust-release", other=release) if release else self._say("rust-nowhere"))
        return Answer("none", f"rust>={wanted}", advice=" ".join(parts))

    def _bindings(self, _: str, match: Match) -> Answer:
        """PyO3 refuses a Python that it does not know."""
        limit = match.group("limit")
        key = "bindings-limit" if limit else "bindings"
        return Answer("none", advice=self._say(key, python=match.group("python"), limit=limit))

    def _script(self, name: str, match: Match) -> Answer:
        """A script of an apk package that failed; 126 and 127 are the shell's words for what can't be started."""
        key = "script-not-started" if match.group("code") in {"126", "127"} else "script"
        return Answer("none", advice=self._say(key, name=name, script=match.group("script"), code=match.group("code")))

    # -- apk's own answers ---------------------------------------------------------------------------------------

    def _package(self, name: str, _: Match) -> Answer:
        if name.startswith(("so:", "pc:", "cmd:", "/", "py3.")):
            return Answer("none", name, advice=self._say("mixed-repositories", name=name))
        plain = name.rpartition("@")[0] or name
        new = self._patterns.table("renamed").get(plain)
        if new is not None and not self._has(plain):
            return self._renamed(plain, new)
        if self._has(plain):
            return self._not_seen(plain)
        for index in self._releases.others():
            if index.package(plain) is not None:
                advice = self._say("package-elsewhere", name=plain, other=index.release, release=self._releases.release)
                return Answer("none", plain, advice=advice, confidence="likely")
        return Answer("none", plain, advice=self._say("package-unknown", name=plain), confidence="likely")

    def _renamed(self, old: str, new: str) -> Answer:
        if not new:
            return Answer("none", old, advice=self._say("package-gone", name=old))
        answer = self._any((new,))
        if not answer.packages:
            return Answer("none", old, advice=self._say("package-gone", name=old))
        advice = self._say("renamed", name=old, release=self._releases.release, package=answer.packages[0])
        return Answer("package", old, answer.packages, advice, "likely", replaces=old)

    def _not_seen(self, name: str) -> Answer:
        found = self._releases.index.package(name)
        if found is None:
            provider = self._first(self._releases.index, (name,))
            assert provider is not None
            advice = self._say("provided", release=self._releases.release, package=provider)
            return Answer("package", name, (provider,), advice, "likely", replaces=name)
        if not self._releases.own(found):
            advice = self._say("not-seen-nearby", name=name, repository=found.repository)
            return Answer("none", name, advice=f"{self._releases.note} {advice}", confidence="possible")
        advice = self._say("not-seen", name=name, release=self._releases.release, repository=found.repository)
        return Answer("none", name, advice=advice, confidence="likely")

    def _pin(self, name: str, match: Match) -> Answer:
        """A pin that can't be met; ``current`` is the version that apk itself says it has."""
        package = self._releases.index.package(name) if self._releases.known else None
        found = package.version if package is not None and self._releases.own(package) else None
        told = match.group("current") if match.group("own") in {"", name} else ""
        current = told or found
        write = f"{name}=~{current.rpartition('-r')[0]}" if current else None
        parts = [self._say("pin", write=write or f"{name}=~X.Y")]
        if told:
            parts.insert(0, self._say("pin-found", name=name, version=told))
        elif found is not None:
            parts.insert(0, self._say("pin-now", release=self._releases.release, version=found))
        need = f"{name}{match.group('op')}{match.group('version')}"
        return Answer("none", need, advice=" ".join(parts), pin=write)


def _soname_spellings(name: str) -> Iterator[str]:
    """The sonames that a name handed to ``dlopen`` may mean: ``gobject-2.0-0``, ``pango-1.0``, ``cairo``, ``libfoo``."""
    if ".so" in name:
        yield name
        return
    base = name if name.startswith("lib") else f"lib{name}"
    match = re.match(r"(.*)-(\d+)$", base)
    if match is not None:
        yield f"{match[1]}.so.{match[2]}"
        yield f"{match[1]}.so.*"
    yield f"{base}.so.*"
    yield f"{_VERSION_TAIL.sub('', base)}.so.*"


def _is_extension(rest: str) -> bool:
    """Whether what follows a distribution's name is an extension module: those have a name that begins with ``_``."""
    return rest.rpartition(".")[2].startswith("_") and not rest.endswith("__")


def _stems(word: str) -> Iterator[str]:
    """Names under which pkg-config or aports may know a library that is called ``word``."""
    lower = word.lower()
    bare, plain = lower.removeprefix("lib"), re.sub(r"[-_]c$", "", lower)
    stems = dict.fromkeys((lower, f"lib{lower}", bare, plain, _VERSION_TAIL.sub("", lower)))
    yield from (stem for stem in stems if len(stem) > 2)


def _is_header(name: str, path: str) -> bool:
    """False for what else a program may not find: a source file of its own."""
    if re.search(r"\.(?:h|hh|hpp|hxx|inc|ipp)$", name):
        return True
    return bool(path) and "." not in name.rpartition("/")[2]
