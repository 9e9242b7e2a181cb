"""What is known of models: names in all their spellings, and a user's table on top of ours."""

import subprocess
import sys
from pathlib import Path

import pytest

from antiphon.emulator.models import MODELS as EMULATED
from antiphon.errors import SettingsError
from antiphon.providers.models import Model, Models, Price, model_named, read_models, shipped_models, using


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "models.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_shipped_model_has_all_figures_but_those_the_source_lacks() -> None:
    missing = {
        (model.name, name)
        for model in shipped_models()
        for name in ("window", "max_output", *Price.__dataclass_fields__)
        if getattr(model, name, None) is None and getattr(model.price, name, None) is None
    }
    assert missing == {("claude-haiku-4-5", "search")}


def test_every_shipped_model_says_from_where_and_when_its_figures_are() -> None:
    sources = {model.source for model in shipped_models()}
    assert sources == {"the `anthropic` entries of LiteLLM 1.109.1's price map, 2026-11-23"}


def test_writing_to_the_cache_costs_a_quarter_more_for_five_minutes_and_twice_for_an_hour() -> None:
    prices = [price for model in shipped_models() for price in (model.price, *(model.above or ())[1:])]
    for price in prices:
        assert price.input
        assert (price.cache_write_5m, price.cache_write_1h) == pytest.approx((price.input * 1.25, price.input * 2))


def test_the_emulator_has_the_same_windows() -> None:
    windows = {model.name: model.window for model in shipped_models()}
    assert {model.id: model.context for model in EMULATED if model.id in windows} == windows


@pytest.mark.parametrize("name", ["claude-haiku-4-5", "claude-haiku-4-5-20251001"])
def test_a_dated_name_means_the_model(name: str) -> None:
    model = model_named(name)
    assert model is not None
    assert (model.name, model.price.input) == ("claude-haiku-4-5", 1.0)


@pytest.mark.parametrize(
    "name",
    [
        "us.anthropic.claude-opus-4-5-20251101-v1:0",
        "arn:aws:bedrock:us-east-1:1:inference-profile/global.anthropic.claude-opus-4-5-20251101-v1:0",
        "claude-opus-4-5@20251101",
        "anthropic/claude-opus-4.5",
        "claude-opus-4-5[1m]",
    ],
)
def test_the_spelling_of_another_platform_is_the_same_model_without_a_price(name: str) -> None:
    model = model_named(name)
    assert model is not None
    assert (model.name, model.window, model.max_output, model.price) == (name, 200_000, 64_000, Price())


@pytest.mark.parametrize(
    "name", ["claude-opus-9", "claude-opus-4-20250514", "claude-2", "gpt-6", "", "20251001", "-20251001"]
)
def test_of_other_models_nothing_is_known(name: str) -> None:
    assert model_named(name) is None


def test_a_request_above_the_line_has_other_prices() -> None:
    haiku = model_named("claude-haiku-5-5")
    assert haiku is not None
    assert [haiku.price_of(tokens).input for tokens in (0, 100_000, 100_001)] == [0.1, 0.1, 0.5]


def test_without_a_file_the_shipped_models_hold(tmp_path: Path) -> None:
    assert read_models(tmp_path / "models.toml") is shipped_models()


def test_a_users_file_adds_models_and_changes_what_it_says_of_known_ones(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        source = "our contract"
        date = 2026-10-01

        [models]
        "local/qwen" = { input = 0, output = 0, window = 32_768 }
        claude-opus-5-5 = { input = 3.2, output = 16 }
        "us.anthropic.claude-opus-5-5" = { input = 4.4 }
        claude-haiku-5-5 = { above = { tokens = 50_000, input = 1 } }
        """,
    )
    models = read_models(path)
    names = [model.name for model in models]
    assert names[-2:] == ["local/qwen", "us.anthropic.claude-opus-5-5"]
    assert models.named("local/qwen") == Model(
        "local/qwen", 32_768, None, Price(input=0, output=0), source="our contract, 2026-10-01"
    )
    ours = shipped_models().named("claude-opus-5-5")
    assert ours is not None
    assert models.named("claude-opus-5-5") == Model(
        "claude-opus-5-5",
        1_000_000,
        128_000,
        Price(3.2, 16, 0.2, 5, 8, 10),
        source=f"our contract, 2026-10-01; what it does not say: {ours.source}",
    )
    regional = models.named("us.anthropic.claude-opus-5-5")
    assert regional is not None
    assert (regional.window, regional.price) == (1_000_000, Price(input=4.4))
    haiku = models.named("claude-haiku-5-5")
    assert haiku is not None
    assert haiku.above == (50_000, Price(input=1))
    assert models.named("claude-sonnet-5") == shipped_models().named("claude-sonnet-5")


def test_without_a_source_the_file_is_the_source(tmp_path: Path) -> None:
    path = written(tmp_path, "[models]\nlocal = { input = 1 }\n")
    model = read_models(path).named("local")
    assert model is not None
    assert model.source == str(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models = 3", "models is 3; wanted is a table of models."),
        ("[model.x]", "model is not known here; there are source, date, models."),
        ("models.x = 3", "x is 3; wanted is a table such as { input = 3, output = 15 }."),
        ("models.x.inputs = 3", "x: inputs is not known of a model; did you perhaps mean input."),
        ("models.x.cost = 3", "x: cost is not known of a model; there are input, output, cache_read,"),
        ("models.x.input = '3'", "x: input is '3'; wanted is a price in US dollars per million tokens, from 0."),
        ("models.x.input = true", "x: input is True; wanted is a price in US dollars per million tokens, from 0."),
        ("models.x.output = -1", "x: output is -1; wanted is a price"),
        ("models.x.output = nan", "x: output is nan; wanted is a price"),
        ("models.x.output = inf", "x: output is inf; wanted is a price"),
        ("models.x.search = 'ten'", "x: search is 'ten'; wanted is a price in US dollars per thousand searches,"),
        ("models.x.window = 0", "x: window is 0; wanted is a whole number of tokens from 1."),
        ("models.x.max_output = 1.5", "x: max_output is 1.5; wanted is a whole number of tokens from 1."),
        ("models.x.above = 3", "x: above is 3; wanted is a table of tokens and prices."),
        ("models.x.above.input = 3", "x.above has no tokens; wanted is from how many on these prices hold."),
        ("models.x.above = { tokens = 1, window = 3 }", "x.above: window is not known of a model; there are"),
    ],
)
def test_what_a_users_file_may_not_say(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(SettingsError) as raised:
        read_models(path)
    assert str(raised.value).startswith(f"{path}: {said}")


@pytest.mark.parametrize("content", [b"[models", b"\xff"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "models.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"^{path} cannot be read as a table of models: "):
        read_models(path)


def test_models_are_in_use_for_a_while_only() -> None:
    with using(Models([Model("local", window=8)])):
        assert model_named("local") == Model("local", window=8)
        assert model_named("claude-sonnet-5-5") is None
    assert model_named("local") is None


def test_who_asks_for_no_price_reads_no_table() -> None:
    program = "import sys; import antiphon.agent, antiphon.providers.models as m; print('tomllib' in sys.modules)"
    program += "; print(m.shipped_models.cache_info().currsize)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["False", "0"]
