"""GitLab Code Quality: the simplified report format that merge requests show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.report.causes import identified
from dockerlint_alpine.report.display import printable
from dockerlint_alpine.report.encoding import json_text
from dockerlint_alpine.report.fingerprint import digest

if TYPE_CHECKING:
    from dockerlint_alpine.model.findings import Severity
    from dockerlint_alpine.model.reports import Report
    from dockerlint_alpine.report.options import RenderOptions

_SEVERITIES: dict[Severity, str] = {"error": "major", "warning": "minor", "info": "info"}
UNREADABLE = "unreadable-file"


def render(report: Report, options: RenderOptions) -> str:
    """Return a JSON array with one entry a cause; fingerprints are unique and do not depend on the line."""
    entries = [
        {
            "description": f"{', '.join(cause.codes)}: {printable(cause.headline)}",
            "check_name": cause.lead.name,
            "fingerprint": identity,
            "severity": _SEVERITIES[cause.severity],
            "location": _location(options, file.path, cause.location.line),
        }
        for file in report.files
        for cause, identity in identified(file, options.host_path(file.path))
    ]
    entries += (
        {
            "description": error.message,
            "check_name": UNREADABLE,
            "fingerprint": digest(UNREADABLE, options.host_path(error.path)),
            "severity": "blocker",
            "location": _location(options, error.path, 1),
        }
        for error in report.errors
    )
    return json_text(entries)


def _location(options: RenderOptions, path: str, line: int) -> dict[str, object]:
    return {"path": options.host_path(path), "lines": {"begin": line}}
