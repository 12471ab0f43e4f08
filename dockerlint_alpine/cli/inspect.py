"""``alpine-doctor inspect``: what wheels, objects, folders and images need, where it is found, and what is missing."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from dockerlint_alpine.cli import common
from dockerlint_alpine.cli.progress import Progress
from dockerlint_alpine.cli.spelling import OUTPUT_FILE, alpine_option, format_option, platform_option

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.apk import Index, IndexStore
    from dockerlint_alpine.elf.inspection import Inspection
    from dockerlint_alpine.elf.targets import Subject


@click.command("inspect")
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...", type=click.Path())
@alpine_option("Look packages up in this Alpine release (default: the image's own).")
@platform_option("Platform of the packages and of images with several.", default=None, show_default=False)
@format_option("text", "json")
@OUTPUT_FILE
@click.option(
    "--all", "everything", is_flag=True, help="Show all objects of folders and images, not only those with problems."
)
@click.option("--dlopen/--no-dlopen", default=True, help="Scan Python sources for libraries opened at run time.")
@click.option("--exit-zero", is_flag=True, help="Exit with 0 even if something is missing.")
def inspect_command(
    targets: tuple[str, ...],
    alpine: str | None,
    arch: str | None,
    output_format: str,
    output_file: str | None,
    *,
    everything: bool,
    dlopen: bool,
    exit_zero: bool,
) -> None:
    """Read what the bytes of TARGETs need: each library found, bundled, or missing, and the apk package that has it.

    A TARGET is a shared object or program, a wheel, a folder (site-packages, virtual environment, wheelhouse, root file
    system), an image tar or OCI layout, or image:NAME of the container engine. Nothing of it is unpacked or run.

    \b
    Exit codes: 0 sound, 1 something is missing or can't work on Alpine, 2 a target could not be read.
    """  # noqa: D301 - click's mark for a paragraph that keeps its line breaks
    run = _Run(alpine, arch, dlopen=dlopen)
    inspections = list(run.inspect(targets))
    text = _rendered(inspections, alpine, arch, output_format, everything=everything)
    if text and output_file is not None:
        common.write_text(output_file, text + "\n")
    elif text:
        click.echo(text)
    for problem in run.problems:
        click.echo(f"Error: {problem}", err=True)
    if run.problems:
        sys.exit(2)
    sys.exit(0 if exit_zero or all(inspection.sound for inspection in inspections) else 1)


class _Run:
    """Inspects targets one after the other; what can't be read is kept in ``problems``."""

    def __init__(self, alpine: str | None, arch: str | None, *, dlopen: bool) -> None:
        self.problems: list[str] = []
        self._alpine = alpine
        self._arch = arch
        self._dlopen = dlopen
        self._store: IndexStore | None = None

    def inspect(self, targets: tuple[str, ...]) -> Iterator[Inspection]:
        """Give the inspections of all targets, in order."""
        from dockerlint_alpine.system.unreadable import UnreadableError

        for target in targets:
            try:
                yield from self._inspect_target(target)
            except UnreadableError as error:
                self.problems.append(str(error))

    def _inspect_target(self, target: str) -> Iterator[Inspection]:
        from dockerlint_alpine.elf.inspection import inspect
        from dockerlint_alpine.elf.opening import open_target
        from dockerlint_alpine.elf.targets import Reading
        from dockerlint_alpine.python.sources.dlopen import scan_sources
        from dockerlint_alpine.system.unreadable import UnreadableError

        with Progress(target) as bar:
            for subject in open_target(target, Reading(self._arch, self._dlopen, bar.update)):
                if isinstance(subject, UnreadableError):
                    self.problems.append(str(subject))
                else:
                    yield inspect(subject, self._index(subject), scan=scan_sources, progress=bar.update)

    def _index(self, subject: Subject) -> Index | None:
        """Give the index of the release asked for, or of the image's own where there is one."""
        release = self._alpine or subject.alpine
        if release is None:
            return None
        from dockerlint_alpine.apk import ApkError, IndexStore, UnknownReleaseError

        if self._store is None:
            self._store = IndexStore()
        try:
            return self._store.open(release, self._arch or subject.apk_arch or "x86_64")
        except UnknownReleaseError as error:
            if self._alpine is None:
                return None  # an image of a release that we do not know: packages stay unnamed
            raise click.UsageError(str(error)) from None
        except ApkError as error:
            raise click.ClickException(str(error)) from None


def _rendered(
    inspections: list[Inspection], alpine: str | None, arch: str | None, output_format: str, *, everything: bool
) -> str:
    from dockerlint_alpine.elf.render import to_json, to_text

    if output_format == "json":
        import json

        return json.dumps(to_json(inspections, alpine=alpine, arch=arch), indent=2)
    return "\n\n".join(to_text(inspection, everything=everything) for inspection in inspections)
