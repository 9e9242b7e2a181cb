"""The one table of rules, in the order they run.

First the shape of the JSON, as the API validates it before it looks at meaning; then what the messages mean together.
Repairs run in the same order: ids before pairs, pairs before empty messages, the end of the conversation last.
"""

from antiphon.protocol.rule import Rule
from antiphon.protocol.rules.tu001_missing_tool_result import MISSING_TOOL_RESULT
from antiphon.protocol.rules.tu002_content_before_tool_result import CONTENT_BEFORE_TOOL_RESULT
from antiphon.protocol.rules.tu003_tool_result_out_of_order import TOOL_RESULT_OUT_OF_ORDER
from antiphon.protocol.rules.tu004_orphan_tool_result import ORPHAN_TOOL_RESULT
from antiphon.protocol.rules.tu005_late_tool_result import LATE_TOOL_RESULT
from antiphon.protocol.rules.tu006_early_tool_result import EARLY_TOOL_RESULT
from antiphon.protocol.rules.tu007_split_tool_results import SPLIT_TOOL_RESULTS

SHAPE: tuple[Rule, ...] = ()
"""Rules about the JSON itself: types, tags, patterns."""

MEANING: tuple[Rule, ...] = (
    SPLIT_TOOL_RESULTS,
    LATE_TOOL_RESULT,
    EARLY_TOOL_RESULT,
    CONTENT_BEFORE_TOOL_RESULT,
    ORPHAN_TOOL_RESULT,
    MISSING_TOOL_RESULT,
    TOOL_RESULT_OUT_OF_ORDER,
)
"""Rules about what the messages mean together."""

RULES: tuple[Rule, ...] = SHAPE + MEANING
"""All rules."""

_BY_NAME = {key: found for found in RULES for key in (found.id, found.name)}


def rule(id_or_name: str) -> Rule:
    """Return a rule by its id (`TU003`) or name (`tool-result-out-of-order`).

    Raises:
        KeyError: there is none of this id or name.
    """
    return _BY_NAME[id_or_name]
