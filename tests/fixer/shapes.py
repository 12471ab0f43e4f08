"""Dockerfiles as many authors would write them: where a list of packages is kept, how it is laid out, what is around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

BASES = ("python:3.11-alpine3.19", "python:3.12-alpine3.21", "python:3.10-alpine3.17")
BUILD = ("build-base", "gcc", "git", "libffi-dev", "make", "musl-dev", "openssl-dev", "postgresql-dev")
RUN = ("bash", "curl", "jq", "libxslt", "tini", "tzdata")
WANTED = (
    "lz4==4.4.5",
    "psycopg2==2.9.11",
    "python-magic==0.4.27",
    "cryptography==46.0.3",
    "mysqlclient==2.2.7",
)
LAYOUTS = ("inline", "lines", "lines-aligned", "pairs")
HOMES = ("words", "arg", "env", "shell", "heredoc", "json", "file", "none")
DELETIONS = ("none", "virtual", "names")


@dataclass(frozen=True)
class Style:
    """How an author writes a list of packages."""

    eol: str
    indent: str
    layout: str
    tail: str
    sort: bool
    comments: bool
    escape: str

    def members(self, names: list[str], first: str = " ") -> str:
        """The names behind ``apk add``, from the first separator on."""
        listed = sorted(names) if self.sort else names
        if self.layout == "inline":
            return first + " ".join(listed)
        rows = listed if self.layout != "pairs" else [" ".join(listed[i : i + 2]) for i in range(0, len(listed), 2)]
        width = max(map(len, rows)) + 2 if self.layout == "lines-aligned" else 0
        lines = [f"{self.indent}{row}".ljust(width + len(self.indent)) for row in rows]
        note = f"{self.indent}# why we need these{self.eol}" if self.comments else ""
        broken = f"{'' if self.layout == 'lines-aligned' else ' '}{self.escape}{self.eol}"
        return f" {self.escape}{self.eol}{note}{broken.join(lines).rstrip()}"


@dataclass(frozen=True)
class Shape:
    """One file: its bytes, and the other files of its build context."""

    data: bytes
    files: dict[str, bytes] = field(default_factory=dict)


STYLES = st.builds(
    Style,
    eol=st.sampled_from(["\n", "\n", "\r\n"]),
    indent=st.sampled_from(["    ", "\t", "  ", "      ", "\t\t"]),
    layout=st.sampled_from(LAYOUTS),
    tail=st.sampled_from(["", "&& rm -rf /var/cache/apk/*", "; true", "&& echo done"]),
    sort=st.booleans(),
    comments=st.booleans(),
    escape=st.sampled_from(["\\", "\\", "\\", "`"]),
)


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """A builder and what runs, or a single stage, with lists of one style in some place."""
    style, home = draw(STYLES), draw(st.sampled_from(HOMES))
    deletion = draw(st.sampled_from(DELETIONS))
    writer = _Writer(style, home, lower=draw(st.booleans()))
    build = draw(st.lists(st.sampled_from(BUILD), min_size=1, max_size=6, unique=True))
    run = draw(st.lists(st.sampled_from(RUN), min_size=1, max_size=5, unique=True))
    wanted = draw(st.lists(st.sampled_from(WANTED), min_size=1, max_size=3, unique=True))
    base, requirements = draw(st.sampled_from(BASES)), draw(st.booleans())
    blank = draw(st.booleans())
    if draw(st.booleans()):
        writer.two_stages(base, build, run, wanted, requirements=requirements, blank=blank)
    else:
        writer.one_stage(base, build, run, wanted, deletion, blank=blank)
    if draw(st.booleans()):
        writer.lines.append(writer.keyword("CMD") + ' ["python", "-m", "app"]')
    return writer.shape(bom=draw(st.booleans()), final_newline=draw(st.booleans()))


class _Writer:
    def __init__(self, style: Style, home: str, *, lower: bool) -> None:
        self.style, self.home, self.lower = style, home, lower
        self.lines: list[str] = ["# escape=`"] if style.escape == "`" else []
        self.files: dict[str, bytes] = {}
        self.lists = 0

    def keyword(self, word: str) -> str:
        return word.lower() if self.lower else word

    def two_stages(
        self, base: str, build: list[str], run: list[str], wanted: list[str], *, requirements: bool, blank: bool
    ) -> None:
        self.lines.append(f"{self.keyword('FROM')} {base} AS builder")
        self._blank(blank)
        self.packages(build)
        self._blank(blank)
        asked = " ".join(wanted)
        if requirements:
            self.files["requirements.txt"] = "\n".join(["# what we use", *wanted, ""]).encode()
            self.lines.append(f"{self.keyword('COPY')} requirements.txt .")
            asked = "-r requirements.txt"
        self.lines += [f"{self.keyword('RUN')} pip install --prefix=/install {asked}", "", "# what runs"]
        self.lines.append(f"{self.keyword('FROM')} {base}")
        self.lines.append(f"{self.keyword('ENV')} PYTHONUNBUFFERED=1")
        self._blank(blank)
        self.packages(run)
        self._blank(blank)
        self.lines.append(f"{self.keyword('COPY')} --from=builder /install /usr/local")

    def one_stage(
        self, base: str, build: list[str], run: list[str], wanted: list[str], deletion: str, *, blank: bool
    ) -> None:
        self.lines.append(f"{self.keyword('FROM')} {base}")
        self._blank(blank)
        self.packages(run)
        self._blank(blank)
        install = "pip install " + " ".join(wanted)
        virtual = " --virtual .build-deps" if deletion == "virtual" else ""
        listed = sorted(build) if self.style.sort else build
        gone = {"virtual": " && apk del .build-deps", "names": f" && apk del {' '.join(listed)}", "none": ""}[deletion]
        join = f" {self.style.escape}{self.style.eol}{self.style.indent}&& "
        run_word = self.keyword("RUN")
        self.lines.append(f"{run_word} apk add --no-cache{virtual}{self.style.members(build)}{join}{install}{gone}")

    def packages(self, names: list[str]) -> None:
        """The instructions that add ``names``, kept where this author keeps lists."""
        style, run = self.style, self.keyword("RUN")
        self.lists += 1
        listed = sorted(names) if style.sort else names
        tail = f" {style.tail}" if style.tail else ""
        match self.home:
            case "words":
                self.lines.append(f"{run} apk add --no-cache{style.members(names)}{tail}")
            case "arg" | "env":
                name = f"PACKAGES_{self.lists}"
                self.lines.append(f'{self.keyword(self.home.upper())} {name}="{style.members(names, "")}"')
                self.lines.append(f"{run} apk add --no-cache ${name}{tail}")
            case "shell":
                self.lines.append(f"{run} deps='{' '.join(listed)}'; apk add --no-cache $deps{tail}")
            case "heredoc":
                self.lines += [f"{run} <<EOF", "set -e", f"apk add --no-cache {' '.join(listed)}", "EOF"]
            case "json":
                words = ", ".join(f'"{word}"' for word in ["apk", "add", "--no-cache", *listed])
                self.lines.append(f"{run} [{words}]")
            case "file":
                name = f"packages-{self.lists}.txt"
                self.files[name] = style.eol.join(listed).encode() + style.eol.encode()
                self.lines.append(f"{self.keyword('COPY')} {name} /tmp/")
                self.lines.append(f"{run} apk add --no-cache $(cat /tmp/{name}){tail}")

    def shape(self, *, bom: bool, final_newline: bool) -> Shape:
        eol = self.style.eol
        text = eol.join(self.lines) + (eol if final_newline else "")
        return Shape((b"\xef\xbb\xbf" if bom else b"") + text.encode(), self.files)

    def _blank(self, wanted: bool) -> None:
        if wanted:
            self.lines.append("")
