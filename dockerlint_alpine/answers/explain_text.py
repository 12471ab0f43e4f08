"""The answers of :mod:`dockerlint_alpine.answers.explain` as text for a person."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

_LINKAGE = {
    "always": "linked always: without it the build fails",
    "system-if-present": "linked if it is installed",
    "bundled": "always the bundled copy",
    "dlopen": "opened at run time",
}
_DETECT = {
    "pkg-config": "pkg-config finds it",
    "tool": "its config tool is installed",
    "header": "its headers are installed",
    "linker": "the linker finds it",
}
_RUNTIME = {"dlopen": "opens", "program": "starts", "data": "reads"}


def _plain(text: str) -> str:
    return text


def render(answer: dict[str, Any], *, width: int = 100, bold: Callable[[str], str] = _plain) -> str:
    """Return the answer as text of at most ``width`` columns where words allow; ``bold`` marks headings.

    A topic that is several things at once is told as its first kind, with a line on how to ask for the others.
    """
    page = _Page(width, bold)
    if answer["kind"] == "code":
        page.heading(f"{answer['code']} {answer['name']}", answer["severity"])
        page.lines.append(answer["page"])
        return page.text()
    if answer["kind"] == "distribution":
        _distribution(page, answer["distribution"])
    elif answer["kind"] == "library":
        _library(page, answer["library"])
    elif answer["kind"] == "pure":
        _pure(page, answer["pure"])
    else:
        _package(page, answer["package"])
    _others(page, answer)
    return page.text()


class _Page:
    """Lines of text under construction."""

    def __init__(self, width: int, bold: Callable[[str], str]) -> None:
        self.width = width
        self.bold = bold
        self.lines: list[str] = []

    def heading(self, title: str, *words: str, url: str = "") -> None:
        self.lines.append(" - ".join([self.bold(title), *(word for word in words if word)]))
        self.lines += [f"  {url}", ""] if url else [""]

    def section(self, title: str) -> None:
        self.lines += ["", self.bold(title)]

    def paragraph(self, text: str, indent: str = "  ", hang: str | None = None) -> None:
        after = indent if hang is None else hang
        self.lines += textwrap.wrap(
            text,
            self.width,
            initial_indent=indent,
            subsequent_indent=after,
            break_long_words=False,
            break_on_hyphens=False,
        )

    def items(self, texts: Iterable[str]) -> None:
        for text in dict.fromkeys(texts):
            self.paragraph(text, "  - ", "    ")

    def labelled(self, label: str, text: str, size: int = 12) -> None:
        size = max(size, len(label) + 2)
        self.paragraph(f"{label:<{size}}{text}", "  ", " " * (size + 2))

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def _distribution(page: _Page, entry: dict[str, Any]) -> None:
    page.heading(entry["name"], "Python distribution", entry["summary"], url=entry["url"])
    if entry["imports"]:
        page.labelled("imports", ", ".join(entry["imports"]))
    page.labelled("wheels", wheels_sentence(entry["wheels"]))
    for item in entry["impossible"]:
        versions = "" if item["versions"] == "all" else f" ({item['versions']})"
        page.labelled("on Alpine", f"no package helps{versions}: {sentence(item['reason'])} {sentence(item['advice'])}")
    if entry["note"]:
        page.labelled("note", entry["note"])
    _dockerfile(page, entry)
    for build in entry["builds"]:
        _build(page, build)
    if entry["limits"]:
        page.section("What can compile it")
        for limit in entry["limits"]:
            page.paragraph(f"{limit['versions']}: {limit['takes']} ({limit['evidence'][0]})", "  - ", "    ")
    if entry["runtime"]:
        page.section("At run time")
        for need in entry["runtime"]:
            page.paragraph(runtime_sentence(need), "  - ", "    ")
    _release_table(page, entry["releases"])
    _evidence(page, entry)


def _pure(page: _Page, entry: dict[str, Any]) -> None:
    page.heading(entry["name"], "Python distribution", "pure Python: it needs no apk package")
    if entry["wheels"]["verdict"] == "any":
        page.labelled("wheels", wheels_sentence(entry["wheels"]))
    for system, key in (("Alpine", "apk"), ("Debian", "deb")):
        if (package := entry[key]) is not None:
            release = package[system.lower()]
            page.labelled(system, f"nothing in {package['name']} {package['version']} ({release}) is compiled")
            if entry["brings"]:
                page.labelled(
                    "may bring", f"{', '.join(entry['brings'])} ({system}'s package depends on it; pip may not)"
                )


def sentence(text: str) -> str:
    """Close a sentence that a rule leaves open."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def wheels_sentence(facts: dict[str, Any]) -> str:
    """Say in one line whether pip finds a wheel that musl can load."""
    if facts["verdict"] == "unknown":
        return "not recorded here; `alpine-doctor check --online` queries the index"
    day = f"as of {facts['as-of']}"
    if facts["verdict"] == "any":
        return f"pure Python ones since {facts['since']}, newest {facts['newest']} ({day}): nothing is compiled"
    if facts["verdict"] == "musl":
        pythons = _spans(facts["pythons"])
        where = f"CPython {pythons} on {', '.join(facts['arches'])}"
        return f"for musl since {facts['since']}; newest {facts['newest']} for {where} ({day})"
    why = "Linux ones are for glibc only" if facts["verdict"] == "glibc" else "none for Linux"
    last = f"; the last release with one for musl is {facts['last-with']}" if "last-with" in facts else ""
    return f"none for musl ({why}; newest {facts['newest']}, {day}): pip compiles it{last}"


