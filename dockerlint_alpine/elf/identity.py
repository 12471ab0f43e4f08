"""Who a container runs as: USER of an image by number, with the groups that ``/etc/passwd`` and ``/etc/group`` give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dockerlint_alpine.elf.trees import Node, Tree


class Identity(Struct, frozen=True):
    """A user: as USER names it, and by number."""

    name: str
    uid: int
    gids: frozenset[int]

    def may_read(self, node: Node) -> bool:
        """Whether this user may open a file for reading, its folders included."""
        return all(guard.admits(self.uid, self.gids) for guard in node.guards)


def identity_of(tree: Tree, user: str) -> Identity | None:
    """The user that an image's USER (``name``, ``uid``, either with ``:group``) means; ``None`` where that is not known.

    Without USER it is root, who may read everything: ``None``, too. Supplementary groups count where no group is named, as
    in runc.
    """
    name, colon, group = user.partition(":")
    if not name:
        return None
    known = next((row for row in _rows(tree, "/etc/passwd") if len(row) > 3 and name in (row[0], row[2])), None)
    uid = known[2] if known is not None else name
    if not uid.isdecimal():
        return None
    if colon and group:
        row = next((row for row in _rows(tree, "/etc/group") if len(row) > 2 and group in (row[0], row[2])), None)
        gid = row[2] if row is not None else group
        return Identity(user, int(uid), frozenset({int(gid)})) if gid.isdecimal() else None
    gids = {int(known[3])} if known is not None and known[3].isdecimal() else {0}
    if known is not None:
        for row in _rows(tree, "/etc/group"):
            if len(row) > 3 and row[2].isdecimal() and known[0] in row[3].split(","):
                gids.add(int(row[2]))
    return Identity(user, int(uid), frozenset(gids))


def _rows(tree: Tree, path: str) -> Iterator[list[str]]:
    node = tree.lookup(path)
    content = node.content if node is not None else None
    for line in (content or b"").decode("utf-8", "replace").splitlines():
        yield line.strip().split(":")
