"""The export against the shape that the proposal's mapping schema asks for, described here in our own words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import jsonschema
import pytest

from dockerlint_alpine.apk import IndexStore
from dockerlint_alpine.knowledge.export import ExportError, registered, to_pep804

if TYPE_CHECKING:
    from dockerlint_alpine.knowledge import Knowledge

NAMES = {"type": "array", "items": {"type": "string", "minLength": 1}}
COMMAND = {
    "type": "object",
    "additionalProperties": False,
    "required": ["command"],
    "properties": {
        "command": NAMES,
        "requires_elevation": {"type": "boolean"},
        "multiple_specifiers": {"enum": ["always", "name-only", "never"]},
    },
}
RANGES = ["syntax", "and", "equal", "greater_than", "greater_than_equal", "less_than", "less_than_equal"]
SHAPE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "package_managers", "mappings"],
    "properties": {
        "schema_version": {"const": 1},
        "name": {"type": "string", "minLength": 1},
        "description": {"type": "string"},
        "mappings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["id", "specs"],
                "properties": {
                    "id": {"type": "string", "pattern": "^dep:.+$"},
                    "description": {"type": "string"},
                    "specs": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["build", "host", "run"],
                        "properties": {"build": NAMES, "host": NAMES, "run": NAMES},
                    },
                    "urls": {"type": "object", "additionalProperties": {"type": "string", "pattern": "^https?://"}},
                },
            },
        },
        "package_managers": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "commands", "specifier_syntax"],
                "properties": {
                    "name": {"type": "string"},
                    "commands": {
                        "type": "object",
                        "required": ["install", "query"],
                        "properties": {"install": COMMAND, "query": COMMAND},
                    },
                    "specifier_syntax": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["name_only", "exact_version", "version_ranges"],
                        "properties": {
                            "name_only": NAMES,
                            "exact_version": NAMES,
                            "version_ranges": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": RANGES,
                                "properties": {
                                    "syntax": NAMES,
                                    "and": {"type": ["string", "null"]},
                                    **{name: {"type": "string"} for name in RANGES[2:]},
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}


@pytest.fixture(scope="module")
def mapping(knowledge: Knowledge) -> dict[str, object]:
    return to_pep804(knowledge, IndexStore().open("3.21"))


def specs(mapping: dict[str, object]) -> dict[str, dict[str, list[str]]]:
    return {entry["id"]: entry["specs"] for entry in mapping["mappings"]}


def test_it_has_the_shape_and_each_identifier_once(mapping: dict[str, object]) -> None:
    jsonschema.validate(mapping, SHAPE)
    ids = [entry["id"] for entry in mapping["mappings"]]
    assert ids == sorted(set(ids))
    assert len(ids) >= 180


def test_libraries_tools_compilers_and_interfaces_are_mapped(mapping: dict[str, object]) -> None:
    found = specs(mapping)
    assert found["dep:generic/libpq"] == {"build": [], "host": ["libpq-dev", "libpq"], "run": ["libpq"]}
    assert found["dep:generic/libjpeg"]["host"][0] == "libjpeg-turbo-dev"
    assert found["dep:generic/cmake"] == {"build": ["cmake"], "host": [], "run": []}
    assert found["dep:virtual/compiler/c"]["build"] == ["gcc", "musl-dev"]
    assert found["dep:virtual/compiler/cxx"]["run"] == ["libstdc++", "libgcc"]
    assert found["dep:virtual/interface/blas"]["host"][0] == "openblas-dev"
    assert found["dep:virtual/interface/openmp"]["run"] == ["libgomp"]


def test_every_package_exists_in_the_release(mapping: dict[str, object]) -> None:
    index = IndexStore().open("3.21")
    names = {name for parts in specs(mapping).values() for part in parts.values() for name in part}
    assert [name for name in sorted(names) if index.package(name) is None] == []


def test_names_are_those_of_the_release(knowledge: Knowledge) -> None:
    old = specs(to_pep804(knowledge, IndexStore().open("3.12")))
    assert old["dep:generic/libpq"]["host"][0] == "postgresql-dev"


def test_a_registry_limits_the_identifiers(knowledge: Knowledge) -> None:
    only = registered(json.dumps({"definitions": [{"id": "dep:generic/zlib"}, {"id": "dep:generic/nosuch"}]}).encode())
    assert list(specs(to_pep804(knowledge, IndexStore().open("3.21"), only=only))) == ["dep:generic/zlib"]


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"definitions": 1}', b'{"definitions": [{}]}', b"\xff"])
def test_what_is_no_registry_is_one_clear_error(data: bytes) -> None:
    with pytest.raises(ExportError, match="the registry is no JSON object"):
        registered(data)
