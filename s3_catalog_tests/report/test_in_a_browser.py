"""The page in a real browser: what people see and do, what hostile values do not do, on a wide screen and a phone, by day and by night."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from s3_catalog.catalogs import RunStatus
from s3_catalog.model.description import Description, Sample
from s3_catalog.model.statistics import RowEstimate
from s3_catalog_tests.report.catalogs import LEDGER, RUN, make_table, many_tables, small_catalog
from s3_catalog_tests.report.conftest import PHONE, WIDE, Visit
from s3_catalog_tests.report.hostile import MARKUP, TEXTS, hostile_table

Visiting = Callable[..., Visit]

OVERFLOW = """() => ({
  page: document.documentElement.scrollWidth - window.innerWidth,
  parts: [...document.querySelectorAll('main *')]
    .filter(node => node.getBoundingClientRect().right > window.innerWidth + 1 && !node.closest('.scroll') && !node.closest('svg'))
    .map(node => node.tagName + '.' + node.className + ': ' + node.textContent.slice(0, 40)),
})"""
OUTLINE = """() => {
  const node = document.activeElement, style = getComputedStyle(node);
  return [node.tagName, style.outlineStyle, parseFloat(style.outlineWidth)];
}"""
POINT_AT_ALL = (
    "() => document.querySelectorAll('main *').forEach(node => node.dispatchEvent(new MouseEvent('mouseover', { bubbles: true })))"
)
CONTRAST = """() => {
  const channel = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const ground = node => { for (; node; node = node.parentElement) {
    const c = parse(getComputedStyle(node).backgroundColor); if (c.length < 4 || c[3] === 1) return c; } return [255, 255, 255]; };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement, box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    const isShown = box.width >= 1 && style.visibility !== 'hidden' && walker.currentNode.textContent.trim();
    if (!isShown || node.closest('script, svg, .skip')) continue;
    const [a, b] = [light(parse(style.color)), light(ground(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    found.push([ratio, node.tagName + '.' + node.className + ': ' + node.textContent.slice(0, 30)]);
  }
  return found;
}"""


def visible_text(visit: Visit) -> str:
    return visit.page.locator("main").inner_text()


class TestOverview:
    def test_the_run_its_receipt_and_the_ledger_are_told(self, visit: Visiting) -> None:
        text = visible_text(visit(small_catalog()))
        for part in [
            "s3://example-lake/",
            "done with failures",
            "2026-03-02 07:55 UTC",
            "12.4 s",
            "1 new, 1 changed, 3 unchanged",
            "List requests\n14",
            "Bytes read\n5.0 MiB",
            "4,000 objects listed",
            "3,200 in tables 80 %",
            "797 skipped",
            "job marker\n410",
            "3 failed",
            "raw/locked.csv\nAccessDenied",
            "about 182,440,217",
            "1 table estimated, 1 not counted",
        ]:
            assert part in text

    def test_a_catalog_without_run_and_ledger_says_when_it_was_made(self, visit: Visiting) -> None:
        opened = visit(small_catalog(), run=None, ledger=None)
        assert opened.page.locator("h1").inner_text() == "Data catalog"
        assert "Made 2026-03-02 08:00 UTC" in visible_text(opened)

    def test_tables_are_listed_and_sorted(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        assert opened.names() == ["customers", "web_events", "invoices", "zones", "regions"]
        opened.page.get_by_role("button", name="Rows").click()
        assert opened.names() == ["web_events", "invoices", "customers", "regions", "zones"]
        assert opened.page.locator("th[aria-sort=descending]").inner_text() == "Rows"
        opened.page.get_by_role("button", name="Table").click()
        assert opened.names() == ["customers", "invoices", "regions", "web_events", "zones"]

    def test_many_failures_are_folded(self, visit: Visiting) -> None:
        opened = visit([], ledger=replace(LEDGER, failed=tuple((f"key-{n}", "broken") for n in range(1_200)), failed_prefixes=()))
        assert opened.page.locator("#ledger .errors li").count() == 5
        opened.page.get_by_text("995 failures more of 1,195").click()
        opened.page.get_by_text("key-999", exact=True).wait_for()


class TestSearch:
    def test_names_columns_tags_locations_owners_and_formats_are_found(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        cases = {
            "WEB_ev": ["web_events"],
            "email": ["customers"],
            "pii.phone": ["customers"],
            "crm/customers": ["customers"],
            "crm-team": ["customers"],
            "delta": ["invoices"],
            "country example-lake": ["invoices"],
            "id": ["customers", "web_events", "invoices"],
            "nothing like it": [],
            "[(*": [],
        }
        for words, names in cases.items():
            opened.search(words)
            assert (words, opened.names()) == (words, names)
            assert opened.page.get_by_role("status").inner_text() == f"{len(names)} of 5 tables"
            assert opened.page.get_by_text("holds all of these words").is_visible() == (not names)

    def test_names_come_before_what_is_found_elsewhere(self, visit: Visiting) -> None:
        opened = visit(
            [make_table("a", layout={"location": "sales/a/"}), make_table("old_sales"), make_table("sales"), make_table("sales_2")]
        )
        opened.search("sales")
        assert opened.names() == ["sales", "sales_2", "old_sales", "a"]

    def test_accents_do_not_matter(self, visit: Visiting) -> None:
        opened = visit([make_table("köln"), make_table("bonn")])
        opened.search("KOLN")
        assert opened.names() == ["köln"]

    def test_the_keyboard_is_enough(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        keyboard, page = opened.page.keyboard, opened.page
        keyboard.press("/")
        keyboard.type("invo")
        assert opened.names() == ["invoices"]
        keyboard.press("Enter")
        page.locator("h1", has_text="invoices").wait_for()
        assert page.evaluate("document.activeElement.tagName") == "H1"
        keyboard.press("/")
        keyboard.press("Escape")
        assert (opened.names()[0], page.locator("#search").input_value()) == ("customers", "")
        keyboard.press("ArrowDown")
        assert page.evaluate("document.activeElement.textContent") == "customers"
        keyboard.press("Enter")
        page.locator("h1", has_text="customers").wait_for()

    def test_focus_can_be_seen_on_every_stop(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.show("#table/customers")
        stops = []
        for _ in range(25):
            opened.page.keyboard.press("Tab")
            stops.append(opened.page.evaluate(OUTLINE))
        assert [stop for stop in stops if stop[0] != "BODY" and (stop[1] == "none" or stop[2] < 2)] == []
        assert {"A", "BUTTON", "DIV"} <= {stop[0] for stop in stops}

    def test_a_search_and_a_table_have_addresses(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.search("crm")
        assert opened.page.evaluate("location.hash") == "#search/crm"
        opened.page.get_by_role("link", name="customers").click()
        opened.page.locator("h1", has_text="customers").wait_for()
        assert opened.page.evaluate("location.hash") == "#table/customers"
        assert "customers" in opened.page.title()
        opened.page.go_back()
        opened.page.locator("#home").wait_for()
        assert (opened.names(), opened.page.locator("#search").input_value()) == (["customers"], "crm")
        opened.page.goto(f"{opened.url}#table/web_events/partitions")
        opened.page.reload()
        opened.page.locator("h1", has_text="web_events").wait_for()
        opened.show("#table/nobody")
        assert opened.page.locator("#home").is_visible()


class TestTable:
    def test_all_that_is_known_is_told(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.show("#table/customers")
        opened.open_all()
        text = visible_text(opened)
        for part in [
            "s3://example-lake/crm/customers_*",
            "about 12,400\nestimated, 11,900 to 13,250",
            "717 KiB",
            "2026-03-01\n23:10 UTC",
            "Customers of the shop, exported every night.\nOne row per account.",
            "crm-team@example.org",
            "2 files have no header",
            "Column note is bigint and string; it became string",
            "decimal(12,2)",
            "VARCHAR(200)",
            "Key of the account in the CRM.",
            "97 (HyperLogLog)",
            "50 % are up to\n430.00",
            "0.99: all 98 values are decimals",
            "91 of 98 values are phone numbers · rule: phone, 93 % sure",
            "Added about by\ncustomers/2024.csv",
            "customers/2025.csv: bigint → string",
            "9007199254740993",
            '{"phone": "<phone>"}',
            "10 of 25 rows",
            "117 KiB to 365 KiB, median 234 KiB",
            "folders named column=value lead to all 730 files",
            "one table per folder: the schemas of all files agree",
        ]:
            assert part in text
        assert "raw@example.org" not in text
        assert opened.page.get_by_role("img", name=re.compile("Histogram of balance")).is_visible()

    def test_masked_values_are_marked(self, visit: Visiting) -> None:
        row = '{"email": "<email>", "note": "call <phone> or <b>bold</b>"}'
        opened = visit([make_table(description=Description(sample=Sample(rows=(row,), masked=("email",))))])
        opened.show("#table/orders")
        assert opened.page.locator(".sample mark.masked").all_inner_texts() == ["<email>", "<phone>"]
        assert "call <phone> or <b>bold</b>" in visible_text(opened)

    def test_partitions_are_drawn_over_time(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.show("#table/web_events")
        chart = opened.page.get_by_role("img", name=re.compile("^Size per week of year, month, day"))
        assert chart.locator("g").count() == 98
        description = chart.locator("desc").text_content()
        assert description is not None
        assert description.startswith("From 2024-02-26 to 2026-03-01. Most: 84.0 MiB at ")
        assert description.endswith("Steps without any: 7.")
        opened.page.get_by_role("button", name="Objects").click()
        opened.page.get_by_role("img", name=re.compile("^Objects per week of year, month, day")).wait_for()
        opened.page.get_by_text("The newest 50 of 670 partitions").click()
        assert opened.page.locator("#partitions tbody tr").count() == 50

    def test_the_largest_partitions_are_bars(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.show("#table/invoices")
        assert opened.page.locator("#partitions .rank .clip").all_inner_texts() == ["de", "fr", "nl", "it", "null"]

    def test_a_withheld_sample_says_why(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.show("#table/web_events")
        assert "No rows are shown: samples are off for paths below web_events/" in visible_text(opened)

    @pytest.mark.parametrize(
        ("fields", "shown"),
        [
            ({"row_count": 1_234_567}, "1,234,567\nexact"),
            ({"row_count": 2**60}, "1,152,921,504,606,846,976\nexact"),
            ({"row_count": None, "row_estimate": RowEstimate(1_500, 1_000, 2_000)}, "about 1,500\nestimated, 1,000 to 2,000"),
            ({"row_count": None}, "not counted"),
        ],
    )
    def test_rows_are_exact_estimated_or_unknown(self, visit: Visiting, fields: dict[str, Any], shown: str) -> None:
        opened = visit([make_table(**fields)])
        opened.show("#table/orders")
        assert shown in visible_text(opened)

    def test_headings_are_in_order(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        levels = "() => [...document.querySelectorAll('h1, h2, h3')].filter(node => node.offsetParent).map(node => Number(node.tagName[1]))"
        for address in ("#", "#table/customers"):
            opened.show(address)
            found = opened.page.evaluate(levels)
            assert found.count(1) == 1
            assert found[0] == 1
            assert all(after - before <= 1 for before, after in pairwise(found))

    def test_print_shows_what_is_folded(self, visit: Visiting) -> None:
        opened = visit(small_catalog())
        opened.show("#table/customers")
        opened.page.emulate_media(media="print")
        opened.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert opened.page.get_by_text("0.99: all 98 values are decimals").is_visible()
        assert not opened.page.locator("#search").is_visible()
        assert len(opened.page.pdf()) > 10_000


class TestHostileValues:
    def test_they_are_text_everywhere(self, visit: Visiting) -> None:
        everything = " | ".join(TEXTS)
        opened = visit([hostile_table(everything), *(hostile_table(text) for text in TEXTS)], title=everything)
        before = opened.page.evaluate("document.scripts.length")
        for number in range(len(TEXTS) + 1):
            opened.open_table(number)
            opened.open_all()
            opened.page.evaluate(POINT_AT_ALL)
            assert opened.page.evaluate("window.harmed") is None
            opened.show("#")
        assert opened.page.evaluate("document.scripts.length") == before
        assert opened.page.locator("main :is(img, iframe, object, embed, base, link, meta, style, form, script)").count() == 0
        assert opened.page.evaluate("[...document.querySelectorAll('a')].filter(a => !a.getAttribute('href').startsWith('#')).length") == 0

    def test_markup_is_read_as_it_is_written(self, visit: Visiting) -> None:
        opened = visit([hostile_table(text) for text in MARKUP])
        for number, text in enumerate(MARKUP):
            opened.open_table(number)
            assert opened.page.locator("#table h1").inner_text() == text
            assert opened.page.title().startswith(f"{text} – ")
            assert opened.page.locator(".sample thead th").first.inner_text() == text
            opened.show("#")

    def test_what_cannot_be_seen_is_written_out(self, visit: Visiting) -> None:
        cases = {
            "\u202egpj.exe": "\\u202egpj.exe",
            "\x1b[31mred": "\\x1b[31mred",
            "nul\0": "nul\\x00",
            "a\u2028b": "a\\u2028b",
            "half \ud800": "half \\ud800",
            "zero\u200bwidth": "zero\\u200bwidth",
            "tag\U000e0041": "tag\\U000e0041",
            "tab\tend": "tab\\tend",
        }
        opened = visit([make_table(text) for text in cases])
        assert opened.names() == list(cases.values())
        opened.open_table(0)
        assert opened.page.title().startswith("\\u202egpj.exe – ")

    def test_any_name_has_an_address(self, visit: Visiting) -> None:
        names = ["a/b", "..", "#", "?q=1#x", "%2F", "a b", "", "~2", "constructor", "\ud800", "\ufffd", "日本語", "search", "table/x"]
        opened = visit([make_table(name) for name in names])
        for number, name in enumerate(names):
            opened.open_table(number)
            opened.page.reload()
            opened.page.locator("#table h1").wait_for(state="attached")
            assert opened.page.locator("#table h1").inner_text() == name.encode("utf-8", "backslashreplace").decode()
            opened.show("#")

    def test_the_policy_holds(self, visit: Visiting) -> None:
        opened = visit([make_table()])
        opened.provoked = True
        tries = """async () => {
          const refused = [];
          const attempt = (name, act) => { try { act(); } catch { refused.push(name); } };
          attempt('markup', () => { document.body.innerHTML = '<b>x</b>'; });
          const script = document.createElement('script');
          attempt('script', () => { script.textContent = 'window.harmed = 1'; document.body.append(script); });
          try { await fetch('http://127.0.0.1:9/'); } catch { refused.push('fetch'); }
          return [refused, window.harmed ?? null];
        }"""
        assert opened.page.evaluate(tries) == [["markup", "script", "fetch"], None]


class TestLooks:
    @pytest.mark.parametrize(
        "address", ["#", "#search/customers", "#table/customers", "#table/web_events", "#table/invoices", "#table/zones"]
    )
    def test_nothing_is_wider_than_a_phone(self, visit: Visiting, address: str) -> None:
        opened = visit(small_catalog(), viewport=PHONE)
        opened.show(address)
        if address == "#table/customers":
            opened.open_all()
        assert opened.page.evaluate(OVERFLOW) == {"page": 0, "parts": []}

    def test_a_long_name_leaves_the_list_its_width(self, visit: Visiting) -> None:
        opened = visit([hostile_table("w" * 400)])
        over = "() => { const box = document.querySelector('#tables .scroll'); return box.scrollWidth - box.clientWidth; }"
        assert opened.page.evaluate(over) == 0

    def test_long_hostile_texts_are_not_wider_than_a_phone(self, visit: Visiting) -> None:
        opened = visit([hostile_table("w" * 400)], viewport=PHONE, title="t" * 400)
        assert opened.page.evaluate(OVERFLOW)["page"] == 0
        opened.page.locator(".list tbody th a").click()
        opened.open_all()
        assert opened.page.evaluate(OVERFLOW) == {"page": 0, "parts": []}

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    @pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
    def test_all_text_can_be_read(self, visit: Visiting, scheme: str, viewport: dict[str, int]) -> None:
        opened = visit(small_catalog(), color_scheme=scheme, viewport=viewport)
        for address in ("#", "#table/customers", "#table/web_events"):
            opened.show(address)
            if address == "#table/customers":
                opened.open_all()
            found = opened.page.evaluate(CONTRAST)
            assert len(found) > 50
            assert [text for ratio, text in found if ratio < 4.5] == []

    def test_the_page_is_dark_where_people_want_it_dark(self, visit: Visiting) -> None:
        colours = "() => [getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        light, dark = (visit(small_catalog(), color_scheme=scheme).page.evaluate(colours) for scheme in ("light", "dark"))
        assert (light, dark) == (["rgb(247, 247, 245)", "rgb(29, 33, 37)"], ["rgb(19, 22, 26)", "rgb(229, 232, 235)"])

    def test_a_screenshot_shows_more_than_an_empty_page(self, visit: Visiting, tmp_path: Path) -> None:
        empty = visit([], run=None, ledger=None).page.screenshot(path=tmp_path / "empty.png")
        full = visit(small_catalog()).page.screenshot(path=tmp_path / "full.png")
        assert full.startswith(b"\x89PNG")
        assert len(full) > 1.5 * len(empty)


class TestManyTables:
    def test_two_thousand_tables_are_drawn_a_few_at_a_time(self, visit: Visiting) -> None:
        opened = visit(list(many_tables(2_000, columns=3)))
        rows, page = opened.page.locator(".list tbody tr"), opened.page
        assert rows.count() == 100
        assert page.evaluate("document.querySelectorAll('main *').length") < 3_000
        page.get_by_role("button", name="Show 100 more of 1,900").click()
        assert rows.count() == 200
        opened.search("only_in_01234")
        assert opened.names() == ["team_34.table_01234"]
        assert page.get_by_text("column only_in_01234").is_visible()
        opened.search("tier.bronze")
        assert (rows.count(), page.get_by_role("status").inner_text()) == (100, "2,000 of 2,000 tables")
        opened.search("table_01999")
        page.keyboard.press("Enter")
        page.locator("h1", has_text="team_39.table_01999").wait_for()
        assert page.evaluate("document.querySelectorAll('#table *').length") < 500

    def test_a_table_of_many_columns_opens(self, visit: Visiting) -> None:
        opened = visit(list(many_tables(1, columns=1_500)))
        opened.page.locator(".list tbody th a").click()
        assert opened.page.locator(".schema tbody tr:not(.more)").count() == 1_500
        assert opened.page.locator(".detail").count() == 0
        opened.page.locator("button.name").nth(1_499).click()
        assert opened.page.locator(".detail").count() == 1


def test_a_run_that_is_not_over_has_no_end(visit: Visiting) -> None:
    text = visible_text(visit([], run=replace(RUN, finished=None, status=RunStatus.RUNNING, receipt={}), ledger=None))
    assert "running" in text
    assert "Finished" not in text
