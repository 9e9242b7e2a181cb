"""A real browser, for tests of what people see. Not among the ordinary tests: not everybody has one installed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from looking import Page
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)


def _programs() -> tuple[str, str] | None:
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    driver = shutil.which("chromedriver")
    return (browser, driver) if browser and driver else None


def pytest_sessionstart() -> None:
    """Say once what is missing, instead of failing in each test."""
    if _programs() is None:
        raise pytest.UsageError(
            "these tests need Chromium and its driver. On Debian and Ubuntu: apt install chromium chromium-driver"
        )


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """Start a browser with an empty profile, for all tests."""
    programs = _programs()
    assert programs is not None
    program, driver = programs
    options = ChromeOptions()
    options.binary_location = program
    profile: Path = tmp_path_factory.mktemp("profile")
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NO_PROXY", "localhost,127.0.0.1")
        # With a path given, Selenium downloads nothing.
        opened = Chrome(options=options, service=ChromeService(driver))
        try:
            yield opened
        finally:
            opened.quit()


@pytest.fixture
def page(browser: Chrome) -> Iterator[Page]:
    """Look at pages; in the end nothing may have been complained of, and no other host been asked."""
    shown = Page(browser)
    shown.forget()
    yield shown
    complaints, hosts = shown.complaints(), shown.other_hosts()
    shown.leave()
    assert complaints == []
    assert hosts == set()


@pytest.fixture
def client() -> Iterator[httpx2.Client]:
    """Open a plain HTTP client with a key."""
    headers = {"x-api-key": "key-of-the-test", "anthropic-version": "2023-06-01"}
    with httpx2.Client(headers=headers, timeout=10, trust_env=False) as opened:
        yield opened
