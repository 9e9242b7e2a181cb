"""What marks say, and what is known by its value."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from secrets_made import SHAPES, begun_by, drawn

from antiphon.redaction import Redactor, looks_secret, redacted_traceback

VALUE = "correct horse/b4ttery+staple?"
KNOWN = {"DB_PASSWORD": VALUE}
PIECES = st.sampled_from(
    [
        *(
            *SHAPES.values(),
            VALUE,
            "password=",
            "token: ",
            '"',
            "://a:",
            "@",
            " ",
            "\n",
            "\\n",
            "Bearer ",
            "q8w7e6r5t4",
        ),
        *("[redacted: ", "]", "[redacted: secret 1]", "-----", "x", "7", "=", "_", "-", "é"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=5)).map("".join))
def test_redacting_twice_changes_nothing(text: str) -> None:
    redactor = Redactor(KNOWN)
    once = redactor.redact(text)
    assert redactor.redact(once) == once
    assert Redactor(KNOWN).redact(once) == once


@given(st.lists(PIECES | st.text(max_size=5)).map(" \n".join))
def test_no_secret_is_left_among_others(text: str) -> None:
    shown = Redactor(KNOWN).redact(text)
    for secret in (VALUE, *SHAPES.values()):
        assert secret not in shown


def test_the_same_secret_leaves_the_same_mark_and_another_one_another() -> None:
    first, second = begun_by("ghp_", 36), begun_by("ghp_", 36, seed=2)
    redactor = Redactor()
    assert redactor.redact(f"{first} {second} {first}") == (
        "[redacted: GitHub token 1] [redacted: GitHub token 2] [redacted: GitHub token 1]"
    )
    assert redactor.redact(second) == "[redacted: GitHub token 2]"
    assert redactor.count == 2


def test_a_known_value_is_called_by_its_name_in_every_form_it_is_met_in() -> None:
    redactor = Redactor(KNOWN)
    mark = "[redacted: value of DB_PASSWORD]"
    assert redactor.redact(f"<{VALUE}>") == f"<{mark}>"
    assert redactor.redact(f"<{quote(VALUE, safe='')}>") == f"<{mark}>"
    assert redactor.redact(json.dumps({"a": VALUE})) == json.dumps({"a": mark})
    for before in ("", "a", "ab", "abc"):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            code = encode(f"{before}{VALUE}, and more".encode()).decode()
            shown = redactor.redact(code)
            assert mark in shown
            assert all(part not in VALUE for part in shown.split(mark) if len(part) > 20)
    assert redactor.count == 1


def test_what_could_be_a_word_of_any_text_is_not_looked_for() -> None:
    redactor = Redactor({"A_TOKEN": "any", "B_TOKEN": "disabled", "C_TOKEN": "aaaaaaaaaaaa"})
    assert redactor.redact("any disabled aaaaaaaaaaaa") == "any disabled aaaaaaaaaaaa"


def test_secrets_of_an_environment_are_known_by_its_names() -> None:
    secret = drawn(20)
    redactor = Redactor.of(
        {"HOME": "/home/somebody", "SHOP_API_KEY": secret, "EDITOR": "vim"}, {"of a host": drawn(18)}
    )
    assert redactor.redact(f"/home/somebody {secret} vim {drawn(18)}") == (
        "/home/somebody [redacted: value of SHOP_API_KEY] vim [redacted: value of of_a_host]"
    )


def test_headers_in_the_environment_are_known_by_what_they_say() -> None:
    key, token = drawn(18), drawn(22)
    redactor = Redactor.of({"ANTHROPIC_CUSTOM_HEADERS": f"x-gateway: {key}\nauthorization: Bearer {token}"})
    assert redactor.redact(f"<{key}> <{token}>") == (
        "<[redacted: value of ANTHROPIC_CUSTOM_HEADERS_x-gateway]> "
        "<[redacted: value of ANTHROPIC_CUSTOM_HEADERS_authorization]>"
    )


def test_a_secret_within_another_one_is_one_secret() -> None:
    token = begun_by("ghp_", 36)
    assert Redactor().redact(f"password=abc1{token}def2") == "password=[redacted: GitHub token 1]"


@dataclass(frozen=True, slots=True)
class Note:
    at: float
    texts: tuple[str, ...]
    more: Any = None


def test_json_and_records_are_redacted_throughout() -> None:
    token = begun_by("ghp_", 36)
    given = Note(1.5, (token, "fine"), [{token: {"password": "correcthorse", "n": 1, "none": None}}, True])
    assert Redactor().redact_json(given) == Note(
        1.5,
        ("[redacted: GitHub token 1]", "fine"),
        [{"[redacted: GitHub token 1]": {"password": "[redacted: secret 1]", "n": 1, "none": None}}, True],
    )
    assert given.texts[0] == token


def test_the_schema_of_a_tool_is_no_secret() -> None:
    schema = {"properties": {"password": {"type": "string", "description": "the password, 8 characters"}}}
    assert Redactor().redact_json(schema) == schema


def test_what_is_nested_too_deeply_is_left_out_and_not_let_through() -> None:
    token = begun_by("ghp_", 36)
    deep: Any = token
    for _ in range(10_000):
        deep = [deep]
    shown = json.dumps(Redactor().redact_json({"a": deep, "b": 1}))
    assert token not in shown
    assert "nested too deeply" in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ANTHROPIC_API_KEY", "any"),
        ("GITHUB_TOKEN", "abcdefgh"),
        ("DB_PASSWORD", "hunter22"),
        ("PGPASSWORD", "hunter22"),
        ("AWS_SECRET_ACCESS_KEY", "abcdefgh"),
        ("npm_config__authToken", "abcdefgh"),
        ("stripeSecretKey", "abcdefgh"),
        ("GOOGLE_CREDENTIALS", '{"a": 1}'),
        ("ANTHROPIC_CUSTOM_HEADERS", "x-api-key: abc"),
        ("DATABASE_URL", "postgres://app:pw@db/x"),
        ("SOMETHING", begun_by("ghp_", 36)),
    ],
)
def test_a_variable_holds_a_secret_by_its_name_or_by_what_is_in_it(name: str, value: str) -> None:
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PATH", "/usr/bin:/bin"),
        ("PWD", "/work/q8w7e6r5t4"),
        ("SSH_AUTH_SOCK", "/tmp/ssh-1/agent.2"),
        ("XAUTHORITY", "/home/a/.Xauthority"),
        ("GPG_KEY", "A035C8C19219BA821ECEA86B64E628F8D684696D"),
        ("DB_PASSWORD_FILE", "run/secrets/db"),
        ("API_KEY", "/run/secrets/key"),
        ("MAX_TOKENS", "8000"),
        ("TOKEN_LIMIT", "abcdefgh"),
        ("AWS_ACCESS_KEY_ID", "abcdefgh"),
        ("GITHUB_TOKEN", ""),
        ("USE_TOKEN", "true"),
        ("KEYBOARD", "us-intl-1"),
        ("COMPASS", "abcdefgh"),
        ("DATABASE_URL", "postgres://db/x"),
    ],
)
def test_other_variables_hold_none(name: str, value: str) -> None:
    assert not looks_secret(name, value)


def test_a_traceback_says_where_and_not_what() -> None:
    secret = drawn(24)
    with pytest.raises(ValueError, match="bad header") as raised:
        raise ValueError(f"bad header: {secret}") from KeyError(f"https://me:{drawn(12)}@example.org")
    shown = redacted_traceback(raised.value, {"SHOP_TOKEN": secret})
    assert "ValueError: bad header: [redacted: value of SHOP_TOKEN]" in shown
    assert "https://me:[redacted: password 1]@example.org" in shown
    assert "test_redactor.py" in shown
