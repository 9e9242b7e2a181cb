"""The one table of rules, in the order they run.

First whether a body is JSON at all; then the shape of the JSON, as the API validates it before it looks at meaning;
then what the messages mean together.
Repairs run in the same order: ids before pairs, pairs before empty messages, the end of the conversation last.
"""

from antiphon.protocol.rule import BodyRule, Rule
from antiphon.protocol.rules.cc001_too_many_cache_markers import TOO_MANY_CACHE_MARKERS
from antiphon.protocol.rules.cc002_invalid_cache_marker import INVALID_CACHE_MARKER
from antiphon.protocol.rules.cc003_long_cache_after_short import LONG_CACHE_AFTER_SHORT
from antiphon.protocol.rules.cc004_cache_marker_on_thinking import CACHE_MARKER_ON_THINKING
from antiphon.protocol.rules.cc005_cache_marker_on_empty_text import CACHE_MARKER_ON_EMPTY_TEXT
from antiphon.protocol.rules.cc006_conflicting_automatic_marker import CONFLICTING_AUTOMATIC_MARKER
from antiphon.protocol.rules.cc007_cache_marker_on_deferred_tool import CACHE_MARKER_ON_DEFERRED_TOOL
from antiphon.protocol.rules.cc008_cache_marker_unsupported import CACHE_MARKER_UNSUPPORTED
from antiphon.protocol.rules.co001_empty_text import EMPTY_TEXT
from antiphon.protocol.rules.co002_blank_message import BLANK_MESSAGE
from antiphon.protocol.rules.co003_empty_user_message import EMPTY_USER_MESSAGE
from antiphon.protocol.rules.co004_blank_system_prompt import BLANK_SYSTEM_PROMPT
from antiphon.protocol.rules.co005_empty_error_result import EMPTY_ERROR_RESULT
from antiphon.protocol.rules.co006_error_result_not_text import ERROR_RESULT_NOT_TEXT
from antiphon.protocol.rules.co007_foreign_block import FOREIGN_BLOCK
from antiphon.protocol.rules.co008_foreign_field import FOREIGN_FIELD
from antiphon.protocol.rules.co009_invalid_field import INVALID_FIELD
from antiphon.protocol.rules.co010_image_media_type import IMAGE_MEDIA_TYPE
from antiphon.protocol.rules.co011_image_too_large import IMAGE_TOO_LARGE
from antiphon.protocol.rules.co012_empty_assistant_message import EMPTY_ASSISTANT_MESSAGE
from antiphon.protocol.rules.co013_image_too_large_among_many import IMAGE_TOO_LARGE_AMONG_MANY
from antiphon.protocol.rules.co014_too_many_images import TOO_MANY_IMAGES
from antiphon.protocol.rules.co015_image_not_inline import IMAGE_NOT_INLINE
from antiphon.protocol.rules.co016_unreadable_image import UNREADABLE_IMAGE
from antiphon.protocol.rules.co017_mislabelled_image import MISLABELLED_IMAGE
from antiphon.protocol.rules.co018_toolset_not_echoed import TOOLSET_NOT_ECHOED
from antiphon.protocol.rules.co019_invalid_search_result import INVALID_SEARCH_RESULT
from antiphon.protocol.rules.co020_document_from_assistant import DOCUMENT_FROM_ASSISTANT
from antiphon.protocol.rules.ms001_no_messages import NO_MESSAGES
from antiphon.protocol.rules.ms002_message_not_an_object import MESSAGE_NOT_AN_OBJECT
from antiphon.protocol.rules.ms003_unknown_role import UNKNOWN_ROLE
from antiphon.protocol.rules.ms004_invalid_content import INVALID_CONTENT
from antiphon.protocol.rules.ms005_block_not_an_object import BLOCK_NOT_AN_OBJECT
from antiphon.protocol.rules.ms006_first_message_not_user import FIRST_MESSAGE_NOT_USER
from antiphon.protocol.rules.ms007_system_message_unsupported import SYSTEM_MESSAGE_UNSUPPORTED
from antiphon.protocol.rules.ms008_misplaced_system_message import MISPLACED_SYSTEM_MESSAGE
from antiphon.protocol.rules.ms009_system_message_content import SYSTEM_MESSAGE_CONTENT
from antiphon.protocol.rules.ms010_prefill_unsupported import PREFILL_UNSUPPORTED
from antiphon.protocol.rules.ms011_prefill_trailing_whitespace import PREFILL_TRAILING_WHITESPACE
from antiphon.protocol.rules.ms012_blank_text import BLANK_TEXT
from antiphon.protocol.rules.ms013_call_without_user_turn import CALL_WITHOUT_USER_TURN
from antiphon.protocol.rules.ms014_document_without_text import DOCUMENT_WITHOUT_TEXT
from antiphon.protocol.rules.ms015_empty_tool_calls import EMPTY_TOOL_CALLS
from antiphon.protocol.rules.rq001_byte_order_mark import BYTE_ORDER_MARK
from antiphon.protocol.rules.rq002_bytes_not_text import BYTES_NOT_TEXT
from antiphon.protocol.rules.rq003_bare_control_character import BARE_CONTROL_CHARACTER
from antiphon.protocol.rules.rq004_not_a_json_number import NOT_A_JSON_NUMBER
from antiphon.protocol.rules.rq005_lone_surrogate import LONE_SURROGATE
from antiphon.protocol.rules.rq006_invalid_json import INVALID_JSON
from antiphon.protocol.rules.rq007_body_not_an_object import BODY_NOT_AN_OBJECT
from antiphon.protocol.rules.rq008_model_missing import MODEL_MISSING
from antiphon.protocol.rules.rq009_invalid_max_tokens import INVALID_MAX_TOKENS
from antiphon.protocol.rules.rq010_foreign_parameter import FOREIGN_PARAMETER
from antiphon.protocol.rules.rq011_parameter_not_counted import PARAMETER_NOT_COUNTED
from antiphon.protocol.rules.rq012_sampling_removed import SAMPLING_REMOVED
from antiphon.protocol.rules.rq013_sampling_unsupported import SAMPLING_UNSUPPORTED
from antiphon.protocol.rules.rq014_sampling_with_thinking import SAMPLING_WITH_THINKING
from antiphon.protocol.rules.rq015_temperature_with_top_p import TEMPERATURE_WITH_TOP_P
from antiphon.protocol.rules.rq016_sampling_out_of_range import SAMPLING_OUT_OF_RANGE
from antiphon.protocol.rules.rq017_blank_stop_sequence import BLANK_STOP_SEQUENCE
from antiphon.protocol.rules.rq018_invalid_system_prompt import INVALID_SYSTEM_PROMPT
from antiphon.protocol.rules.rq019_invalid_metadata import INVALID_METADATA
from antiphon.protocol.rules.rq020_invalid_stream import INVALID_STREAM
from antiphon.protocol.rules.rq021_too_many_messages import TOO_MANY_MESSAGES
from antiphon.protocol.rules.rq022_body_without_version import BODY_WITHOUT_VERSION
from antiphon.protocol.rules.rq023_citations_from_user import CITATIONS_FROM_USER
from antiphon.protocol.rules.sv001_unresolved_server_tool_use import UNRESOLVED_SERVER_TOOL_USE
from antiphon.protocol.rules.sv002_orphan_server_tool_result import ORPHAN_SERVER_TOOL_RESULT
from antiphon.protocol.rules.sv003_server_tool_withheld import SERVER_TOOL_WITHHELD
from antiphon.protocol.rules.sv004_invalid_server_tool_id import INVALID_SERVER_TOOL_ID
from antiphon.protocol.rules.sv005_invalid_container import INVALID_CONTAINER
from antiphon.protocol.rules.th001_unsigned_thinking import UNSIGNED_THINKING
from antiphon.protocol.rules.th002_empty_thinking import EMPTY_THINKING
from antiphon.protocol.rules.th003_invalid_thinking import INVALID_THINKING
from antiphon.protocol.rules.th004_modified_thinking import MODIFIED_THINKING
from antiphon.protocol.rules.th005_missing_thinking import MISSING_THINKING
from antiphon.protocol.rules.th006_thinking_not_first import THINKING_NOT_FIRST
from antiphon.protocol.rules.th007_bound_thinking import BOUND_THINKING
from antiphon.protocol.rules.th008_thinking_at_the_end import THINKING_AT_THE_END
from antiphon.protocol.rules.th009_content_before_fallback import CONTENT_BEFORE_FALLBACK
from antiphon.protocol.rules.th010_unsupported_thinking_mode import UNSUPPORTED_THINKING_MODE
from antiphon.protocol.rules.th011_thinking_budget import THINKING_BUDGET
from antiphon.protocol.rules.th012_forced_call_with_thinking import FORCED_CALL_WITH_THINKING
from antiphon.protocol.rules.th013_forced_call_unsupported import FORCED_CALL_UNSUPPORTED
from antiphon.protocol.rules.th014_clear_thinking_without_thinking import CLEAR_THINKING_WITHOUT_THINKING
from antiphon.protocol.rules.th030_reasoning_without_its_item import REASONING_WITHOUT_ITS_ITEM
from antiphon.protocol.rules.th031_missing_thought_signature import MISSING_THOUGHT_SIGNATURE
from antiphon.protocol.rules.to001_invalid_tool import INVALID_TOOL
from antiphon.protocol.rules.to002_foreign_tool import FOREIGN_TOOL
from antiphon.protocol.rules.to003_invalid_tool_name import INVALID_TOOL_NAME
from antiphon.protocol.rules.to004_long_tool_name import LONG_TOOL_NAME
from antiphon.protocol.rules.to005_repeated_tool import REPEATED_TOOL
from antiphon.protocol.rules.to006_conflicting_tool_names import CONFLICTING_TOOL_NAMES
from antiphon.protocol.rules.to007_schema_without_type import SCHEMA_WITHOUT_TYPE
from antiphon.protocol.rules.to008_schema_not_an_object import SCHEMA_NOT_AN_OBJECT
from antiphon.protocol.rules.to009_composite_schema import COMPOSITE_SCHEMA
from antiphon.protocol.rules.to010_invalid_schema import INVALID_SCHEMA
from antiphon.protocol.rules.to011_invalid_tool_choice import INVALID_TOOL_CHOICE
from antiphon.protocol.rules.to012_tool_choice_without_tools import TOOL_CHOICE_WITHOUT_TOOLS
from antiphon.protocol.rules.to013_unknown_tool_choice import UNKNOWN_TOOL_CHOICE
from antiphon.protocol.rules.to014_all_tools_deferred import ALL_TOOLS_DEFERRED
from antiphon.protocol.rules.to015_unresolved_tool_reference import UNRESOLVED_TOOL_REFERENCE
from antiphon.protocol.rules.to016_empty_domain_list import EMPTY_DOMAIN_LIST
from antiphon.protocol.rules.to017_tool_history_without_tools import TOOL_HISTORY_WITHOUT_TOOLS
from antiphon.protocol.rules.to018_too_many_strict_tools import TOO_MANY_STRICT_TOOLS
from antiphon.protocol.rules.to019_empty_tool_description import EMPTY_TOOL_DESCRIPTION
from antiphon.protocol.rules.tu001_missing_tool_result import MISSING_TOOL_RESULT
from antiphon.protocol.rules.tu002_content_before_tool_result import CONTENT_BEFORE_TOOL_RESULT
from antiphon.protocol.rules.tu003_tool_result_out_of_order import TOOL_RESULT_OUT_OF_ORDER
from antiphon.protocol.rules.tu004_orphan_tool_result import ORPHAN_TOOL_RESULT
from antiphon.protocol.rules.tu005_misplaced_tool_result import MISPLACED_TOOL_RESULT
from antiphon.protocol.rules.tu006_split_tool_results import SPLIT_TOOL_RESULTS
from antiphon.protocol.rules.tu007_split_tool_uses import SPLIT_TOOL_USES
from antiphon.protocol.rules.tu008_repeated_tool_result import REPEATED_TOOL_RESULT
from antiphon.protocol.rules.tu009_conflicting_tool_results import CONFLICTING_TOOL_RESULTS
from antiphon.protocol.rules.tu010_repeated_tool_use import REPEATED_TOOL_USE
from antiphon.protocol.rules.tu011_conflicting_tool_use_ids import CONFLICTING_TOOL_USE_IDS
from antiphon.protocol.rules.tu012_server_tool_after_tool_use import SERVER_TOOL_AFTER_TOOL_USE
from antiphon.protocol.rules.tu013_text_after_tool_use_with_thinking import TEXT_AFTER_TOOL_USE_WITH_THINKING
from antiphon.protocol.rules.tu014_text_after_tool_use import TEXT_AFTER_TOOL_USE
from antiphon.protocol.rules.tu015_tool_use_outside_assistant_message import TOOL_USE_OUTSIDE_ASSISTANT_MESSAGE
from antiphon.protocol.rules.tu016_tool_result_outside_user_message import TOOL_RESULT_OUTSIDE_USER_MESSAGE
from antiphon.protocol.rules.tu017_invalid_tool_use_id import INVALID_TOOL_USE_ID
from antiphon.protocol.rules.tu018_invalid_tool_use_input import INVALID_TOOL_USE_INPUT
from antiphon.protocol.rules.tu019_reused_tool_use_id import REUSED_TOOL_USE_ID
from antiphon.protocol.rules.tu020_nameless_tool_use import NAMELESS_TOOL_USE
from antiphon.protocol.rules.tu021_invalid_call_id import INVALID_CALL_ID
from antiphon.protocol.rules.tu022_long_call_id import LONG_CALL_ID
from antiphon.protocol.rules.tu023_misshapen_call_or_result import MISSHAPEN_CALL_OR_RESULT
from antiphon.protocol.rules.tu024_result_not_text import RESULT_NOT_TEXT
from antiphon.protocol.rules.tu025_tools_not_defined import TOOLS_NOT_DEFINED

