"""What a ``setup.py`` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Extension(Struct, frozen=True):
    """An extension module: what it links (``-l`` names), its sources and language; lists may be incomplete.

    ``conditional`` tells that the script decides at run time whether it is built, ``optional`` that a failure does not
    matter (setuptools' own keyword); ``complete`` that every list was readable. ``code`` is C that stands in the script
    (cffi's ``set_source``).
    """

    name: str | None
    line: int
    libraries: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    language: str | None = None
    conditional: bool = False
    complete: bool = True
    optional: bool = False
    code: str | None = None


class Asked(Struct, frozen=True):
    """A module that the script asks pkg-config for, or a program it runs, with its 1-based line.

    ``required`` is false where the script can go on without: behind a condition, in ``try``, or only a test.
    """

    name: str
    line: int | None = None
    required: bool = True


class Unclear(Struct, frozen=True):
    """What could not be told of requirements, with its line: those of an ``extra``, or of all of them (``*``)."""

    line: int | None
    text: str
    extra: str = ""


class SetupScript(Struct, frozen=True):
    """What a ``setup.py`` says.

    Requirements carry their 1-based lines. ``pkg_config`` are the modules it asks pkg-config for, ``programs`` the
    commands it runs (``pg_config``), ``cffi_modules`` the scripts (``build.py:ffi``) that write extensions,
    ``own_libraries`` static libraries that it compiles itself (``setup(libraries=...)``), ``variables`` those of the
    environment that it looks at. ``doubts`` are (line, what could not be told), ``unclear`` those about requirements.
    """

    name: str | None = None
    install_requires: tuple[tuple[str, int | None], ...] | None = None
    extras_require: Mapping[str, tuple[tuple[str, int | None], ...]] | None = None
    setup_requires: tuple[tuple[str, int | None], ...] = ()
    extensions: tuple[Extension, ...] = ()
    pkg_config: tuple[Asked, ...] = ()
    programs: tuple[Asked, ...] = ()
    cffi_modules: tuple[str, ...] = ()
    own_libraries: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    doubts: tuple[tuple[int | None, str], ...] = ()
    unclear: tuple[Unclear, ...] = ()
    no_extensions: bool = False
    """True where ``setup()`` gets an empty list of extensions, and nothing else that may compile."""
    open_arguments: bool = False
    """True where ``setup()`` also gets ``**`` of what could not be told."""
    own_commands: bool = False
    """True where ``setup()`` gets commands of the script's own (``cmdclass``)."""
    optional_rust: bool = False
    """True where it has extensions in Rust, and a failure of none of them matters."""
    goes_on: bool = False
    """True where it goes on when the build fails: it calls ``setup()`` again, in another way, or passes the failure over."""
    requires_nothing: bool = False
    """True where every call of ``setup()`` is known whole, and says nothing of requirements of any kind."""
