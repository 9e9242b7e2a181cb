"""What the demo plays: two prompts, what the model says to them, and the tools that it calls.

The situation is the one of Roo Code issue 11804: several tools in one reply, one of them slow, so that they finish in
another order than they were asked. Only the model is made up.
"""

from collections.abc import Iterable, Mapping

import anyio

from antiphon.cli.demo_search import Answer, Page
from antiphon.emulator import Reply, Text, ToolUse, reply
from antiphon.tools.base import Tool
from antiphon.tools.function import tool

SEARCH_PROMPT = (
    "Search the web for antiphony and for reorder buffers, look into notes.md as well, then summarize the sources."
)
TOOLS_PROMPT = "Run tool A and tool B at the same time, then compare."
NOTES = """\
# Notes

An antiphon is sung by two choirs: one calls, the other answers.
The answers come in the order of the calls, however far apart the choirs stand.
"""


def script(pace: float) -> list[Reply]:
    """Return what the model says, turn by turn; `pace` scales its pauses."""
    return [
        reply(
            Text("I will look all three up at once."),
            ToolUse("web_search", {"query": "antiphony call and response in music"}),
            ToolUse("web_search", {"query": "reorder buffer out-of-order execution"}),
            # By the time this one is asked, the second search is done: nobody waited for the reply to end.
            ToolUse("read_file", {"path": "notes.md"}, delay=0.6 * pace),
            pace=0.01 * pace,
        ),
        reply(
            Text(
                "Both are about the same thing. In antiphony one choir calls and another answers, each call in its "
                "turn. A reorder buffer lets a processor finish its work in any order and still hand the results "
                "over in the order of the program. The notes agree: answers come in the order of the calls."
            ),
            pace=0.012 * pace,
            chunk=12,
        ),
        reply(
            Text("Both at once."),
            ToolUse("tool_a", {"sample": "river"}),
            ToolUse("tool_b", {"sample": "river"}),
            pace=0.01 * pace,
        ),
        reply(
            Text(
                "Tool A, the slow one, measured 41.8 and tool B 42.0: they agree within half a percent. "
                "B was done first, and I still read A first, because I asked for A first."
            ),
            pace=0.012 * pace,
            chunk=12,
        ),
    ]


def searches(pace: float) -> Mapping[str, Answer]:
    """Return what the search engine knows, by a word of the query; the first answer is the slow one."""
    return {
        "antiphony": Answer(
            (
                Page(
                    "Antiphony: call and response",
                    "https://music.example/antiphony",
                    "Two choirs sing in turn: one calls, the other answers.",
                ),
                Page(
                    "A short history of the antiphon",
                    "https://music.example/history",
                    "From psalms to work songs: who answers, when, and in which order.",
                ),
            ),
            1.4 * pace,
        ),
        "reorder buffer": Answer(
            (
                Page(
                    "Reorder buffer",
                    "https://chips.example/rob",
                    "Instructions complete out of order and retire in program order.",
                ),
            ),
            0.25 * pace,
        ),
    }


def two_tools(pace: float) -> Iterable[Tool]:
    """Return tools A and B: plain Python functions, A the slow one."""

    @tool
    async def tool_a(sample: str) -> str:
        """Measure a sample thoroughly.

        Args:
            sample: what to measure.
        """
        await anyio.sleep(1.0 * pace)
        return f"Tool A: the {sample} measures 41.8."

    @tool
    async def tool_b(sample: str) -> str:
        """Measure a sample quickly.

        Args:
            sample: what to measure.
        """
        await anyio.sleep(0.7 * pace)
        return f"Tool B: the {sample} measures 42.0."

    return tool_a, tool_b
