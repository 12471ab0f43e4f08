"""The part of the compose specification that is understood without compose: read to the shape that compose prints.

Whatever else a file says is refused with its path, never passed over: a service without a part of its settings would be
another service.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from dockerlint_alpine.proof.verify.errors import NotVerifiedError, PlanError
from dockerlint_alpine.proof.verify.expectations import EXTENSION
from dockerlint_alpine.system.dotenv import VARIABLE, chosen, read_dotenv, value_of
from dockerlint_alpine.system.patterns import lazy_pattern

_TOP = {"name", "version", "services", "networks", "volumes"}
_BUILD = {"context", "dockerfile", "args", "target", "labels"}
_HEALTH = {"test", "interval", "timeout", "retries", "start_period", "disable"}
SERVICE_KEYS = {
    "image", "build", "command", "entrypoint", "environment", "env_file", "ports", "volumes", "tmpfs", "user", "working_dir",
    "init", "healthcheck", "depends_on", "profiles", "networks", "expose", "labels", "restart", "container_name",
}  # fmt: skip
_PORT = lazy_pattern(
    r"(?:(?P<host>\[[^\]]*\]|[\d.]*):)?(?:(?P<published>\d+)?:)?(?P<target>\d+)(?:/(?P<protocol>tcp|udp))?"
)
_MAX_BROUGHT = 16 * 1024 * 1024
"""Characters that all variables of a file may bring."""
_CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")


def read_subset(path: Path, raw: Any, variables: Mapping[str, str]) -> dict[str, Any]:
    """Read a parsed compose file.

    Raises :class:`NotVerifiedError` for what is not supported and :class:`PlanError` for what is wrong.
    """
    reader = _Reader(path, {**read_dotenv(path.parent / ".env"), **variables})
    return reader.document(raw)


class _Reader:
    def __init__(self, path: Path, variables: Mapping[str, str]) -> None:
        self._path = path
        self._variables = variables
        self._brought = 0

    def _refuse(self, where: str) -> NotVerifiedError:
        return NotVerifiedError(
            f"{self._path}: {where} is not supported without compose: install docker's compose plugin"
        )

    def _wrong(self, where: str, why: str) -> PlanError:
        return PlanError(f"{self._path}: {where}: {why}")

    def document(self, raw: Any) -> dict[str, Any]:
        raw = self._filled(self._table(raw, "the file"))
        for key in raw:
            if key not in _TOP and not str(key).startswith("x-"):
                raise self._refuse(str(key))
        services = self._table(raw.get("services"), "services")
        found = {str(name): self._service(str(name), one) for name, one in services.items()}
        networks = {str(key): one or {} for key, one in self._table(raw.get("networks") or {}, "networks").items()}
        used = sorted({*networks, *(key for one in found.values() for key in one["networks"])})
        volumes = self._table(raw.get("volumes") or {}, "volumes")
        return {
            "services": found,
            "networks": {key: self._named(f"networks.{key}", networks.get(key, {})) for key in used},
            "volumes": {str(key): self._named(f"volumes.{key}", one or {}) for key, one in volumes.items()},
        }

    def _named(self, where: str, one: Any) -> dict[str, Any]:
        table = self._table(one, where, {"name", "external", "driver", "labels", "internal"})
        if table.get("driver", "bridge" if where.startswith("networks") else "local") not in ("bridge", "local"):
            raise self._refuse(f"{where}.driver")
        return dict(table)

    def _service(self, name: str, one: Any) -> dict[str, Any]:
        where = f"services.{name}"
        table = self._table(one, where, SERVICE_KEYS, extended=True)
        read: dict[str, Callable[[str, Any], Any]] = {
            "build": self._build,
            "command": self._command,
            "entrypoint": self._command,
            "ports": self._ports,
            "volumes": self._mounts,
            "healthcheck": self._health,
            "depends_on": self._depends,
        }
        found = {key: read[key](f"{where}.{key}", value) if key in read else value for key, value in table.items()}
        environment: dict[str, str | None] = dict(self._env_files(f"{where}.env_file", found.pop("env_file", None)))
        environment.update(self._map(f"{where}.environment", found.pop("environment", None)))
        found["environment"] = {key: value for key, value in environment.items() if value is not None}
        found["labels"] = self._map(f"{where}.labels", found.get("labels"))
        networks = found.get("networks") or {"default": None}
        if isinstance(networks, list):
            networks = {self._text(f"{where}.networks", key): None for key in networks}
        found["networks"] = dict(self._table(networks, f"{where}.networks"))
        for key, settings in found["networks"].items():
            self._table(settings or {}, f"{where}.networks.{key}", {"aliases"})
        for key in {"profiles", "tmpfs", "expose"} & found.keys():
            words = [found[key]] if isinstance(found[key], str) else self._list(f"{where}.{key}", found[key])
            found[key] = [str(word) for word in words]
        for key in ("image", "user", "working_dir"):
            if found.get(key) is not None:
                found[key] = self._scalar(self._text(f"{where}.{key}", found[key]))
        if not found.get("image") and not found.get("build"):
            raise self._wrong(where, "it has neither an image nor a build")
        found.pop(EXTENSION, None)
        return found

    def _build(self, where: str, given: Any) -> dict[str, Any]:
        table = {"context": given} if isinstance(given, str) else self._table(given, where, _BUILD)
        context = str(table.get("context") or ".")
        if "://" in context or context.startswith("git@"):
            raise self._refuse(f"{where}.context {context}")
        place = str((self._path.parent / context).resolve())
        found = {**table, "context": place, "dockerfile": table.get("dockerfile") or "Dockerfile"}
        if "args" in table:
            args = self._map(f"{where}.args", table["args"])
            found["args"] = {key: value for key, value in args.items() if value is not None}
        return found

    def _command(self, where: str, given: Any) -> list[str] | None:
        if given is None:
            return None
        if isinstance(given, list):
            return [self._scalar(word) for word in given]
        try:
            return shlex.split(str(given))
        except ValueError as error:
            raise self._wrong(where, str(error)) from None

    def _ports(self, where: str, given: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number, one in enumerate(self._list(where, given)):
            if isinstance(one, dict):
                if not str(one.get("target", "")).isdigit():
                    raise self._wrong(f"{where}[{number}]", "a target port is expected")
                target, published, protocol = one["target"], str(one.get("published") or ""), one.get("protocol", "tcp")
                found.append({"target": int(target), "published": published, "protocol": protocol})
                continue
            match = _PORT.fullmatch(str(one))
            if match is None:
                raise self._refuse(f"{where}[{number}] {one}")
            host = match["host"] or ""
            published = match["published"] or (host if host.isdigit() else "")
            protocol = match["protocol"] or "tcp"
            found.append({"target": int(match["target"]), "published": published, "protocol": protocol})
        return found

    def _mounts(self, where: str, given: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number, one in enumerate(self._list(where, given)):
            place = f"{where}[{number}]"
            if isinstance(one, dict):
                mount = dict(self._table(one, place, {"type", "source", "target", "read_only"}))
            else:
                parts = str(one).split(":")
                if len(parts) > 3 or (len(parts) == 3 and parts[2] not in ("ro", "rw")):
                    raise self._refuse(f"{place} {one}")
                if len(parts) == 1:
                    mount = {"type": "volume", "target": parts[0]}
                else:
                    kind = "bind" if parts[0].startswith((".", "/", "~")) else "volume"
                    mount = {"type": kind, "source": parts[0], "target": parts[1], "read_only": parts[2:] == ["ro"]}
            if not isinstance(mount.get("target"), str) or not isinstance(mount.get("source", ""), str):
                raise self._wrong(place, "a source and a target are expected")
            if mount.get("type") == "bind":
                mount["source"] = str((self._path.parent / Path(str(mount.get("source"))).expanduser()).resolve())
            elif mount.get("type") not in ("volume", "tmpfs"):
                raise self._refuse(f"{place}.type {mount.get('type')}")
            found.append(mount)
        return found

    def _health(self, where: str, given: Any) -> dict[str, Any]:
        table = self._table(given, where, _HEALTH)
        words = ["CMD-SHELL", table["test"]] if isinstance(table.get("test"), str) else None
        if words is None:
            words = [self._scalar(one) for one in self._list(f"{where}.test", table.get("test"))]
        if "retries" in table and not str(table["retries"]).isdigit():
            raise self._wrong(f"{where}.retries", "a number is expected")
        return {**table, "test": words}

    def _depends(self, where: str, given: Any) -> dict[str, Any]:
        if isinstance(given, list):
            return {str(name): {"condition": "service_started", "required": True} for name in given}
        found: dict[str, Any] = {}
        for name, one in self._table(given, where).items():
            table = self._table(one or {}, f"{where}.{name}", {"condition", "required"})
            condition = table.get("condition", "service_started")
            if condition not in _CONDITIONS:
                raise self._wrong(f"{where}.{name}.condition", f"choose from {', '.join(_CONDITIONS)}")
            found[str(name)] = {"condition": condition, "required": table.get("required", True)}
        return found

    def _env_files(self, where: str, given: Any) -> dict[str, str]:
        found: dict[str, str] = {}
        for one in [given] if isinstance(given, str) else self._list(where, given):
            if not isinstance(one, str):
                raise self._refuse(where)
            path = self._path.parent / one
            if not path.is_file():
                raise self._wrong(where, f"{one} is not there")
            found.update(read_dotenv(path))
        return found

    def _map(self, where: str, given: Any) -> dict[str, str | None]:
        if given is None:
            return {}
        if isinstance(given, list):
            pairs = [str(text).partition("=") for text in given]
            return {name: value if equals else self._variables.get(name) for name, equals, value in pairs}
        table = self._table(given, where)
        return {
            str(name): self._variables.get(str(name)) if value is None else self._scalar(value)
            for name, value in table.items()
        }

    def _list(self, where: str, given: Any) -> list[Any]:
        if given is None:
            return []
        if not isinstance(given, list):
            raise self._wrong(where, "a list is expected")
        return given

    def _text(self, where: str, given: Any) -> Any:
        if isinstance(given, (dict, list)):
            raise self._wrong(where, "a text is expected")
        return given

    def _scalar(self, value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    def _table(
        self, given: Any, where: str, known: Collection[str] | None = None, *, extended: bool = False
    ) -> dict[str, Any]:
        """A table with no keys but the ``known`` ones (``None``: any) and, where it may be ``extended``, ``x-...``."""
        if not isinstance(given, dict):
            raise self._wrong(where, "a table is expected")
        for key in given:
            if known is not None and key not in known and not (extended and str(key).startswith("x-")):
                raise self._refuse(f"{where}.{key}")
        return given

    def _filled(self, value: Any) -> Any:
        """Interpolate as compose does: ``$NAME``, ``${NAME:-default}``, ``${NAME:?error}``, ``${NAME:+other}``, ``$$``."""
        if isinstance(value, str):
            return VARIABLE.sub(self._variable, value)
        if isinstance(value, dict):
            return {key: one if key == EXTENSION else self._filled(one) for key, one in value.items()}
        return [self._filled(one) for one in value] if isinstance(value, list) else value

    def _variable(self, match: re.Match[str]) -> str:
        found = chosen(match, self._variables)
        if found is None and match["sign"] == "?":
            raise self._wrong(match["braced"], match["word"] or "the variable is not set")
        is_default = match["sign"] == "-" and value_of(match, self._variables) is None
        value = str(self._filled(found)) if is_default else found or ""
        self._brought += len(value)
        if self._brought > _MAX_BROUGHT:
            raise self._wrong(match["braced"] or match["plain"], "too much text comes from variables")
        return value
