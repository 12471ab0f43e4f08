"""What an installer finds installed: from earlier steps, and from apk for Alpine's Python."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.python.model import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dockerlint_alpine.apk import Package
    from dockerlint_alpine.installers.base import InstallCommand, PythonHome
    from dockerlint_alpine.stages.install_request import InstallRequest
    from dockerlint_alpine.stages.model import Installed
    from dockerlint_alpine.stages.walk import StageWalk


def found_installed(
    walk: StageWalk, home: PythonHome, command: InstallCommand, request: InstallRequest
) -> tuple[dict[str, str], dict[str, str]]:
    """What the installer finds there and leaves alone, by name: from earlier steps, and from apk for Alpine's Python. With
    the packages that the latter is of.

    pip looks at its own environment even with ``--prefix``, not with ``--target`` or for wheels
    (pip: ``ignore_installed`` in ``commands/install.py`` and ``commands/wheel.py``).
    """
    options = request.options
    if command.makes_wheels or request.requirements.locked or {"--target", "--ignore-installed"} & options.keys():
        return {}, {}
    if "--force-reinstall" in options:
        return {}, {}
    of_apk: dict[str, str] = {}
    found = {
        item.resolved.name: item.resolved.version
        for item in walk.installed
        if item.location == home.site_packages
        and not (item.as_wheel or item.conditional)
        and item.resolved.version is not None
    }
    if home.from_apk and (home.sees_system or not home.is_venv) and walk.packages is not None:
        for package, names in _from_apk(walk, f"py{home.version}:"):
            found.update(dict.fromkeys(names, package.version.partition("-r")[0]))
            of_apk.update(dict.fromkeys(names, package.name))
    if "--upgrade" in options:
        for one in request.requirements.requested:
            found.pop(one.name or "", None)
    return found, of_apk


def _from_apk(walk: StageWalk, prefix: str) -> Iterator[tuple[Package, set[str]]]:
    """Packages that brought distributions (``py3-*``), each with every name that this may stand for (py3-yaml: PyYAML).

    ``prefix`` is that of the modules of this Python (``py3.11:``). Up to Alpine 3.13 the index does not list them: there
    the package's name tells, and of Python 2 always. The revision of the package (``-r1``) is not part of the version.
    """
    from dockerlint_alpine.knowledge.packaged import distribution_names, python_modules

    assert walk.packages is not None
    named = f"{prefix[: len('py3')]}-"
    for package in walk.packages.world.packages.values():
        provided = [provide.name for provide in package.provides if provide.name.startswith("py3.")]
        modules = python_modules(name for name in provided if name.startswith(prefix))
        if modules or (package.name.startswith(named) and not provided):
            by_python3 = f"py3-{package.name.removeprefix(named)}"
            names = {*distribution_names(by_python3, modules), *map(normalise, modules)}
            if not modules:
                names.add(walk.build.knowledge.python_packages.get(by_python3, by_python3))
            yield package, names


def not_there_yet(walk: StageWalk, installed: Sequence[Installed]) -> list[Installed]:
    """What a later install puts in the same place replaces the earlier one, unless it is satisfied already."""
    there = {
        (item.resolved.name, item.location, item.resolved.version) for item in walk.installed if not item.conditional
    }
    return [item for item in installed if (item.resolved.name, item.location, item.resolved.version) not in there]


def uninstall(walk: StageWalk, home: PythonHome | None, words: Sequence[str], *, conditional: bool) -> None:
    """``pip uninstall -y NAME...``."""
    if home is not None and not conditional:
        names = {normalise(word) for word in words if not word.startswith("-")}
        walk.installed = [
            item for item in walk.installed if not (item.resolved.name in names and item.location == home.site_packages)
        ]
