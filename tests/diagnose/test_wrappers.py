from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.diagnose.wrappers import unwrap

ERROR = "fatal error: ffi.h: No such file or directory"


@pytest.mark.parametrize(
    "line",
    [
        ERROR,
        f"#12 34.56 {ERROR}",
        f"34.56 {ERROR}",
        f"2024-05-01T10:11:12.1234567Z #12 34.56 {ERROR}",
        f"2024-05-01T10:11:12.123456Z 00O {ERROR}",
        f"2024-05-01T10:11:12.123456Z 01O+{ERROR}".replace("+", " "),
        f"[2024-05-01T10:11:12.123Z] {ERROR}",
        f"10:11:12 {ERROR}",
        f"2023-09-11T20:21:37.802209516-04:00 stderr F {ERROR}",
        f"web-1  | {ERROR}",
        f"\x1b[1;31m{ERROR}\x1b[0m",
        f"\\u001b[31m{ERROR}\\u001b[0m",
        f"INFO[0012] {ERROR}",
        f"  │ {ERROR}",
        f"  ╰─▶ {ERROR}",
        f" => => # {ERROR}",
        f"##[error]{ERROR}",
        f"[pipenv.exceptions.InstallError]: {ERROR}",
        f'Step #0 - "build": {ERROR}',
        f"remote: {ERROR}",
        f"> {ERROR}",
        f'{{"log":"{ERROR}',
        f"\ufeff2024-05-01T10:11:12.1234567Z {ERROR}",
    ],
)
def test_wrappers(line: str) -> None:
    assert unwrap(line).text.strip() == ERROR


@pytest.mark.parametrize(
    "line",
    [
        "   15 | #include <ffi.h>",
        ">>> import ldap",
        "Step 4/9 : RUN pip install x",
        "cat a b | grep c",
        "#include <ffi.h>",
    ],
)
def test_what_is_no_wrapper_stays(line: str) -> None:
    assert unwrap(line).text == line


def test_the_vertex_is_kept() -> None:
    assert unwrap("#12 34.56 text").vertex == "#12"
    assert unwrap("INFO[0001] RUN x").kaniko


@given(st.text())
def test_any_text_is_survived(text: str) -> None:
    assert len(unwrap(text).text) <= len(text)
