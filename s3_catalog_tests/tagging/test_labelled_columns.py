"""The labelled set: how it is made, and how well each detector does on it."""

from __future__ import annotations

import pytest

from s3_catalog.tagging import detectors
from s3_catalog_tests.tagging.labelled import labelled_columns, scan, scores
from s3_catalog_tests.tagging.make_labelled_columns import FILE, render


def test_the_labelled_set_is_what_its_script_makes() -> None:
    assert FILE.read_text(encoding="utf-8") == render()


def test_half_of_the_labelled_set_are_look_alikes() -> None:
    columns = labelled_columns()
    assert len(columns) >= 500
    assert sum(not column["detectors"] for column in columns) >= len(columns) / 2


@pytest.mark.parametrize("name", detectors())
def test_each_detector_has_enough_columns_to_be_judged(name: str) -> None:
    score = scores()[name]
    assert len(score.right) + len(score.missed) >= 8


@pytest.mark.parametrize("name", detectors())
def test_each_detector_is_right_nearly_always(name: str) -> None:
    score = scores()[name]
    assert (score.precision >= 0.95, score.wrong) == (True, score.wrong)
    assert (score.recall >= 0.95, score.missed) == (True, score.missed)


def test_no_evidence_holds_a_value() -> None:
    for labelled in labelled_columns():
        texts = {value for value in labelled["values"] if isinstance(value, str) and len(value) > 6}
        for detection in scan(labelled).found:
            told = f"{detection.evidence} {detection.column}"
            assert not any(text in told for text in texts)


def test_no_detector_fails_on_the_labelled_set() -> None:
    assert [failure for labelled in labelled_columns() for failure in scan(labelled).failures] == []
