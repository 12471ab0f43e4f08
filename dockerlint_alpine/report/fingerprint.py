"""Identities of findings that survive edits elsewhere in the file, for hosts that track a finding over time."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import TYPE_CHECKING

from dockerlint_alpine.report.paths import portable
from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Finding
    from dockerlint_alpine.model.reports import FileReport

_LINE_NUMBER = lazy_pattern(r":\d+\b|\blines? \d+")


def fingerprints(file: FileReport, path: str = "") -> tuple[str, ...]:
    """One hexadecimal identity (40 digits) for each finding of the file, in order and each different.

    ``path`` names the file where its host has another name for it. No line or column enters an identity: it is made of
    the file, the code, the stage, the distribution, the need and the packages, and of the message where there is nothing
    more exact. Equal findings are told apart by their order.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    found: list[str] = []
    for finding in file.findings:
        identity = (path or portable(file.path), *_identity(finding))
        seen[identity] += 1
        found.append(digest(*identity, str(seen[identity])))
    return tuple(found)


def digest(*parts: str) -> str:
    """Return a hexadecimal identity (40 digits) of these parts."""
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _identity(finding: Finding) -> tuple[str, ...]:
    stage = finding.stage.name or str(finding.stage.index) if finding.stage else ""
    distribution = finding.distribution.name if finding.distribution else ""
    exact = finding.need or " ".join(finding.packages)
    what = exact if distribution or exact else _LINE_NUMBER.sub("", finding.message)
    return finding.code, stage, distribution, what
