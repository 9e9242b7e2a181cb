"""Which variables of an environment hold secrets, by their names and by what is in them."""

import re
from itertools import pairwise

from antiphon.redaction.families import FAMILIES

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET = frozenset(
    {
        "APIKEY",
        "AUTHTOKEN",
        "COOKIE",
        "CREDENTIAL",
        "CREDENTIALS",
        "CREDS",
        "PASS",
        "PASSPHRASE",
        "PASSWD",
        "PASSWORD",
        "PAT",
        "PWD",
        "SECRET",
        "SECRETS",
        "TOKEN",
    }
)
_ENDINGS = ("PASSWORD", "PASSWD", "PASSPHRASE", "TOKEN", "SECRET", "APIKEY")
"""The same, of words that are written together, as in PGPASSWORD."""
_KEYS = frozenset(
    {"ACCESS", "ACCOUNT", "API", "APP", "AUTH", "DEPLOY", "ENCRYPTION", "LICENSE", "MASTER", "PRIVATE", "SIGNING"}
)
"""What a key is called that is to be kept secret; a KEY of another kind may be anything."""
_ABOUT_ONE = frozenset(
    {"COUNT", "DIR", "ENABLED", "EXPIRES", "FILE", "HELPER", "HOST", "ID", "LENGTH", "LIMIT", "NAME", "PATH", "SOCK"}
    | {"SOCKET", "STORE", "TIMEOUT", "TTL", "TYPE", "URI", "URL", "USER", "USERNAME"}
)
"""Last words of names that say something about a secret."""
_WITH_PASSWORD = re.compile(r"://[^\s/:@]{0,200}:[^\s/@]{1,200}@")
_NO_SECRET = re.compile(r"|true|false|yes|no|on|off|none|null|auto|always|never|\d{1,5}|/[\w./-]*", re.IGNORECASE)


def looks_secret(name: str, value: str) -> bool:
    """Say whether a variable of the environment holds a secret.

    It does if its name says so (`DB_PASSWORD`, `NPM_TOKEN`, `OPENAI_API_KEY`) and its value can be one (a path or a
    number cannot), or if the value is one whatever the name: a token of a known shape, a URL with a password.
    """
    if _WITH_PASSWORD.search(value) or any(True for family in FAMILIES for _ in family.spans(value)):
        return True
    return _says_so(name) and _NO_SECRET.fullmatch(value) is None


def worth_knowing(value: str) -> bool:
    """Say whether a secret can be looked for by its value, without striking out words that stand in any text."""
    if len(value) < 8 or len(set(value)) < 5:
        return False
    return len(value) >= 16 or not value.isalpha()


def _says_so(name: str) -> bool:
    if name in {"PWD", "OLDPWD"}:
        return False
    words = [word.upper() for word in _WORD.findall(name)]
    if not words or words[-1] in _ABOUT_ONE:
        return False
    if not _SECRET.isdisjoint(words):
        return True
    if any(word.endswith(_ENDINGS) for word in words):
        return True
    pairs = pairwise(words)
    return any(second in {"KEY", "KEYS"} and first in _KEYS for first, second in pairs) or "CUSTOM_HEADERS" in name