BODY: tuple[BodyRule, ...] = (
    BYTE_ORDER_MARK,
    BYTES_NOT_TEXT,
    BARE_CONTROL_CHARACTER,
    NOT_A_JSON_NUMBER,
    LONE_SURROGATE,
    INVALID_JSON,
    BODY_NOT_AN_OBJECT,
)
"""Rules about a body before it is decoded (`antiphon.protocol.raw`)."""

SHAPE: tuple[Rule, ...] = (
    FOREIGN_PARAMETER,
    INVALID_MAX_TOKENS,
    NO_MESSAGES,
    TOO_MANY_MESSAGES,
    MODEL_MISSING,
    BODY_WITHOUT_VERSION,
    INVALID_METADATA,
    BLANK_STOP_SEQUENCE,
    INVALID_STREAM,
    INVALID_SYSTEM_PROMPT,
    PARAMETER_NOT_COUNTED,
    SAMPLING_REMOVED,
    SAMPLING_OUT_OF_RANGE,
    MESSAGE_NOT_AN_OBJECT,
    UNKNOWN_ROLE,
    INVALID_CONTENT,
    BLOCK_NOT_AN_OBJECT,
    FOREIGN_BLOCK,
    FOREIGN_FIELD,
    INVALID_FIELD,
    INVALID_TOOL_USE_ID,
    INVALID_TOOL_USE_INPUT,
    NAMELESS_TOOL_USE,
    INVALID_CALL_ID,
    LONG_CALL_ID,
    MISSHAPEN_CALL_OR_RESULT,
    EMPTY_TOOL_CALLS,
    UNREADABLE_IMAGE,
    IMAGE_MEDIA_TYPE,
    MISLABELLED_IMAGE,
    IMAGE_TOO_LARGE,
    IMAGE_NOT_INLINE,
    INVALID_SEARCH_RESULT,
    CITATIONS_FROM_USER,
    FOREIGN_TOOL,
    INVALID_TOOL,
    SCHEMA_NOT_AN_OBJECT,
    SCHEMA_WITHOUT_TYPE,
    COMPOSITE_SCHEMA,
    INVALID_SCHEMA,
    # Names after what is there twice: `antiphon.protocol.tool_definitions.renamed` counts on it.
    REPEATED_TOOL,
    CONFLICTING_TOOL_NAMES,
    INVALID_TOOL_NAME,
    LONG_TOOL_NAME,
    EMPTY_DOMAIN_LIST,
    EMPTY_TOOL_DESCRIPTION,
    INVALID_TOOL_CHOICE,
    INVALID_CACHE_MARKER,
    CACHE_MARKER_UNSUPPORTED,
    CACHE_MARKER_ON_DEFERRED_TOOL,
    CACHE_MARKER_ON_THINKING,
    CACHE_MARKER_ON_EMPTY_TEXT,
    UNSIGNED_THINKING,
    INVALID_THINKING,
    EMPTY_THINKING,
    INVALID_SERVER_TOOL_ID,
    INVALID_CONTAINER,
)
"""Rules about the JSON itself: types, tags, patterns."""

