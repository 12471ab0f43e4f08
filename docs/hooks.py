"""Pages that are made from the program itself: one per finding code, one each for all distributions and libraries.

mkdocs calls :func:`on_files`; nothing generated is written into ``docs/``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.explain import explain
from dockerlint_alpine.knowledge import Knowledge


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    knowledge, store = Knowledge.open(), IndexStore()
    pages = {**dict(_codes()), **dict(_distributions(knowledge, store)), **dict(_libraries(knowledge, store))}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def _codes() -> Iterator[tuple[str, str]]:
    rows = ["# Codes", "", "| code | name | severity | says |", "|---|---|---|---|"]
    for check in CHECKS:
        rows.append(f"| [{check.code}]({check.code}.md) | {check.name} | {check.severity} | {check.summary} |")
        yield f"codes/{check.code}.md", f"# {check.name} ({check.code})\n\n{check.page.strip()}\n"
    yield "codes/index.md", "\n".join(rows) + "\n"


def _distributions(knowledge: Knowledge, store: IndexStore) -> Iterator[tuple[str, str]]:
    rows = ["# Distributions", "", "| distribution | compiled as | links | at run time |", "|---|---|---|---|"]
    for name in knowledge.names("distribution"):
        answer = explain(name, knowledge, store)
        if answer is None or "distribution" not in answer:
            continue
        entry = answer["distribution"]
        build = entry["builds"][0] if entry["builds"] else {"language": [], "libraries": []}
        links = ", ".join(dict.fromkeys(link["library"] for link in build["libraries"]))
        opened = ", ".join(dict.fromkeys(need["any"][0] for need in entry["runtime"]))
        rows.append(f"| [{name}]({name}.md) | {', '.join(build['language'])} | {links} | {opened} |")
        yield f"distributions/{name}.md", _distribution_page(entry)
    yield "distributions/index.md", "\n".join(rows) + "\n"


def _distribution_page(entry: dict[str, Any]) -> str:
    lines = [f"# {entry['name']}", "", f"{entry['summary']} [{entry['url']}]({entry['url']})", ""]
    for item in entry["impossible"]:
        lines += [f'!!! failure "Not on Alpine ({item["versions"]})"', f"    {item['reason']}. {item['advice']}", ""]
    if entry["dockerfile"]:
        lines += [f"When no wheel fits, on Alpine {entry['alpine']}:", "", "```dockerfile"]
        lines += [f"# to {moment}\n{line}" for moment, line in entry["dockerfile"].items()]
        lines += ["```", ""]
    for build in entry["builds"]:
        lines += [f"## When compiled ({build['versions']})", ""]
        if build["libraries"]:
            lines += ["| library | linkage | required | build package | run package |", "|---|---|---|---|---|"]
            lines += [
                f"| [{link['library']}](../libraries/{link['library']}.md) | {link['linkage']} | "
                f"{'yes' if link['required'] else link['optional'] or 'no'} | {link['build-package'] or '-'} | "
                f"{link['runtime-package'] or '-'} |"
                for link in build["libraries"]
            ]
            lines.append("")
        lines += _evidence([*build["evidence"], *(fact for link in build["libraries"] for fact in link["evidence"])])
    if entry["runtime"]:
        lines += ["## At run time", ""]
        lines += [
            f"- {need['kind']}: {' or '.join(f'`{name}`' for name in need['any'])}"
            + (f" for {need['feature']}" if need["feature"] else "")
            + f" ({need['package'] or 'no package'})"
            for need in entry["runtime"]
        ]
        lines += ["", *_evidence([fact for need in entry["runtime"] for fact in need["evidence"]])]
    return "\n".join(lines) + "\n"


def _libraries(knowledge: Knowledge, store: IndexStore) -> Iterator[tuple[str, str]]:
    rows = ["# Libraries", "", "| library | sonames | pkg-config |", "|---|---|---|"]
    for name in knowledge.names("library"):
        answer = explain(name, knowledge, store)
        if answer is None or "library" not in answer or answer["library"]["name"] != name:
            library = knowledge.library(name)
            answer = explain(f"pc:{library.pkg_config[0]}", knowledge, store) if library and library.pkg_config else None
        entry = answer["library"] if answer is not None and "library" in answer else None
        if entry is None or entry["name"] != name:
            entry = {"name": name, "summary": "", "url": "", "sonames": [], "pkg-config": [], "releases": [], "evidence": []}
        rows.append(f"| [{name}]({name}.md) | {', '.join(entry['sonames'])} | {', '.join(entry['pkg-config'])} |")
        yield f"libraries/{name}.md", _library_page(entry)
    yield "libraries/index.md", "\n".join(rows) + "\n"


def _library_page(entry: dict[str, Any]) -> str:
    lines = [f"# {entry['name']}", "", f"{entry['summary']} [{entry['url']}]({entry['url']})" if entry["url"] else "", ""]
    lines += ["| Alpine | to build | to run |", "|---|---|---|"]
    lines += [f"| {row['alpine']} | {row['build'] or '-'} | {row['run'] or '-'} |" for row in entry["releases"]]
    return "\n".join([*lines, "", *_evidence(entry["evidence"])]) + "\n"


def _evidence(facts: list[str]) -> list[str]:
    unique = list(dict.fromkeys(facts))
    return ["Evidence:", "", *(f"- {fact}" for fact in unique), ""] if unique else []
