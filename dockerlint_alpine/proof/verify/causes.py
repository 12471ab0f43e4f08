"""What is red goes through ``diagnose``: the report ends with the package and the edit, not with an exit code."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dockerlint_alpine.proof.verify.model import CauseFound

if TYPE_CHECKING:
    from dockerlint_alpine.run.analysis import Doctor

_MAX_CAUSES = 5


def causes_of(
    where: str, log: Sequence[str], doctor: Doctor, path: Path | None, data: bytes | None
) -> list[CauseFound]:
    """Diagnose a log of a build or a container; with the Dockerfile's bytes the place of the edit is told, too.

    What can't be diagnosed gives nothing: the log itself is kept elsewhere.
    """
    from dockerlint_alpine.apk import ApkError  # noqa: PLC0415
    from dockerlint_alpine.diagnose import DiagnoseError, diagnose_scan, read_log  # noqa: PLC0415
    from dockerlint_alpine.diagnose.repair import Surgery  # noqa: PLC0415
    from dockerlint_alpine.run.analysis import UnreadableError  # noqa: PLC0415 - only for what is red

    text = "\n".join(log).encode("utf-8", "surrogateescape") + b"\n"
    try:
        found = read_log(io.BytesIO(text), doctor.knowledge)
        edits: dict[str, str] = {}
        if path is not None and data is not None:
            surgery = Surgery(doctor, data, path, found, path.name)
            release, said_by = surgery.release()
            repair = surgery.repair(
                diagnose_scan(found, doctor.knowledge, doctor.store, alpine=release, said_by=said_by, arch=surgery.arch)
            )
            diagnosis = repair.diagnosis
            edits = {one.package: one.title for one in repair.applied}
        else:
            diagnosis = diagnose_scan(found, doctor.knowledge, doctor.store)
    except (ApkError, DiagnoseError, UnreadableError):
        return []
    return [
        CauseFound(
            where,
            cause.cause,
            cause.quote,
            cause.packages,
            cause.advice,
            "; ".join(edits[p] for p in cause.packages if p in edits),
        )
        for cause in diagnosis.causes[:_MAX_CAUSES]
        if cause.outcome != "unknown"
    ]
