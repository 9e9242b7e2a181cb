"""What a run or a session used, in one line."""

from antiphon.agent.events import RunResult, Usage
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
