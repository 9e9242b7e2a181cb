"""The proxy's status page, in a real browser, with a real proxy before the emulator."""

import socket
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from looking import Page
from selenium.webdriver.common.keys import Keys

from antiphon.emulator import Emulator, Refuse, reply
from antiphon.proxy import Options, Proxy

Json = dict[str, Any]
TOOLS: list[Json] = [{"name": "read_file", "input_schema": {"type": "object"}}]
MANUAL = "Read the whole of it before you answer. " * 300
"""Long enough for a cache."""


def asked(*messages: Json, **fields: Any) -> Json:
    """Return a request that begins with a prompt."""
    first = {"role": "user", "content": "go"}
    return {"model": "claude-sonnet-4-5", "max_tokens": 99, "tools": TOOLS, "messages": [first, *messages], **fields}


def calls(*ids: str) -> Json:
    """Return an assistant message with calls."""
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": i, "name": "read_file", "input": {}} for i in ids],
    }


def results(*ids: str) -> Json:
    """Return a user message with results."""
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": i, "content": "found"} for i in ids]}


VALID = asked(calls("a", "b"), results("a", "b"))
LACKS_ONE = asked(calls("a", "b"), results("a"))


@contextmanager
def proxy_before(*replies: Any, **options: Any) -> Generator[Proxy]:
    """Run a proxy before an emulator."""
    script = list(replies) or ["Done."] * 20
    with Emulator(script) as emulator, Proxy(emulator.url, profile="anthropic", options=Options(**options)) as proxy:
        yield proxy


def post(client: httpx2.Client, proxy: Proxy, request: Json, path: str = "/v1/messages") -> httpx2.Response:
    """Send a request as a client does."""
    return client.post(f"{proxy.url}{path}", json=request)


def test_a_proxy_that_nobody_has_used_says_where_to_point_a_client(page: Page) -> None:
    with proxy_before() as proxy:
        page.open(proxy.url)
        page.shows("Working", "Ready. No request has come yet.", f"export ANTHROPIC_BASE_URL={proxy.url}")
        page.shows(f"{proxy.url} → {proxy.upstreams[0].url} (anthropic)")
        assert not any(part.is_displayed() for part in page.all("#figures, #rules, #last"))


