"""Secrets that have no shape of their own, but stand where a secret stands: `password=`, `Authorization:`, in a URL.

What stands there is a secret only if it can be one. `token = tokens.next()`, `"password": "string"` and `<your key>`
are none, and a page of documentation is to come out as it went in.
"""

import re
from collections.abc import Callable, Iterator

from antiphon.redaction.families import compiled

_STEMS = ("passw", "passphrase", "_pass", "pwd", "secret", "token", "credential", "key")
"""What the names of secrets have in them; `key` only behind a word that says which."""
_WHICH = r"(?:api|access|private|account|auth|encryption|signing|shared|master|license)[_-]?"
_WHICH_KEY = rf"{_WHICH}\Z"
_LONGEST_WHICH = 11
_ASSIGNED = (
    # the rest of the name, and the end of a quotation, a subscript or a tag that it stands in
    r"(?i)(?P<name>[\w-]{3,40})(?:\\?[\"'`\]]){0,3}[ \t]{0,4}"
    # what gives it a value, perhaps with a type before it
    r"(?:=>|:=|[:=>]|:[ ]?[\w.\[\]|, ]{1,40}?[ ]?=)[ \t]{0,4}"
    # the value; in a URL or a form the next field follows
    r"(?:[bf]?\\?[\"'`](?P<quoted>[^\"'`\s\\]{6,512})"
    r"|(?P<bare>(?:[^\s\"'`,;&<>(){}\[\]|\\]|&(?![\w.-]{1,40}[=;]|&)){6,512}))"
)
_NAMES_SECRET = rf"(?i){'|'.join(_STEMS[:-1])}|{_WHICH}key"
_NO_NAMES = re.compile(r"tokens(?![a-z])|tokeni[sz]|_pass(?:ed|es|ing)|passw?ords?_?(?:file|path)", re.IGNORECASE)
"""Tokens that are counted, tests that passed, where a password is: no secrets."""
_PASSWORD = re.compile(r"passw|passphrase|_pass|pwd", re.IGNORECASE)

_FLAG = (
    r"--(?:[a-z]{1,20}-){0,3}(?:password|passwd|passphrase|secret|token|api-?key)[ \t]{1,4}[\"']?"
    r"(?P<secret>[^\s\"'`<>$(){}]{6,512})"
)
_NETRC = r"\blogin[ \t]{1,4}\S{1,100}\s{1,4}password[ \t]{1,4}(?P<secret>\S{3,512})"
_URL = r"://[^\s/:@\"'<>]{0,200}:(?P<secret>[^\s/@\"'<>]{3,512})@"
_BEFORE_HOST = r"://(?P<secret>[^\s/:@\"'<>]{16,512})@"
_HEADER = (
    r"(?i)authorization(?:\\?[\"'])?[ \t]{0,3}[:=][ \t]{0,3}(?:\\?[\"'])?"
    r"(?:bearer|basic|token|digest|apikey|bot)[ ]{1,3}(?P<secret>[^\s\"'\\,;<>{}$]{6,4096})"
)
_BEARER = r"(?i)bearer[ ]{1,3}(?P<secret>[\w.~+/-]{16,4096}={0,2})"
_COOKIE = r"(?i)cookie[\"']?[ \t]?:[ \t]?[\"']?(?P<secret>[\w.-]{1,100}=[^\r\n\"'\\]{6,8192})"
_AUTH = r"auth\\?[\"']?[ \t]{0,3}[:=][ \t]{0,3}(?:\\?[\"'])?(?P<secret>[A-Za-z0-9+/]{12,512}={0,2})"
_SIGNATURE = r"[?&](?:sig|X-Amz-Signature|X-Amz-Security-Token)=(?P<secret>[\w%+/=-]{16,2048})"

_WORDS = re.compile(r"[A-Za-z]*(?:[_.: -]+[A-Za-z]+)*[_-]?\d{0,2}[.!?:]?")
"""What is words: names of variables, of fields, and what documentation writes for a value."""
_SPACE, _DIGIT, _LETTER = re.compile(r"\s"), re.compile(r"\d"), re.compile(r"[^\W\d_]")
_PATH = re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)?(?:/[\w.-]{0,20})+")
_REFERENCE = re.compile(
    r"\$[\w{(]|%(?:\w{1,60}%|[sd(])|[\[{<(]|https?://|[A-Za-z_]{1,60}\d{0,2}(?:\.[A-Za-z_]{1,60}\d{0,2}){1,5}\Z"
)
"""Says where a secret is."""
_PLACEHOLDER = re.compile(r"your[-_ ]|example|placeholder|change-?me|xxx|\*\*\*|\.\.\.|redacted|…", re.IGNORECASE)
"""Says that one goes there."""
_WORD_FOR_ONE = re.compile(r"dummy|secret|passw|pass\d{0,2}\Z|string|token|key\d{0,2}\Z", re.IGNORECASE)
"""What is in words that stand for one, unless they have more in them than words."""


