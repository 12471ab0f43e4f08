"""Requests over HTTP, to servers on this machine."""

from __future__ import annotations

from dockerlint_alpine.system.web import split_login


def test_urls_are_taken_apart() -> None:
    assert split_login("https://u:p@h:8/x?y#z") == ("https://h:8/x?y#z", "u", "p")
    assert split_login("https://h/x") == ("https://h/x", None, None)