def test_requests_appear_without_reloading(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        page.open(proxy.url)
        page.shows("No request has come yet")
        page.script("window.loaded = 'once'")
        for _ in range(3):
            post(client, proxy, VALID)
        page.shows("3 requests so far. Nothing had to be repaired.", "200 (3)", "none under way")
        figures = page.figures()
        assert figures["Requests"] == "3"
        assert figures["Repaired"] == "0"
        assert figures["Time to first byte"].endswith((" ms", " s"))
        assert page.script("return window.loaded") == "once"
        assert not page.one("#start").is_displayed()


def test_a_repaired_request_shows_rule_fault_place_and_what_was_done(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        post(client, proxy, VALID)
        post(client, proxy, LACKS_ONE)
        page.open(proxy.url)
        page.shows(
            "2 requests so far. 1 had a fault and was repaired.",
            "TU001 missing tool result at messages.1: answered the call with a note that no result was recorded",
            "POST /v1/messages",
            "answered 200 in",
        )
        assert [cell.text for cell in page.all("#repairs > tr > *")] == ["TU001", "missing tool result", "1"]
        assert page.one("#explain").text == "antiphon rule TU001"


def test_the_latest_request_stands_first_and_long_lists_are_cut(page: Page, client: httpx2.Client) -> None:
    many = [
        message for number in range(11) for message in (calls(f"call_{number}"), {"role": "user", "content": "and"})
    ]
    with proxy_before() as proxy:
        post(client, proxy, LACKS_ONE)
        post(client, proxy, asked(*many))
        page.open(proxy.url)
        page.shows("2 had a fault and were repaired", "and 3 more")
        assert [len(note.find_elements("css selector", "li")) for note in page.all("#notes > li")] == [9, 1]


def test_the_share_of_the_cache_and_what_breakpoints_saved_are_shown(page: Page, client: httpx2.Client) -> None:
    talk: list[Json] = []
    with proxy_before(cache=True) as proxy:
        for turn in range(3):
            talk += [calls(f"a{turn}"), results(f"a{turn}")]
            post(client, proxy, asked(*talk, system=MANUAL))
        status = client.get(f"{proxy.url}/antiphon/status").json()
        page.open(proxy.url)
        page.shows("of the input's price, 3 requests")
        figures = page.figures()
    assert status["cache_share"] > 0.5
    assert figures["From cache"] == f"{status['cache_share'] * 100:.0f} %"
    assert figures["Saved by --cache"] == f"{status['cache_saved'] * 100:.0f} %"


def test_without_cache_nothing_is_said_of_savings(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        post(client, proxy, VALID)
        page.open(proxy.url)
        page.shows("1 request so far")
        assert list(page.figures()) == ["Requests", "Repaired", "Time to first byte", "From cache"]


def test_an_upstream_that_cannot_be_reached_is_shown(page: Page, client: httpx2.Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Proxy(f"http://127.0.0.1:{port}", profile="anthropic") as proxy:
        assert post(client, proxy, VALID).status_code == 502
        page.open(proxy.url)
        page.shows("Nothing had to be repaired. 1 failed upstream.", "502 (1)")
        assert page.figures()["Failed upstream"] == "1"


def test_a_refusal_that_could_not_be_repaired_names_its_rule(page: Page, client: httpx2.Client) -> None:
    text = (
        "messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: x."
        " Each `tool_result` block must have a corresponding `tool_use` block in the previous message."
    )
    refusal = reply(faults=[Refuse(400, type="invalid_request_error", message=text)])
    with proxy_before(refusal, refusal) as proxy:
        assert post(client, proxy, VALID).status_code == 400
        hint = client.get(f"{proxy.url}/antiphon/notes").json()["notes"][0]["hint"]
        page.open(proxy.url)
        page.shows("answered 400", f"{hint} could not be repaired: see antiphon rule {hint}")


def test_a_proxy_that_is_gone_is_told_of_and_so_is_its_return(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        port = urlsplit(proxy.url).port
        post(client, proxy, LACKS_ONE)
        page.open(proxy.url)
        page.shows("Working", "1 request so far")
    page.shows("The proxy has not answered since", "trying again", "1 request so far")
    assert page.browser.title == "Antiphon proxy: no answer"
    with proxy_before(port=port):
        page.shows("Working", "No request has come yet")
        assert page.browser.title == "Antiphon proxy"
    assert {complaint.rpartition(" ")[2] for complaint in page.complaints()} <= {"net::ERR_CONNECTION_REFUSED"}


def test_what_comes_from_outside_is_shown_as_text(page: Page, client: httpx2.Client) -> None:
    image = "<img/src=x/onerror=window.harmed=1>"
    path = f"/{image}:rawPredict"
    with proxy_before() as proxy:
        address = urlsplit(proxy.url)
        body = client.build_request("POST", proxy.url, json=asked(calls("a"), model=image)).read()
        # A client of its own: others would write such a path with escapes.
        with socket.create_connection((address.hostname or "", address.port or 0)) as raw:
            head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json"
            raw.sendall(f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
            while raw.recv(65536):
                pass
        page.open(proxy.url)
        page.shows(f"POST {path}")
        assert page.all("main img, main script") == []
        assert page.script("return window.harmed") is None


def test_a_script_that_got_into_the_page_would_not_run(page: Page) -> None:
    with proxy_before() as proxy:
        page.open(proxy.url)
        page.shows("Working")
        page.script(
            "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.harmed = 1'}));"
            "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"window.harmed = 1\" id=bait>bait</b>')"
        )
        page.one("#bait").click()
        assert page.script("return window.harmed") is None
    assert all("Content Security Policy" in complaint for complaint in page.complaints())


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("used", [True, False])
def test_all_text_stands_out_and_fits_a_narrow_screen(
    page: Page, client: httpx2.Client, scheme: str, *, used: bool
) -> None:
    page.width(360)
    page.scheme(scheme)
    with proxy_before() as proxy:
        if used:
            post(client, proxy, LACKS_ONE)
            post(client, proxy, LACKS_ONE, f"/{'a' * 90}:rawPredict")
            client.get(f"{proxy.url}/v1/nothing")
        page.open(proxy.url)
        page.shows("3 requests so far" if used else "No request has come yet")
        contrasts = page.contrasts()
        assert len(contrasts) > 10
        assert {text: contrast for text, contrast in contrasts.items() if contrast < 4.5} == {}
        dark = page.script("return getComputedStyle(document.body).backgroundColor") == "rgb(19, 20, 23)"
        assert dark == (scheme == "dark")
        wide = page.script("return [document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert wide[0] == wide[1] > 300
        # Nothing is cut off either.
        assert (
            page.script(
                "return [...document.querySelectorAll('body *')].filter("
                "(one) => one.getBoundingClientRect().right > 360.5).map((one) => one.outerHTML)"
            )
            == []
        )


def test_it_also_stands_out_while_the_proxy_is_gone(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        post(client, proxy, LACKS_ONE)
        page.open(proxy.url)
        page.shows("1 request so far")
    page.shows("has not answered")
    assert min(page.contrasts().values()) >= 4.5
    page.complaints()


def test_a_screen_reader_finds_headings_tables_and_the_state(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        post(client, proxy, LACKS_ONE)
        page.open(proxy.url)
        page.shows("1 request so far")
        headings = [(one.tag_name, one.text) for one in page.all("h1, h2, h3") if one.is_displayed()]
        assert headings == [("h1", "Antiphon proxy"), ("h2", "Faults by rule"), ("h2", "Latest requests with a fault")]
        assert [(one.aria_role, one.text) for one in page.all("thead th")] == [
            ("columnheader", "Rule"),
            ("columnheader", "Fault"),
            ("columnheader", "Times"),
        ]
        assert [one.aria_role for one in page.all("tbody th")] == ["rowheader"]
        assert page.one("#state").aria_role == "status"
        assert [one.accessible_name for one in page.all("section") if one.is_displayed()] == [
            "Faults by rule",
            "Latest requests with a fault",
        ]
        assert page.one("html").get_dom_attribute("lang") == "en"
        assert page.one("time").get_dom_attribute("datetime")


def test_links_are_reached_by_keyboard_and_the_focus_can_be_seen(page: Page) -> None:
    with proxy_before() as proxy:
        page.open(proxy.url)
        page.shows("Working")
        reached: list[str] = []
        for _ in range(3):
            page.browser.switch_to.active_element.send_keys(Keys.TAB)
            focus = page.browser.switch_to.active_element
            assert page.script("return getComputedStyle(arguments[0]).outlineStyle", focus) != "none"
            reached.append(focus.text)
        assert reached == ["status", "notes", "metrics"]


def test_what_has_not_changed_is_not_drawn_again(page: Page, client: httpx2.Client) -> None:
    with proxy_before() as proxy:
        post(client, proxy, LACKS_ONE)
        page.open(proxy.url)
        page.shows("1 request so far")
        page.script("document.querySelector('#notes > li').mark = 'kept'")
        post(client, proxy, VALID)
        page.shows("2 requests so far")
        assert page.script("return document.querySelector('#notes > li').mark") == "kept"


def test_without_scripts_it_says_where_the_figures_are(page: Page) -> None:
    with proxy_before() as proxy:
        page.command("Emulation.setScriptExecutionDisabled", value=True)
        page.open(proxy.url)
        page.shows("needs JavaScript", "figures", "repaired requests")
        assert page.all("noscript a")[0].get_dom_attribute("href") == "/antiphon/status"


def test_a_browser_shows_the_token_as_a_password(page: Page) -> None:
    with proxy_before(token="hunter2") as proxy:
        address = urlsplit(proxy.url)
        page.open(f"http://any:hunter2@{address.netloc}")
        page.shows("Working", f"{proxy.url} → {proxy.upstreams[0].url}")
