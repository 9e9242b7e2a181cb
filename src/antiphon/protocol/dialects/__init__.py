"""Who is upstream: the named dialects of the Messages API, as data. Those of other wire forms are in `forms`.

A dialect differs from the first-party API in what its evidence says and in nothing else. Where the evidence about an
upstream is split, `check` is silent and `repair` keeps to the stricter reading (`Dialect.doubtful_rules`).
"""

from dataclasses import replace

from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects.forms import FORMS

OF_CLAUDE = frozenset(
    {
        *(f"TH{number:03}" for number in (*range(1, 12), 13, 14)),
        *(f"SV{number:03}" for number in range(1, 6)),
        *(f"CO{number:03}" for number in (13, 14, 18, 19, 20)),
    }
)
"""Rules that other vendors do not have: they sign and bind no thinking, and have their own server tools and limits."""

_OF_TOOLS = frozenset({f"TO{number:03}" for number in range(1, 19) if number != 17})
"""Rules about the definitions of tools, of which it is known only here whether they are looked at."""

_OF_CACHES = frozenset({f"CC{number:03}" for number in range(1, 8)})
"""Rules about cache markers, which other vendors mostly read over."""

ANTHROPIC = Dialect(
    "anthropic",
    # `tool_use` then text, calls of one turn over two messages, an id used again turns later: reported as refused by
    # some, as accepted by others, probed by nobody.
    # How thinking is treated at the end with thinking off, and before a fallback, is documented but not how it fails.
    # So are the results of toolsets.
    # Names of tools beyond 64 characters are accepted by now, says who sends them; the documentation does not.
    doubtful_rules=frozenset({"TU014", "TU019", "TU007", "TH008", "TH009", "CO018", "TO004"}),
    # Takes assistant messages without content, cache markers of any kind there is, calls of tools that are gone, and
    # tools that nobody described.
    except_rules=frozenset({"CO012", "CC008", "TO017", "TO019"}),
)
"""The first-party API: pairs by id, combines neighbouring messages of one role."""

VERTEX = replace(
    ANTHROPIC,
    name="vertex",
    # Which server tools there are is another matter there.
    doubtful_rules=ANTHROPIC.doubtful_rules | {"SV003"},
    image_megabytes=5,
    inline_media=True,
    request_megabytes=30,
    body_version="vertex-2023-10-16",
)
"""Claude on Google's Vertex AI: the same rules in the same words, with the model in the URL."""

BEDROCK = Dialect(
    "bedrock",
    merges_turns=False,
    # Of the order of thinking, and of server tools, it is not known how they are checked there.
    doubtful_rules=frozenset(
        {"TU019", "TH002", "TH004", "TH005", "TH006", "TH008", "TH009", "SV001", "SV002", "SV003", "CO018", "RQ010"}
    )
    | _OF_CACHES,
    doubtful_order=True,
    # Version 2026-10-21 means something here from 4.7 on only, where sampling is refused in any version.
    except_rules=frozenset({"RQ012", "CO020"}),
    image_megabytes=5,
    inline_media=True,
    request_megabytes=20,
    body_version="bedrock-2023-05-31",
)
"""Claude on Amazon Bedrock: counts calls and results message by message."""

COMPATIBLE = Dialect(
    "compatible",
    merges_turns=False,
    # What these make of parameters and cache markers is each one's own affair.
    doubtful_rules=frozenset({"CO012", "TU014", "TU019", "RQ010", "RQ017", "RQ018", "RQ019"}) | _OF_CACHES | _OF_TOOLS,
    # Other models, also under the names of Claude's: parameters that are shared have other ranges there.
    except_rules=OF_CLAUDE | {"RQ012", "RQ013", "RQ014", "RQ015", "RQ016", "CC008", "TO017", "TO019"},
    doubtful_order=True,
    image_megabytes=5,
)
"""Endpoints that speak this API for other models (DeepSeek and its like), taken together: what is valid here is valid
in all of them."""

_LOCAL = frozenset(
    {
        *(f"TU{number:03}" for number in range(1, 21)),
        *("MS001", "MS002", "MS003", "MS004", "MS005", "MS006", "CO001", "CO002", "CO003", "CO005", "CO007", "CO009"),
        *("CO012", "RQ008", "RQ009", "RQ018", "RQ020"),
    }
)

TEMPLATE = Dialect(
    "template",
    strict_order=True,
    only_rules=_LOCAL,
    # The servers check little, and each something else. What they do not refuse may still be lost on the way through
    # a template, so a repair keeps to it.
    doubtful_rules=_LOCAL - {"TU003", "MS001", "MS002", "MS004", "MS005", "CO009", "TU018", "TU020"},
)
"""Local servers (llama.cpp, Ollama, vLLM), which put a conversation through the template of a model. Many templates
drop the ids of calls, so a result in the wrong place silently becomes the result of another call."""

DIALECTS = {found.name: found for found in (ANTHROPIC, VERTEX, BEDROCK, COMPATIBLE, TEMPLATE)}
"""Those of the Messages API, by name."""

ALL_DIALECTS = {**DIALECTS, **FORMS}
"""Those of other wire forms, too."""


def dialect(name: str) -> Dialect:
    """Return the dialect of a name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    try:
        return ALL_DIALECTS[name]
    except KeyError:
        raise ValueError(f"there is no dialect {name!r}; known are {', '.join(ALL_DIALECTS)}") from None


def in_strict_order(base: Dialect) -> Dialect:
    """Return the dialect, wanting results in the order of their calls (what Roo Code issue 11804 reports)."""
    return replace(base, strict_order=True)
