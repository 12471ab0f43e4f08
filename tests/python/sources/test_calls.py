"""Calls in Python code by their full names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.python.sources.calls import find_call

NAME = "PIL.ImageFont.truetype"


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("from PIL import ImageFont\nImageFont.truetype('a')\n", 2),
        ("from PIL import Image, ImageFont as F\ndef f():\n    return F.truetype('a', size=3)\n", 3),
        ("import PIL.ImageFont\nPIL.ImageFont.truetype('a')\n", 2),
        ("from PIL.ImageFont import truetype\nx = [truetype('a'), truetype('b')]\n", 2),
        ("from PIL import ImageFont\ntry:\n    ImageFont.truetype('a')\nexcept OSError:\n    pass\n", 3),
        ("from PIL import ImageFont\ntry:\n    pass\nexcept Exception:\n    ImageFont.truetype('a')\n", 5),
        ("from PIL import ImageFont\ntry:\n    ImageFont.truetype('a')\nexcept ImportError:\n    pass\n", None),
        (
            "from PIL import ImageFont\ntry:\n    ImageFont.truetype('a')\nexcept (KeyError, Exception):\n    pass\n",
            None,
        ),
        ("from PIL import ImageFont\ntry:\n    ImageFont.truetype('a')\nexcept:\n    pass\n", None),
        ("from PIL import ImageFont\nwith suppress(ImportError):\n    ImageFont.truetype('a')\n", None),
        ("from PIL import ImageFont\n# ImageFont.truetype('a')\nImageFont.load_default()\n", None),
        ("class ImageFont:\n    truetype = print\nImageFont.truetype('a')\n", None),
        ("from PIL import ImageFont\nImageFont.truetype('a'\n", None),
    ],
)
def test_what_is_called(code: str, line: int | None) -> None:
    assert find_call(code.encode(), (NAME,), ("ImportError",)) == (None if line is None else (line, NAME))


@given(st.text(alphabet="ab.()\n :truetypePILfromimportry#'\\\0\t"))
def test_any_text_is_read(text: str) -> None:
    find_call(f"truetype{text}".encode(), (NAME,), ("ImportError",))
