"""Every rule that a problem can be reported under, the API's and those about files, and choosing among them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Literal

from antiphon.errors import SettingsError
from antiphon.protocol.registry import EVERY_RULE
from antiphon.protocol.rule import Rule
from antiphon.transcripts.file_rules import FILE_RULES, FileRule

Fix = Literal["safe", "lossy", "none"]

_FAMILY = re.compile(r"[A-Z]{2}\d*")


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """What a report says of a rule.

    Attributes:
        id: such as `TU003`.
        name: what is wrong, in kebab case.
        statement: what is wanted, as a sentence.
        fix: whether a repair exists, and of which kind.
        done: what the repair does, in the past tense; empty where there is none.
    """

    id: str
    name: str
    statement: str
    fix: Fix
    done: str = ""

    @property
    def page(self) -> str:
        """The file name of the page that explains it."""
        return f"{self.id}-{self.name}.md"


@cache
def rule_table() -> Mapping[str, RuleEntry]:
    """Return every rule by its id, in the order of ids."""
    entries = [*map(_of_the_api, EVERY_RULE), *map(_about_files, FILE_RULES)]
    return {entry.id: entry for entry in sorted(entries, key=lambda entry: entry.id)}


def _of_the_api(rule: Rule) -> RuleEntry:
    return RuleEntry(rule.id, rule.name, rule.statement, rule.mends.value if rule.mends else "none", rule.done)


def _about_files(rule: FileRule) -> RuleEntry:
    return RuleEntry(rule.id, rule.name, rule.statement, "safe" if rule.mended else "none", rule.done)


def rule_entry(rule_id: str) -> RuleEntry:
    """Return what is to be said of a rule; never fails, as a report must not be lost for want of a name."""
    return rule_table().get(rule_id) or RuleEntry(rule_id, "", "", "none")


def find_rule(text: str) -> RuleEntry:
    """Return the rule of an id or name, however it is spelt.

    Raises:
        SettingsError: there is none; the message names those that come near.
    """
    wanted = text.strip().lower()
    for entry in rule_table().values():
        if wanted in {entry.id.lower(), entry.name, entry.page.lower(), entry.page.lower().removesuffix(".md")}:
            return entry
    raise SettingsError(f"there is no rule {text!r}{_near(text)}; `antiphon rule` lists all.")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rules are looked at."""

    ids: frozenset[str]
    everything: bool

    def has(self, rule_id: str) -> bool:
        """Say whether a rule is looked at."""
        return self.everything or rule_id in self.ids


def selection_of(select: Sequence[str] | None, ignore: Sequence[str] | None) -> Selection:
    """Return what `--select` and `--ignore` choose: ids, beginnings of ids, names, or `ALL`.

    The more exact of two that disagree wins, and `--ignore` among equals.

    Raises:
        SettingsError: something chooses no rule.
    """
    chosen: dict[str, tuple[int, bool]] = {} if select else dict.fromkeys(rule_table(), (0, True))
    for words, verdict in ((select, True), (ignore, False)):
        for word in _words(words or ()):
            exactness, ids = _meant(word)
            for rule_id in ids:
                if exactness >= chosen.get(rule_id, (0, False))[0]:
                    chosen[rule_id] = (exactness, verdict)
    ids = frozenset(rule_id for rule_id, (_, verdict) in chosen.items() if verdict)
    return Selection(ids, everything=not select and not ignore)


def _words(given: Iterable[str]) -> list[str]:
    return [word for text in given for word in re.split(r"[,\s]+", text) if word]


def _meant(word: str) -> tuple[int, list[str]]:
    """Return how exact a word is, and the ids of the rules it means."""
    if word.upper() == "ALL":
        return 0, list(rule_table())
    if _FAMILY.fullmatch(word.upper()):
        found = [rule_id for rule_id in rule_table() if rule_id.startswith(word.upper())]
        if found:
            return len(word), found
    return len("TU003"), [find_rule(word).id]


def _near(text: str) -> str:
    names = {key.lower(): entry for entry in rule_table().values() for key in (entry.id, entry.name)}
    wanted = text.strip().lower()
    near = get_close_matches(wanted, names, n=3, cutoff=0.55)
    near += [name for name in names if len(wanted) > 2 and wanted in name and name not in near][:3]
    found = dict.fromkeys(f"{names[key].id} {names[key].name}" for key in near)
    return f"; near it are {', '.join(found)}" if found else ""
