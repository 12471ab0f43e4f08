"""Goes over a log once and keeps what a diagnosis needs: matches, steps, distributions, packages, the release.

Memory is bounded: of each kind only so many are kept, the first ones (a log that repeats itself says nothing new).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from msgspec import Struct, field

from dockerlint_alpine.diagnose.patterns import Match, PatternSet, System
from dockerlint_alpine.diagnose.reading import Line, Source, interesting_lines
from dockerlint_alpine.diagnose.steps import (
    STEP_LITERALS,
    FailedCommand,
    Step,
    read_failure,
    read_marked_line,
    read_step,
)
from dockerlint_alpine.diagnose.wrappers import Unwrapped, unwrap
from dockerlint_alpine.installers.registry import is_installer
from dockerlint_alpine.python.model import normalise
from dockerlint_alpine.system.patterns import lazy_pattern

MOST_HITS = 2000
"""Different matches that are kept; more are echoes of each other."""

MOST_MARKS = 4000
MOST_IMAGES = 20
LONGEST_QUOTE = 300

_CONTEXT = (
    b"Collecting ", b"Building wheel", b"ownloading ", b"setup.py install for ", b"pip install ", b"pip3 install ",
    b") Installing ", b"apk add", b"apk --", b"Failed to build", b"Failed building", b"uild wheels for",
    b"pyproject.toml) did not run", b"failed with error code", b"likely not a problem with", b"for `", b"- Installing ",
    b"wheels for some", b'", line ', b"of the above exception", b"of the following exception", b"Traceback (most recent",
    "• Installing ".encode(), "╰─> ".encode(),
)  # fmt: skip
"""What tells which distribution is built, and what is installed."""

_SAMPLED = (
    b"/include/python", b"bin/python", b"/lib/python", b"alpine", b"/pip-", b"APKINDEX", b"docker run ", b"podman run ",
    b"linux-aarch64", b"linux-arm", b"linux/arm", b"musllinux", b"Using CPython", b"running build_ext", b"gyp ERR!",
)  # fmt: skip
"""What a long log says over and over: a few lines in each block are enough."""

_NAME = r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?"
_SHORT = r"[A-Za-z0-9][\w.-]*?"
"""A name that ends where what follows it in a pattern begins."""

_STARTED = tuple(
    lazy_pattern(pattern)
    for pattern in (
        rf"\bCollecting (?P<name>{_NAME})(?:\[[^\]]*\])?(?:[=<>~!]=? ?(?P<version>[\w.]+))?",
        rf"\bBuilding wheel for (?P<name>{_NAME}) \(",
        rf"\b[Rr]unning setup\.py (?:install|bdist_wheel) for (?P<name>{_NAME})",
        rf"\bDownloading (?:\S*/)?(?P<name>{_SHORT})-(?P<version>\d[\w.]*?)\.(?:tar\.gz|zip|tar\.bz2)",
        rf"\b(?:Installing|Building) (?P<name>{_NAME}) ?(?:\(|==)(?P<version>\d[\w.]*)\)?",
        rf"\bpip3? install (?:--?[\w-]+(?:[= ](?!\w+==)\S+)? )*(?P<name>{_NAME})==(?P<version>\d[\w.]*)",
        r"\bpip3? install (?:--[\w-]+(?:=\S+)? )*(?P<name>[A-Za-z][\w.-]+)(?:\s|;|$|'|\")",
    )
)
_FAILED = tuple(
    lazy_pattern(pattern)
    for pattern in (
        rf"Failed building wheel for (?P<name>{_NAME})",
        rf"Building wheel for (?P<name>{_NAME}) \([^)]*\) did not run successfully",
        rf"Failed to (?:download and )?build:? [`'\"]?(?P<name>{_SHORT})(?:[=@]=?(?P<version>\d[\w.]*))?[`'\"]?(?:$|\s*$)",
        rf"Could not build wheels for (?P<name>{_NAME})[,\s]",
        rf"failed with error code \d+ in \S*/(?P<name>{_SHORT})(?:_[0-9a-f]{{32}})?/?$",
        rf"not a problem with (?:poetry|pip) but with (?P<name>{_NAME}) \((?P<version>\d[\w.]*)",
        rf"provides \"[^\"]+\" for `(?P<name>{_NAME})@(?P<version>[\w.]+)`",
        rf"An error occurred while installing (?P<name>{_NAME})(?:==(?P<version>[\w.]+))?",
        rf"(?:Installing|Updating) (?P<name>{_NAME}) \((?P<version>\d[\w.]*)\):? (?:Failed|failed)",
        rf"pyproject\.toml based projects \((?P<name>{_NAME})\)",
        rf"^\s*╰─> (?P<name>{_NAME})$",
    )
)
PIP_FOLDER = lazy_pattern(
    rf"/pip-(?:install|build|req-build|wheel|modern-metadata)-\w+/(?P<name>{_SHORT})(?:_[0-9a-f]{{32}})?(?:/|['\"\s]|$)"
)
_SITE_PACKAGES = lazy_pattern(r"(?:site|dist)-packages/(?P<module>[A-Za-z_]\w*)(?:/|[\w.-]*\.so)")
_INSTALLED = lazy_pattern(r"\(\s*\d+/\d+\) Installing (?P<name>[\w.+-]+) \((?P<version>[^)]+)\)")
_APK_ADD = lazy_pattern(r"\bapk (?:-\S+ )*(?:update && apk (?:-\S+ )*)?add (?P<rest>[^&|;]*)")
_RELEASE = lazy_pattern(r"/alpine/v(?P<release>3\.\d+)/(?:main|community)|\bAlpine(?: Linux)? v?(?P<release2>3\.\d+)\b")
_EDGE = lazy_pattern(r"/alpine/edge/main")
_IMAGE = lazy_pattern(r"(?:^|[\s('\"`])(?P<image>[\w./-]+:[\w.-]*)(?=[\s'\"`@),]|$)")
_PYTHON = lazy_pattern(
    r"(?P<prefix>/usr/local|/usr)/include/python(?P<version>\d\.\d+)m?"
    r"|(?P<prefix2>/usr/local|/usr)/bin/python(?:(?P<version2>\d\.\d+)|\d)?\b"
)
_PYTHON_NAMED = lazy_pattern(
    r"/lib/python(\d\.\d+)/|\bUsing CPython (\d\.\d+)|configured Python interpreter version \((\d\.\d+)\)"
)
_BUILDING = lazy_pattern(
    r"\bCollecting [A-Za-z]|\bBuilding wheels? |[Rr]unning setup\.py|ailed (?:to build|building wheel)|running build_ext"
    r"|\b(?:gcc|cc|c\+\+|g\+\+|clang) .*-c |\[end of output\]|subprocess-exited-with-error|gyp ERR!|/node-gyp/"
    r"|^\s*--> RUN |\bnpm (?:ERR!|error)|ChefBuildError|build backend|Compiling \w[\w-]* v\d"
)
"""What installers and compilers print at work."""

_ARCH = lazy_pattern(
    r"/(?:main|community)/(?P<index>\w+)/APKINDEX|\b(?P<triple>x86_64|aarch64|armv[67]\w*|i[3-6]86|ppc64le|s390x|riscv64)"
    r"-(?:alpine-)?linux|[-_.]linux-(?P<built>x86_64|aarch64|armv[67]l|i686|ppc64le|s390x|riscv64)\b"
    r"|musllinux_\d_\d_(?P<tag>\w+?)\.whl|\blinux/(?P<platform>amd64|arm64(?:/v8)?|arm/v[67]|386|ppc64le|s390x|riscv64)\b"
)
_ARCHES = {
    "amd64": "x86_64", "arm64": "aarch64", "arm64/v8": "aarch64", "arm/v7": "armv7", "arm/v6": "armhf", "386": "x86",
    "armv7l": "armv7", "armv6l": "armhf", "i686": "x86", "i586": "x86", "i386": "x86", "armv7": "armv7",
}  # fmt: skip
_CANDIDATE = lazy_pattern(r"^\s*(?P<name>[a-z0-9][\w.+-]*?)-(?P<version>\d[\w.]*-r\d+):\s*$")
"""What apk says that it has, above the reasons why it can't take it."""

