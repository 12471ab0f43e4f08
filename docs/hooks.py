"""Pages that are made from the program itself: finding codes, distributions, libraries, proofs and disagreements.

mkdocs calls :func:`on_files`; nothing generated is written into ``docs/``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.structure.files import File, Files
from pathspec.gitignore import GitIgnoreSpec

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))  # the pages are about this checkout, installed or not

from dockerlint_alpine.answers.explain import World, distribution_facts, library_facts  # noqa: E402
from dockerlint_alpine.answers.explain_text import (  # noqa: E402
    grouped,
    link_sentence,
    runtime_sentence,
    sentence,
    users_by_need,
    wheels_sentence,
)
from dockerlint_alpine.apk import IndexStore  # noqa: E402
from dockerlint_alpine.checks import CHECKS, Check  # noqa: E402
from dockerlint_alpine.knowledge import Knowledge  # noqa: E402
from dockerlint_alpine.knowledge.proofs import Proof  # noqa: E402
from dockerlint_alpine.knowledge.validate import disagreements, judged  # noqa: E402

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

    from dockerlint_alpine.knowledge import Library

RULES = CHECKOUT / "rules"
Pages = Iterator[tuple[str, str]]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    knowledge, store = Knowledge.open(), IndexStore()
    world = World(knowledge, store)
    for pages in (_codes(), _distributions(world), _libraries(world), _proofs(knowledge), _differences(store)):
        for path, text in pages:
            files.append(File.generated(config, path, content=text))
    config.nav = [item for entry in config.nav or () for item in _nav(entry)]
    # Eight hundred entries in every page's menu help nobody: their index pages and the search lead to them.
    config.not_in_nav = GitIgnoreSpec.from_lines(["/distributions/*", "/libraries/*"])
    return files


def _nav(entry: Any) -> Iterator[Any]:
    """Turn a folder of the menu into its pages; the rules' two pages of proof follow the libraries."""
    folder = next(iter(entry.values())) if isinstance(entry, dict) else entry
    if folder == "codes/":
        yield {"Codes": ["codes/index.md", *(f"codes/{check.code}.md" for check in CHECKS)]}
    elif isinstance(folder, str) and folder.endswith("/"):
        yield {next(iter(entry)): f"{folder}index.md"}
        if folder == "libraries/":
            yield from ("proofs.md", "differences.md")
    else:
        yield entry


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; ``|`` in a cell is escaped."""
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [*lines, ""]


def _page(*parts: str | Iterable[str]) -> str:
    lines: list[str] = []
    for part in parts:
        lines += [part] if isinstance(part, str) else part
    return "\n".join(lines) + "\n"


_FAMILIES = {
    "AD0": "Comments",
    "AD1": "While it is built",
    "AD2": "Where it runs",
    "AD3": "Names and versions of packages",
    "AD4": "Too much",
    "AD5": "Wheels, interpreters and toolchains",
    "AD9": "What could not be checked",
}
_FIXES = {
    "safe": "safe: `fix` makes it",
    "safe or shown": "safe where it adds a package or writes a new name, else shown",
    "unsafe": "unsafe: `fix --unsafe-fixes` makes it",
    "unsafe or shown": "unsafe where it takes away what nobody needs, else shown",
    "shown": "shown, never made",
    "none": "none",
}


def _codes() -> Pages:
    lines: list[str] = []
    for family in sorted({check.code[:3] for check in CHECKS}):
        rows = [
            (f"[{check.code}]({check.code}.md)", check.name, check.summary, check.severity, check.fix)
            for check in CHECKS
            if check.code.startswith(family)
        ]
        lines += [f"## {_FAMILIES[family]}", "", *_table(("code", "name", "says", "severity", "fix"), rows)]
    intro = "Codes are stable. The example of every page is executed by the tests, and so is what to use instead."
    yield "codes/index.md", _page("# Codes", "", intro, "", lines)
    for check in CHECKS:
        yield f"codes/{check.code}.md", _code_page(check)


def _code_page(check: Check) -> str:
    facts = (check.severity, _FIXES[check.fix], "yes", check.since)
    return _page(
        f"# {check.code}: {check.name}",
        "",
        sentence(check.summary[0].upper() + check.summary[1:]),
        "",
        _table(("severity", "fix", "works offline", "since"), [facts]),
        # Python-Markdown wants a blank line before a list or a fence; the pages are written for a terminal, too.
        re.sub(r"(?<=[^\n])\n(?=```\w|- )", "\n\n", check.page.strip()),
    )


# -- distributions ----------------------------------------------------------------------------------------------------


def _distributions(world: World) -> Pages:
    rows = []
    for name in world.knowledge.names("distribution"):
        entry = world.knowledge.distribution(name)
        assert entry is not None
        facts = distribution_facts(entry, world)
        build = facts["builds"][0] if facts["builds"] else {"language": [], "libraries": []}
        links = dict.fromkeys(link["library"] for link in build["libraries"] if link["linkage"] != "bundled")
        opened = dict.fromkeys(need["any"][0] for need in facts["runtime"] if not need["feature"])
        wheel = {"musl": "for musl", "any": "pure", "glibc": "not for musl", "none": "none"}
        sure = "proven" if facts["proof"] else "read" if facts["confidence"] == "source" else "packagers"
        rows.append(
            (
                f"[{name}]({name}.md)",
                wheel.get(facts["wheels"]["verdict"], ""),
                ", ".join(build["language"]),
                ", ".join(links),
                ", ".join(f"`{need}`" for need in opened),
                sure,
            )
        )
        yield f"distributions/{name}.md", _distribution_page(facts)
    head = ("distribution", "wheels", "compiled as", "may link", "opens at run time", "known from")
    intro = (
        "What the rules know. *proven*: [built against musl, or its wheel opened](../proofs.md); *read*: somebody read the "
        "sdist; *packagers*: Alpine, Debian or nixpkgs say so."
    )
    yield "distributions/index.md", _page("# Distributions", "", intro, "", _table(head, rows))


def _distribution_page(facts: dict[str, Any]) -> str:
    return _page(
        f"# {facts['name']}",
        "",
        _lead(facts),
        "",
        f"**Wheels:** {wheels_sentence(facts['wheels'])}.",
        "",
        _warnings(facts),
        _dockerfile(facts),
        *(_build(build) for build in facts["builds"]),
        _limits(facts),
        _runtime(facts),
        _releases(facts["releases"]),
        _evidence(facts),
    )


def _lead(facts: dict[str, Any]) -> str:
    words = [sentence(facts["summary"])] if facts["summary"] else []
    words += [f"[{facts['url']}]({facts['url']})"] if facts["url"] else []
    return " ".join(words)


def _warnings(facts: dict[str, Any]) -> Iterator[str]:
    for item in facts["impossible"]:
        versions = "" if item["versions"] == "all" else f" ({item['versions']})"
        yield f'!!! failure "No package helps on Alpine{versions}"'
        yield f"    {sentence(item['reason'])} {sentence(item['advice'])}"
        yield ""
    if facts["note"]:
        yield "!!! note"
        yield f"    {facts['note']}"
        yield ""


def _dockerfile(facts: dict[str, Any]) -> Iterator[str]:
    lines = facts["dockerfile"]
    if "build" in lines or "run" in lines:
        yield f"On Alpine {facts['alpine']}:"
        yield ""
        yield "```dockerfile"
        for moment, why in (("build", "where pip compiles it"), ("run", "where it runs")):
            if moment in lines:
                yield f"# {why}\n{lines[moment]}"
        yield "```"
        yield ""
    rows = [
        (
            option["for"] or f"the system's {option['library']} instead of the bundled copy",
            " ".join(option["build"]) or "-",
            " ".join(option["run"]) or "-",
        )
        for option in lines["options"]
    ]
    if rows:
        yield from _table(("to have", "add where it is compiled", "and where it runs"), rows)


def _build(build: dict[str, Any]) -> Iterator[str]:
    versions = "" if build["versions"] == "all" else f" ({build['versions']})"
    yield f"## When pip compiles it{versions}"
    yield ""
    if build["needs"]:
        yield f"Needs {', '.join(f'`{need}`' for need in build['needs'])}."
    for need, version in build["minimum"].items():
        yield f"`{need}` must be {version} or newer."
    if build["optional-extension"]:
        yield "Without a compiler it is installed in pure Python."
    if build["switches"]:
        yield f"Environment: {'; '.join(build['switches'])}."
    yield ""
    for link in build["libraries"]:
        yield f"- [{link['library']}](../libraries/{link['library']}.md): {link_sentence(link)}"
        if link["note"]:
            yield f"  ({link['note'].rstrip('.')})"
    yield ""
    if build["note"]:
        yield f"{build['note']}\n"


def _limits(facts: dict[str, Any]) -> Iterator[str]:
    if facts["limits"]:
        yield "## What can compile it\n"
        rows = [(f"`{one['versions']}`", one["takes"], one["evidence"][0]) for one in facts["limits"]]
        yield from _table(("versions", "takes", "evidence"), rows)


def _runtime(facts: dict[str, Any]) -> Iterator[str]:
    if facts["runtime"]:
        yield "## At run time\n"
        yield from (f"- {runtime_sentence(need)}" for need in facts["runtime"])
        yield ""


def _releases(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    if any(row["build"] or row["run"] for row in rows):
        yield "## Packages by Alpine release\n"
        shown = [(label, _names(row["build"]), _names(row["run"])) for label, row in grouped(rows)]
        yield from _table(("Alpine", "to compile", "to run"), shown)


def _names(value: str | Sequence[str] | None) -> str:
    return (value if isinstance(value, str) else " ".join(value or ())) or "-"


def _evidence(facts: dict[str, Any]) -> Iterator[str]:
    found = [*facts["proof"], *facts["evidence"]]
    for part in (*facts["impossible"], *facts["builds"], *facts["runtime"]):
        found += part["evidence"]
    for build in facts["builds"]:
        found += [fact for link in build["libraries"] for fact in link["evidence"]]
    yield "## Evidence\n"
    if facts["confidence"] == "packaging":
        yield "Packagers say so; nobody of this project has read the sdist yet.\n"
    yield from (f"- `{fact}`" if "`" not in fact else f"- {fact}" for fact in dict.fromkeys(found))
    if facts["apk"] is not None and facts["apk"]["differs"]:
        yield f"\nAlpine's own {facts['apk']['name']} [differs](../differences.md): {facts['apk']['differs']}"


# -- libraries, proofs, disagreements ---------------------------------------------------------------------------------


def _libraries(world: World) -> Pages:
    rows = []
    for name in world.knowledge.names("library"):
        library = world.knowledge.library(name)
        assert library is not None
        facts = library_facts(library, world)
        rows.append(
            (
                f"[{name}]({name}.md)",
                ", ".join(f"`{soname}`" for soname in facts["sonames"][:3]),
                ", ".join(facts["pkg-config"][:3]),
                str(len(facts["users"]) or ""),
            )
        )
        yield f"libraries/{name}.md", _library_page(facts, _objects(library, world))
    head = ("library", "sonames", "pkg-config", "distributions")
    yield "libraries/index.md", _page("# Libraries", "", _table(head, rows))


def _objects(library: Library, world: World) -> list[str]:
    """The names that the loader asks for (``liblz4.so.1``), newest release first: they are what people search for."""
    found: dict[str, None] = {}
    for index in reversed([*world.indexes()]):
        for need in library.runtime_needs(index.release):
            found |= dict.fromkeys(one.capability.removeprefix("so:") for one in index.find(need)[:1])
    return [name for name in found if ".so" in name]


def _library_page(facts: dict[str, Any], objects: Sequence[str]) -> str:
    known = [
        f"**{key}:** {', '.join(f'`{item}`' for item in facts[key])}\n"
        for key in ("sonames", "pkg-config", "tools", "headers")
        if facts[key]
    ]
    users = [
        f"- {label}: {', '.join(f'[{name}](../distributions/{name}.md)' for name in names)}"
        for label, names in users_by_need(facts["users"])
    ]
    rows = [(label, _names(row["build"]), _names(row["run"])) for label, row in grouped(facts["releases"])]
    title = f"{facts['name']} ({objects[0]})" if objects else facts["name"]
    return _page(
        "---\nsearch:\n  boost: 4\n---",
        f"# {title}",
        "",
        _lead(facts),
        "",
        [f"**the loader asks for:** {', '.join(f'`{name}`' for name in objects)}\n"] if objects else [],
        known,
        [f"{facts[key]}\n" for key in ("static", "note") if facts[key]],
        "## Packages by Alpine release",
        "",
        _table(("Alpine", "to compile against it", "to run"), rows),
        ["## Who needs it", "", *users, ""] if users else [],
        "## Evidence",
        "",
        [f"- `{fact}`" if "`" not in fact else f"- {fact}" for fact in facts["evidence"]],
    )


def _proofs(knowledge: Knowledge) -> Pages:
    rows = []
    for name in knowledge.names("distribution"):
        entry = knowledge.distribution(name)
        assert entry is not None
        for proof in filter(None, map(Proof.parse, entry.proof)):
            given = ", ".join([*proof.libraries, *(f"{key}={value}" for key, value in proof.env)])
            source = f"sdist {proof.source}" if proof.kind == "build" else f"`{proof.source}`"
            links = ", ".join(f"`{soname}`" for soname in proof.links) or "nothing but libc"
            rows.append((f"[{name}](distributions/{name}.md)", source, given or "-", links, proof.date))
    intro = (
        "`tools/prove_rules.py` compiled these sdists against musl, with only the named libraries at hand, or opened the "
        "wheel that the project publishes for musl, and compared what the extensions link (DT_NEEDED) with the rule. "
        "`alpine-doctor rules validate` checks that the rule still says what was seen."
    )
    head = ("distribution", "what was built or opened", "with", "links", "on")
    yield "proofs.md", _page("# Proofs", "", intro, "", _table(head, rows))


def _differences(store: IndexStore) -> Pages:
    rows = [
        (
            f"[{item.distribution}](distributions/{item.distribution}.md)",
            f"{item.apk} ({item.release})",
            ", ".join(f"`{soname}`" for soname in item.sonames),
            item.reason,
        )
        for item in disagreements(RULES, store)
    ]
    releases = ", ".join(judged(store))
    intro = (
        "Where Alpine's own package of a distribution links something that compiling the sdist does not, and why. Rules are "
        "about what pip builds; packagers often take a bundled copy out. Every rule is validated against the indexes of "
        f"Alpine {releases}; a difference without a reason fails the build of this project."
    )
    head = ("distribution", "Alpine's package", "links as well", "why")
    yield "differences.md", _page("# Differences to Alpine's own packages", "", intro, "", _table(head, rows))
