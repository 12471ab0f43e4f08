"""The modules of a project that Django loads by their names, which stand in its settings and URLconfs.

The rules are those of Django's documentation: "Django settings" (DJANGO_SETTINGS_MODULE), "Applications" (what is loaded of
an app: its AppConfig, models, and with the admin its ``admin``), "URL dispatcher" (ROOT_URLCONF, ``include``); and of
Celery's, "Using Celery with Django" (``tasks``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dockerlint_alpine.system.patterns import lazy_pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dockerlint_alpine.syntax import SourceText

_VARIABLE = "DJANGO_SETTINGS_MODULE"
_SAID = lazy_pattern(rb"[\"']DJANGO_SETTINGS_MODULE[\"'][ \t]*\]?[ \t]*[,=]\s*[\"']([\w.]{1,200})[\"']")
_QUOTED = lazy_pattern(rb"[\"']([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)[\"']")
_OF_AN_APP = ("apps", "models", "admin", "tasks")
_MAX_NAMES = 500


def settings_module(source: bytes, variables: Mapping[str, SourceText]) -> str | None:
    """The settings that code names which starts Django (``manage.py``, ``wsgi.py``): the variable of the container, else the
    default that the code has for it. ``None`` for other code."""
    if _VARIABLE.encode() not in source:
        return None
    given, said = variables.get(_VARIABLE), _SAID.search(source)
    if given is not None and given.known:
        return given.text
    return said[1].decode() if said is not None else None


def names_in(source: bytes) -> Iterator[str]:
    """What may be the name of a module, or of something in one, among the texts of settings or of a URLconf."""
    names = dict.fromkeys(match[1] for match in _QUOTED.finditer(source))
    yield from (name.decode() for name in list(names)[:_MAX_NAMES])


def modules_of(name: str) -> Iterator[str]:
    """The modules that may be loaded for a name: of an app, of what lies in a module, or of a module itself."""
    parent = name.rpartition(".")[0]
    yield name
    yield from (f"{name}.{one}" for one in _OF_AN_APP)
    if parent:
        yield parent
    if parent.endswith(".apps"):
        app = parent.removesuffix(".apps")
        yield from (f"{app}.{one}" for one in _OF_AN_APP)