def named_secret(name: str, value: str) -> bool:
    """Say whether a value is a secret by the name of the field it stands in."""
    return (
        compiled(_NAMES_SECRET).search(name) is not None
        and _NO_NAMES.search(name) is None
        and _can_be_one(value, name, quoted=True)
    )


def spans(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield where in a text such secrets stand, and what they are called in a mark."""
    lower = text.lower()
    for words, pattern, label, holds in _PLACES:
        if all(word in lower for word in words):
            for match in compiled(pattern).finditer(text):
                if holds(match["secret"]):
                    yield *match.span("secret"), label
    if len(lower) != len(text):
        # There are characters that are two in lower case; positions are to stay what they are.
        lower = "".join(character.lower()[0] for character in text)
    yield from _assigned(text, lower)


def _assigned(text: str, lower: str) -> Iterator[tuple[int, int, str]]:
    for stem in _STEMS:
        place = lower.find(stem)
        while place >= 0:
            end = place + len(stem)
            before = max(0, place - _LONGEST_WHICH)
            if stem != "key" or compiled(_WHICH_KEY).search(lower, before, place):
                match = compiled(_ASSIGNED).match(text, place)
                if match is not None:
                    found = _judged(match)
                    yield from found
                    # In what has no digit is no other one either, and what was looked at is not looked at again.
                    end = match.end() if found or not _has_digit(match[0]) else end
            place = lower.find(stem, end)


def _judged(match: re.Match[str]) -> list[tuple[int, int, str]]:
    name, group = match["name"], "bare" if match["quoted"] is None else "quoted"
    if _NO_NAMES.match(name) or not _can_be_one(match[group], name, quoted=group == "quoted"):
        return []
    if group == "bare" and match.string[match.end() : match.end() + 1] in {"(", "["}:
        return []  # the name of what gives one
    return [(*match.span(group), "password" if _PASSWORD.match(name) else "secret")]


def _can_be_one(value: str, name: str = "", *, quoted: bool = False) -> bool:
    """Say whether what stands where a secret stands can be one."""
    if len(value) < 6 or len(set(value)) < 5 or _SPACE.search(value) or not _is_given(value) or _PATH.fullmatch(value):
        return False
    if _WORDS.fullmatch(value):
        # A password may be a word. Where it is no more than that, its field has to say that it is one.
        return quoted and len(value) >= 8 and _PASSWORD.search(name) is not None and value.isalnum()
    return _has_digit(value) and _LETTER.search(value) is not None and len(value) >= (6 if quoted else 8)


def _is_given(value: str) -> bool:
    """Say whether a value is more than where a secret is, or that one goes there."""
    if _REFERENCE.match(value) or _PLACEHOLDER.search(value):
        return False
    return _WORDS.fullmatch(value) is None or _WORD_FOR_ONE.search(value) is None


def _is_drawn(value: str) -> bool:
    return _has_digit(value) and _is_given(value) and _WORDS.fullmatch(value) is None


def _has_digit(text: str) -> bool:
    return _DIGIT.search(text) is not None


_PLACES: tuple[tuple[tuple[str, ...], str, str, Callable[[str], bool]], ...] = (
    (("://", "@"), _URL, "password", _is_given),
    (("://", "@"), _BEFORE_HOST, "token", _is_drawn),
    (("authorization",), _HEADER, "credentials", _is_given),
    (("bearer ",), _BEARER, "credentials", _is_drawn),
    (("cookie", ":"), _COOKIE, "cookie", lambda value: _is_given(value.partition("=")[2])),
    (("auth",), _AUTH, "credentials", _is_drawn),
    (("sig",), _SIGNATURE, "signature", _has_digit),
    (("amz-security",), _SIGNATURE, "signature", _has_digit),
    (("login", "password "), _NETRC, "password", _is_given),
    (("--",), _FLAG, "secret", _can_be_one),
)
"""Words that a text has in it, in lower case; what stands behind them; what it is called; whether it can be one."""
