"""Inspections as text (a tree, as lddtree draws it) and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from dockerlint_alpine.system.plural import listed, plural
from dockerlint_alpine.system.records import fields_of
from dockerlint_alpine.system.unreadable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.elf.inspection import (
        Inspection,
        NeedReport,
        ObjectReport,
        OpenReport,
        Provider,
        UnresolvedSymbol,
    )

JSON_VERSION = 1
MAX_TREE_DEPTH = 12
MAX_SHOWN_SYMBOLS = 8


def to_text(inspection: Inspection, *, everything: bool = False) -> str:
    """Give the inspection as lines of text, the last one without newline.

    Root file systems, images and folders show the objects that lack something, unless ``everything`` is asked for.
    """
    return "\n".join(printable(line) for line in _lines(inspection, everything=everything))


def _lines(inspection: Inspection, *, everything: bool) -> Iterator[str]:
    whole = everything or inspection.kind in ("object", "wheel")
    yield _headline(inspection)
    by_path = {report.path: report for report in inspection.objects}
    reached = {need.real for report in inspection.objects for need in report.needs if need.real is not None}
    shown: set[str] = set()
    tops = [r for r in inspection.objects if r.path not in reached]
    for report in (*tops, *(r for r in inspection.objects if r.path in reached)):
        lacking = not report.sound or any(need.lacking for need in report.needs) or report.problems
        if report.path not in shown and (whole or lacking):
            yield from _object_lines(report, by_path, shown)
    for opened in inspection.opens:
        if whole or opened.status != "found":
            yield from _open_lines(opened)
    for note in inspection.notes:
        yield f"note: {note}"
    yield _summary(inspection)


def _headline(inspection: Inspection) -> str:
    root = inspection.root
    facts = [plural(len(inspection.objects), "object")]
    facts += [fact for fact in (inspection.arch, "/".join(inspection.libc)) if fact]
    if root.alpine:
        facts.append(f"Alpine {root.alpine}")
    if root.packages:
        facts.append(plural(len(root.packages), "apk package"))
    if root.distributions:
        facts.append(plural(len(root.distributions), "distribution"))
    return f"{inspection.name} ({inspection.kind}: {', '.join(facts)})"


def _object_lines(report: ObjectReport, by_path: dict[str, ObjectReport], shown: set[str]) -> Iterator[str]:
    shown.add(report.path)
    facts = report.facts
    words: list[str] = [report.libc.kind] if facts is None else [facts.arch, report.libc.kind, facts.kind]
    if facts is not None and facts.search_path:
        words.append(f"{'RUNPATH' if facts.runpath is not None else 'RPATH'} {facts.search_path}")
    owner = f"  {report.distribution}" if report.distribution else ""
    yield f"{report.path}  [{', '.join(words)}]{owner}"
    for problem in report.problems:
        yield f"   ! {problem}"
    if report.libc.kind == "glibc":
        yield f"   ! built for glibc: {'; '.join(report.libc.reasons[:3])}"
    yield from _need_lines(report, by_path, shown, "", 0)
    yield from _symbol_lines(report.unresolved, report.unresolved_count)


def _need_lines(
    report: ObjectReport, by_path: dict[str, ObjectReport], shown: set[str], indent: str, depth: int
) -> Iterator[str]:
    for number, need in enumerate(report.needs):
        last = number == len(report.needs) - 1
        below = by_path.get(need.real or "")
        new = below is not None and below.path not in shown and depth < MAX_TREE_DEPTH
        seen = "  (see above)" if below is not None and below.needs and not new else ""
        yield f"{indent}{'└─' if last else '├─'} {_need(need)}{seen}"
        if below is not None and new:
            shown.add(below.path)
            yield from _need_lines(below, by_path, shown, indent + ("   " if last else "│  "), depth + 1)


def _need(need: NeedReport) -> str:
    if need.status == "libc":
        return f"{need.name} => musl itself"
    if need.status == "interpreter":
        return f"{need.name} => the Python that loads it"
    if need.status == "found":
        return f"{need.name} => {need.path}{'  (bundled)' if need.bundled else ''}"
    mark = {"missing": "MISSING", "external": "from the system"}.get(need.status, "UNLOADABLE")
    return f"{need.name} => {_remedy(mark, need.providers, need.advice, looked_up=need.looked_up)}"


def _remedy(mark: str, providers: Sequence[Provider], advice: str, *, looked_up: bool) -> str:
    if providers:
        first = providers[0]
        return f"{mark}: apk add {first.package}" + (f"  ({advice or first.reason})" if advice or first.reason else "")
    if looked_up and mark == "from the system":
        mark = "MISSING"
    return f"{mark}{f': {advice}' if advice else ''}"


def _symbol_lines(symbols: Sequence[UnresolvedSymbol], count: int) -> Iterator[str]:
    """One line for each object and way out, with the first few symbols."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for symbol in symbols:
        package = f" [apk add {symbol.providers[0].package}]" if symbol.providers else ""
        groups.setdefault((symbol.wanted_by, symbol.remedy.advice, package), []).append(symbol.shown)
    for (wanted_by, advice, package), names in groups.items():
        yield f"   ! symbol not found: {listed(names, MAX_SHOWN_SYMBOLS + 1)} (wanted by {wanted_by})"
        yield f"     {advice}{package}"
    if count > len(symbols):
        yield f"   ! ... and {plural(count - len(symbols), 'more symbol')} not found"