_BUILDERS = frozenset({"setuptools", "build", "pyproject_hooks", "wheel"})
_SUCCESS_LITERALS = (
    b" DONE ", b"exporting to image", b"naming to ", b"writing image sha256", b"Successfully built ",
    b"Successfully tagged ", b"COMMIT ", b"Pushed ", b"pushing manifest",
)  # fmt: skip
_SUCCEEDED = lazy_pattern(
    r"exporting to image|naming to \S|writing image sha256:|Successfully built [0-9a-f]{8,64}\s*$"
    r"|Successfully tagged \S|COMMIT \S|Pushed \S+@sha256:|pushing manifest for "
)
"""An engine's last words on a build that went well; podman's COMMIT and Kaniko's Pushed among them."""

_NO_DISTRIBUTIONS = frozenset({
    "r", "requirements", "pip", "the", "for", "some", "a", "installable", "one", "or", "wheel", "wheels", "build",
    "package", "packages", "dependencies", "upgrade", "editable", "project", "setuptools", "metadata", "does", "and",
    "an", "is", "to", "on", "in", "with", "without", "it", "this", "shows", "fails", "image",
})  # fmt: skip


def _builds(module: str) -> bool:
    """Whether a module in a traceback is the installer or a build tool, not what is being built."""
    return module in _BUILDERS or is_installer(module)


