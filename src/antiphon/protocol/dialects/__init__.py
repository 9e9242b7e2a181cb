"""Who is upstream: the named dialects of the Messages API, as data.

A dialect differs from the first-party API in what its evidence says and in nothing else. Where the evidence about an
upstream is split, `check` is silent and `repair` keeps to the stricter reading (`Dialect.doubtful_rules`).
"""

from dataclasses import replace

from antiphon.protocol.context import Dialect

ANTHROPIC = Dialect(
    "anthropic",
    # `tool_use` then text, calls of one turn over two messages, an id used again turns later: reported as refused by
    # some, as accepted by others, probed by nobody.
    doubtful_rules=frozenset({"TU014", "TU019", "TU007"}),
    # Takes assistant messages without content.
    except_rules=frozenset({"CO012"}),
)
"""The first-party API, and Claude on Vertex: pairs by id, combines neighbouring messages of one role."""

BEDROCK = Dialect(
    "bedrock",
    merges_turns=False,
    doubtful_rules=frozenset({"TU019"}),
    doubtful_order=True,
    image_megabytes=5,
)
"""Claude on Amazon Bedrock: counts calls and results message by message."""

COMPATIBLE = Dialect(
    "compatible",
    merges_turns=False,
    doubtful_rules=frozenset({"CO012", "TU014", "TU019"}),
    doubtful_order=True,
    image_megabytes=5,
)
"""Endpoints that speak this API for other models (DeepSeek and its like), taken together: what is valid here is valid
in all of them."""

DIALECTS = {found.name: found for found in (ANTHROPIC, BEDROCK, COMPATIBLE)}


def dialect(name: str) -> Dialect:
    """Return the dialect of a name.

    Raises:
        ValueError: there is none; the message lists those there are.
    """
    try:
        return DIALECTS[name]
    except KeyError:
        raise ValueError(f"there is no dialect {name!r}; known are {', '.join(DIALECTS)}") from None


def in_strict_order(base: Dialect) -> Dialect:
    """Return the dialect, wanting results in the order of their calls (what Roo Code issue 11804 reports)."""
    return replace(base, strict_order=True)
