"""Secrets for tests, put together here: no file of the project holds text that scanners take for a real one."""

import base64
import random
import string

LETTERS_AND_DIGITS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def drawn(length: int, alphabet: str = LETTERS_AND_DIGITS, seed: int = 1) -> str:
    """Return a text of these characters, drawn by lot; always the same one. It has a digit and a letter in it."""
    lot = random.Random(f"{seed} {length} {alphabet}")
    found = "".join(lot.choice(alphabet) for _ in range(length - 4))
    kinds = [character for character in alphabet if character.isdigit()][:2] or [alphabet[0]] * 2
    return f"{found[:8]}{kinds[0]}{found[8:]}{alphabet[-1]}{kinds[1]}{alphabet[0]}"


def begun_by(start: str, length: int, alphabet: str = LETTERS_AND_DIGITS, seed: int = 1) -> str:
    """Return a token with this beginning."""
    return "".join([*start, drawn(length, alphabet, seed)])


def private_key(kind: str = "RSA ") -> str:
    """Return what looks like a private key in a PEM file."""
    body = drawn(640, LETTERS_AND_DIGITS + "+/")
    lines = "\n".join(body[place : place + 64] for place in range(0, len(body), 64))
    dashes = "-" * 5
    return f"{dashes}BEGIN {kind}PRIVATE KEY{dashes}\n{lines}\n{dashes}END {kind}PRIVATE KEY{dashes}"


def web_token() -> str:
    """Return a JSON web token."""
    head, body = (
        base64.urlsafe_b64encode(text).decode().rstrip("=")
        for text in (b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890","name":"a person"}')
    )
    return f"{head}.{body}.{drawn(43)}"


SHAPES = {
    "Anthropic key": begun_by("sk-ant-api03-", 80, LETTERS_AND_DIGITS + "-_"),
    "API key": begun_by("sk-proj-", 60, LETTERS_AND_DIGITS + "-_"),
    "GitHub token": begun_by("ghp_", 36),
    "GitLab token": begun_by("glpat-", 20),
    "Slack token": begun_by("xoxb-", 40),
    "AWS key id": begun_by("AKIA", 16, string.ascii_uppercase + "234567"),
    "Google API key": begun_by("AIza", 35),
    "Google token": begun_by("ya29.", 60),
    "Google client secret": begun_by("GOCSPX-", 28),
    "npm token": begun_by("npm_", 36),
    "PyPI token": begun_by("pypi-", 90),
    "Hugging Face token": begun_by("hf_", 34),
    "DigitalOcean token": begun_by("dop_v1_", 64, HEX),
    "SendGrid key": f"{begun_by('SG.', 22)}.{drawn(43)}",
    "Stripe key": begun_by("sk_live_", 24),
    "webhook secret": begun_by("whsec_", 32),
    "Telegram token": f"{drawn(10, string.digits)}:{begun_by('AA', 33)}",
    "JSON web token": web_token(),
    "private key": private_key(),
}
"""A secret of each shape, by what it is called in a mark."""

OTHERS = {
    "API key": [begun_by("sk-", 32, HEX), begun_by("gsk_", 52), begun_by("xai-", 80), begun_by("hvs.", 90)],
    "GitHub token": [begun_by("github_pat_", 82), begun_by("ghs_", 36), begun_by("gho_", 36)],
    "private key": [private_key("OPENSSH "), private_key(""), begun_by("AGE-SECRET-KEY-1", 58, string.ascii_uppercase)],
}
"""More of some shapes."""