class Hit(Struct, frozen=True):
    """A match in the log: its 1-based line, the line without wrappers, and the step it belongs to."""

    match: Match
    line: int
    quote: str
    step: Step | None
    traceback: str | None
    """The last module of Python that a traceback above named."""
    running: bool = False
    """Whether the line's own marks say that a container or service runs."""
    chained: bool = False
    """Whether a traceback above says that the line's exception came of another one."""


class Mark(Struct, frozen=True):
    """A line that names a distribution: its build starts (or goes on) or has failed."""

    name: str
    version: str | None
    line: int
    failed: bool
    step: Step | None


class Sign(Struct, frozen=True):
    """A line that tells which system it comes from: its 1-based number, and its text without wrappers."""

    system: System
    line: int
    quote: str
    step: Step | None


class Scan(Struct):
    """What one pass over a log has found, and the patterns it was read with.

    ``done`` are the steps that the engine says have ended well, ``succeeded`` is the last line that says so of a whole
    build (0: none) and ``settled`` how many of the hits are above it, ``building`` the first line that shows something
    being installed or compiled (0: none). ``arch`` is the processor in Alpine's words, ``node_gyp`` true where node-gyp
    compiles. ``release`` is the first that the log names, ``image`` its first base image; ``bases`` has the base image
    of each step, ``releases`` what is fetched in each stage (see :meth:`stage_of`), ``run`` what ``docker run`` is given.
    """

    patterns: PatternSet
    hits: list[Hit] = field(default_factory=list)
    done: set[Step] = field(default_factory=set)
    succeeded: int = 0
    settled: int = 0
    building: int = 0
    node_gyp: bool = False
    arch: str | None = None
    marks: list[Mark] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    failures: list[FailedCommand] = field(default_factory=list)
    marked_lines: list[int] = field(default_factory=list)
    installed: dict[str, None] = field(default_factory=dict)
    asked_for: dict[str, None] = field(default_factory=dict)
    release: str | None = None
    image: str | None = None
    python_home: str | None = None
    python: str | None = None
    signs: list[Sign] = field(default_factory=list)
    bases: dict[Step, str] = field(default_factory=dict)
    releases: dict[tuple[str | None, str | None], str] = field(default_factory=dict)
    run: dict[str, None] = field(default_factory=dict)

    def version_of(self, name: str) -> str | None:
        """The version of a distribution, where the log tells it."""
        wanted = normalise(name)
        return next((mark.version for mark in self.marks if mark.version and normalise(mark.name) == wanted), None)

    def stage_of(self, step: Step | None) -> tuple[str | None, str | None]:
        """What tells one stage from another: its name as the log has it, and its base image."""
        return (None, None) if step is None else (step.stage, self.bases.get(step))


