"""What is known about one topic: a finding code, a distribution, a native library, or an apk package.

The answer is a plain dictionary (the JSON of ``alpine-doctor explain --output-format json``) that ``render`` turns into
text, so both always say the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dockerlint_alpine.checks import check_by_topic

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dockerlint_alpine.apk import Index, IndexStore
    from dockerlint_alpine.knowledge import Distribution, Knowledge, Library, Link

MUSLLINUX = "musllinux"


def explain(topic: str, knowledge: Knowledge, store: IndexStore, *, arch: str = "x86_64") -> dict[str, Any] | None:
    """Everything known about ``topic``; ``None`` when nothing has that name.

    A code or check name comes first, then a distribution, then what a library provides (soname, header, pkg-config name,
    config tool, its own name), then an apk package of any embedded release.
    """
    check = check_by_topic(topic)
    if check is not None:
        return {
            "version": 1,
            "kind": "code",
            "code": check.code,
            "name": check.name,
            "severity": check.severity,
            "summary": check.summary,
            "page": check.page.strip(),
        }
    found: dict[str, Any] = {"version": 1, "topic": topic}
    distribution = knowledge.distribution(topic)
    if distribution is not None:
        found["distribution"] = _distribution(distribution, knowledge, store, arch)
    library = _library_named(topic, knowledge)
    if library is not None:
        found["library"] = _library(library, knowledge, store, arch)
    packages = _packages(topic, store, arch)
    if packages:
        found["package"] = packages
    return found if len(found) > 2 else None


def _library_named(topic: str, knowledge: Knowledge) -> Library | None:
    found = knowledge.library_for(topic) or knowledge.library(topic)
    return found or next((lib for kind in ("pc", "cmd") if (lib := knowledge.library_for(f"{kind}:{topic}"))), None)


def _indexes(store: IndexStore, arch: str) -> Iterable[Index]:
    """One index per embedded release of this architecture, oldest first."""
    seen = dict.fromkeys(source.release for source in store.sources() if source.arch == arch)
    for release in sorted(seen, key=lambda text: tuple(map(int, text.split("."))) if text != "edge" else (999,)):
        yield store.open(release, arch)


def _distribution(entry: Distribution, knowledge: Knowledge, store: IndexStore, arch: str) -> dict[str, Any]:
    newest = list(_indexes(store, arch))[-1]
    builds = []
    for build in entry.builds:
        languages = [language for name in build.language if (language := knowledge.language(name)) is not None]
        builds.append(
            {
                "versions": build.versions or "all",
                "language": list(build.language),
                "tools": [*dict.fromkeys(need for language in languages for need in language.needs), *build.needs],
                "libraries": [_link(link, knowledge, newest) for link in build.libraries],
                "note": build.note,
                "evidence": list(build.evidence),
            }
        )
    return {
        "name": entry.name,
        "summary": entry.summary,
        "url": entry.url,
        "imports": list(entry.imports),
        "builds": builds,
        "runtime": [
            {
                "kind": need.kind,
                "any": list(need.any),
                "package": _first_package(need.any, newest),
                "feature": need.feature,
                "versions": need.versions or "all",
                "evidence": list(need.evidence),
            }
            for need in entry.runtime
        ],
        "impossible": [
            {"versions": item.versions or "all", "reason": item.reason, "advice": item.advice}
            for item in entry.impossible
        ],
        "wheels": _wheels(entry.name, knowledge),
        "dockerfile": _dockerfile(entry, knowledge, newest),
        "alpine": newest.release,
        "note": entry.note,
        "evidence": list(entry.evidence),
    }


def _link(link: Link, knowledge: Knowledge, index: Index) -> dict[str, Any]:
    library = knowledge.library(link.library)
    return {
        "library": link.library,
        "linkage": link.linkage,
        "required": link.required,
        "optional": link.optional,
        "build-package": _first_package(library.build_needs(index.release), index) if library else None,
        "runtime-package": _first_package(_objects(link, library, index), index) if library else None,
        "evidence": list(link.evidence),
    }


def _objects(link: Link, library: Library, index: Index) -> tuple[str, ...]:
    return tuple(f"so:{name}" for name in link.sonames) or library.runtime_needs(index.release)


def _first_package(needs: Iterable[str], index: Index) -> str | None:
    for need in needs:
        providers = index.find(need)
        if providers:
            name: str = providers[0].package.name
            return name
    return None


def _wheels(name: str, knowledge: Knowledge) -> dict[str, Any]:
    """Since which version musllinux wheels exist, and what the newest release offers."""
    releases = list(knowledge.facts.releases(name))
    with_wheel = [
        release for release in releases if any(MUSLLINUX in tag or tag.endswith("-any") for tag in release.wheels)
    ]
    return {
        "as-of": knowledge.facts.as_of,
        "releases": len(releases),
        "newest": releases[-1].version if releases else None,
        "musllinux": [release.version for release in with_wheel][-1:] if with_wheel else [],
        "with-wheel": len(with_wheel),
    }


def _dockerfile(entry: Distribution, knowledge: Knowledge, index: Index) -> dict[str, str]:
    """The lines that a Dockerfile needs when the newest version is compiled."""
    build = entry.builds[0] if entry.builds else None
    to_build: dict[str, None] = {}
    to_run: dict[str, None] = {}
    if build is not None:
        for name in build.language:
            language = knowledge.language(name)
            if language is not None:
                to_build.update(dict.fromkeys(_known(language.needs, index)))
                to_run.update(dict.fromkeys(_known(language.runtime, index)))
        to_build.update(dict.fromkeys(_known(build.needs, index)))
        for link in build.libraries:
            library = knowledge.library(link.library)
            if (
                library is None
                or link.linkage not in {"always", "system-if-present"}
                or not library.available(index.release)
            ):
                continue
            if link.required:
                to_build.update(dict.fromkeys(_known(library.build_needs(index.release)[:1], index)))
                to_run.update(dict.fromkeys(_known(_objects(link, library, index), index)))
    for need in entry.runtime:
        package = _first_package(need.any, index)
        if package is not None and not need.feature and not need.extra:
            to_run[package] = None
    lines = {}
    if to_build:
        lines["build"] = f"RUN apk add --no-cache {' '.join(to_build)}"
    if to_run:
        lines["run"] = f"RUN apk add --no-cache {' '.join(to_run)}"
    return lines


def _known(needs: Iterable[str], index: Index) -> list[str]:
    return [package for need in needs if (package := _first_package((need,), index)) is not None]


def _library(library: Library, knowledge: Knowledge, store: IndexStore, arch: str) -> dict[str, Any]:
    releases = []
    for index in _indexes(store, arch):
        available = library.available(index.release)
        releases.append(
            {
                "alpine": index.release,
                "build": _first_package(library.build_needs(index.release), index) if available else None,
                "run": _first_package(library.runtime_needs(index.release), index) if available else None,
            }
        )
    return {
        "name": library.name,
        "summary": library.summary,
        "url": library.url,
        "sonames": list(library.sonames),
        "pkg-config": list(library.pkg_config),
        "tools": list(library.tools),
        "headers": list(library.headers),
        "releases": releases,
        "users": list(knowledge.users_of(library.name)),
        "note": library.note,
        "evidence": list(library.evidence),
    }


def _packages(name: str, store: IndexStore, arch: str) -> dict[str, Any]:
    rows = []
    for index in _indexes(store, arch):
        package = index.package(name)
        if package is not None:
            rows.append({"alpine": index.release, "version": package.version, "repository": package.repository})
    if not rows:
        return {}
    newest = store.open(rows[-1]["alpine"], arch)
    package = newest.package(name)
    assert package is not None
    return {
        "name": name,
        "description": package.description,
        "releases": rows,
        "provides": [str(provide) for provide in package.provides],
        "depends": [str(constraint) for constraint in package.depends],
    }


def render(answer: dict[str, Any]) -> str:
    """The answer as text for a person."""
    if answer.get("kind") == "code":
        return f"# {answer['name']} ({answer['code']})\n\n{answer['page']}\n"
    parts: list[str] = []
    if "distribution" in answer:
        parts.append(_render_distribution(answer["distribution"]))
    if "library" in answer:
        parts.append(_render_library(answer["library"]))
    if "package" in answer:
        parts.append(_render_package(answer["package"]))
    return "\n".join(parts)


def _render_distribution(entry: dict[str, Any]) -> str:
    lines = [f"{entry['name']} (Python distribution): {entry['summary']}", f"  {entry['url']}"]
    lines.extend(
        f"  not on Alpine ({item['versions']}): {item['reason']}. {item['advice']}" for item in entry["impossible"]
    )
    wheels = entry["wheels"]
    if wheels["releases"]:
        if wheels["musllinux"]:
            count = f"{wheels['with-wheel']} of {wheels['releases']} releases"
            text = f"{count} have a wheel for musl, last {wheels['musllinux'][0]}"
        else:
            text = f"none of {wheels['releases']} releases has a wheel for musl: pip compiles it"
        lines.append(f"  wheels (as of {wheels['as-of']}): {text}")
    for build in entry["builds"]:
        lines.append(f"  when compiled ({build['versions']}): {', '.join(build['language']) or 'pure Python'}")
        if build["tools"]:
            lines.append(f"    tools: {', '.join(build['tools'])}")
        for link in build["libraries"]:
            need = "required" if link["required"] else f"optional{': ' + link['optional'] if link['optional'] else ''}"
            lines.append(
                f"    {link['library']}: {link['linkage']}, {need};"
                f" build {link['build-package']}, run {link['runtime-package']}"
            )
            lines.extend(f"      - {fact}" for fact in link["evidence"])
        if build["note"]:
            lines.append(f"    note: {build['note']}")
        lines.extend(f"    - {fact}" for fact in build["evidence"])
    for need in entry["runtime"]:
        purpose = f" for {need['feature']}" if need["feature"] else ""
        lines.append(f"  at run time ({need['kind']}): {' or '.join(need['any'])}{purpose}: {need['package']}")
        lines.extend(f"    - {fact}" for fact in need["evidence"])
    if entry["dockerfile"]:
        lines.append(f"  in a Dockerfile, when no wheel fits (Alpine {entry['alpine']}):")
        lines.extend(f"    {moment}: {line}" for moment, line in entry["dockerfile"].items())
    return "\n".join(lines) + "\n"


def _render_library(entry: dict[str, Any]) -> str:
    lines = [f"{entry['name']} (library): {entry['summary']}", f"  {entry['url']}"]
    for key, label in (
        ("sonames", "sonames"),
        ("pkg-config", "pkg-config"),
        ("tools", "tools"),
        ("headers", "headers"),
    ):
        if entry[key]:
            lines.append(f"  {label}: {', '.join(entry[key])}")
    lines.append("  packages by release:")
    lines.extend(
        f"    {row['alpine']:>5}  build {row['build'] or '-':<28} run {row['run'] or '-'}" for row in entry["releases"]
    )
    if entry["users"]:
        lines.append(f"  used by: {', '.join(entry['users'])}")
    if entry["note"]:
        lines.append(f"  note: {entry['note']}")
    lines.extend(f"  - {fact}" for fact in entry["evidence"])
    return "\n".join(lines) + "\n"


def _render_package(entry: dict[str, Any]) -> str:
    lines = [f"{entry['name']} (apk package): {entry['description']}"]
    lines.extend(f"    {row['alpine']:>5}  {row['version']} ({row['repository']})" for row in entry["releases"])
    if entry["provides"]:
        lines.append(f"  provides: {' '.join(entry['provides'])}")
    if entry["depends"]:
        lines.append(f"  depends on: {' '.join(entry['depends'])}")
    return "\n".join(lines) + "\n"
