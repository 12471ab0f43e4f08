"""AD101: parts of a distribution that its build does without, and that the application calls."""

from __future__ import annotations

import pytest

from tests.conftest import Judge

ONE = """FROM python:3.11-alpine3.19
RUN apk add --no-cache gcc musl-dev libjpeg-turbo-dev zlib-dev {more}
RUN pip install --no-binary pillow pillow==10.0.0
COPY . /app
"""
TWO = ONE.replace("alpine3.19", "alpine3.19 AS build", 1).replace("COPY . /app\n", "").replace(
    "pip install", "pip install --prefix /made"
) + (
    "FROM python:3.11-alpine3.19\nRUN apk add --no-cache libjpeg-turbo\nCOPY --from=build /made /usr/local\nCOPY . /app\n"
)
DRAWS = "from PIL import ImageFont\n\nFONT = ImageFont.truetype('a.ttf')\n"


@pytest.mark.parametrize("text", [ONE, TWO], ids=["one stage", "copied"])
def test_a_feature_that_the_application_calls(judge: Judge, text: str) -> None:
    (found,) = [one for one in judge(text.format(more=""), {"x/app.py": DRAWS}).findings if one.code == "AD101"]
    assert (found.severity, found.packages) == ("warning", ("freetype-dev",))
    assert found.message.startswith("pillow 10.0.0 is compiled here and needs freetype (pc:freetype2), which is not in")
    assert found.fix is not None
    assert found.fix.applicability == "safe"
    assert any(one.detail.endswith("x/app.py:3 calls PIL.ImageFont.truetype") for one in found.evidence)


@pytest.mark.parametrize(
    ("source", "more"),
    [
        (DRAWS, "freetype-dev"),
        ("from PIL import Image, ImageFont\n\nImage.new('L', (1, 1))\n", ""),
        (f"try:\n    {DRAWS.replace(chr(10), chr(10) + '    ')}\nexcept ImportError:\n    pass\n", ""),
    ],
    ids=["there", "not called", "expected"],
)
def test_nothing_is_asked_for_what_is_not_called(judge: Judge, source: str, more: str) -> None:
    report = judge(ONE.format(more=more), {"app.py": source})
    assert [one for one in report.findings if one.code == "AD101"] == []


@pytest.mark.parametrize(("what", "packages"), [("captcha==0.4", ["freetype-dev"]), ("qrcode==7.4.2", [])])
def test_a_feature_that_another_distribution_calls(judge: Judge, what: str, packages: list[str]) -> None:
    found = [one for one in judge(f"{ONE.format(more='')}RUN pip install {what}\n").findings if one.code == "AD101"]
    assert [package for one in found for package in one.packages] == packages
    assert all("captcha 0.4 uses freetype" in [each.gist for each in one.evidence] for one in found)