def scan(source: Source, patterns: PatternSet, progress: Callable[[int], object] | None = None) -> Scan:
    """Read a log from an open binary file; ``progress`` is told the bytes read so far."""
    literals = tuple(dict.fromkeys((*patterns.literals, *STEP_LITERALS, *_SUCCESS_LITERALS, *_CONTEXT)))
    walk = _Walk(patterns)
    for line in interesting_lines(source, literals, (*_SAMPLED, *patterns.signs), progress):
        walk.read(line)
    return walk.found


class _Walk:
    """The pass: remembers the step that each line belongs to."""

    def __init__(self, patterns: PatternSet) -> None:
        self.found = Scan(patterns)
        self._patterns = patterns
        self._vertices: dict[str, Step] = {}
        self._known: dict[tuple[str, int | None], Step] = {}
        self._bases = _Bases()
        self._step: Step | None = None
        self._module: str | None = None
        self._said: set[tuple[object, ...]] = set()
        self._chain = _Chain()

    def read(self, line: Line) -> None:
        unwrapped = unwrap(line.text)
        text = unwrapped.text
        step = read_step(unwrapped, line.number)
        if step is not None:
            self._begin(step, unwrapped)
        failure = read_failure(unwrapped, line.number)
        if failure is not None:
            self.found.failures.append(failure)
        self._chain.read(text)
        marked = read_marked_line(unwrapped)
        if marked is not None:
            self.found.marked_lines.append(marked)
        here = self._vertices.get(unwrapped.vertex, self._step) if unwrapped.vertex else self._step
        self._read_context(text, line.number, here)
        self._read_success(text, line.number, here)
        # A step's own line holds the command, not what it said.
        if step is None:
            self._read_signs(text, line.number, here)
            if len(self.found.hits) < MOST_HITS:
                self._read_patterns(unwrapped, line, here)

    def _read_signs(self, text: str, number: int, step: Step | None) -> None:
        """Keep the first sign of each system in each step."""
        for system in self._patterns.systems:
            key = ("system", system.name, system.doubt, step)
            if key not in self._said and len(self.found.signs) < MOST_MARKS and system.fits(text):
                self._said.add(key)
                self.found.signs.append(Sign(system, number, text.strip()[:LONGEST_QUOTE], step))

    def _read_success(self, text: str, number: int, step: Step | None) -> None:
        if text.startswith("DONE ") and step is not None:
            self.found.done.add(step)
        elif _SUCCEEDED.match(text.lstrip()):
            self.found.succeeded = number
            self.found.settled = len(self.found.hits)

    def _read_patterns(self, unwrapped: Unwrapped, line: Line, step: Step | None) -> None:
        """Keep the first of all matches that say the same in the same step."""
        match = self._patterns.read(unwrapped.text, line.literals)
        if match is None:
            return
        key = (match.pattern.id, *match.groups.values(), step)
        if key in self._said:
            return
        self._said.add(key)
        if match.pattern.lookup == "pin":
            candidate = _CANDIDATE.match(unwrap(line.above()).text)
            if candidate is not None and candidate["name"] == match.name:
                match = Match(match.pattern, {**match.groups, "current": candidate["version"]})
        quote = unwrapped.text.strip()[:LONGEST_QUOTE]
        chained = self._chain.follows
        self.found.hits.append(Hit(match, line.number, quote, step, self._module, unwrapped.running, chained))

    def _begin(self, step: Step, line: Unwrapped) -> None:
        if line.vertex is not None:
            # A second build in the same log counts its vertices anew.
            before = self._vertices.get(line.vertex)
            step = before if before is not None and before.text == step.text else step
            self._vertices[line.vertex] = step
        elif step.engine == "docker" and self._step is not None and step.number == (self._step.number or 0) + 1:
            self.found.done.add(self._step)
        key = (step.text, step.number)
        self._step = self._known.get(key, step)
        if key not in self._known and len(self._known) < MOST_MARKS:
            self._known[key] = step
            self.found.steps.append(step)
        image = self._bases.image(self._step)
        if image is not None and len(self.found.bases) < MOST_MARKS:
            self.found.bases.setdefault(self._step, image)
        if step.keyword == "FROM" and self.found.image is None:
            self.found.image = image

    def _read_context(self, text: str, number: int, step: Step | None) -> None:
        self._read_marks(text, number, step)
        if not self.found.building and (step is not None or _BUILDING.search(text) is not None):
            self.found.building = number
        self.found.node_gyp = self.found.node_gyp or "/node-gyp/" in text
        module = _SITE_PACKAGES.search(text)
        if module is not None and text.lstrip().startswith("File ") and not _builds(module["module"]):
            self._module = module["module"]
        if self.found.arch is None:
            self.found.arch = _arch(text)
        for found in _INSTALLED.finditer(text):
            self.found.installed[found["name"]] = None
        for found in _APK_ADD.finditer(text):
            words = found["rest"].replace("\\", " ").split()
            self.found.asked_for.update(dict.fromkeys(word for word in words if re.match(r"[a-z][\w.+-]*$", word)))
        self._read_release(text, step)
        python = _PYTHON.search(text)
        if python is not None:
            self.found.python_home = python["prefix"] or (self.found.python_home or python["prefix2"])
            self.found.python = python["version"] or self.found.python or python["version2"]
        if self.found.python is None:
            named = _PYTHON_NAMED.search(text)
            if named is not None:
                self.found.python = next(value for value in named.groups() if value is not None)

    def _read_release(self, text: str, step: Step | None) -> None:
        found = _RELEASE.search(text)
        release = None
        if found is not None:
            release = found["release"] or found["release2"]
        elif _EDGE.search(text) and "fetch" in text:
            release = "edge"
        if release is not None:
            self.found.release = self.found.release or release
            if len(self.found.releases) < MOST_MARKS:
                self.found.releases.setdefault(self.found.stage_of(step), release)
        if ("docker run " in text or "podman run " in text) and len(self.found.run) < MOST_IMAGES:
            self.found.run.update((image["image"], None) for image in _IMAGE.finditer(text))
        if self.found.image is None and "alpine" in text:
            image = _IMAGE.search(text)
            if image is not None and "alpine" in image["image"]:
                self.found.image = image["image"]

    def _read_marks(self, text: str, number: int, step: Step | None) -> None:
        if _INSTALLED.search(text) is not None:
            return  # apk's packages, which are no distributions
        for failed, patterns in ((True, _FAILED), (False, (*_STARTED, PIP_FOLDER))):
            for pattern in patterns:
                match = pattern.search(text)
                if match is not None and match["name"].lower() not in _NO_DISTRIBUTIONS:
                    self._mark(match, number, failed=failed, step=step)
                    return

    def _mark(self, match: re.Match[str], number: int, *, failed: bool, step: Step | None) -> None:
        version = match.groupdict().get("version")
        if len(self.found.marks) < MOST_MARKS:
            self.found.marks.append(Mark(match["name"], version, number, failed, step))