MEANING: tuple[Rule, ...] = (
    SAMPLING_UNSUPPORTED,
    SAMPLING_WITH_THINKING,
    TEMPERATURE_WITH_TOP_P,
    TOOL_CHOICE_WITHOUT_TOOLS,
    UNKNOWN_TOOL_CHOICE,
    ALL_TOOLS_DEFERRED,
    TOO_MANY_STRICT_TOOLS,
    UNSUPPORTED_THINKING_MODE,
    THINKING_BUDGET,
    FORCED_CALL_WITH_THINKING,
    FORCED_CALL_UNSUPPORTED,
    TOO_MANY_IMAGES,
    IMAGE_TOO_LARGE_AMONG_MANY,
    DOCUMENT_FROM_ASSISTANT,
    FIRST_MESSAGE_NOT_USER,
    SYSTEM_MESSAGE_UNSUPPORTED,
    MISPLACED_SYSTEM_MESSAGE,
    SYSTEM_MESSAGE_CONTENT,
    TOOL_USE_OUTSIDE_ASSISTANT_MESSAGE,
    TOOL_RESULT_OUTSIDE_USER_MESSAGE,
    CONTENT_BEFORE_FALLBACK,
    REASONING_WITHOUT_ITS_ITEM,
    REPEATED_TOOL_USE,
    CONFLICTING_TOOL_USE_IDS,
    SPLIT_TOOL_USES,
    SERVER_TOOL_AFTER_TOOL_USE,
    TEXT_AFTER_TOOL_USE_WITH_THINKING,
    TEXT_AFTER_TOOL_USE,
    SPLIT_TOOL_RESULTS,
    MISPLACED_TOOL_RESULT,
    CONTENT_BEFORE_TOOL_RESULT,
    REPEATED_TOOL_RESULT,
    CONFLICTING_TOOL_RESULTS,
    ORPHAN_TOOL_RESULT,
    MISSING_TOOL_RESULT,
    TOOL_RESULT_OUT_OF_ORDER,
    CALL_WITHOUT_USER_TURN,
    RESULT_NOT_TEXT,
    REUSED_TOOL_USE_ID,
    TOOLSET_NOT_ECHOED,
    ORPHAN_SERVER_TOOL_RESULT,
    UNRESOLVED_SERVER_TOOL_USE,
    SERVER_TOOL_WITHHELD,
    EMPTY_TEXT,
    BLANK_TEXT,
    EMPTY_ERROR_RESULT,
    ERROR_RESULT_NOT_TEXT,
    BLANK_MESSAGE,
    EMPTY_USER_MESSAGE,
    EMPTY_ASSISTANT_MESSAGE,
    DOCUMENT_WITHOUT_TEXT,
    TOOLS_NOT_DEFINED,
    MISSING_THOUGHT_SIGNATURE,
    BLANK_SYSTEM_PROMPT,
    PREFILL_UNSUPPORTED,
    PREFILL_TRAILING_WHITESPACE,
    THINKING_AT_THE_END,
    MODIFIED_THINKING,
    THINKING_NOT_FIRST,
    MISSING_THINKING,
    CLEAR_THINKING_WITHOUT_THINKING,
    UNRESOLVED_TOOL_REFERENCE,
    TOOL_HISTORY_WITHOUT_TOOLS,
    CONFLICTING_AUTOMATIC_MARKER,
    LONG_CACHE_AFTER_SHORT,
    TOO_MANY_CACHE_MARKERS,
    # The last that changes messages: it sees to what the others did to thinking that is bound to them.
    BOUND_THINKING,
)
"""Rules about what the messages mean together."""

RULES: tuple[Rule, ...] = SHAPE + MEANING
"""All rules about a decoded request."""

EVERY_RULE: tuple[Rule, ...] = BODY + RULES
"""All rules there are, each with a page of its own."""

_BY_NAME = {key: found for found in EVERY_RULE for key in (found.id, found.name)}


def rule(id_or_name: str) -> Rule:
    """Return a rule by its id (`TU003`) or name (`tool-result-out-of-order`).

    Raises:
        KeyError: there is none of this id or name.
    """
    return _BY_NAME[id_or_name]
