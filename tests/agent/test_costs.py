"""What a reply used and what it cost: shown only where all of it has a price."""

from typing import Any

import pytest

from antiphon import Agent
from antiphon.agent.events import Usage
from antiphon.agent.prices import add, usage_of
from antiphon.emulator import Emulator
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.models import Model, Models, Price, using

MILLION = 1_000_000


def cost(model: str = "claude-sonnet-5-5", **usage: Any) -> float | None:
    return usage_of({"usage": usage}, model).cost


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"input_tokens": MILLION}, 2),
        ({"output_tokens": MILLION}, 10),
        ({"cache_read_input_tokens": MILLION}, 0.1),
        ({"cache_creation_input_tokens": MILLION}, 2.5),
        (
            {
                "cache_creation_input_tokens": MILLION,
                "cache_creation": {"ephemeral_1h_input_tokens": MILLION, "ephemeral_5m_input_tokens": 0},
            },
            4,
        ),
        ({"server_tool_use": {"web_search_requests": 3}}, 0.03),
        ({}, 0),
        ({"input_tokens": None, "cache_creation": None, "server_tool_use": None, "service_tier": None}, 0),
    ],
)
def test_each_kind_of_token_has_its_price(usage: dict[str, Any], dollars: float) -> None:
    assert cost(**usage) == pytest.approx(dollars)


def test_a_long_request_has_its_own_price_whole() -> None:
    short = cost("claude-haiku-5-5", input_tokens=10_000, cache_read_input_tokens=90_000)
    long = cost("claude-haiku-5-5", input_tokens=10_000, cache_read_input_tokens=90_001)
    assert (short, long) == (pytest.approx(0.0019), pytest.approx(0.00950005))


@pytest.mark.parametrize(
    "other", [{"service_tier": "priority"}, {"service_tier": "batch"}, {"speed": "fast"}, {"inference_geo": "us"}]
)
def test_what_is_billed_by_another_list_shows_no_cost(other: dict[str, Any]) -> None:
    assert cost(input_tokens=1, service_tier="standard", speed="standard", inference_geo="global") is not None
    assert cost(input_tokens=1, **other) is None


@pytest.mark.parametrize("model", ["claude-opus-9", "us.anthropic.claude-sonnet-5-5", "gpt-6"])
def test_an_unknown_price_shows_no_cost(model: str) -> None:
    assert cost(model, input_tokens=1) is None


def test_a_price_that_is_missing_matters_only_where_it_is_needed() -> None:
    with using(Models([Model("local", price=Price(input=1, output=2))])):
        assert cost("local", input_tokens=MILLION, output_tokens=MILLION) == 3
        assert cost("local", input_tokens=MILLION, cache_read_input_tokens=1) is None


def test_a_sum_with_an_unknown_cost_is_unknown() -> None:
    assert add(Usage(1, 2, 3, 4, 0.5), Usage(10, 20, 30, 40, 0.25)) == Usage(11, 22, 33, 44, 0.75)
    assert add(Usage(cost=0.5), Usage(cost=None)).cost is None


async def test_an_agent_counts_by_the_models_in_use() -> None:
    async with Emulator(["fine"]) as emulator:
        provider = AnthropicProvider(api_key="any", base_url=emulator.url)
        async with Agent("claude-sonnet-5-5", provider=provider) as agent:
            with using(Models([Model("claude-sonnet-5-5", price=Price(input=MILLION, output=0))])):
                result = await agent.run("Hello")
    assert result.usage.cost == result.usage.input_tokens