def _spans(names: Sequence[str]) -> str:
    """``3.9, 3.10, 3.11`` -> ``3.9-3.11``; what does not follow on stays alone."""
    spans: list[list[str]] = []
    stable = [name for name in names if name.endswith("+")]
    for name in names:
        if name in stable[1:]:
            continue
        number = name.removeprefix("3.")
        if spans and number.isdigit() and spans[-1][-1].removeprefix("3.") == str(int(number) - 1):
            spans[-1].append(name)
        elif number.isdigit() or "t" not in number:
            spans.append([name])
    return ", ".join(span[0] if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans) or "3"


def _dockerfile(page: _Page, entry: dict[str, Any]) -> None:
    lines = entry["dockerfile"]
    if not (lines.get("build") or lines.get("run") or lines["options"]):
        return
    wheel = entry["wheels"]["verdict"] == "musl"
    page.section(f"In a Dockerfile, Alpine {entry['alpine']}{', when no wheel fits' if wheel else ''}")
    for moment, why in (("build", "where pip compiles it"), ("run", "where it runs")):
        if moment in lines:
            page.lines += [f"  # {why}", f"  {lines[moment]}"]
    for option in lines["options"]:
        purpose = (
            f"for {option['for']}" if option["for"] else f"to link {option['library']} instead of the bundled copy"
        )
        build, run = " ".join(option["build"]), " ".join(option["run"])
        where = f"{build} where it is compiled" if build else ""
        where += f"{', ' if where and run else ''}{run} where it runs" if run else ""
        if where:
            page.paragraph(f"# {purpose}: {where}", "  ", "  #   ")


def _build(page: _Page, build: dict[str, Any]) -> None:
    versions = "" if build["versions"] == "all" else f" ({build['versions']})"
    language = ", ".join(build["language"]) or "nothing native"
    page.section(f"When pip compiles it{versions}: {language}")
    if build["needs"]:
        page.labelled("needs", ", ".join(_with_minimum(need, build["minimum"]) for need in build["needs"]))
    if build["optional-extension"]:
        page.labelled("else", "without a compiler it is installed as pure Python")
    if build["fetches"]:
        page.labelled(
            "else", f"if they are missing, the build downloads {', '.join(build['fetches'])} (Python 3.9, libgcc)"
        )
    if build["requires"]:
        page.labelled(
            "before", f"the build requires {', '.join(build['requires'])}, which is compiled if no wheel fits"
        )
    for switch in build["switches"]:
        page.labelled("switch", switch)
    for link in build["libraries"]:
        page.labelled(link["library"], link_sentence(link))
    if build["note"]:
        page.labelled("note", build["note"])


