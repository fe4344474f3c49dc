"""`docs/detectors.md`: what every detector looks for and how well it does, measured. `S3_CATALOG_WRITE_DOCS=1` writes the page anew."""

from __future__ import annotations

import os
from pathlib import Path

from s3_catalog.tagging import Certainty, Detector, detectors
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging.national_id import NUMBERS
from s3_catalog_tests.tagging.labelled import Score, labelled_columns, scores

PAGE = Path(__file__).parents[2] / "docs" / "detectors.md"
GOES_BY = {
    Certainty.CHECKED: "check digits or prefixes",
    Certainty.PARSED: "grammar",
    Certainty.SHAPED: "shape",
    Certainty.NAMED: "the column's name",
}
HEAD = """# Detectors

This page is written by `s3_catalog_tests/tagging/test_detector_page.py` from the detectors and their results on the labelled set; a test
fails when it is out of date (`S3_CATALOG_WRITE_DOCS=1 pytest s3_catalog_tests/tagging/test_detector_page.py` writes it anew).

## What each looks for

| detector | shown as | tags | goes by | looks for | share asked for |
|---|---|---|---|---|---|
"""
RESULTS = """
**share asked for**: of the distinct values, where the column's name speaks for the kind / where it says nothing. **goes by**: where several
detectors claim a column, check digits and prefixes come before grammar, grammar before shape, shape before a name alone.
National numbers: {numbers}.

## How well each does

On {total} labelled columns of {rows} values, {look_alikes} of them look-alikes that no detector may claim
(`s3_catalog_tests/tagging/make_labelled_columns.py` makes them; the numbers are nobody's). The detectors were tuned on this set, so it
shows what is kept from getting worse, not what a strange lake will bring; `docs/decisions/detectors.md` has the figures at first sight.

| detector | columns to find | found | wrongly claimed | precision | recall |
|---|---|---|---|---|---|
"""
FOOT = """
Values are also found inside longer texts, lists, structs, maps and text that is JSON. A column in which only some values hold a find keeps
its other words in a sample; a column that is of a kind as a whole shows nothing but the kind.
"""


def describe(detector: Detector) -> str:
    only_named = isinstance(detector, ByValue) and detector.needs_name
    share = f"{detector.min_share_named:.0%} / {'never' if only_named else f'{detector.min_share:.0%}'}"
    tags = " ".join(f"`{tag}`" for tag in detector.tags)
    cells = (detector.name, f"`<{detector.label}>`", tags, GOES_BY[detector.certainty], detector.looks_for, share)
    return f"| {' | '.join(cells)} |"


def judge(name: str, score: Score) -> str:
    to_find = len(score.right) + len(score.missed)
    return f"| {name} | {to_find} | {len(score.right)} | {len(score.wrong)} | {score.precision:.2f} | {score.recall:.2f} |"


def test_the_page_of_detectors_is_up_to_date() -> None:
    columns = labelled_columns()
    results = RESULTS.format(
        numbers=", ".join(f"`{number.kind}`" for number in NUMBERS),
        total=len(columns),
        rows=len(columns[0]["values"]),
        look_alikes=sum(not column["detectors"] for column in columns),
    )
    page = (
        HEAD
        + "\n".join(describe(detector) for _, detector in sorted(detectors().items()))
        + "\n"
        + results
        + "\n".join(judge(name, score) for name, score in sorted(scores().items()))
        + "\n"
        + FOOT
    )
    if os.environ.get("S3_CATALOG_WRITE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page
