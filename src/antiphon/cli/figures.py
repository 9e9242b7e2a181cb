"""What a run or a session used, in one line."""

from antiphon.agent.context import ContextBudget, ContextUse
from antiphon.agent.events import ContextCompacted, RunResult, Usage
from antiphon.cli.view import seconds_text


def usage_text(usage: Usage) -> str:
    """Return tokens and cost, such as `1,150 tokens in (1,000 from the cache), 20 out, $0.0125`."""
    read = usage.cache_read_input_tokens
    total = usage.input_tokens + read + usage.cache_creation_input_tokens
    cached = f" ({read:,} from the cache)" if read else ""
    cost = "" if usage.cost is None else f", ${usage.cost:.4f}"
    return f"{total:,} tokens in{cached}, {usage.output_tokens:,} out{cost}"


def run_text(result: RunResult) -> str:
    """Return turns, time and usage of a run."""
    turns = f"{result.turns} turn{'' if result.turns == 1 else 's'}"
    return f"{turns}, {seconds_text(result.seconds)}, {usage_text(result.usage)}"


def context_text(budget: ContextBudget) -> str:
    """Return how full the context is, such as `context 12% full`, or an empty text where that is not known."""
    share = budget.share
    return "" if share is None else f"context {share:.0%} full"


def context_lines(use: ContextUse, compact_at: int) -> list[str]:
    """Return how full the context is, and of what, a line each."""
    budget = use.budget
    whole = f"About {budget.used:,} tokens"
    if budget.share is not None:
        whole += f" of {budget.window:,} ({budget.share:.0%})"
    limit = budget.limit(compact_at) if compact_at else None
    then = f"; summed up from {limit:,} on" if limit is not None else ""
    parts = {
        "system prompt": use.parts.system,
        "tools": use.parts.tools,
        "what was said": use.parts.messages,
        "results": use.parts.results,
        "thinking": use.parts.thinking,
    }
    return [f"{whole}{then}.", *(f"  {name:<14}{tokens:>10,}" for name, tokens in parts.items())]


def compacted_text(compacted: ContextCompacted) -> str:
    """Return what became of the context when a conversation was summed up."""
    took = f"{seconds_text(compacted.seconds)}, {usage_text(compacted.usage)}"
    return f"Summed up: about {compacted.before:,} tokens of context became {compacted.after:,} ({took})."
