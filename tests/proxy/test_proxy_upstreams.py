"""Where requests go, and by whose rules they are judged."""

import json

import httpx2
import pytest
from talk import asked, calls
from upstreams import upstream

from antiphon.errors import SettingsError
from antiphon.proxy import Proxy, parse_upstreams
from antiphon.proxy.upstream import Endpoint, profile_for, route


@pytest.mark.parametrize(
    ("host", "profile"),
    [
        ("api.anthropic.com", "anthropic"),
        ("API.ANTHROPIC.COM.", "anthropic"),
        ("evil-anthropic.com", "compatible"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "bedrock"),
        ("aiplatform.googleapis.com", "vertex"),
        ("us-east5-aiplatform.googleapis.com", "vertex"),
        ("api.deepseek.com", "compatible"),
        ("api.moonshot.ai", "compatible"),
        ("api.minimax.io", "compatible"),
        ("api.z.ai", "compatible"),
        ("api.openai.com", "openai"),
        ("gateway.example.org", "compatible"),
        ("localhost", "template"),
        ("127.0.0.1", "template"),
        ("::1", "template"),
        ("192.168.1.7", "template"),
        ("llama", "template"),
    ],
)
def test_the_host_tells_what_kind_of_upstream_it_is(host: str, profile: str) -> None:
    assert profile_for(host).name == profile


@pytest.mark.parametrize(
    ("base", "path", "url", "endpoint"),
    [
        ("https://a.io", "/v1/messages", "https://a.io/v1/messages", Endpoint.MESSAGES),
        ("https://a.io", "/v1/messages?beta=true", "https://a.io/v1/messages?beta=true", Endpoint.MESSAGES),
        ("https://a.io", "/messages", "https://a.io/v1/messages", Endpoint.MESSAGES),
        ("https://a.io/v1", "/messages", "https://a.io/v1/messages", Endpoint.MESSAGES),
        ("https://a.io/v1", "/v1/messages", "https://a.io/v1/messages", Endpoint.MESSAGES),
        ("https://a.io/anthropic/", "/v1/messages", "https://a.io/anthropic/v1/messages", Endpoint.MESSAGES),
        ("https://a.io", "/v1/messages/count_tokens", "https://a.io/v1/messages/count_tokens", Endpoint.COUNT_TOKENS),
        ("https://a.io", "/v1/messages/batches", "https://a.io/v1/messages/batches", None),
        ("https://a.io", "/chat/completions", "https://a.io/v1/chat/completions", Endpoint.CHAT),
        ("https://a.io", "/v1/responses", "https://a.io/v1/responses", Endpoint.RESPONSES),
        ("https://a.io", "/v1/responses/r_1", "https://a.io/v1/responses/r_1", None),
        ("https://a.io", "/v1/models", "https://a.io/v1/models", None),
        ("https://a.io", "/", "https://a.io/", None),
        ("/x=https://a.io/b", "/x/v1/messages", "https://a.io/b/v1/messages", Endpoint.MESSAGES),
        ("/x=https://a.io", "/x", "https://a.io/", None),
        ("/x=https://a.io", "/x?y=/z", "https://a.io/?y=/z", None),
        (
            "https://v.io",
            "/v1/projects/p/models/claude:streamRawPredict",
            "https://v.io/v1/projects/p/models/claude:streamRawPredict",
            Endpoint.MESSAGES,
        ),
    ],
)
def test_the_path_tells_where_a_request_goes(base: str, path: str, url: str, endpoint: Endpoint | None) -> None:
    target = route(parse_upstreams([base]), path)
    assert target is not None
    assert (target.url, target.endpoint) == (url, endpoint)


def test_the_longest_prefix_wins_and_prefixes_end_at_a_slash() -> None:
    upstreams = parse_upstreams(["https://all.io", "/a=https://a.io", "/a/b=https://ab.io as template"])
    found = [route(upstreams, path) for path in ("/a/b/c", "/a/bc", "/abc", "/")]
    assert [target and target.url for target in found] == [
        "https://ab.io/c",
        "https://a.io/bc",
        "https://all.io/abc",
        "https://all.io/",
    ]
    assert upstreams[2].profile.name == "template"


def test_without_an_upstream_for_everything_some_paths_lead_nowhere() -> None:
    assert route(parse_upstreams(["/a=https://a.io"]), "/b") is None


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["ftp://a.io"], "wanted is http://HOST"),
        (["a.io"], "wanted is http://HOST"),
        (["https://"], "wanted is http://HOST"),
        (["https://u:p@a.io"], "wanted is http://HOST"),
        (["https://a.io?x"], "wanted is http://HOST"),
        (["https://[a"], "wanted is http://HOST"),
        (["https://a.io as nonsense"], "there is no profile 'nonsense'"),
        (["https://a.io", "https://b.io"], "share the path"),
        (["/antiphon/x=https://a.io"], "own pages"),
    ],
)
def test_what_is_no_upstream_is_said(texts: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_upstreams(texts)


def test_the_environment_may_name_a_proxy_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.corp:3128")
    monkeypatch.setenv("NO_PROXY", "internal.corp")
    found = parse_upstreams(["https://a.io", "/b=https://internal.corp", "/c=http://a.io"])
    assert [upstream.proxy for upstream in found] == ["http://proxy.corp:3128", None, None]


async def test_each_upstream_has_its_requests_judged_by_its_own_rules(client: httpx2.AsyncClient) -> None:
    reversed_ = [{"type": "tool_result", "tool_use_id": id_, "content": id_} for id_ in ("b", "a")]
    request = asked(calls("a", "b"), {"role": "user", "content": reversed_})
    async with upstream() as api, Proxy(f"{api.url} as anthropic", f"/strict={api.url} as template") as proxy:
        for prefix in ("", "/strict"):
            await client.post(f"{proxy.url}{prefix}/v1/messages", json=request)
        orders = [
            [block["tool_use_id"] for block in json.loads(seen.body)["messages"][2]["content"]] for seen in api.seen
        ]
    assert orders == [["b", "a"], ["a", "b"]]
