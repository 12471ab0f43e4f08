"""The second parser refuses what is more than a package list, and is not asked where it is known to be wrong."""

from __future__ import annotations

import pytest

from dockerlint_alpine.fixer.verify import UnfaithfulFixError, confirm
from dockerlint_alpine.syntax import parse

OLD = b'FROM alpine:3.19\nENV DEPS="gcc"\nRUN apk add --no-cache $DEPS\nRUN pip install lz4\nCMD ["x"]\n'


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        OLD.replace(b'"gcc"', b'"gcc musl-dev"'),
        OLD.replace(b"$DEPS", b"$DEPS lz4-libs"),
        OLD.replace(b"RUN apk", b"RUN apk add --no-cache lz4-libs\nRUN apk", 1),
    ],
)
def test_other_packages_are_fine(new: bytes) -> None:
    confirm(parse(OLD), parse(new))


@pytest.mark.parametrize(
    "new",
    [
        OLD.replace(b"pip install lz4", b"pip install lz4 requests"),
        OLD.replace(b"3.19", b"3.20"),
        OLD.replace(b'CMD ["x"]\n', b""),
        OLD.replace(b"CMD", b"EXPOSE 80\nCMD"),
    ],
)
def test_anything_else_is_refused(new: bytes) -> None:
    with pytest.raises(UnfaithfulFixError, match="left alone"):
        confirm(parse(OLD), parse(new))


@pytest.mark.parametrize(
    "old",
    [
        b"\xef\xbb\xbf" + OLD,
        b"# escape=`\n" + OLD,
        b"FROM alpine:3.19\nRUN <<EOF\napk add x\nFROM y\nEOF\n",
        b"FROM alpine:3.19\nONBUILD RUN apk add x\n",
        OLD + b"# \xff\n",
    ],
    ids=["BOM", "escape", "heredoc", "ONBUILD", "not UTF-8"],
)
def test_where_it_is_known_to_be_wrong_it_has_no_say(old: bytes) -> None:
    confirm(parse(old), parse(old.replace(b"apk add", b"apk add lz4-libs")))
