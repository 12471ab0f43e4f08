"""What could not be checked of an installer's command, and how its notices put that."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from msgspec import Struct

from dockerlint_alpine.python.formats.project import no_project
from dockerlint_alpine.python.resolve import EXTRA_NOT_RECORDED, NOBODY_ASKED, NOT_THERE, OF_SEVERAL
from dockerlint_alpine.stages.context import NOT_IN_CONTEXT
from dockerlint_alpine.stages.install_request import files_it_waits_for
from dockerlint_alpine.system.plural import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dockerlint_alpine.installers.base import InstallCommand
    from dockerlint_alpine.python.model import Resolution, Unresolved
    from dockerlint_alpine.stages.compiles import SourceBuilds
    from dockerlint_alpine.stages.install_call import Call
    from dockerlint_alpine.stages.install_request import InstallRequest
    from dockerlint_alpine.stages.model import Installed

_SHOWN_UNKNOWN = 6
"""Names of distributions listed in one notice; the rest is counted."""

_TOO_LATE = ("no answer within", "can't be reached", "not asked yet")
"""What is said where an index would answer if it were waited for."""


def note_hidden(call: Call, command: InstallCommand, hidden: Sequence[str]) -> None:
    """Note the variables that hide what is asked for."""
    if hidden:
        names = listed(hidden)
        message = f"{command.tool} takes requirements from {names}, known only at build time"
        call.unjudged("unknown-value", message + call.walk.how_to_give(hidden), f"{command.tool} {command.verb}")


def note_problems(call: Call, command: InstallCommand, request: InstallRequest) -> None:
    """Note what could not be read of the files that it takes requirements from."""
    evidence = f"{command.tool} {command.verb}"
    absent = files_it_waits_for(call.command, call.variables, call.folder, call.walk.files)
    for problem in request.requirements.problems:
        where = problem.path if problem.line is None else f"{problem.path}:{problem.line}"
        # What the instruction itself says has its place already: that of the notice. So has what names its file.
        here = problem.path == call.walk.build.shown_as and problem.line is not None
        placed = here or problem.message.startswith(f"{where} ")
        message = problem.message if placed else f"{where}: {problem.message}"
        if absent & {problem.path, *problem.message.split()}:
            continue
        message += call.walk.unfetched.get(problem.url, "")
        if NOT_IN_CONTEXT in message:
            message = f"{message} (name another with --context)"
        call.unjudged("unreadable-requirements", message, evidence)
    files = call.walk.files
    for path in request.requirements.files:
        line = call.walk.edited.get(path)
        if line is not None:
            shown = files.display(path)
            message = f"{shown} is changed in line {line} before it is read; the file in the context was checked"
            call.unjudged("unknown-value", message, evidence)


class Doubts(Struct, frozen=True):
    """What could not be checked of one command, once it is known what it installs.

    ``online``: the index was to be asked; ``refusal`` is why it was not, or gave no answer. ``as_of`` is the day of the
    recorded facts, ``sources`` knows what was read of what is compiled.
    """

    call: Call
    request: InstallRequest
    online: bool
    refusal: str
    as_of: str
    sources: SourceBuilds

    def note(
        self,
        resolution: Resolution,
        present: Mapping[str, str],
        installed: Sequence[Installed],
        *,
        conflicts_stop: bool,
    ) -> None:
        """Note all of it; ``present`` is what was there before, by name and version, and ``conflicts_stop`` whether the
        installer refuses what contradicts itself."""
        self._note_unknown(resolution, present)
        if conflicts_stop:
            self._note_conflicts(resolution)
        self._note_unruled(installed)

    def _note_unknown(self, resolution: Resolution, present: Mapping[str, str]) -> None:
        """Note the distributions that nobody knows."""
        call, request = self.call, self.request
        unknown: list[str] = []
        half_known: list[str] = []
        extras: list[str] = []
        unfetched: defaultdict[str, dict[str, Unresolved]] = defaultdict(dict)
        absent: defaultdict[tuple[str, str], dict[str, Unresolved]] = defaultdict(dict)
        for item in _not_told_yet(call, resolution, request, present):
            if item.kind == "unknown" and "://" in item.name:
                unfetched[call.walk.unfetched.get(item.name, "")].setdefault(item.name, item)
            elif item.kind == "unknown" and not item.name.startswith(("/", ".")):
                unknown.append(item.name)
            elif item.kind == "unknown":
                message = f"what {item.name} requires can't be read from its files"
                call.unjudged("unresolved-requirement", message, " -> ".join(item.chain))
            elif item.kind == "dependencies":
                half_known.append(item.name)
            elif item.reason.endswith(EXTRA_NOT_RECORDED):
                extras.append(item.reason.removesuffix(EXTRA_NOT_RECORDED))
            elif item.reason.startswith(NOT_THERE):
                what, comma, rest = item.reason.removeprefix(NOT_THERE).partition(", ")
                kind = next((one for one in OF_SEVERAL if what.startswith(one)), "")
                absent[kind, comma + rest].setdefault(what.removeprefix(kind), item)
            else:
                call.unjudged("unresolved-requirement", f"{item.name}: {item.reason}", " -> ".join(item.chain))
        for reason, items in unfetched.items():
            before = "it is" if len(items) == 1 else "they are"
            message = (
                f"what {listed(list(items), _SHOWN_UNKNOWN)} requires is not known before {before} fetched{reason}"
            )
            chain = next(iter(items.values())).chain
            call.unjudged("unresolved-requirement", message, " -> ".join(chain), len(items))
        for (kind, rest), items in absent.items():
            first = next(iter(items.values()))
            what = f"{NOT_THERE}{kind}{listed(list(items), _SHOWN_UNKNOWN)}{rest}"
            message = what if len(items) > 1 else f"{first.name}: {what}"
            call.unjudged("unresolved-requirement", message, " -> ".join(first.chain), len(items))
        asks_nobody = request.requirements.options.asks_nobody
        folders = listed(request.wheelhouses) if request.wheelhouses else "nothing"
        advice = f": --no-index leaves only {folders}" if asks_nobody else f" offline{self._advice()}"
        are = "are" if len(set(unknown)) > 1 else "is"
        only_built = "what {} requires is known only to its build" if self.online and not asks_nobody else ""
        required = only_built or "what {} requires is"
        for names, what in ((unknown, f"{{}} {are}"), (half_known, required), (extras, "what {} adds is")):
            if names:
                told = what is only_built
                message = what.format(listed(names, _SHOWN_UNKNOWN)) + ("" if told else f" not known{advice}")
                call.unjudged("unresolved-requirement", message, f"embedded facts as of {self.as_of}", len(set(names)))

    def _note_conflicts(self, resolution: Resolution) -> None:
        """What contradicts itself is refused as a whole, and judged in the versions that are asked for first."""
        conflicts = [one for one in resolution.unresolved if one.kind == "conflict"]
        if not conflicts:
            return
        first, *others = conflicts
        message = f"{first.name}: {first.reason}"
        if others:
            message += f"; nor of {listed([one.name for one in others], _SHOWN_UNKNOWN)}"
        chain = " -> ".join(first.chain)
        self.call.unjudged("unresolved-requirement", f"{message}: an installer stops there", chain, len(conflicts))

    def _advice(self) -> str:
        """What can be done about what is not known."""
        if self.online:
            return f", and the index gave no answer{f' ({self.refusal})' if self.refusal else ''}"
        if self.refusal and self.refusal != NOBODY_ASKED:
            named = not any(one in self.refusal for one in _TOO_LATE)
            return f": {self.refusal}" if named else ", and the index did not answer in time: --online waits for it"
        return ": query the index with --online"

    def _note_unruled(self, installed: Sequence[Installed]) -> None:
        """What is compiled and nothing tells how; only pure Python may be passed over."""
        compiled = [item for item in installed if item.built is not None and not item.ready]
        unruled = [
            item.resolved.name
            for item in compiled
            if item.built is not None
            and item.built.rule is None
            and not self.sources.is_pure(self.call.walk, item.resolved, self.request)
        ]
        if unruled:
            several = len(set(unruled)) > 1
            message = (
                f"{listed(unruled, _SHOWN_UNKNOWN)} {'are' if several else 'is'} compiled, and what"
                f" the build needs is not known: {self.sources.advice}"
            )
            failures = [self.sources.failures[name] for name in unruled if name in self.sources.failures]
            evidence = failures[0] if failures else "no rule, and no version is known to be pure Python"
            self.call.unjudged("unresolved-requirement", message, evidence, len(set(unruled)))
        for item in compiled:
            if item.built is not None and item.built.unread:
                doubts = "; ".join(item.built.unread[:3])
                message = f"{item.resolved.name} is compiled, and its sources do not show everything it needs: {doubts}"
                more = len(item.built.unread) - 3
                self.call.unjudged(
                    "unresolved-requirement",
                    f"{message} and {more} more" if more > 0 else message,
                    f"{item.built.source}",
                )


def _not_told_yet(
    call: Call, resolution: Resolution, request: InstallRequest, present: Mapping[str, str]
) -> Iterator[Unresolved]:
    """What is open and nothing else says: what lies in a wheelhouse was reported when its wheel was made."""
    made = (item for item in call.walk.installed if item.location in request.wheelhouses)
    reported = {item.resolved.name for item in made if item.glibc is None or call.walk.glibc is not None}
    problems = request.requirements.problems
    refused = {one.name for one in resolution.distributions if one.artefact.refused}  # a finding says that
    for item in resolution.unresolved:
        if item.kind == "conflict" or (item.kind == "no-release" and item.name in refused):
            continue
        if item.kind == "unknown" and any(
            one.message.startswith(no_project(call.walk.files.display(item.name))) for one in problems
        ):
            continue  # the problem says it
        if (item.name in reported and item.kind != "no-release") or (
            item.name in present and item.kind == "dependencies"
        ):
            continue
        yield item
