"""What tests ask a page: what it shows, how it looks, what it asked for and what it complained of."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 20

# All elements with text of their own that can be seen: the text, its colour, and the colours behind it, nearest first.
_TEXTS = """
const found = [];
for (const node of document.querySelectorAll("body *")) {
  const text = [...node.childNodes].filter((one) => one.nodeType === 3).map((one) => one.data).join("").trim();
  if (!text || !node.checkVisibility()) continue;
  const behind = [];
  for (let at = node; at; at = at.parentElement) {
    if (getComputedStyle(at).opacity !== "1") throw new Error(`${at.tagName} is seen through`);
    behind.push(getComputedStyle(at).backgroundColor);
  }
  found.push([text, getComputedStyle(node).color, behind]);
}
return found;
"""


class Page:
    """A page in a browser."""

    def __init__(self, browser: Chrome) -> None:
        """Take the browser."""
        self.browser = browser
        self._host = ""

    def open(self, url: str) -> None:
        """Go to the status page of a proxy."""
        self._host = _host(url)
        self.browser.get(f"{url}/antiphon/")

    def leave(self) -> None:
        """Go to an empty page, and let all be as at the start."""
        self.command("Emulation.clearDeviceMetricsOverride")
        self.command("Emulation.setEmulatedMedia", features=[])
        self.command("Emulation.setScriptExecutionDisabled", value=False)
        self.browser.get("about:blank")
        self.forget()

    def command(self, name: str, **arguments: Any) -> None:
        """Send a command of the browser's own protocol."""
        self.browser.execute_cdp_cmd(name, arguments)  # pyright: ignore[reportUnknownMemberType]  (any JSON)

    def script(self, source: str, *arguments: object) -> Any:
        """Run a script in the page and return what it returns."""
        return self.browser.execute_script(source, *arguments)  # pyright: ignore[reportUnknownMemberType]  (any JSON)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true."""
        WebDriverWait(self.browser, SECONDS, poll_frequency=0.05).until(lambda _: condition())

    def shows(self, *texts: str) -> None:
        """Wait until the page shows all of these."""
        missing = list(texts)

        def all_there() -> bool:
            seen = self.text
            missing[:] = [text for text in texts if text not in seen]
            return not missing

        try:
            self.until(all_there)
        except Exception as error:
            raise AssertionError(f"{missing} did not show up in:\n{self.text}") from error

    @property
    def text(self) -> str:
        """What can be read, without the breaks between lines that only layout makes."""
        return re.sub(r"\s+", " ", self.one("body").text)

    def one(self, selector: str) -> WebElement:
        """Return the first element that fits."""
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[WebElement]:
        """Return all elements that fit."""
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def figures(self) -> dict[str, str]:
        """Return the figures by their names."""
        names, values = self.all("#figures dt"), self.all("#figures dd:first-of-type")
        return {name.text: value.text for name, value in zip(names, values, strict=True)}

    def width(self, pixels: int) -> None:
        """Make the window as wide as a telephone, or a desk."""
        size = {"width": pixels, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)

    def scheme(self, name: str) -> None:
        """Want light or dark."""
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def contrasts(self) -> dict[str, float]:
        """Return the contrast of each text with what is behind it, as WCAG 2 reckons."""
        return {
            text: contrast(channels(colour), next(filter(None, map(_opaque, behind))))
            for text, colour, behind in self.script(_TEXTS)
        }

    def complaints(self) -> list[str]:
        """Return what the browser wrote to its console since it was asked last."""
        return [str(entry["message"]) for entry in self._log("browser")]

    def forget(self) -> None:
        """Let nothing count that was before."""
        self._log("browser")
        self._log("performance")

    def other_hosts(self) -> set[str]:
        """Return what was asked of any other host than the page's since the start, but for the browser's own pages."""
        sent = (json.loads(entry["message"])["message"] for entry in self._log("performance"))
        urls: list[str] = [
            event["params"]["request"]["url"] for event in sent if event["method"] == "Network.requestWillBeSent"
        ]
        assert urls, "the browser tells of no request at all"
        return {url for url in urls if not url.startswith(("chrome:", "data:")) and _host(url) != self._host}

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return self.browser.get_log(kind)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  (untyped there)


def _host(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def channels(text: str) -> tuple[float, ...]:
    """Return the numbers of a colour as the browser writes it."""
    found = re.fullmatch(r"rgba?\(([^)]+)\)", text)
    assert found, text
    return tuple(float(part) for part in found[1].replace("/", ",").split(","))


def _opaque(text: str) -> tuple[float, ...] | None:
    colour = channels(text)
    return colour if len(colour) == 3 or colour[3] == 1 else None


def contrast(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast of two colours, as WCAG 2 reckons."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: tuple[float, ...]) -> float:
    linear = [
        part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour[:3]
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
