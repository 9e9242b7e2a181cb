"""Secrets that are known by their shape or their place, and text that is none."""

import hashlib
import json
import uuid
from pathlib import Path

import pytest
from secrets_made import HEX, OTHERS, SHAPES, begun_by, drawn, private_key

from antiphon.redaction import Redactor

ROOT = Path(__file__).parents[2]
ALL_SHAPES = [*SHAPES.items(), *((label, secret) for label, secrets in OTHERS.items() for secret in secrets)]
PASSWORD = "Tr0ub4dor&3"


@pytest.mark.parametrize(("label", "secret"), ALL_SHAPES)
@pytest.mark.parametrize("around", ["{}", "see {}.", 'x="{}"', "a\n{}\nb", "({})", "A_TOKEN={}"])
def test_a_token_is_taken_out_wherever_it_stands(label: str, secret: str, around: str) -> None:
    redactor = Redactor()
    assert redactor.redact(around.format(secret)) == around.format(f"[redacted: {label} 1]")
    assert redactor.count == 1


@pytest.mark.parametrize(("label", "secret"), ALL_SHAPES)
def test_a_token_is_found_in_json_that_is_a_text(label: str, secret: str) -> None:
    assert f"[redacted: {label} 1]" in Redactor().redact(json.dumps({"text": f"first line\n{secret}\nlast"}))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"DB_PASSWORD={PASSWORD}", "DB_PASSWORD=[redacted: password 1]"),
        (f"password: '{PASSWORD}'", "password: '[redacted: password 1]'"),
        ('{"password": "correcthorse"}', '{"password": "[redacted: password 1]"}'),
        (r"{\"api_key\": \"a1b2c3d4e5\"}", r"{\"api_key\": \"[redacted: secret 1]\"}"),
        ("client-secret = q8w7e6r5t4", "client-secret = [redacted: secret 1]"),
        ('token: str = "q8w7e6r5t4"', 'token: str = "[redacted: secret 1]"'),
        ('os.environ["ACCESS_KEY"] = "q8w7e6r5t4"', 'os.environ["ACCESS_KEY"] = "[redacted: secret 1]"'),
        ("<password>q8w7e6r5t4</password>", "<password>[redacted: password 1]</password>"),
        ("aws_secret_access_key = " + drawn(40), "aws_secret_access_key = [redacted: secret 1]"),
        ("?user=a&access_token=q8w7e6r5t4&x=1", "?user=a&access_token=[redacted: secret 1]&x=1"),
        ("x-api-key: q8w7e6r5t4", "x-api-key: [redacted: secret 1]"),
        ("Authorization: Bearer q8w7e6r5t4", "Authorization: Bearer [redacted: credentials 1]"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [redacted: credentials 1]"),
        ('"authorization": "token q8w7e6r5t4"', '"authorization": "token [redacted: credentials 1]"'),
        (f"curl -H 'Bearer {drawn(24)}'", "curl -H 'Bearer [redacted: credentials 1]'"),
        ("Set-Cookie: session=q8w7e6r5t4; Path=/", "Set-Cookie: [redacted: cookie 1]"),
        ("postgres://app:s3cr3ts@db:5432/x", "postgres://app:[redacted: password 1]@db:5432/x"),
        (f"https://{drawn(24)}@example.org/r.git", "https://[redacted: token 1]@example.org/r.git"),
        ("mysql --password q8w7e6r5t4 -u me", "mysql --password [redacted: secret 1] -u me"),
        ("machine h login me password abc", "machine h login me password [redacted: password 1]"),
        ('"auth": "dXNlcjpwYXNzd29yZDE="', '"auth": "[redacted: credentials 1]"'),
        (f"/b?sv=1&sig={drawn(40)}%3D", "/b?sv=1&sig=[redacted: signature 1]"),
        (f"\u0130 A_TOKEN={drawn(12)}", "\u0130 A_TOKEN=[redacted: secret 1]"),
        ("DB_PASSWORD=MySecret123x", "DB_PASSWORD=[redacted: password 1]"),
        ("BOT_TOKEN=MTA4x9.Gq7abc.z1y2x3w4v5", "BOT_TOKEN=[redacted: secret 1]"),
        ("password: '%q8w7e6r5'", "password: '[redacted: password 1]'"),
        ("DB_PASS=q8w7e6r5t4", "DB_PASS=[redacted: password 1]"),
    ],
)
def test_what_stands_where_a_secret_stands_is_taken_out(text: str, shown: str) -> None:
    assert Redactor().redact(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        f"commit {hashlib.sha1(b'x').hexdigest()}",
        f"sha256:{hashlib.sha256(b'x').hexdigest()}",
        str(uuid.UUID(int=2**127 + 12345)),
        '"input_tokens": 123456789, "max_tokens": "8000000"',
        "tokens: 12k/200k in 3.5s",
        "token = secrets.token_hex(16)",
        "token = next(tokens1)",
        "api_key = settings.api_key1",
        "token = urlsafe_b64encode(data), token = tokens2go[1]",
        'api_key = os.environ["API_KEY_2"]',
        'TOKEN_ENV = "ANTHROPIC_AUTH_TOKEN"',
        '{"password": "string"}',
        "password=$DB_PASSWORD1",
        "token: ${{ secrets.GITHUB_TOKEN1 }}",
        "Authorization: Bearer <your token 1>",
        "Authorization: Bearer ${TOKEN1}",
        "password_file: /run/secrets/db1-password",
        "https://user@example.org/path:80@x",
        "http://127.0.0.1:8787/v1",
        "ghp_" + "x" * 36,
        "sk-" + "a-word-and-another-word-and-more",
        "disk-" + "0123456789-is-not-a-key-of-anything",
        "tests_passed: 12of14ok, all_passes=q8w7e6r5t4",
        "the bearer of this letter, the token of 2026, a secret1",
        "public_key = ssh-rsa" + " AAAAB3NzaC1yc2E",
        "monkey: q8w7e6r5t4, keyboard = q8w7e6r5t4, key: q8w7e6r5t4",
        "toolu_01" + drawn(22) + " msg_01" + drawn(22) + " req_01" + drawn(22),
    ],
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert Redactor().redact(text) == text