def _with_minimum(need: str, minimum: dict[str, str]) -> str:
    return f"{need} >= {minimum[need]}" if need in minimum else need


def link_sentence(link: dict[str, Any]) -> str:
    """Say what a build does with one library, and which packages that means."""
    parts = [_LINKAGE[link["linkage"]]]
    if link["linkage"] == "system-if-present":
        how = " or ".join(_DETECT[name] for name in link["detect"])
        version = f" (>= {link['minimum']})" if link["minimum"] else ""
        otherwise = f"{link['optional']} is off" if link["optional"] else "its own copy is compiled"
        otherwise = "the build fails" if link["required"] else otherwise
        parts = [f"linked when {how}{version}, otherwise {otherwise}"]
    elif link["optional"]:
        parts = [f"linked for {link['optional']}"]
    packages = []
    if link["build-package"] and link["linkage"] in {"always", "system-if-present"}:
        packages.append(f"build {link['build-package']}")
    if link["runtime-packages"]:
        packages.append(f"run {' '.join(link['runtime-packages'])}")
    parts += ["; ".join(packages)] if packages else []
    parts += link["switches"]
    return "; ".join(parts)


def runtime_sentence(need: dict[str, Any]) -> str:
    """Say what Python code opens or starts, and the package that has it."""
    names = " or ".join(need["any"][:4]) + (" or ..." if len(need["any"]) > 4 else "")
    text = f"{_RUNTIME[need['kind']]} {names}"
    text += f" for {need['feature']}" if need["feature"] else ""
    text += f", with the extra [{need['extra']}]" if need["extra"] else ""
    text += f" (versions {need['versions']})" if need["versions"] != "all" else ""
    text += f": {need['package']}" if need["package"] else ": no package in this release"
    if need["also"]:
        text += f"; found by ctypes.util.find_library, which on musl also needs {' '.join(need['also'])}"
    return text


def _release_table(page: _Page, rows: Sequence[dict[str, Any]]) -> None:
    """Print package names by release, releases with the same names on one line."""
    if not any(row["build"] or row["run"] for row in rows):
        return
    page.section("Packages by Alpine release")
    for releases, row in grouped(rows):
        build, run = _names(row["build"]), _names(row["run"])
        page.labelled(releases, f"build: {build}" if row["build"] else "build: -", 14)
        page.labelled("", f"run:   {run}" if row["run"] else "run:   -", 14)
    if not all(row["exact"] for row in rows):
        inexact = ", ".join(row["alpine"] for row in rows if not row["exact"])
        page.paragraph(
            f"(no index of {inexact} is embedded in full: a neighbouring release's, or APKBUILDs, are used instead)"
        )


def _names(value: str | Sequence[str] | None) -> str:
    return value if isinstance(value, str) else " ".join(value or ())


