"""``fix --verify``: reproduces the predicted failure, writes the fix, verifies the new state, or restores the old file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli import verify as verifying

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dockerlint_alpine.run.analysis import FixResult
    from dockerlint_alpine.run.config import Configuration
    from dockerlint_alpine.run.jobs import Job


def prove(
    paths: Sequence[str],
    configured: Configuration,
    given: dict[str, Any],
    results: Mapping[str, FixResult],
    jobs: Sequence[Job],
) -> int:
    """Verify the fixes of these Dockerfiles (by their paths); the exit code is that of ``verify``. Raises VerifyError."""
    from dockerlint_alpine.proof.verify.keeping import FixWriter
    from dockerlint_alpine.proof.verify.planning import plan_dockerfile, requested
    from dockerlint_alpine.proof.verify.redact import Redactor

    formats = verifying.formats_of(configured.settings.output_format)
    redactor = Redactor()
    request = requested(given)
    doctor = common.make_doctor(configured, asked=lambda judge: judge.reports(jobs))
    if len(paths) == 1 and verifying.is_compose(paths[0]):
        plan, _ = verifying.planned_compose(paths[0], (), doctor, redactor, request, given)
    elif len(jobs) == 1:
        plan = plan_dockerfile(jobs[0], doctor.for_job(jobs[0]), redactor, request)
    else:
        raise click.UsageError("--verify applies to one Dockerfile or compose file: name it")
    by_place = {os.path.realpath(path): result for path, result in results.items()}
    changed = {
        unit.path: by_place[os.path.realpath(unit.path)]
        for unit in plan.units
        if unit.path and os.path.realpath(unit.path) in by_place
    }
    writer = FixWriter({Path(path): result for path, result in changed.items()}, verifying.kept_folder())
    report = verifying.execute(plan, given, redactor, writer if writer.results else None)
    verifying.show(report, formats, redactor, configured.settings.color)
    return report.exit_code
