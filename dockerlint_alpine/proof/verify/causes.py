"""Diagnoses failures, so that the report ends with the package and the edit, not with an exit code."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from dockerlint_alpine.proof.verify.model import CauseFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from dockerlint_alpine.run.analysis import Doctor

_MAX_CAUSES = 5


def causes_of(
    where: str, log: Sequence[str], doctor: Doctor, path: Path | None, data: bytes | None
) -> list[CauseFound]:
    """Diagnose a log of a build or a container; with the Dockerfile's bytes the place of the edit is told, too.

    What can't be diagnosed gives nothing: the log itself is kept elsewhere.
    """
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.diagnose import DiagnoseError, diagnose_scan, read_log
    from dockerlint_alpine.diagnose.repair import DockerfileRepair
    from dockerlint_alpine.run.analysis import UnreadableError

    text = "\n".join(log).encode("utf-8", "surrogateescape") + b"\n"
    try:
        found = read_log(io.BytesIO(text), doctor.knowledge)
        edits: dict[str, str] = {}
        if path is not None and data is not None:
            place = DockerfileRepair(doctor, data, path, found, path.name)
            release, said_by = place.release()
            repair = place.repair(
                diagnose_scan(found, doctor.knowledge, doctor.store, alpine=release, said_by=said_by, arch=place.arch)
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
