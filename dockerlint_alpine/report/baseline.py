"""A baseline: the known findings of a project, so that a run lists only new ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dockerlint_alpine.model.reports import FileReport, Report, with_findings
from dockerlint_alpine.report.display import scrub
from dockerlint_alpine.report.encoding import json_text
from dockerlint_alpine.report.fingerprint import fingerprints
from dockerlint_alpine.report.paths import portable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.model.findings import Finding


class BaselineError(Exception):
    """A file that is no baseline; the text is one line for the user."""


class _Entry(Struct, frozen=True):
    """A known finding. Only the fingerprint counts; the rest is for who reads the file."""

    fingerprint: str
    code: str = ""
    path: str = ""
    message: str = ""


class _Document(Struct, frozen=True):
    version: int
    findings: tuple[_Entry, ...]


class Compared(Struct, frozen=True):
    """What is left of a report, how many findings were known, and how many known ones are gone from the files judged."""

    report: Report
    known: int
    gone: int


def written(report: Report, folder: str) -> str:
    """The baseline of a report, JSON. Paths in it count from ``folder``, that of the file that it is for."""
    entries = [
        {"fingerprint": identity, "code": finding.code, "path": path, "message": scrub(finding.message)}
        for file in report.files
        for path in (_path(file, folder),)
        for finding, identity in _identified(file, path)
    ]
    entries.sort(key=lambda entry: (entry["path"], entry["code"], entry["fingerprint"]))
    return json_text({"version": 1, "findings": entries})


def without_known(report: Report, baseline: bytes, folder: str) -> Compared:
    """The report without what the baseline has. Raises BaselineError where that is none.

    Lines may have moved since: a fingerprint has no line in it.
    """
    try:
        document = msgspec.json.decode(baseline, type=_Document)
    except msgspec.DecodeError as error:
        raise BaselineError(f"not a baseline: {error}") from None
    if document.version != 1:
        raise BaselineError(f"a baseline of version {document.version}, and this program knows version 1")
    known = {entry.fingerprint for entry in document.findings}
    met: set[str] = set()
    files = []
    for file in report.files:
        path = _path(file, folder)
        found = list(_identified(file, path))
        met.update(identity for _, identity in found)
        files.append(with_findings(file, [finding for finding, identity in found if identity not in known]))
    judged = {_path(file, folder) for file in report.files}
    gone = sum(entry.path in judged and entry.fingerprint not in met for entry in document.findings)
    left = replace(report, files=tuple(files))
    return Compared(left, len(report.findings) - len(left.findings), gone)


def _identified(file: FileReport, path: str) -> Iterator[tuple[Finding, str]]:
    return zip(file.findings, fingerprints(file, path), strict=True)


def _path(file: FileReport, folder: str) -> str:
    return scrub(portable(os.path.relpath(file.path, folder)))