def _open_lines(opened: OpenReport) -> Iterator[str]:
    call = opened.opens
    names = " or ".join(call.names)
    where = f"{call.path}:{call.line}: {call.call}({names})"
    tail = "  (optional)" if call.optional else ""
    if opened.status == "found":
        yield f"{where} => {opened.path}{tail}"
    elif opened.status == "unknown":
        yield f"{where} => not known{tail}"
    else:
        mark = "MISSING, likely" if opened.status == "missing" else "from the system, likely"
        advice = "no package of this Alpine release has it" if opened.looked_up and not opened.providers else ""
        yield f"{where} => {_remedy(mark, opened.providers, advice, looked_up=False)}{tail}"
    if call.note and opened.status != "found":
        yield f"   note: {call.note}"


def _summary(inspection: Inspection) -> str:
    broken = sum(1 for report in inspection.objects if not report.sound)
    if not inspection.objects:
        return "no shared objects: nothing to link"
    parts = [
        f"{broken} of {plural(len(inspection.objects), 'object')} have problems" if broken else "no object has problems"
    ]
    if inspection.externals:
        parts.append(f"not in the set: {', '.join(inspection.externals)}")
    if inspection.packages:
        parts.append(f"apk add {' '.join(inspection.packages)}")
    return "; ".join(parts)


def to_json(inspections: Sequence[Inspection], *, alpine: str | None, arch: str | None) -> dict[str, Any]:
    """Give the inspections as JSON values; ``alpine`` and ``arch`` are those that were asked for.

    ``version`` counts changes that would break a reader; new keys may come at any time.
    """
    return {
        "version": JSON_VERSION,
        "alpine": alpine,
        "arch": arch,
        "targets": [_target_json(inspection) for inspection in inspections],
    }


def _target_json(inspection: Inspection) -> dict[str, Any]:
    root = inspection.root
    return {
        **fields_of(inspection, "name kind arch libc sound externals packages"),
        "objects": [_object_json(report) for report in inspection.objects],
        "opens": [_open_json(opened) for opened in inspection.opens],
        "installed": {
            "alpine": root.alpine,
            "packages": [{"name": p.name, "version": p.version, "arch": p.arch} for p in root.packages],
            "world": list(root.world),
            "distributions": [{"name": d.name, "version": d.version, "path": d.metadata} for d in root.distributions],
            "pythons": list(root.pythons),
            "library_path": root.environment.get("LD_LIBRARY_PATH"),
        },
        "notes": list(inspection.notes),
    }


def _object_json(report: ObjectReport) -> dict[str, Any]:
    facts = report.facts
    return {
        **fields_of(report, "path distribution"),
        "arch": facts.arch if facts else None,
        "kind": facts.kind if facts else None,
        "libc": report.libc.kind,
        "libc_reasons": list(report.libc.reasons),
        "interpreter": facts.interpreter if facts else None,
        "soname": facts.soname if facts else None,
        "rpath": facts.rpath if facts else None,
        "runpath": facts.runpath if facts else None,
        "versions": {need.library: list(need.versions) for need in facts.version_needs} if facts else {},
        "sound": report.sound,
        "needed": [_need_json(need) for need in report.needs],
        "unresolved": [
            {
                "symbol": symbol.name,
                **fields_of(symbol, "version wanted_by"),
                "remedy": symbol.remedy.kind,
                **fields_of(symbol.remedy, "need advice"),
                "packages": _packages_json(symbol.providers),
            }
            for symbol in report.unresolved
        ],
        **fields_of(report, "unresolved_count problems"),
    }


def _need_json(need: NeedReport) -> dict[str, Any]:
    found: dict[str, Any] = {**to_builtins(need), "packages": _packages_json(need.providers)}
    del found["providers"]
    return found


def _open_json(opened: OpenReport) -> dict[str, Any]:
    call = opened.opens
    return {
        **fields_of(call, "path line call names needs optional"),
        "confidence": "likely",
        "status": opened.status,
        "found": opened.path,
        "packages": _packages_json(opened.providers),
        "looked_up": opened.looked_up,
        "note": call.note,
    }


def _packages_json(providers: Sequence[Provider]) -> list[dict[str, str]]:
    return [{"name": p.package, "capability": p.capability, "reason": p.reason} for p in providers]
