"""Running all detectors over a sample: paths, precedence, failures, time."""

from __future__ import annotations

import datetime as dt
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import s3_catalog
from s3_catalog.tagging import Certainty, ColumnName, Detection, DetectorFailure, detectors
from s3_catalog.tagging.scanning import TOO_MANY_FIELDS, TOO_SLOW, ScanLimits, columns_of, detect_columns
from s3_catalog_tests.tagging.labelled import labelled_columns

EMAILS = [f"user{i}@example.org" for i in range(10)]
TEXTS = st.text(alphabet=st.characters(exclude_categories=()), max_size=80)
NAMES = st.sampled_from(
    ["c", "email", "phone", "ssn", "ip", "mac", "iban", "card_number", "lat", "dob", "national_id", "first_name", "address", "password"]
)


class Stub:
    """A detector whose behaviour a test sets."""

    looks_for = ""
    tags: tuple[str, ...] = ("X.Y",)
    min_share = min_share_named = 0.5

    def __init__(self, name: str = "stub", certainty: Certainty = Certainty.CHECKED) -> None:
        self.name = self.label = name
        self.certainty = certainty

    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        return Detection(
            detector=self.name,
            label=self.label,
            tags=self.tags,
            column=column.path,
            share=1.0,
            values_seen=len(values),
            confidence=1.0,
            evidence="",
            certainty=self.certainty,
        )

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        yield from ()


class Raising(Stub):
    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        raise LookupError(values[0])


class Endless(Stub):
    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        for at in itertools.count():
            assert values[at % len(values)]
        return None


def found(columns: dict[str, list[object]]) -> dict[str, str]:
    return {detection.column: detection.detector for detection in detect_columns(columns).found}


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([*EMAILS], "c"),
        ([{"contact": {"email": email}} for email in EMAILS], "c.contact.email"),
        ([[email, None] for email in EMAILS], "c[]"),
        ([{"emails": [email]} for email in EMAILS], "c.emails[]"),
        ([[("home", email)] for email in EMAILS], "c{}"),
        ([[(email, 1)] for email in EMAILS], "c{key}"),
        ([{email: 1} for email in EMAILS], "c{key}"),
        ([f'{{"to": [{{"address": "{email}"}}]}}' for email in EMAILS], "c.to[].address"),
        ([f'{{"inner": "{{\\"mail\\": \\"{email}\\"}}"}}' for email in EMAILS], "c.inner.mail"),
        ([email.encode() for email in EMAILS], "c"),
        ([f' "{email}" ' for email in EMAILS], "c"),
    ],
)
def test_values_are_found_wherever_they_stand(values: list[object], path: str) -> None:
    assert found({"c": values}) == {path: "email"}


def test_numbers_count_as_they_are_written() -> None:
    values = [536904399, 219099998.0, Decimal(457555463), 12345678]
    assert found({"ssn": list(values)}) == {"ssn": "us_ssn"}
    assert found({"dob": [dt.date(1980, 3, 12), dt.datetime(1990, 1, 2)]}) == {"dob": "birth_date"}  # noqa: DTZ001  files hold such


def test_the_surest_kind_wins_whatever_the_order() -> None:
    stubs = [Stub("weak", Certainty.SHAPED), Stub("strong", Certainty.CHECKED)]
    for using in (stubs, stubs[::-1]):
        assert [d.detector for d in detect_columns({"c": ["x"]}, using=using).found] == ["strong"]


def test_of_equally_sure_kinds_the_name_decides() -> None:
    assert [d.detector for d in detect_columns({"c": ["x"]}, using=[Stub("b"), Stub("a")]).found] == ["a"]


def test_a_detector_that_raises_is_reported_by_class_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    result = detect_columns({"c": ["planted@example.org"]}, using=[Raising("bad"), *detectors().values()])
    assert result.failures == (DetectorFailure(detector="bad", column="c", error="LookupError"),)
    assert [d.detector for d in result.found] == ["email"]
    assert "planted" not in caplog.text


def test_a_detector_that_never_ends_is_stopped_reported_and_not_asked_again() -> None:
    limits = ScanLimits(seconds_per_column=0.05)
    result = detect_columns({"a": EMAILS, "b": EMAILS}, using=[Endless("slow"), detectors()["email"]], limits=limits)
    assert result.failures == (DetectorFailure(detector="slow", column="a", error=TOO_SLOW),)
    assert [(d.column, d.detector) for d in result.found] == [("a", "email"), ("b", "email")]


