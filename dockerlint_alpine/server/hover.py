"""What an editor shows under the pointer, as Markdown: a package, a requirement, or a finding code in a comment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dockerlint_alpine.answers.explain import World, libraries_of_package, runtime_facts
from dockerlint_alpine.answers.explain_text import runtime_sentence
from dockerlint_alpine.checks import CHECKS
from dockerlint_alpine.checks.base import stage_label
from dockerlint_alpine.checks.evidence import named
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.server import requirements
from dockerlint_alpine.server.askers import Asked, Asker, asked_at, askers
from dockerlint_alpine.stages import Installed, LibraryUse, Stage, pulled_in_by
from dockerlint_alpine.system.patterns import lazy_pattern
from dockerlint_alpine.system.plural import listed, plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dockerlint_alpine.apk import Package
    from dockerlint_alpine.server.judging import Judgement
    from dockerlint_alpine.server.requirements import Installation

_COMMENT = lazy_pattern(rb"[ \t]*#[ \t]*alpine-doctor:[^\r\n]*")
_CODE = lazy_pattern(rb"AD[0-9]{1,3}")
_SHOWN = 12
"""Names in one list; of the others only the number is told."""


def in_dockerfile(judgement: Judgement, offset: int) -> str | None:
    """What stands at a byte offset of a Dockerfile; ``None`` where there is nothing to tell."""
    code = _code_at(judgement.document.data, offset)
    if code is not None:
        return _page(code)
    asked = asked_at(judgement, offset)
    if asked:
        return _joined((_package(one), one.stage) for one in asked)
    return _installations(requirements.at_word(judgement, offset))


def in_requirements(judgements: Iterable[Judgement], file: str, line: int) -> str | None:
    """What the stages of these Dockerfiles make of line ``line`` (1-based) of a requirement file (absolute path)."""
    return _installations(requirements.of_line(judgements, file, line))


# -- a code -------------------------------------------------------------------------------------------------------


def _code_at(data: bytes, offset: int) -> str | None:
    start = data.rfind(b"\n", 0, offset) + 1
    comment = _COMMENT.match(data, start)
    for found in _CODE.finditer(data, start, comment.end()) if comment is not None else ():
        if found.start() <= offset <= found.end():
            return found[0].decode()
    return None


def _page(code: str) -> str | None:
    """A code's page; what a prefix stands for."""
    checks = [check for check in CHECKS if check.code.startswith(code)]
    if len(checks) == 1:
        check = checks[0]
        return f"**{check.code} {check.name}** ({check.severity}): {check.summary}\n\n{check.page.strip()}"
    return "\n".join(f"- **{check.code} {check.name}**: {check.summary}" for check in checks) or None


# -- a package ----------------------------------------------------------------------------------------------------


def _package(asked: Asked) -> str:
    if asked.step.command.verb == "del":
        return "\n\n".join(_deletion(asked))
    stage, name = asked.stage, asked.name
    world = asked.step.after.world
    package = world.provider(name) or stage.apk.package(name)
    if package is None:
        return f"**{_plain(name)}**: no package of this name in Alpine {stage.alpine} ({stage.apk.arch})"
    parts = [_title(name, package, asked)]
    roles = libraries_of_package(package, stage.apk, asked.subject.knowledge)
    parts += [
        f"{'Headers' if role['role'] == 'build' else 'Objects'} of {role['library']}: {_plain(role['summary'])}"
        for role in roles
    ]
    parts.append(_needed_by(askers(asked)))
    depends = {found.name for one in package.depends if (found := world.provider(str(one))) is not None} - {
        package.name
    }
    if depends:
        parts.append(f"Depends on {_listed(sorted(depends))}")
    brought = sorted(world.lost_without({name}) - {package.name, name})
    if brought:
        parts.append(f"Pulls in {plural(len(brought), 'package')} that nothing else here asks for: {_listed(brought)}")
    elif package.name in world.packages:
        parts.append("Pulls in nothing new.")
    return "\n\n".join(parts)


def _title(name: str, package: Package, asked: Asked) -> str:
    stage = asked.stage
    own = f"**{_plain(name)}** {package.version}" if package.name == name else f"**{_plain(name)}**: {package.spec}"
    notes = [source.note for source in stage.apk.sources if source.repository == package.repository and source.note]
    stand_in = f" (a stand-in: {'; '.join(notes)})" if notes else ""
    return f"{own} from {package.repository} of Alpine {stage.alpine}{stand_in}, {stage_label(stage)}"


def _deletion(asked: Asked) -> Iterator[str]:
    before, after = asked.step.before.world.packages, asked.step.after.world.packages
    gone = sorted(before.keys() - after.keys())
    yield f"`apk del` of **{_plain(asked.name)}**, {stage_label(asked.stage)}"
    yield f"Removes {plural(len(gone), 'package')}: {_listed(gone)}" if gone else "Removes nothing."


def _needed_by(found: Sequence[Asker]) -> str:
    if not found:
        return "No distribution here is known to need it."
    lines = ["Needed by"]
    for asker in found[:_SHOWN]:
        moment = "to be compiled" if asker.moment == "build" else "to run"
        way = f", through {_arrows(asker.chain)}" if len(asker.chain) > 1 else ""
        lines.append(f"- **{named(asker.item)}** {moment} (`{_plain(asker.need)}`{way})")
        lines.append(f"    - {_arrows(asker.item.resolved.chain)}")
    if len(found) > _SHOWN:
        lines.append(f"- and {len(found) - _SHOWN} more")
    return "\n".join(lines)


