"""The named dialects of other wire forms, as data: which rules hold in each, and what is doubtful.

A rule that is about the Messages API alone is not named here and never holds; a new one does not either, until somebody
says so. What is known of each form is cited by the rules.
"""

from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects.converse import Converse
from antiphon.protocol.dialects.gemini import Gemini
from antiphon.protocol.dialects.openai_chat import OpenAIChat
from antiphon.protocol.dialects.openai_responses import OpenAIResponses

_SHAPE = frozenset({"MS001", "MS002", "MS003", "MS004", "MS005", "CO009", "TU018", "TU020", "TU021", "TU023"})
"""What any form wants of its JSON: objects, known roles, texts that are strings, ids that are strings."""

_PAIRS = frozenset({"TU001", "TU004", "TU005", "TU008", "TU009", "TU010", "TU011"})
"""Calls and results belong together, each call has one, wherever that may be."""

_PLACES = _PAIRS | {"TU002", "TU006", "TU007"}
"""Results stand together, directly behind their calls."""

_ROLES = frozenset({"TU015", "TU016"})
"""Calls are the assistant's and results the user's, where the form would let them stand elsewhere."""

CONVERSE = Dialect(
    "bedrock-converse",
    merges_turns=False,
    doubtful_order=True,
    only_rules=_SHAPE
    | _PLACES
    | _ROLES
    | {"TU003", "TU014", "TU025", "MS006", "MS012", "MS014"}
    | {"CO001", "CO002", "CO003", "CO005", "CO006", "CO012"},
    # Text before results, roles that are wrong for their blocks, whitespace beside other content, an image in a result
    # that says it failed: refused by Claude's own API, of Converse nobody says so.
    doubtful_rules=frozenset({"TU002", "TU015", "TU016", "MS012", "CO006", "CO009"}),
    form=Converse(),
)
"""Amazon Bedrock's Converse API, for Claude."""

OPENAI_CHAT = Dialect(
    "openai-chat",
    # Two assistant messages with calls are two, and each wants its results directly behind it.
    merges_turns=False,
    only_rules=_SHAPE | _PLACES | {"TU022", "TU024", "MS015"},
    # Many speak this protocol. What one of them is known to refuse others take: arguments that are no JSON, two results
    # of one call, long ids, images in results.
    doubtful_rules=frozenset({"TU008", "TU009", "TU010", "TU011", "TU018", "TU022", "TU024"}),
    form=OpenAIChat(),
)
"""Chat Completions, of OpenAI and of everybody else who speaks it."""

OPENAI_RESPONSES = Dialect(
    "openai-responses",
    only_rules=_SHAPE | _PAIRS | {"TU022", "TH030"},
    doubtful_rules=frozenset({"TU008", "TU009", "TU010", "TU011", "TU018", "TU022"}),
    form=OpenAIResponses(),
)
"""OpenAI's Responses: calls and outputs are tied by id, in any place and order."""

GEMINI = Dialect(
    "gemini",
    merges_turns=False,
    doubtful_order=True,
    only_rules=_SHAPE | _PLACES | _ROLES | {"TU003", "MS006", "MS013", "TH031", "CO003", "CO012"},
    doubtful_rules=frozenset({"TU002", "TU010", "TU011", "TU015", "TU016", "MS006", "CO003", "CO012"}),
    form=Gemini(),
)
"""Gemini's generateContent: as many responses as calls, in the content directly behind."""

FORMS = {found.name: found for found in (CONVERSE, OPENAI_CHAT, OPENAI_RESPONSES, GEMINI)}