def test_nothing_is_taken_out_of_our_own_source_and_documentation() -> None:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "src").rglob("*.py")]
    about_secrets = ROOT / "docs/redaction.md"
    files.remove(about_secrets)
    found = {path.name for path in files if Redactor().redact(text := path.read_text("utf-8")) != text}
    assert len(files) > 200
    assert found == set()


def test_a_key_whose_end_was_cut_off_goes_too() -> None:
    key = private_key()
    shown = Redactor().redact(f"{key[:400]}\n\n[... the middle is left out ...]")
    assert shown == "[redacted: private key 1][... the middle is left out ...]"


@pytest.mark.parametrize("end", ["", "…", "..."])
def test_a_token_that_was_cut_off_goes_too(end: str) -> None:
    for start in ("ghp_", "sk-ant-api03-", "glpat-", "npm_", "github_pat_"):
        assert Redactor().redact(f"use {begun_by(start, 12)}{end}").startswith("use [redacted: ")


def test_text_between_two_keys_stays() -> None:
    first, second = private_key(), private_key("EC ")
    shown = Redactor().redact(f"{first}\nbetween\n{second}\n")
    assert shown == "[redacted: private key 1]\nbetween\n[redacted: private key 2]\n"


PIECES = (
    *("a", "=", ":", "-", "/", "\\n", "eyJ", "sk-", "ghp_", "://", "://a:", "token=", "token=https://1/", "key:"),
    *("-----BEGIN PRIVATE KEY-----", "password ", "--token ", "Bearer ", "cookie:a=", "login a password "),
    *("[redacted: ", "api_key: str"),
)
"""Beginnings of what is looked for, without what would end it."""


@pytest.mark.parametrize("piece", PIECES)
def test_the_time_for_a_large_text_is_bounded(piece: str) -> None:
    # Many characters: with a pattern that goes back and forth this does not end while anybody waits.
    text = piece * (300_000 // len(piece))
    assert isinstance(Redactor({"A_TOKEN": begun_by("q-", 30, HEX)}).redact(text), str)
