"""The table of a sweep as one HTML page that needs no server: counts, shared causes, and all findings to search and sort."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.sweep.summary import TOP, Count, Summary, headline
from dockerlint_alpine.system.plural import plural

if TYPE_CHECKING:
    from dockerlint_alpine.sweep.results import Results

_SHOWN = (
    "repository", "file", "line", "code", "severity", "package", "distribution", "alpine", "python", "base", "fix",
    "when",
)  # fmt: skip
MAX_ROWS = 200_000
"""Findings that a page holds; a browser still searches as many in a moment. The counts are of all."""

_POLICY = "default-src 'none';style-src 'unsafe-inline';script-src 'unsafe-inline'"
"""A page of what strangers wrote loads nothing from anywhere."""


def as_html(summary: Summary, results: Results) -> Iterator[str]:
    """The page, piece by piece."""
    yield "<!doctype html><html lang=en><meta charset=utf-8>"
    yield "<meta name=viewport content='width=device-width,initial-scale=1'>"
    yield f'<meta http-equiv=Content-Security-Policy content="{_POLICY}">'
    yield f"<title>alpine-doctor sweep</title><style>{_beside('page.css')}</style>"
    yield f"<h1>Sweep</h1><p>{_escaped(headline(summary))}</p>"
    yield from _tiles(summary)
    yield from _causes(summary)
    yield "<div class=grid>"
    tables = (("Codes", summary.codes), ("Packages", summary.packages))
    for title, counts in (*tables, ("Base images", summary.bases), ("Alpine releases", summary.releases)):
        yield from _bars(title, counts)
    yield "</div>"
    yield from _failures(summary)
    yield from _rows(results)
    yield f"<script>{_beside('page.js')}</script></html>\n"


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _tiles(summary: Summary) -> Iterator[str]:
    tiles = [
        plural(summary.repositories, "repository"),
        plural(summary.dockerfiles, "Dockerfile"),
        f"{plural(summary.dying, 'repository')} with an error",
    ]
    if summary.moves:
        tiles.append(f"{summary.broken_then:,} more with {summary.moves}")
    tiles.append(f"{plural(summary.fixable, 'finding')} with a safe fix")
    tiles.append(f"{plural(len(summary.failures), 'repository')} not checked")
    yield "<div class=tiles>"
    for number, _, text in (tile.partition(" ") for tile in tiles):
        yield f"<div class=tile><b>{number}</b><span class=dim>{_escaped(text)}</span></div>"
    yield "</div>"


def _causes(summary: Summary) -> Iterator[str]:
    if not summary.causes:
        return
    yield "<h2>Most widespread causes</h2><table><tr><th>code<th>what<th class=n>repositories<th class=n>fixable</tr>"
    for cause in summary.causes:
        find = " ".join(filter(None, (cause.code, cause.distribution, cause.package)))
        yield (
            f"<tr><td><code>{_escaped(cause.code)}</code><td><a href=#rows data-find='{_escaped(find)}'>"
            f"{_escaped(cause.message)}</a><td class=n>{cause.repositories:,}<td class=n>{cause.fixable:,}</tr>"
        )
    yield "</table>"


def _bars(title: str, counts: Sequence[Count]) -> Iterator[str]:
    if not counts:
        return
    most = max(one.repositories for one in counts) or 1
    yield f"<section><h2>{title}</h2><table><tr><th><th><th class=n>repositories<th class=n>findings</tr>"
    for one in counts[:TOP]:
        width = 100 * one.repositories / most
        yield (
            f"<tr><td>{_escaped(one.label)}<td class=b><div class=bar style='width:{width:.1f}%'></div>"
            f"<td class=n>{one.repositories:,}<td class=n>{one.findings:,}</tr>"
        )
    more = f"<p class=dim>and {len(counts) - TOP:,} more</p>" if len(counts) > TOP else ""
    yield f"</table>{more}</section>"


def _failures(summary: Summary) -> Iterator[str]:
    if not summary.failures:
        return
    yield f"<h2>Not checked</h2><details {'open' if len(summary.failures) <= TOP else ''}><summary>"
    yield f"{plural(len(summary.failures), 'repository')}</summary><table><tr><th>repository<th><th>why</tr>"
    for name, status, message in summary.failures:
        yield f"<tr><td>{_escaped(name)}<td>{_escaped(status)}<td>{_escaped(message)}</tr>"
    yield "</table></details>"


def _rows(results: Results) -> Iterator[str]:
    columns = [name for name in _SHOWN if name != "when" or results.plan().get("moves")]
    yield "<h2>All findings</h2><p>"
    yield "<input id=search type=search placeholder='Search: lz4 AD201 3.19 error' aria-label=Search>"
    yield " <span id=said class=dim></span></p><div class=scroll><table id=rows><thead><tr>"
    yield from (f"<th tabindex=0>{name}" for name in columns)
    yield "</tr></thead><tbody></tbody></table></div><p><button id=more hidden>More</button></p>"
    yield f'<script id=data type=application/json>{{"columns":{_json(columns)},"rows":['
    names = ", ".join(f'"{name}"' for name in (*columns, "message"))
    rows = results.query(f"SELECT {names} FROM findings LIMIT {MAX_ROWS}")  # noqa: S608 - names of ours
    yield from (f"{',' if number else ''}{_json(row)}" for number, row in enumerate(rows))
    yield "]}</script>"


def _json(value: object) -> str:
    """JSON that may stand in a script element: no end of one is spelled in it."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)
