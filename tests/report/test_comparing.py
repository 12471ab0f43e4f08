"""The comparison with an image as a block of text: bounded, safe to show, and complete in its counts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from dockerlint_alpine.model.comparison import Comparison, Difference, Doubt, Miss, Sides
from dockerlint_alpine.model.findings import Evidence, Finding, Location, StageRef
from dockerlint_alpine.report.comparing import lines, sentence
from dockerlint_alpine.report.display import cells
from dockerlint_alpine.report.paint import Paint

FINDING = Finding(
    "AD201",
    "missing-runtime-library",
    "error",
    "certain",
    "lz4 links liblz4.so.1, which is not in this stage",
    Location(1, 1, 1, 5),
    (Evidence("rule", "r"), Evidence("elf", "app:1: /x.so needs liblz4.so.1: nowhere")),
)
MISS = Miss("library", "/usr/lib/x.so", "lz4", "liblz4.so.1", "needs liblz4.so.1: nowhere", ("lz4-libs",))
EMPTY = Comparison(
    image="app:1",
    stage=StageRef(1, "run", "alpine:3.19", "3.19", None),
    platform="linux/amd64",
    facts=(Difference("Alpine", "3.19", "3.19"), Difference("architecture", "x86_64", "x86_64")),
    objects=3,
    extensions=1,
    proven=(),
    refuted=(),
    untested=(),
    missed=(),
    elsewhere=(),
    packages=Sides(14),
    distributions=Sides(0),
)


def text(one: Comparison, width: int = 100) -> str:
    return "\n".join(lines(one, Paint(), width))


def test_an_image_as_predicted() -> None:
    assert (
        text(EMPTY)
        == """\
Image app:1 compared with stage 1 (run), alpine:3.19, linux/amd64
  system          Alpine 3.19, x86_64: as predicted
  objects         3 loaded as musl's loader would, 1 of them in Python distributions
  packages        14 as predicted
  distributions   none, as predicted
  findings        0 confirmed, 0 refuted, 0 that an image can't show
  missed          nothing
The prediction holds: the image agrees with it in everything that it shows."""
    )


def test_everything_that_can_be_said() -> None:
    full = replace(
        EMPTY,
        facts=(Difference("Alpine", "3.19", "3.20"), Difference("Python", "3.11", None)),
        proven=(FINDING,),
        refuted=(Doubt(FINDING, "none of its 2 shared objects there needs liblz4.so.1"),),
        missed=(MISS, replace(MISS, kind="open", detail="line 3 calls CDLL for liblz4.so.1, not there")),
        elsewhere=(replace(MISS, distribution=None, packages=()),),
        packages=Sides(
            14, (Difference("musl", "1", "2"),), (Difference("curl", "8", None),), (Difference("vim", None, "9"),)
        ),
        notes=("layer 1: something was ignored",),
    )
    assert (
        text(full)
        == """\
Image app:1 compared with stage 1 (run), alpine:3.19, linux/amd64
  system          Alpine 3.20, no Python
                  ! Alpine 3.19 was predicted
                  ! Python 3.11 was predicted
  objects         3 loaded as musl's loader would, 1 of them in Python distributions
  packages        14 as predicted, 1 not predicted, 1 absent
                  + not predicted: vim 9
                  - predicted, but absent: curl 8
                  ~ other versions: musl 2 (predicted 1)
  distributions   none, as predicted
  findings        1 confirmed, 1 refuted, 0 that an image can't show
    = AD201 lz4 links liblz4.so.1, which is not in this stage
      -> /x.so needs liblz4.so.1: nowhere
  refuted         1 finding
    x AD201 lz4 links liblz4.so.1, which is not in this stage
      -> none of its 2 shared objects there needs liblz4.so.1
  missed          1 problem
    ! lz4: /usr/lib/x.so
      -> needs liblz4.so.1: nowhere [apk add lz4-libs]
  may lack        1 library that sources open at run time (likely)
    ! lz4: /usr/lib/x.so
      -> line 3 calls CDLL for liblz4.so.1, not there [apk add lz4-libs]
  elsewhere       1 problem outside Python distributions, not checked
    ! /usr/lib/x.so
      -> needs liblz4.so.1: nowhere
  note            layer 1: something was ignored
The findings do not hold: 1 problem missed and 1 finding refuted."""
    )


@pytest.mark.parametrize("width", [74, 100])
def test_names_from_an_image_can_neither_move_the_cursor_nor_flood_the_screen(width: int) -> None:
    hostile = Miss("library", "/a\x1b[2J\u202e" + "b" * 300, "x\ny", "lib\x07.so", "needs\r\nit", ("p",) * 5)
    many = replace(
        EMPTY,
        image="app\x1b[31m",
        missed=(hostile,) * 500,
        packages=Sides(0, (), tuple(Difference(f"p{n}\x1b", "1", None) for n in range(5000))),
    )
    shown = lines(many, Paint(), width)
    assert len(shown) < 400
    assert not any(ord(char) < 32 or char == "\u202e" for line in shown for char in line)
    assert all(cells(line) <= width or "b" * 300 in line for line in shown), "a path stays whole, to be copied"
    assert sentence(many) == "The findings do not hold: 500 problems missed."
