"""Quick fixes: the edits of ``alpine-doctor fix``, one by one or all at once, and the comment that silences a finding."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from msgspec import Struct

from dockerlint_alpine.fixer.fix_loop import compatible
from dockerlint_alpine.model import findings
from dockerlint_alpine.model.lining_up import lined_up
from dockerlint_alpine.run.add_ignores import AddIgnoreError, add_ignores
from dockerlint_alpine.server.diagnostics import located
from dockerlint_alpine.server.positions import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dockerlint_alpine.model.findings import Finding, Fix
    from dockerlint_alpine.run.analysis import FixResult
    from dockerlint_alpine.server.judging import Judgement

FIX_ALL = "source.fixAll.alpineDoctor"
"""For ``editor.codeActionsOnSave`` and its like: everything that ``alpine-doctor fix`` would do."""

KINDS: tuple[types.CodeActionKind | str, ...] = (types.CodeActionKind.QuickFix, FIX_ALL)
_MAX_LINES = 20_000
"""Lines of a changed part that are compared one by one; a larger part is replaced as a whole."""


class Client(Struct, frozen=True):
    """What an editor understands: versioned edits, and actions whose edits it asks for later."""

    versioned_edits: bool = False
    resolves_edits: bool = False


def actions(
    judgement: Judgement, wanted: types.Range, context: types.CodeActionContext, client: Client
) -> list[types.CodeAction]:
    """What may be done about the findings that touch a range, the safe fixes first, and about the whole file.

    The edits of 'fix all' are left for :func:`fix_all`, where the editor can ask for them later.
    """
    found: list[types.CodeAction] = []
    if _is_wanted(types.CodeActionKind.QuickFix, context):
        here = [
            (one, [shown for shown in context.diagnostics if _is_about(shown, one.finding, one.span, one.identity)])
            for one in located(judgement)
            if _touch(one.span, wanted)
        ]
        for one, about in here:
            ways = (*one.offers, *(remedy.fix for remedy in one.finding.remedies))
            offered = (_fix(judgement, one.finding, fix, about, client) for fix in ways)
            found += [action for action in offered if action is not None]
        silenced: set[tuple[str, int]] = set()
        for one, about in here:
            places = {(member.code, member.location.line) for member in one.members}
            if not places <= silenced:
                silenced |= places
                found += [action for action in (_silence(judgement, one.members, about, client),) if action is not None]
        found.sort(key=lambda action: not action.is_preferred)
    if _is_wanted(FIX_ALL, context) and (client.resolves_edits or context.only) and _fixable(judgement):
        found.append(types.CodeAction("Fix all with alpine-doctor", kind=FIX_ALL, data={"uri": judgement.document.uri}))
    return found


def fix_all(judgement: Judgement, result: FixResult | None, client: Client) -> types.WorkspaceEdit | None:
    """All of ``result`` as edits of the open texts: the lines that change and no others."""
    if result is None or not result.changed:
        return None
    changes = {judgement.report.path: _line_edits(result.old, result.new)}
    changes |= {other.path: _line_edits(other.old, other.new) for other in result.others}
    return _workspace_edit(judgement, {path: edits for path, edits in changes.items() if edits}, client)


def _fix(
    judgement: Judgement, finding: Finding, fix: Fix | None, about: Sequence[types.Diagnostic], client: Client
) -> types.CodeAction | None:
    if fix is None or fix.applicability == "display":
        return None
    changes: dict[str, list[findings.TextEdit]] = {}
    for one in fix.edits:
        changes.setdefault(one.path or judgement.report.path, []).append(one)
    edit = _workspace_edit(judgement, changes, client)
    if edit is None:
        return None
    safe = fix.applicability == "safe"
    title = f"{finding.code}: {fix.title}{'' if safe else ' (unsafe)'}"
    return types.CodeAction(
        title, kind=types.CodeActionKind.QuickFix, diagnostics=list(about), is_preferred=safe, edit=edit
    )


def _silence(
    judgement: Judgement, members: Sequence[Finding], about: Sequence[types.Diagnostic], client: Client
) -> types.CodeAction | None:
    old = judgement.document.data
    try:
        new, _ = add_ignores(old, members)
    except AddIgnoreError:
        return None
    if new == old:
        return None
    edit = _workspace_edit(judgement, {judgement.report.path: _line_edits(old, new)}, client)
    codes = ", ".join(dict.fromkeys(member.code for member in members))
    title = f"{codes}: ignore it here with a comment"
    return types.CodeAction(
        title, kind=types.CodeActionKind.QuickFix, diagnostics=list(about), is_preferred=False, edit=edit
    )


def _fixable(judgement: Judgement) -> bool:
    unsafe = any(doctor.settings.unsafe_fixes for doctor in judgement.doctors)
    return bool(compatible(judgement.report.findings, unsafe=unsafe))


# -- what is asked for ----------------------------------------------------------------------------------------------


def _is_wanted(kind: str, context: types.CodeActionContext) -> bool:
    """Kinds are a tree: who wants ``source.fixAll`` wants ``source.fixAll.alpineDoctor``."""
    return context.only is None or any(kind == one or kind.startswith(f"{one}.") for one in map(_text, context.only))


def _text(kind: types.CodeActionKind | str) -> str:
    return kind.value if isinstance(kind, types.CodeActionKind) else kind


def _touch(one: types.Range, other: types.Range) -> bool:
    return _key(one.start) <= _key(other.end) and _key(other.start) <= _key(one.end)


def _key(position: Any) -> tuple[int, int]:
    return position.line, position.character


def _is_about(diagnostic: types.Diagnostic, finding: Finding, span: types.Range, identity: str) -> bool:
    """Whether an editor's diagnostic is this finding: by the identity that it was sent with, else by code and place."""
    data = diagnostic.data
    known = data.get("id") if isinstance(data, dict) else None
    if known is not None:
        return bool(known == identity)
    return bool(diagnostic.code == finding.code and diagnostic.range == span)


# -- edits ----------------------------------------------------------------------------------------------------------


def _workspace_edit(
    judgement: Judgement, changes: Mapping[str, Iterable[findings.TextEdit]], client: Client
) -> types.WorkspaceEdit | None:
    """Edits by file (as the report names it) for the editor; ``None`` where a file is out of reach."""
    found: dict[str, list[types.TextEdit]] = {}
    for name, edits in changes.items():
        positions = judgement.positions(name)
        if positions is None:
            return None
        # Insertions at one place are made in their order: that of the names, as the fixer has it.
        ordered = sorted(edits, key=lambda edit: (edit.start, edit.end, edit.text))
        made = lined_up(positions.data, ordered)
        found[name] = [types.TextEdit(positions.range(one.start, one.end), _shown(one.text)) for one in made]
    if not client.versioned_edits:
        return types.WorkspaceEdit(changes={judgement.uri(name): edits for name, edits in found.items()})
    versioned = [
        types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(judgement.uri(name), judgement.version(name)), [*edits]
        )
        for name, edits in found.items()
    ]
    return types.WorkspaceEdit(document_changes=versioned)


def _shown(text: str) -> str:
    """The text of an edit as JSON can carry it."""
    return decode(text.encode("utf-8", "surrogateescape"))


def _line_edits(old: bytes, new: bytes) -> list[findings.TextEdit]:
    """The edits that make ``new`` of ``old``, line by line."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    if len(before) + len(after) > _MAX_LINES:
        return [findings.TextEdit(0, len(old), decode(new))]
    steps = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [
        findings.TextEdit(starts[first], starts[last], decode(b"".join(after[start:end])))
        for kind, first, last, start, end in steps
        if kind != "equal"
    ]
