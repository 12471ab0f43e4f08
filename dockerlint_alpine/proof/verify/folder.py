"""The report folder: report.md, report.json, report.xml (JUnit) and evidence.jsonl, every secret taken out of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.proof.verify.document import to_json
from dockerlint_alpine.proof.verify.errors import PlanError
from dockerlint_alpine.proof.verify.junit import render
from dockerlint_alpine.proof.verify.render import to_markdown
from dockerlint_alpine.report.encoding import json_text

if TYPE_CHECKING:
    from pathlib import Path

    from dockerlint_alpine.proof.verify.evidence import Journal
    from dockerlint_alpine.proof.verify.model import VerifyReport
    from dockerlint_alpine.proof.verify.redact import Redactor


def write_folder(folder: Path, report: VerifyReport, journal: Journal, redactor: Redactor) -> None:
    """Write the files, over those of an earlier run. Raises :class:`PlanError` where that can't be."""
    document = {**to_json(report), "secrets": redactor.names()}
    texts = {
        "report.md": redactor.text(to_markdown(report)),
        "report.json": redactor.text(json_text(redactor.value(document))),
        "report.xml": redactor.text(render(report)),
        "evidence.jsonl": journal.lines(),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise PlanError(f"--report {folder}: {error.strerror or error}") from None
