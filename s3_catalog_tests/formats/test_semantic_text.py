"""What delimited text means: how sure each type is, and what is never guessed silently."""

from __future__ import annotations

import pytest

from s3_catalog_tests.formats.readers import read, types


def column(values: list[str], mark: str = ";") -> tuple[str, dict[str, str], tuple[str, ...]]:
    """Read one column `v` beside an id: its type, its details, the warnings."""
    lines = [f'{i}{mark}"{value}"' if mark in value else f"{i}{mark}{value}" for i, value in enumerate(values)]
    schema = read("csv", "\n".join([f"id{mark}v", *lines]) + "\n")
    details = {name.removesuffix(".v"): value for name, value in schema.details.items() if name.endswith(".v")}
    return types(schema)["v"], details, schema.warnings


@pytest.mark.parametrize(
    ("values", "expected", "facts"),
    [
        (["1,234,567", "12", "1,000"], "bigint", {"thousands": ","}),
        (["1,234.50", "12.25"], "double", {"thousands": ","}),
        (["1,234", "0.5"], "double", {"thousands": ","}),
        (["1.234.567", "12", "1.000"], "bigint", {"thousands": "."}),
        (["yes", "no", "Yes"], "boolean", {"words": "yes or no"}),
        (["Y", "N", ""], "boolean", {"words": "y or n"}),
        (["ja", "nein"], "boolean", {"words": "nein or ja"}),
        (["31.12.2024", "01.02.2024"], "date", {"date_order": "day first"}),
        (["12/31/2024 10:00", "01/02/2024 11:30:15"], "timestamp", {"date_order": "month first"}),
        (["1", "NA", "-", "\\N", "none", "NULL"], "bigint", {"nulls": "- NA NULL \\N none"}),
        (["2024-01-01", "N/A", "NaT"], "date", {"nulls": "N/A NaT"}),
    ],
)
@pytest.mark.parametrize("mark", [";", ","])
def test_written_forms_are_read_and_told(values: list[str], expected: str, facts: dict[str, str], mark: str) -> None:
    found, details, warnings = column(values, mark)
    details.pop("certainty")
    assert (found, details, warnings) == (expected, facts, ())


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        (["1,234", "5,678"], "may mark thousands or a fraction"),
        (["01/02/2024", "03/04/2024"], "cannot be told apart"),
        (["31/12/2024", "12/31/2024"], "mixed orders"),
        (["2024-12-31", "31/12/2024"], "mixed orders"),
        (["2024-01-01T10:00Z", "2024-01-01T10:00"], "with and without a time zone"),
    ],
)
def test_what_values_leave_open_is_text_and_a_warning(values: list[str], warning: str) -> None:
    found, details, warnings = column(values)
    assert found == "string"
    assert float(details["certainty"].partition(":")[0]) <= 0.25
    assert any(warning in given for given in warnings)


@pytest.mark.parametrize(
    "values", [["yes", "yes"], ["y", "n", "x"], ["10.100.200.100"], ["v1.000.000"], ["1,23,456"], ["-", "NA"], ["t", "m"]]
)
def test_other_text_stays_text(values: list[str]) -> None:
    found, _, warnings = column(values)
    assert (found, warnings) == ("string", ())


@pytest.mark.parametrize(
    ("values", "certainty"),
    [
        ([str(i) for i in range(98)], "0.99: all 98 values are integers"),
        (["1"], "0.67: all 1 values are integers"),
        (["", ""], "0.00: no values"),
        ([f"text {i}" for i in range(98)], "0.99: all 98 values are texts"),
        ([str(i) for i in range(97)] + ["x"], "0.02: of 98 values 97 integers, 1 texts"),
        (["007", "12", "5"], "0.40: of 3 values 2 integers, 1 texts (with leading zeros)"),
        (["yes", "no"], "0.75: all 2 values are yes or no"),
    ],
)
def test_every_type_says_how_sure_it_is_and_why(values: list[str], certainty: str) -> None:
    assert column(values)[1]["certainty"] == certainty


def test_certainty_holds_no_value_of_the_file() -> None:
    details = column(["Jane Roe", "4711", "secret"])[1]
    assert not any(word in " ".join(details.values()) for word in ("Jane", "4711", "secret"))
