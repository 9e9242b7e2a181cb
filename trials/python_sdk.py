"""A loop on the official Python SDK's tool runner."""

import subprocess
import sys

import anthropic


@anthropic.beta_tool
def run(command: str) -> str:
    """Run a command.

    Args:
        command: what to run.
    """
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout


def main() -> None:
    """Ask the model of the first argument the second one."""
    runner = anthropic.Anthropic().beta.messages.tool_runner(
        model=sys.argv[1], max_tokens=1024, tools=[run], messages=[{"role": "user", "content": sys.argv[2]}]
    )
    for message in runner:
        print(*(block.text for block in message.content if block.type == "text"))


if __name__ == "__main__":
    main()