def grouped(rows: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Join releases that follow each other and say the same: ``3.12-3.16``."""
    groups: list[tuple[list[str], dict[str, Any]]] = []
    for row in rows:
        if groups and (groups[-1][1]["build"], groups[-1][1]["run"]) == (row["build"], row["run"]):
            groups[-1][0].append(row["alpine"])
        else:
            groups.append(([row["alpine"]], row))
    return [(names[0] if len(names) == 1 else f"{names[0]}-{names[-1]}", row) for names, row in groups]


def _evidence(page: _Page, entry: dict[str, Any]) -> None:
    facts = list(entry["evidence"])
    for part in (*entry["builds"], *entry["runtime"], *entry["impossible"]):
        facts += part["evidence"]
    for build in entry["builds"]:
        facts += [fact for link in build["libraries"] for fact in link["evidence"]]
    page.section("Evidence")
    if entry["confidence"] == "packaging":
        page.paragraph("according to packagers; this project has not read the sdist yet", "  ! ", "    ")
    page.items([*entry["proof"], *facts])
    if entry["apk"] is not None and entry["apk"]["differs"]:
        page.items([f"Alpine's own {entry['apk']['name']} differs: {entry['apk']['differs']}"])
    page.paragraph(f"({entry['source']})")


def _library(page: _Page, entry: dict[str, Any]) -> None:
    page.heading(entry["name"], "native library", entry["summary"], url=entry["url"])
    for key in ("sonames", "pkg-config", "tools", "headers"):
        if entry[key]:
            page.labelled(key, ", ".join(entry[key]))
    for key in ("static", "note"):
        if entry[key]:
            page.labelled(key, entry[key])
    if entry["dockerfile"]:
        page.section(f"In a Dockerfile, Alpine {entry['alpine']}")
        for moment, why in (("build", "where something is compiled against it"), ("run", "where that runs")):
            if moment in entry["dockerfile"]:
                page.lines += [f"  # {why}", f"  {entry['dockerfile'][moment]}"]
    if entry["users"]:
        page.section("Who needs it")
        for label, names in users_by_need(entry["users"]):
            page.paragraph(f"{label}: {', '.join(names)}", "  ", "    ")
    page.section("Packages by Alpine release")
    for releases, row in grouped(entry["releases"]):
        page.labelled(releases, f"build {row['build'] or '-':<28} run {row['run'] or '-'}", 14)
    page.section("Evidence")
    page.items(entry["evidence"])
    page.paragraph(f"({entry['source']})")


def users_by_need(users: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Group a library's users by what it is to them."""
    groups: dict[str, list[str]] = {
        "require it to build": [],
        "link it if it is installed": [],
        "open it at run time": [],
        "bundle their own copy": [],
    }
    for user in users:
        if user["linkage"] == "bundled":
            groups["bundle their own copy"].append(user["name"])
        elif user["linkage"] == "dlopen":
            groups["open it at run time"].append(user["name"])
        else:
            label = "require it to build" if user["required"] else "link it if it is installed"
            groups[label].append(user["name"])
    return [(label, names) for label, names in groups.items() if names]


def _package(page: _Page, entry: dict[str, Any]) -> None:
    page.heading(entry["name"], "apk package", f"built from {entry['origin']}" if entry["origin"] else "")
    for item in entry["libraries"]:
        role = "headers of" if item["role"] == "build" else "run-time objects of"
        page.labelled("what", f"{role} {item['library']}: {item['summary']}")
        if item["users"]:
            page.labelled("who", ", ".join(item["users"]))
    if entry["gone"]:
        page.labelled("gone", f"no release after {entry['newest']} has it")
    page.section("In Alpine")
    for row in entry["releases"]:
        page.labelled(
            row["alpine"], f"{row['version']} ({row['repository']}{'' if row['exact'] else ', by a stand-in'})", 6
        )
    if entry["provides"]:
        page.section("Provides")
        page.paragraph("  ".join(entry["provides"]))
    if entry["depends"]:
        page.section("Depends on")
        page.paragraph("  ".join(entry["depends"]))


def _others(page: _Page, answer: dict[str, Any]) -> None:
    """Tell how to ask for the other things that have the same name."""
    ways = []
    if answer["kind"] != "library" and "library" in answer:
        library = answer["library"]
        topic = next(iter(library["sonames"]), "").replace(".*", "") or next(iter(library["pkg-config"]), "")
        prefix = "" if library["sonames"] else "pc:"
        ways.append(f"`explain {prefix}{topic}` (the native library {library['name']})" if topic else "")
    if answer["kind"] != "package" and "package" in answer:
        package = answer["package"]
        shown = package["releases"][-1]
        ways.append(f"Alpine {shown['alpine']} also has an apk package of this name, {shown['version']}")
    if any(ways):
        page.lines.append("")
        page.paragraph(f"See also: {'; '.join(way for way in ways if way)}", "")