# -- a requirement ------------------------------------------------------------------------------------------------


def _installations(found: Sequence[Installation]) -> str | None:
    return _joined((_installation(one), one.stage) for one in found) if found else None


def _installation(found: Installation) -> str:
    stage = found.stage
    home = f"Alpine {stage.alpine}, Python {found.step.home.version or 'unknown'}"
    where = f"{_plain(found.judgement.report.path)}:{found.step.instruction.line}"
    lines = [f"**{named(found.items[0])}** in {stage_label(stage)} ({home}), {where}", ""]
    wheels: list[str] = []
    for index, item in enumerate(found.items):
        said = list(_said_of(item, found))
        compiled = item.built is not None
        if index and not compiled and not said and item.resolved.artefact.kind == "wheel":
            wheels.append(named(item))
            continue
        lines.append(f"- {named(item)}: {_artefact(item)}")
        lines += [f"    - {line}" for line in (*_links(item, found), *_opens(item, found), *said)]
    if wheels:
        lines.append(f"- as wheels: {_listed(wheels)}")
    return "\n".join(lines)


def _artefact(item: Installed) -> str:
    verdict = item.resolved.artefact
    if item.ready:
        return "the wheel that an earlier step compiled"
    if item.built is not None:
        return f"compiled: {_plain(verdict.reason)}"
    if verdict.kind == "wheel":
        return f"wheel `{verdict.wheel_tag}`" if verdict.wheel_tag else "wheel"
    return _plain(verdict.reason)


def _links(item: Installed, found: Installation) -> Iterator[str]:
    """What the compile of an item does with each library."""
    if item.built is None:
        return
    if item.built.rule is None:
        yield "no rule says what its build links"
    for use in item.built.uses:
        if _is_found(use) or use.link.required:
            yield _link(use, found)
    missed = [use for use in item.built.uses if not _is_found(use) and not use.link.required]
    off = [f"{use.link.optional} ({use.package or use.need})" for use in missed if use.link.optional]
    own = [f"{use.library.name} ({use.package or use.need})" for use in missed if not use.link.optional]
    if off:
        yield f"off, because a package is missing: {', '.join(map(_plain, off))}"
    if own:
        yield f"compiles its own copy, because a package is missing: {', '.join(map(_plain, own))}"


def _is_found(use: LibraryUse) -> bool:
    """Whether the build has nothing to look for, or finds it."""
    return use.presence != "absent" or use.link.linkage == "bundled"


def _link(use: LibraryUse, found: Installation) -> str:
    library = use.library.name
    if use.link.linkage == "bundled":
        return f"compiles its own copy of {library}"
    if use.presence == "off":
        return f"does not look for {library}: switched off in the environment"
    objects = ", ".join(f"`{name.removeprefix('so:')}`" for name in use.objects) or library
    if use.presence == "absent":
        return f"links {objects} of {use.package or use.need}, which is not there"
    chain = pulled_in_by(found.step.moment.world, use.package or "")
    way = f", there through {_arrows(chain)}" if len(chain) > 1 else ""
    return f"links {objects} of {use.package}{way}"


def _opens(item: Installed, found: Installation) -> Iterator[str]:
    """What Python code of an item opens or starts."""
    knowledge = found.subject.knowledge
    entry = knowledge.distribution(item.resolved.name)
    packages = found.stage.packages
    needs = entry.runtime_needs(item.resolved.version) if entry is not None else ()
    if needs and packages is not None:
        world = World(knowledge, found.judgement.doctors[0].store, packages.arch, packages.release)
        yield from (_plain(runtime_sentence(runtime_facts(need, world))) for need in needs)


def _said_of(item: Installed, found: Installation) -> Iterator[str]:
    """The findings about an item."""
    for finding in found.judgement.report.findings:
        about = finding.distribution
        platform = found.subject.timeline.stages[found.step.stage].platform
        here = not finding.platforms or platform in finding.platforms
        if about is not None and about.name == item.resolved.name and here and not finding.could_not_judge:
            yield f"{finding.code}: {_plain(finding.message)}"


# -- words --------------------------------------------------------------------------------------------------------


def _joined(texts: Iterable[tuple[str, Stage]]) -> str:
    """Each text once, with the platforms it holds for; what differs in the name of the architecture alone is one."""
    found: dict[str, tuple[str, list[str]]] = {}
    for text, stage in texts:
        plain = text.replace(stage.packages.arch, "…") if stage.packages is not None else text
        platforms = found.setdefault(plain, (text, []))[1]
        if stage.platform not in platforms:
            platforms.append(stage.platform)
    parts = (
        (text if len(platforms) == 1 else plain, ", ".join(platforms)) for plain, (text, platforms) in found.items()
    )
    return "\n\n---\n\n".join("\n\n".join(part) for part in parts)


def _listed(names: Sequence[str]) -> str:
    return listed(map(_plain, names), _SHOWN + 1)


def _arrows(steps: Sequence[str]) -> str:
    return " → ".join(map(_plain, steps))


def _plain(text: str) -> str:
    """Text of somebody else's file on one line, without anything that Markdown would obey."""
    return re.sub(r"([\\`*\[\]<>])", r"\\\1", printable(text))