def test_too_many_fields_are_reported() -> None:
    columns = {"c": [{f"f{i}": {f"g{j}": "x" for j in range(20)}} for i in range(20)]}
    assert detect_columns(columns, limits=ScanLimits(max_paths=50)).failures == (
        DetectorFailure(detector="scan", column="c", error=TOO_MANY_FIELDS),
    )


def test_values_of_very_many_parts_are_bounded_and_told() -> None:
    deep = [[[list(range(100))] * 100] * 100] * 100
    started = time.perf_counter()
    result = detect_columns({"c": [{"big": deep, "first_name": "Erika"}] * 5})
    assert result.failures == (DetectorFailure(detector="scan", column="c", error=TOO_MANY_FIELDS),)
    assert time.perf_counter() - started < 5


@given(name=TEXTS, key=TEXTS)
def test_any_name_of_a_column_or_field_is_taken(name: str, key: str) -> None:
    assert detect_columns({name: [{key: "x"}, "y"]}, table=key).failures == ()


@given(name=NAMES, values=st.lists(TEXTS, max_size=5))
def test_no_detector_fails_on_any_text(name: str, values: list[str]) -> None:
    assert detect_columns({name: values}).failures == ()


@given(name=NAMES, values=st.lists(st.from_regex(r"[0-9A-Z@.:/+ -]{1,40}", fullmatch=True), max_size=5))
def test_no_detector_fails_on_text_that_nearly_fits(name: str, values: list[str]) -> None:
    assert detect_columns({name: values}).failures == ()


@given(
    values=st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.binary() | st.dates() | st.timedeltas())
)
def test_no_detector_fails_on_any_scalar(values: list[object]) -> None:
    assert detect_columns({"dob": values}).failures == ()


def test_columns_of_nulls_and_empty_columns_hold_nothing() -> None:
    assert detect_columns({"email": [None, None], "ssn": [], "phone": ["", "n/a", " - "]}).found == ()


def test_rows_become_columns() -> None:
    assert columns_of([{"a": 1}, {"a": 2, "b": 3}]) == {"a": [1, 2], "b": [None, 3]}


def test_a_name_is_a_persons_among_people() -> None:
    names: list[object] = ["Erika Mustermann", "Jane Doe"]
    assert detect_columns({"name": names}).found == ()
    assert [d.detector for d in detect_columns({"name": names}, table="customers").found] == ["person_name"]
    assert [d.column for d in detect_columns({"name": names, "birth_date": []}).found] == ["name"]
    assert found({"customer": [{"name": name} for name in names]}) == {"customer.name": "person_name"}


def test_twenty_columns_of_a_hundred_values_take_less_than_half_a_second() -> None:
    wide = {f"{at}_{c['column']}": (c["values"] * 5)[:100] for at, c in enumerate(labelled_columns()[::28][:20])}
    unlike = {
        name: [f"{value}{at}" if isinstance(value, str) else value for at, value in enumerate(values)] for name, values in wide.items()
    }
    detect_columns(unlike)
    started = time.perf_counter()
    detect_columns(unlike)
    assert time.perf_counter() - started < 0.5  # ordinarily 0.05; machines may be busy


def test_every_detector_says_what_it_is() -> None:
    for name, detector in detectors().items():
        assert detector.name == name
        assert detector.tags
        assert all(tag.count(".") == 1 for tag in detector.tags)
        assert 0 < detector.min_share_named <= 1
        assert 0 < detector.min_share <= 1


def test_importing_detectors_loads_no_heavy_library() -> None:
    heavy = "{'phonenumbers', 'stdnum'}"
    code = f"import sys; from s3_catalog.tagging import detectors; detectors(); print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(s3_catalog.__file__).parents[1]
    )
    assert done.stdout.split() == []


def test_another_package_adds_a_detector_by_an_entry_point(tmp_path: Path) -> None:
    (tmp_path / "ships.py").write_text(
        "from s3_catalog.tagging import Certainty\n"
        "class Ships:\n"
        "    name = label = looks_for = 'ship'\n"
        "    tags = ('Fleet.Ship',)\n"
        "    certainty = Certainty.CHECKED\n"
        "    min_share = min_share_named = 0.5\n"
        "    def detect(self, column, values): return None\n"
        "    def find(self, column, text): return [(0, 4)] if text.startswith('IMO ') else []\n"
        "DETECTOR = Ships()\n",
        encoding="utf-8",
    )
    metadata = tmp_path / "ships-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ships\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[s3_catalog.detectors]\nship = ships:DETECTOR\n", encoding="utf-8")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from s3_catalog.tagging import Detections\n"
        "from s3_catalog.tagging.masking import mask_value; print(mask_value('IMO 9', 'c', Detections()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(s3_catalog.__file__).parents[1]
    )
    assert done.stdout == "<ship>9\n"
