"""The file that a report is: whole, exact, harmless before any browser reads it, and written as it is made."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s3_catalog.errors import S3CatalogError
from s3_catalog.model.description import Basis, ColumnProfile, Description, Sample, Tag
from s3_catalog.model.ledger import LedgerSummary
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate
from s3_catalog.model.tables import Column, Table
from s3_catalog.report import WrittenReport, write_report
from s3_catalog_tests import strategies
from s3_catalog_tests.report.catalogs import LEDGER, NOW, RUN, make_table, many_tables, small_catalog
from s3_catalog_tests.report.hostile import TEXTS, hostile_table


class Document(HTMLParser):
    """What a page consists of: data by class, scripts, styles, and every attribute."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data: dict[str, list[Any]] = {"overview": [], "head": [], "page": []}
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.title = ""
        self._open: tuple[str, dict[str, str]] = ("", {})
        self.feed(data.decode("utf-8", "strict"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = (tag, {name: value or "" for name, value in attrs})
        self.attributes += [(tag, name, value) for name, value in self._open[1].items()]

    def handle_endtag(self, tag: str) -> None:
        self._open = ("", {})

    def handle_data(self, data: str) -> None:
        tag, attributes = self._open
        if tag == "script" and attributes.get("type") == "application/json":
            self.data[attributes["class"]].append(json.loads(data, parse_constant=pytest.fail))
        elif tag == "script":
            self.scripts.append(data)
        elif tag == "style":
            self.styles.append(data)
        elif tag == "title":
            self.title += data

    @property
    def policy(self) -> str:
        return next(v for tag, name, v in self.attributes if tag == "meta" and name == "content" and "default-src" in v)


def write(*tables: Table, **given: Any) -> Document:
    target, arguments = io.BytesIO(), dict[str, Any](run=RUN, ledger=LEDGER, now=NOW)
    write_report(target, tables, **(arguments | given))
    return Document(target.getvalue())


def page_of(table: Table, **given: Any) -> dict[str, Any]:
    return write(table, **given).data["page"][0]  # type: ignore[no-any-return]


def described(table: Table, **fields: Any) -> Table:
    return replace(table, description=Description(**fields))


def test_the_policy_allows_this_style_and_script_alone() -> None:
    document = write(*small_catalog())
    assert (len(document.scripts), len(document.styles)) == (1, 1)
    digests = [
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
        for text in (document.scripts[0], document.styles[0])
    ]
    rules = dict(rule.strip().split(" ", 1) for rule in document.policy.split(";"))
    assert rules == {
        "default-src": "'none'",
        "script-src": digests[0],
        "style-src": digests[1],
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_the_markup_names_nothing_outside_the_file() -> None:
    links = [
        value for _, name, value in write(*small_catalog()).attributes if name in ("src", "href", "action", "srcset", "data", "poster")
    ]
    assert [link for link in links if not link.startswith(("#", "data:image/svg+xml,"))] == []


def test_the_script_makes_no_markup_of_texts() -> None:
    [script] = write().scripts
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|Function\(|fetch\(|XMLHttpRequest|import\(", script)
        == []
    )


@pytest.mark.parametrize("text", TEXTS)
def test_hostile_texts_come_back_as_they_were(text: str) -> None:
    document = write(hostile_table(text), title=text)
    assert document.data["overview"][0]["title"] == text
    [head], [page] = document.data["head"], document.data["page"]
    assert (head["name"], head["columns"][0], head["tags"], head["format"]) == (text, text, [text], text)
    assert page["sample"]["columns"][0] == text
    assert page["sample"]["rows"][0][0] == text
    assert page["columns"][0]["profile"]["top"] == [[text, 1]]
    assert page["partitions"]["list"][0][0] == [text]
    assert len(document.scripts) == 1


def test_all_data_are_ascii_without_markup() -> None:
    target = io.BytesIO()
    write_report(target, [hostile_table("".join(TEXTS))], now=NOW)
    blocks = re.findall(rb'<script type="application/json" class="\w+">(.*?)</script>\n', target.getvalue(), re.DOTALL)
    assert len(blocks) == 3
    assert [block for block in blocks if not block.isascii() or re.search(rb"[<>&\x00-\x1f\x7f]", block)] == []


@settings(max_examples=60)
@given(
    texts=st.text(max_size=8),
    description=strategies.descriptions(st.text(max_size=8)),
    statistics=strategies.statistics(st.text(max_size=8)),
)
def test_any_description_is_written(texts: str, description: Description | None, statistics: ColumnStatistics | None) -> None:
    columns = (Column(name=texts, type=pa.string(), statistics=statistics),)
    document = write(make_table(texts, columns=columns, description=description))
    assert document.data["head"][0]["name"] == texts
    assert len(document.data["page"][0]["columns"]) == 1


@pytest.mark.parametrize("place", ["name", "everywhere"])
def test_texts_of_ten_megabytes_are_cut_with_a_mark(place: str) -> None:
    text = "x" * 10_000_000
    table = make_table(text) if place == "name" else hostile_table(text)
    target = io.BytesIO()
    written = write_report(target, [table], run=replace(RUN, id=text), ledger=replace(LEDGER, failed=((text, text),)), now=NOW, title=text)
    assert written.size_bytes < 300_000
    assert "… (10,000,000 characters)" in Document(target.getvalue()).data["head"][0]["name"]


def test_numbers_that_a_browser_would_round_are_text() -> None:
    row = json.dumps({"id": 9007199254740993, "share": 0.1, "is": True, "list": [9007199254740993]})
    table = make_table(row_count=2**60, description=Description(sample=Sample(rows=(row,))))
    document = write(table)
    assert document.data["head"][0]["rows"] == "1152921504606846976"
    assert document.data["page"][0]["sample"]["rows"] == [["9007199254740993", "0.1", "true", {"json": "[9007199254740993]"}]]


def test_what_is_no_number_is_text() -> None:
    page = page_of(hostile_table("x"))
    assert (page["columns"][0]["profile"]["mean"], page["files"]["skew"]) == ("nan", "nan")
    assert page["sample"]["rows"][0][1] == {"json": '["x", {"x": NaN}]'}


@pytest.mark.parametrize(
    ("when", "shown"),
    [
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01 00:00 UTC"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "9999-12-31 23:59 UTC"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2))), "0001-01-01 00:00+02:00"),
        (datetime(2024, 6, 1, 1, tzinfo=timezone(timedelta(hours=2))), "2024-05-31 23:00 UTC"),
        (None, None),
    ],
)
def test_times_are_utc_at_either_end_of_the_calendar(when: datetime | None, shown: str | None) -> None:
    assert write(make_table(layout={"newest": when})).data["head"][0].get("newest") == shown


def test_rows_are_exact_or_an_estimate_with_its_range() -> None:
    exact, estimated, unknown = write(
        make_table("a", row_count=7, row_estimate=RowEstimate(1, 1, 1)),
        make_table("b", row_count=None, row_estimate=RowEstimate(10, 8, 12)),
        make_table("c", row_count=None),
    ).data["head"]
    assert (exact["rows"], exact.get("estimate")) == (7, None)
    assert (estimated.get("rows"), estimated["estimate"]) == (None, [10, 8, 12])
    assert unknown.keys().isdisjoint({"rows", "estimate"})


class TestValues:
    """Values that nobody looked at for personal data stay out of the page."""

    COLUMN = Column(name="email", type=pa.string(), statistics=ColumnStatistics(min="ann@example.org", max="zoe@example.org", null_count=2))

    @pytest.mark.parametrize(
        ("description", "bounds"),
        [
            (None, None),
            (Description(sample=Sample(withheld="samples are off")), None),
            (Description(tags=(Tag(name="PII.Email", column="email", rule="email", why="all"),)), None),
            (Description(sample=Sample(rows=('{"email": "<email>"}',), masked=("email",))), None),
            (Description(), ["ann@example.org"]),
        ],
    )
    def test_bounds_of_footers_are_shown_of_described_columns_that_hold_nothing_personal(
        self, description: Description | None, bounds: list[str] | None
    ) -> None:
        figures = page_of(make_table(columns=(self.COLUMN,), description=description))["columns"][0]["figures"]
        assert (figures.get("min"), figures["nulls"]) == (bounds, 2)

    def test_masked_bounds_of_a_profile_come_before_those_of_footers(self) -> None:
        profile = ColumnProfile(column="email", basis=Basis.SAMPLE, bounds_basis=Basis.FOOTERS, rows=5, min="<email>", max="<email>")
        figures = page_of(make_table(columns=(self.COLUMN,), description=Description(columns=(profile,))))["columns"][0]["figures"]
        assert (figures["min"], figures["max"], figures["basis"]) == (["<email>"], ["<email>"], "footers")

    def test_a_table_that_was_not_described_says_so(self) -> None:
        assert page_of(make_table())["sample"] == {"withheld": "this table has not been described"}

    def test_a_withheld_sample_says_why(self) -> None:
        table = described(make_table(), sample=Sample(rows=('{"a": 1}',), withheld="a detector failed"))
        assert page_of(table)["sample"] == {"withheld": "a detector failed"}


def test_tags_and_facts_of_nested_values_stand_with_their_column() -> None:
    tags = (Tag(name="PII.Phone", column="contact.phone", rule="phone", why="all"), Tag(name="Lost", column="gone", rule="x", why="y"))
    columns = (Column(name="contact", type=pa.string()), Column(name="a.b", type=pa.string()))
    page = page_of(
        make_table(columns=columns, details=(("date_order.a.b", "day first"), ("delimiter", ";")), description=Description(tags=tags))
    )
    assert [(tag["name"], tag["column"]) for tag in page["columns"][0]["tags"]] == [("PII.Phone", "contact.phone")]
    assert page["columns"][1]["facts"] == [["date order", "day first"]]
    assert page["details"] == [["delimiter", ";"]]
    assert [tag["name"] for tag in page["tags"]] == ["Lost"]


def test_a_sample_is_no_longer_than_asked_for() -> None:
    table = described(make_table(), sample=Sample(rows=('{"a": 1}',) * 100))
    sample = page_of(table, sample_rows=3)["sample"]
    assert (len(sample["rows"]), sample["count"]) == (3, 100)


def test_failures_are_listed_up_to_a_bound_and_counted() -> None:
    failed = tuple((f"key-{n}", "broken") for n in range(5_000))
    ledger = write(ledger=LedgerSummary(listed=5_000, in_tables=0, skipped={}, failed=failed)).data["overview"][0]["ledger"]
    assert (len(ledger["failed"]), ledger["failures"]) == (1_000, 5_000)


def test_a_catalog_without_tables_run_and_ledger_is_a_page() -> None:
    document = write(run=None, ledger=None)
    assert (document.title, document.data["head"]) == ("Data catalog", [])
    assert document.data["overview"][0].keys().isdisjoint({"run", "ledger"})


def test_each_table_is_written_before_the_next_is_taken() -> None:
    target, sizes = io.BytesIO(), list[int]()

    def tables() -> Iterator[Table]:
        for number in range(3):
            sizes.append(target.tell())
            yield make_table(f"table_{number}")

    write_report(target, tables(), now=NOW)
    assert sizes[0] < sizes[1] < sizes[2]


def test_memory_does_not_grow_with_the_number_of_tables(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            write_report(tmp_path / "report.html", many_tables(count, columns=10), now=NOW)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(2)  # what is loaded and kept once
    assert peak(60) < 2 * peak(6) + 200_000


def test_what_was_written_is_told(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    written = write_report(path, small_catalog(), now=NOW)
    assert written == WrittenReport(5, path.stat().st_size)


def test_a_failed_report_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def tables() -> Iterator[Table]:
        yield make_table()
        raise S3CatalogError("the catalog went away")

    with pytest.raises(S3CatalogError, match="went away"):
        write_report(path, tables(), now=NOW)
    assert [(child.name, child.read_text(encoding="utf-8")) for child in tmp_path.iterdir()] == [("report.html", "old")]


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no folder" / "report.html"
    with pytest.raises(S3CatalogError, match=re.escape(f"the report cannot be written to {path}: No such file or directory")):
        write_report(path, [], now=NOW)


def test_a_new_report_can_be_read_as_the_process_mask_says(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_report(tmp_path / "report.html", [], now=NOW)
    finally:
        os.umask(mask)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o640


def test_the_same_catalog_is_the_same_file() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    for target in (first, second):
        write_report(target, small_catalog(), run=RUN, ledger=LEDGER, now=NOW)
    assert first.getvalue() == second.getvalue()
