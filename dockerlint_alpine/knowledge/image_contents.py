"""What an image holds, as it was read: in place of what rules tell of a reference."""

from __future__ import annotations

from msgspec import Struct

from dockerlint_alpine.knowledge.bases import BaseImage


class ImagePython(Struct, frozen=True):
    """An interpreter in an image. ``home`` is the prefix of the one that a virtual environment was made from, empty for
    others; ``pip`` is empty where it has none."""

    prefix: str
    version: str
    pip: str = ""
    home: str = ""
    sees_system: bool = False


class ImageContents(Struct, frozen=True):
    """An image as it was read on one day.

    ``alpine`` is ``X.Y`` or ``edge``, empty for another system. ``world`` are apk constraints that were asked for,
    ``virtual`` those of each ``apk add --virtual`` by its name, ``packages`` the names of all that is installed.
    ``distributions`` are (name, version, folder) of what pip and the like installed. ``programs`` and ``libraries`` (file
    names and sonames) are those that belong to no package of apk. ``created`` is a day, empty where it is not told.
    ``platform`` is that of an image that is there for one only.
    """

    digest: str
    created: str = ""
    platform: str = ""
    alpine: str = ""
    world: tuple[str, ...] = ()
    virtual: tuple[tuple[str, tuple[str, ...]], ...] = ()
    packages: tuple[str, ...] = ()
    pythons: tuple[ImagePython, ...] = ()
    distributions: tuple[tuple[str, str, str], ...] = ()
    programs: frozenset[str] = frozenset()
    libraries: frozenset[str] = frozenset()
    environment: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = ""
    shell: tuple[str, ...] = ()
    onbuild: tuple[str, ...] = ()

    def base_image(self, reference: str) -> BaseImage:
        """Return the same as rules tell it."""
        own = next((one for one in self.pythons if not one.home and one.prefix != "/usr"), None)
        return BaseImage(
            reference,
            reference,
            not_alpine=not self.alpine,
            alpine=self.alpine or None,
            python=own.version if own is not None else None,
            python_prefix=own.prefix if own is not None else None,
            world=self.world,
            pip_version=(own.pip or None) if own is not None else None,
            environment=self.environment,
            certain=self.alpine != "edge",  # whose index is of another day than the image
            evidence=(f"{reference} as its registry has it ({self.digest[:19]})",),
            platform=self.platform or None,
            programs=self.programs,
            libraries=self.libraries,
        )
