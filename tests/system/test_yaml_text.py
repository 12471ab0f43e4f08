"""Untrusted YAML, held against PyYAML's own parser in Python."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.system.yaml_text import YamlError, load_nodes, load_yaml

_SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def _lines(node: yaml.Node | None) -> list[tuple[int, int, str]]:
    """Where each scalar stands, and its text."""
    if isinstance(node, yaml.ScalarNode):
        return [(node.start_mark.line, node.start_mark.column, node.value)]
    inner = node.value if node is not None else ()
    parts = (one for pair in inner for one in (pair if isinstance(pair, tuple) else (pair,)))
    return [place for part in parts for place in _lines(part)]


@given(value=_VALUES, flow=st.sampled_from([None, True, False]), style=st.sampled_from([None, "|", '"']))
def test_what_is_written_is_read_at_its_lines(value: Any, flow: bool | None, style: str | None) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, default_style=style, allow_unicode=True)
    node, found = load_yaml(text.encode())
    assert found == yaml.safe_load(text)
    assert _lines(load_nodes(text.encode())) == _lines(node)
    assert _lines(node) == _lines(yaml.compose(text, Loader=yaml.SafeLoader))


@given(
    data=st.text(alphabet="ab:- \n#&*!|>'\"{}[],?<\t%@`\u00e9\0", max_size=80).map(str.encode) | st.binary(max_size=40)
)
def test_any_bytes_are_a_document_or_refused(data: bytes) -> None:
    with contextlib.suppress(YamlError):
        load_yaml(data)


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "? " * 100_000, "{a: " * 100_000])
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(YamlError, match=r"not a readable YAML file \(line 1\)"):
        load_yaml(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {" + ", ".join(f"k{one}: 1" for one in range(1000)) + "}\nb:\n" + "- {<<: *a}\n" * 200,
        "a: " + "1" * 200,
    ],
    ids=["merged", "number"],
)
def test_what_grows_is_refused(text: str) -> None:
    with pytest.raises(YamlError):
        load_yaml(text.encode())


def test_a_tag_of_a_program_is_left_out() -> None:
    assert load_yaml(b"a: !reset [1]\nb: !override {c: d}\n")[1] == {"a": [1], "b": {"c": "d"}}
