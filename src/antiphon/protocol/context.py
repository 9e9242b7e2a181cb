"""What is known of a request beside its body: who is upstream, its headers, and what was seen before.

What is not known decides nothing: a rule that needs it is silent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from antiphon.protocol.messages import Json

if TYPE_CHECKING:
    from antiphon.protocol.form import Form


@dataclass(frozen=True, slots=True)
class Dialect:
    """Who is upstream, as far as rules care.

    Attributes:
        name: `anthropic`, `bedrock`, `compatible`, ...
        strict_order: results must stand in the order of their calls (template servers; Roo Code issue 11804).
        merges_turns: neighbouring messages of one role count as one.
        except_rules: ids of rules that this upstream does not enforce.
        doubtful_rules: ids of rules that this upstream may enforce or not, the evidence being split: `check` is
            silent about them (who is not known to refuse must not be said to), `repair` keeps to them.
        doubtful_order: the same for the order of results: `repair` sorts them, `check` does not ask.
        image_megabytes: how large an image may be, in base64.
        inline_media: images and documents are sent as data, not as addresses or uploaded files.
        request_megabytes: how large a request may be.
        body_version: what a body says as its `anthropic_version` where the URL names the model; else empty.
        only_rules: ids of the rules that can hold here at all; None for all. Another wire form names its own, so that
            a new rule about the Messages API never refuses a request of another one.
        form: how its requests are read and written, where they are not those of the Messages API.
    """

    name: str
    strict_order: bool = False
    merges_turns: bool = True
    except_rules: frozenset[str] = frozenset()
    doubtful_rules: frozenset[str] = frozenset()
    doubtful_order: bool = False
    image_megabytes: int = 10
    inline_media: bool = False
    request_megabytes: int = 32
    body_version: str = ""
    only_rules: frozenset[str] | None = None
    form: "Form | None" = None

    def cautious(self) -> "Dialect":
        """Return the strictest reading of the evidence about this upstream: what `repair` aims at."""
        return replace(
            self,
            strict_order=self.strict_order or self.doubtful_order,
            doubtful_rules=frozenset(),
        )

    def enforces(self, rule_id: str) -> bool:
        """Say whether a request that breaks this rule is known to be refused."""
        if self.only_rules is not None and rule_id not in self.only_rules:
            return False
        return rule_id not in self.except_rules and rule_id not in self.doubtful_rules


class Memory(Protocol):
    """What somebody who saw earlier replies of this upstream remembers of them."""

    def reply_with(self, call_id: str) -> Sequence[Json] | None:
        """Return the content of the reply that asked for this tool call, as it came; None where none was seen."""
        ...

    def fits(self, signature: str, prefix: bytes) -> bool | None:
        """Say whether thinking was made behind this prefix (see `antiphon.protocol.prefix`).

        Args:
            signature: of the thinking block, or the data of a redacted one.
            prefix: the digest of all that stands before it now.

        Returns:
            True or False where the reply with this signature was seen, None where it was not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a request beside its body.

    Attributes:
        version: the `anthropic-version` header, or None.
        betas: the values of the `anthropic-beta` header, or None where the headers are not known.
        counting: it asks for a token count (`/v1/messages/count_tokens`), not for a reply.
        memory: what was seen of earlier replies, or None.
    """

    version: str | None = None
    betas: frozenset[str] | None = None
    counting: bool = False
    memory: Memory | None = None


NOTHING_KNOWN = Context()
"""Only the body is known, as of a stored conversation."""
