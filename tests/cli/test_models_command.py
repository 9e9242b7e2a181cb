import json
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from programs import run_antiphon, surroundings

from antiphon.agent.events import Usage
from antiphon.cli.figures import usage_text
from antiphon.cli.main import main
from antiphon.cli.models import models_file
from antiphon.emulator import Emulator
from antiphon.providers.models import shipped_models


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and where its table of models would be."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    file = tmp_path / ".config" / "antiphon" / "models.toml"
    file.parent.mkdir(parents=True)
    return file


def test_the_models_are_listed_with_their_source(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text('[models]\n"local/qwen" = { input = 0, output = 0, window = 40_960 }\n')
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.replace(str(own), "models.toml").splitlines()
    assert [*lines[4:8], *lines[8:10], *lines[-4:]] == snapshot(
        [
            "Source: the `anthropic` entries of LiteLLM 1.109.1's price map, 2026-11-23",
            "model                  window  max out   in  out  read     5m   1h  search",
            "claude-fable-5             1M     128k   10   50     1   12.5   20      10",
            "claude-fable-5-1           1M     128k   10   50  0.25   12.5   20      10",
            "claude-haiku-4-5         200k      64k    1    5   0.1   1.25    2       -",
            "claude-haiku-5-5           1M     128k  0.1  0.5  0.01  0.125  0.2      10",
            "",
            "Source: models.toml",
            "model                  window  max out   in  out  read     5m   1h  search",
            "local/qwen              40960        -    0    0     -      -    -       -",
        ]
    )
    names = [line.split("  ")[0] for line in lines[5:] if not line.startswith(("  ", "Source", "model ")) and line]
    assert names == [*(model.name for model in shipped_models()), "local/qwen"]
    assert max(map(len, lines)) <= 80


def test_models_of_one_source_stand_together(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text(
        "source = 'mine'\n[models]\nlocal = { input = 1 }\nother = { input = 1 }\nclaude-opus-5 = { input = 1 }"
    )
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    shipped = "the `anthropic` entries of LiteLLM 1.109.1's price map, 2026-11-23"
    assert [line.removeprefix("Source: ") for line in lines if line.startswith("Source")] == [
        shipped,
        f"mine; what it does not say: {shipped}",
        "mine",
    ]


def test_the_models_are_listed_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in models] == [model.name for model in shipped_models()]
    assert models[3] == snapshot(
        {
            "name": "claude-haiku-5-5",
            "window": 1000000,
            "max_output": 128000,
            "price": {
                "input": 0.1,
                "output": 0.5,
                "cache_read": 0.01,
                "cache_write_5m": 0.125,
                "cache_write_1h": 0.2,
                "search": 10.0,
            },
            "above": {
                "tokens": 100000,
                "input": 0.5,
                "output": 2.5,
                "cache_read": 0.05,
                "cache_write_5m": 0.625,
                "cache_write_1h": 1.0,
                "search": 10.0,
            },
            "source": "the `anthropic` entries of LiteLLM 1.109.1's price map, 2026-11-23",
        }
    )


def test_one_model_is_looked_up_in_any_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "--json"]) == 0
    [model] = json.loads(capsys.readouterr().out)
    assert (model["window"], set(model["price"].values())) == (200_000, {None})
    assert main(["models", "claude-haiku-4-5-20251001"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == snapshot(
        ["claude-haiku-4-5", "200k", "64k", "1", "5", "0.1", "1.25", "2", "-"]
    )


def test_a_model_without_figures_can_be_given_some(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "gpt-6"]) == 2
    assert capsys.readouterr().err == (
        "antiphon: nothing is known of a model gpt-6, so no cost is shown for it; "
        f"say what it costs and holds in {own}.\n"
    )
    own.write_text("[models]\ngpt-6 = { window = 400_001 }\n")
    assert main(["models", "gpt-6"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["gpt-6", "400001", *"-------"]


def test_a_wrong_table_is_told_where_it_is_wrong(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own.write_text("[models]\nmine = { input = 'much' }\n")
    assert main(["models"]) == 2
    said = f"{own}: mine: input is 'much'; wanted is a price in US dollars per million tokens, from 0."
    assert capsys.readouterr().err == f"antiphon: {said}\n"


def test_the_table_is_beside_the_settings_also_elsewhere(tmp_path: Path) -> None:
    assert models_file({"HOME": "/home/me"}) == Path("/home/me/.config/antiphon/models.toml")
    assert models_file({"HOME": "/home/me", "XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "antiphon" / "models.toml"
    assert models_file({"HOME": "/home/me", "XDG_CONFIG_HOME": "rel"}) == Path("/home/me/.config/antiphon/models.toml")


@pytest.mark.parametrize(("cache", "known"), [(", cache_write_5m = 1000", True), ("", False)])
def test_a_run_costs_what_the_users_table_says(own: Path, tmp_path: Path, *, cache: str, known: bool) -> None:
    own.write_text(f"[models]\nmine = {{ input = 1000, output = 0{cache} }}\n")
    with Emulator(["Hello."]) as emulator:
        environment = surroundings(tmp_path, ANTHROPIC_BASE_URL=emulator.url, ANTHROPIC_API_KEY="any")
        command = ["-p", "hi", "--model", "mine", "--output-format", "json"]
        ran = run_antiphon(*command, environment=environment, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    result = json.loads(ran.stdout)
    usage = result["usage"]
    written = usage["cache_creation_input_tokens"]
    assert written > 0
    assert result["total_cost_usd"] == (pytest.approx((usage["input_tokens"] + written) / 1000) if known else None)


def test_a_cost_that_is_not_known_is_not_shown() -> None:
    assert usage_text(Usage(1000, 20, cost=0.0125)) == "1,000 tokens in, 20 out, $0.0125"
    assert usage_text(Usage(1000, 20, cost=None)) == "1,000 tokens in, 20 out"
