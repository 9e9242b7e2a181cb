"""Secrets that are known by their shape: what issuers of keys and tokens begin them with.

Every pattern takes time that grows with the text and no faster: what repeats is bounded, or taken without a way back,
and what can fail behind a long run may only begin where the run does. A pattern is compiled and used only where one of
its anchors, which are cheap to look for, stands in the text.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache


def _beginning(start: str, inside: str = "A-Za-z0-9") -> str:
    """Return a pattern for the first characters of a token, which are not within a word.

    Behind an escaped line break, or an escaped character of a URL, a word begins. The characters come first: literal
    text at the beginning of a pattern is found many times faster.
    """
    return rf"{start}(?:(?<![{inside}]{start})|(?<=\\[nrt]{start})|(?<=%[0-9A-Fa-f][0-9A-Fa-f]{start}))"


_RUN = r"\w-"
"""Inside of what a token may not begin that holds dashes and underscores itself."""


def _many(kind: str, least: int) -> str:
    """Return a pattern for the rest of a token: so many characters at least, or fewer where the text was cut there."""
    return rf"(?:{kind}{{{least},}}|{kind}{{6,}}+(?=(?:…|\.\.\.)?\Z))"


@dataclass(frozen=True, slots=True)
class Family:
    """Secrets of one shape.

    Attributes:
        label: what they are called in a mark.
        anchors: texts of which one stands in each of them.
        pattern: what they look like; what is to be taken out is the group `secret`, or all of it.
        holds: whether what matches is one; they all are unless this says otherwise.
    """

    label: str
    anchors: tuple[str, ...]
    pattern: str
    holds: Callable[[str], bool] = bool

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where in a text they stand."""
        if not any(anchor in text for anchor in self.anchors):
            return
        for match in compiled(self.pattern).finditer(text):
            group = "secret" if "secret" in match.re.groupindex else 0
            # A row of x is how people write that a token goes there.
            if len(set(match[group])) > 5 and self.holds(match[group]):
                yield match.span(group)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Return a pattern that is compiled when it is first needed: most of them never are, and it takes a while."""
    return re.compile(pattern)


def is_mixed(text: str) -> bool:
    """Say whether a text looks drawn by lot: digits, and letters of both cases or a long run of either."""
    if not any(character.isdigit() for character in text):
        return False
    both = text.lower() != text and text.upper() != text
    return both or max(map(len, re.split("[^A-Za-z0-9]", text))) >= 20


FAMILIES = (
    Family(
        "private key",
        ("PRIVATE KEY",),
        # Its end may be cut off; then what looks like its lines goes.
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:(?:[^-]|-(?!----))*+-----END [A-Z0-9 ]{0,40}-----|[A-Za-z0-9+/=\\\s]{24,8192})",
    ),
    Family("private key", ("AGE-SECRET-KEY-",), r"AGE-SECRET-KEY-1[A-Z0-9]{50,64}"),
    Family("Anthropic key", ("sk-ant-",), r"sk-ant-" + _many(r"[\w-]", 16)),
    Family("API key", ("sk-",), _beginning("sk-", _RUN) + _many(r"[\w-]", 20), is_mixed),
    Family("GitHub token", ("ghp_", "gho_", "ghs_", "ghu_", "ghr_"), r"gh[opsur]_" + _many("[A-Za-z0-9]", 36)),
    Family("GitHub token", ("github_pat_",), r"github_pat_" + _many(r"\w", 22)),
    Family(
        "GitLab token",
        ("glpat-", "gldt-", "glrt-", "glptt-", "glcbt-", "glsoat-"),
        r"gl(?:pat|dt|rt|ptt|cbt|soat)-" + _many(r"[\w-]", 20) + r"(?:\.[\w-]+){0,3}",
    ),
    Family("Slack token", ("xox", "xapp-"), r"(?:xox[a-z]|xapp)-[A-Za-z0-9-]{10,}", is_mixed),
    Family("Slack webhook", ("hooks.slack.com/",), r"hooks\.slack\.com/(?:services|workflows)/(?P<secret>[\w/]{20,})"),
    *(
        Family("AWS key id", (start,), _beginning(start) + r"[A-Z2-7]{16}(?![A-Za-z0-9/+=])")
        for start in ("AKIA", "ASIA", "ABIA", "ACCA")
    ),
    Family("Google API key", ("AIza",), _beginning("AIza") + r"[\w-]{35}(?![\w-])"),
    Family("Google token", ("ya29.",), _beginning(r"ya29\.") + r"[\w-]{20,}"),
    Family("Google client secret", ("GOCSPX-",), r"GOCSPX-[\w-]{20,}"),
    Family("npm token", ("npm_",), r"npm_" + _many("[A-Za-z0-9]", 36)),
    Family("PyPI token", ("pypi-",), r"pypi-" + _many(r"[\w-]", 50)),
    Family("Hugging Face token", ("hf_",), _beginning("hf_") + _many("[A-Za-z0-9]", 30)),
    Family("DigitalOcean token", ("_v1_",), r"do[opr]_v1_[a-f0-9]{64}"),
    Family("SendGrid key", ("SG.",), _beginning(r"SG\.") + r"[\w-]{16,64}\.[\w-]{16,64}"),
    Family("Stripe key", ("k_live_", "k_test_"), r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    Family("webhook secret", ("whsec_",), r"whsec_[A-Za-z0-9+/=]{24,}"),
    *(
        Family("API key", (start,), _beginning(re.escape(start)) + r"[\w-]{20,}", is_mixed)
        for start in ("gsk_", "xai-", "pplx-", "nvapi-", "tvly-", "lin_api_", "dckr_pat_", "shpat_", "r8_", "hvs.")
    ),
    Family("Telegram token", (":AA",), r"(?<!\d)\d{8,10}:AA[\w-]{33}(?![\w-])"),
    Family(
        "JSON web token",
        ("eyJ",),
        _beginning("eyJ", _RUN) + r"[\w-]{10,}+\.[\w-]{10,}+\.[\w-]{10,}+(?:\.[\w-]++){0,2}",
    ),
)
"""All shapes; where two match, the first one gives the name."""
