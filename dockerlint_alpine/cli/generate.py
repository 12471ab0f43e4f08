"""``alpine-doctor generate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.spelling import CONFIG, ISOLATED, alpine_option, platforms_option, python_option
from dockerlint_alpine.cli.terminal import warn

if TYPE_CHECKING:
    from dockerlint_alpine.run.analysis import Doctor

_DEFAULTS = ("requirements.txt", "pyproject.toml")
_NOT_ASKED: dict[str, Any] = {"select": (), "ignore": (), "build_args": (), "alpine": None, "python": None}


@click.command()
@click.argument("requirements", required=False, type=click.Path())
@python_option("The Python to use (default: 3.13).")
@alpine_option("The Alpine release (default: the newest one known).")
@platforms_option("linux/amd64 by default; repeatable.")
@click.option("--online/--offline", default=None, help="Ask the Python package index, or never (see check).")
@click.option("--as-of", metavar="DATE", help="Use the package index as it was on this day, YYYY-MM-DD.")
@CONFIG
@ISOLATED
@click.option("--strict", is_flag=True, default=None, help="Exit with 2 if anything could not be checked.")
def generate(requirements: str | None, **given: Any) -> None:
    r"""Print a Dockerfile for REQUIREMENTS (requirements.txt or pyproject.toml by default) with exactly what they need.

    Two stages where something is compiled, one where everything has a wheel; every package with its reason.

    \b
    Examples:
      alpine-doctor generate > Dockerfile
      alpine-doctor generate requirements/prod.txt --python 3.12 --alpine 3.21
    """
    from dockerlint_alpine.answers import generate as library
    from dockerlint_alpine.apk import ApkError
    from dockerlint_alpine.knowledge import KnowledgeError
    from dockerlint_alpine.model.reports import Report
    from dockerlint_alpine.run.analysis import UnreadableError

    configured = common.configuration({**given, **_NOT_ASKED})
    python = _version("--python", given["python"] or configured.settings.python or library.DEFAULT_PYTHON)
    name = requirements or next((name for name in _DEFAULTS if Path(name).is_file()), _DEFAULTS[0])
    try:

        def generated(doctor: Doctor) -> library.Generated:
            release = given["alpine"] or configured.settings.alpine or library.newest_release(doctor.store)
            alpine = _version("--alpine", release.removeprefix("v"))
            doctor.store.open(alpine)
            return library.generate(doctor, Path(name), python=python, alpine=alpine)

        done = common.make_judge(configured, use_cache=False).gather(generated)
    except UnreadableError as error:
        warn(f"{name}: {error}")
        sys.exit(2)
    except (ApkError, KnowledgeError) as error:
        raise click.UsageError(str(error)) from None
    click.echo(done.text, nl=False)
    report = Report((done.report,))
    for finding in done.report.findings:
        warn(f"{finding.code} {finding.message}")
    sys.exit(common.exit_code(report, configured.settings))


def _version(option: str, value: str) -> str:
    parts = value.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise click.UsageError(f"{option} {value!r}: expected X.Y")
    return value
