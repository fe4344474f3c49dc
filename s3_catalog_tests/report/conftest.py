"""A real browser for the page: Chromium, headless; tests skip where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from s3_catalog.model.tables import Table
from s3_catalog.report import write_report
from s3_catalog_tests.report.catalogs import LEDGER, NOW, RUN

WIDE, PHONE = {"width": 1200, "height": 900}, {"width": 360, "height": 740}


def find_chromium() -> str | None:
    """The browser: `CHROMIUM_BIN`, or one on the path."""
    named = os.environ.get("CHROMIUM_BIN")
    names = ("chromium", "chromium-browser", "google-chrome")
    return named if named and Path(named).is_file() else next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="module")  # not longer: while Playwright is open this thread has a running event loop, and others want their own
def browser() -> Iterator[Browser]:
    """Chromium; skips where there is none."""
    chromium = find_chromium()
    if chromium is None:
        message = "Chromium is not here: put `chromium` on the path or name it in CHROMIUM_BIN"
        if os.environ.get("S3_CATALOG_REQUIRE_SERVICES") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@dataclass
class Visit:
    """An open page, what its console said, and what it asked for. `provoked`: the test itself does what the console complains of."""

    page: Page
    url: str
    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    provoked: bool = False

    def show(self, address: str) -> None:
        """Follow an address within the page: `#table/orders`."""
        self.page.evaluate("address => { location.hash = address }", address)
        self.page.evaluate("() => new Promise(done => setTimeout(done))")  # the event of the new address stands before this in the queue

    def open_table(self, number: int) -> None:
        """Follow a link of the list: names may be empty, so no place to click at."""
        self.page.evaluate("number => document.querySelectorAll('.list tbody th a')[number].click()", number)
        self.page.locator("#table h1").wait_for(state="attached")

    def search(self, words: str) -> None:
        self.page.locator("#search").fill(words)

    def names(self) -> list[str]:
        return self.page.locator(".list tbody th a").all_inner_texts()

    def open_all(self) -> None:
        """Open all that is folded."""
        self.page.get_by_role("button", name="Open all").click()
        self.page.evaluate("() => document.querySelectorAll('details').forEach(node => { node.open = true })")


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Write tables as a page and open it: `visit(tables, viewport=PHONE, color_scheme="dark", run=..., ledger=...)`.

    At the end no visit may have left an error in its console or asked for anything but its file.
    """
    visits: list[Visit] = []

    def start(tables: list[Table], *, run: Any = RUN, ledger: Any = LEDGER, title: str | None = None, **context: Any) -> Visit:
        path = tmp_path / f"report-{len(visits)}.html"
        write_report(path, tables, run=run, ledger=ledger, now=NOW, title=title)
        page = browser.new_page(**({"viewport": WIDE} | context))
        opened = Visit(page, path.as_uri())
        visits.append(opened)

        def note_message(message: ConsoleMessage) -> None:
            opened.messages.append(f"{message.type}: {message.text}")

        def note_error(error: Any) -> None:
            opened.messages.append(f"error: {error}")

        def note_request(request: Request) -> None:
            opened.requests.append(request.url)

        page.set_default_timeout(20_000)
        page.on("console", note_message)
        page.on("pageerror", note_error)
        page.on("request", note_request)
        page.goto(opened.url)
        page.locator("#foot").get_by_text("Made").wait_for()
        return opened

    yield start
    for done in visits:
        done.page.close()
    assert [message for done in visits for message in done.messages if not done.provoked] == []
    assert [url for done in visits for url in done.requests if url.split("#")[0] != done.url and not url.startswith("data:")] == []
