"""Secrets by value, in every form in which they travel."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dockerlint_alpine.proof.verify.redact import Redactor, looks_secret

CANARY = "s3cr3t/canary+value=="


def test_every_form_of_a_value_goes() -> None:
    redactor = Redactor()
    redactor.learn("API_TOKEN", CANARY)
    forms = [CANARY, quote(CANARY, safe=""), json.dumps(CANARY), CANARY.encode().hex()]
    forms += [base64.b64encode(prefix + CANARY.encode()).decode() for prefix in (b"", b"u", b"us", b"user:")]
    for form in forms:
        shown = redactor.text(f"x {form} y")
        assert CANARY not in shown
        assert "[API_TOKEN]" in shown, form


@given(st.binary(max_size=7), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=40))
def test_no_base64_of_a_text_around_it_tells_it(before: bytes, value: str) -> None:
    redactor = Redactor()
    redactor.learn("TOKEN", value)
    encoded = base64.b64encode(before + value.encode() + b"#").decode()
    shown = redactor.text(encoded)
    assert shown != encoded


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://netra:hunter2secret@db:5432/x",
        "Authorization: Bearer abcdefghijkl",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    ],
)
def test_known_shapes_go_without_being_learnt(text: str) -> None:
    shown = Redactor().text(text)
    assert "hunter2secret" not in shown
    assert "abcdefghijkl" not in shown
    assert "eyJzdWIiOiJ4In0" not in shown


def test_a_short_value_goes_only_as_a_word_of_its_own() -> None:
    redactor = Redactor()
    redactor.learn_environment({"POSTGRES_PASSWORD": "netra", "POSTGRES_USER": "someone"})
    assert redactor.text("netra-backend /netra/x netra_test") == "netra-backend /netra/x netra_test"
    assert redactor.text("password netra someone") == "password [POSTGRES_PASSWORD] someone"


def test_which_names_are_secret() -> None:
    assert all(
        map(looks_secret, ("DB_PASSWORD", "apiKey", "GITHUB_TOKEN", "SECRET", "AWS_SECRET_ACCESS_KEY", "JWT_KEY"))
    )
    assert not any(map(looks_secret, ("PATH", "PORT", "MONKEY", "AUTHOR", "KEYBOARD", "HOSTNAME", "REDIS_URL")))


def test_a_word_that_means_nothing_is_no_secret() -> None:
    redactor = Redactor()
    redactor.learn_environment({"USE_TOKEN": "true", "SECRET": ""})
    assert redactor.text("true or false") == "true or false"


def test_what_is_recorded_of_a_secret_is_its_name_and_a_hash() -> None:
    redactor = Redactor()
    redactor.learn("API_TOKEN", CANARY)
    assert list(redactor.names()) == ["API_TOKEN"]
    assert CANARY not in str(redactor.names())