class _Chain:
    """Whether the traceback that is being read came of an exception above it, as Python says between the two."""

    def __init__(self) -> None:
        self.follows = False
        self._announced = False

    def read(self, text: str) -> None:
        if "During handling of the above exception" in text or "direct cause of the following exception" in text:
            self._announced = True
        elif "Traceback (most recent call last)" in text:
            self.follows, self._announced = self._announced, False


def _arch(text: str) -> str | None:
    """The processor that a line names, in Alpine's words."""
    found = _ARCH.search(text)
    if found is None:
        return None
    name = next(value for value in found.groups() if value is not None)
    return _ARCHES.get(name, name)


class _Bases:
    """Tells the base image of each step from the FROM above it: BuildKit names its stage, classic Docker the last."""

    def __init__(self) -> None:
        self._images: dict[str | None, str | None] = {}
        self._named: dict[str, str] = {}

    def image(self, step: Step) -> str | None:
        """Return the base image of a step; steps are given in the order of the log. ``None`` where it is not known."""
        if step.keyword == "FROM":
            self._begin(step)
        return self._images.get(step.stage)

    def _begin(self, step: Step) -> None:
        words = [word for word in step.text.split()[1:] if not word.startswith("--")]
        image = self._named.get(words[0].lower(), words[0]) if words else None
        if image is not None and len(words) > 2 and words[1].upper() == "AS":
            self._named[words[2].lower()] = image
        known = self._images.get(step.stage, image)
        # Two services of a compose file may have stages of one name; which of them a later step is of is not told.
        self._images[step.stage] = image if known == image or step.engine == "docker" else None
