"""Names of columns and fields, and values in errors, are masked where they are personal, and left alone elsewhere."""

from __future__ import annotations

import pyarrow as pa
import pytest

from s3_catalog.errors import HintError, UnreadableFileError
from s3_catalog.formats import FileSchema
from s3_catalog.formats._type_hints import describe_misfit
from s3_catalog.inference.private_texts import error_text, hide_private_names
from s3_catalog.model.tables import Column
from s3_catalog.model.types import type_text


def hidden(**types: pa.DataType) -> dict[str, str]:
    schema = hide_private_names(FileSchema(columns=tuple(Column(name=name, type=kind) for name, kind in types.items())))
    return {column.name: type_text(column.type) for column in schema.columns}


def test_columns_named_by_addresses_are_named_by_their_kind() -> None:
    names = {"day": pa.date32(), "a@example.org": pa.int64(), "b@example.org": pa.int32(), "4111 1111 1111 1111": pa.int32()}
    assert hidden(**names) == {"day": "date", "<email>": "bigint", "<email> 2": "int", "<payment card>": "int"}


def test_an_object_whose_keys_are_addresses_is_a_map() -> None:
    keyed = pa.struct([("a@example.org", pa.int32()), ("b@example.org", pa.int64())])
    assert hidden(x=keyed, y=pa.list_(pa.struct([("z", keyed)]))) == {
        "x": "map<string,bigint>",
        "y": "array<struct<z:map<string,bigint>>>",
    }


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "2024-01-31",
        "20240131",
        "col_1234567",
        "1234567890",
        "sales_2024_01",
        "d41d8cd98f00b204e9800998ecf8427e",
        "a very long name of a column",
    ],
)
def test_names_that_people_give_stay(name: str) -> None:
    assert list(hidden(**{name: pa.struct([(name, pa.int64())])}).items()) == [(name, type_text(pa.struct([(name, pa.int64())])))]


@pytest.mark.parametrize(
    ("column", "value", "shown"),
    [
        ("amount", "n/a", "'n/a'"),
        ("c", "someone@example.org", "'<email>'"),
        ("c", "x" * 30 + " someone@example.org", f"'{'x' * 30} <email>'"),
        ("name", "Erika Mustermann", "'<person name>'"),
        ("birth_date", "1950-04-18", "'<date of birth>'"),
    ],
)
def test_the_value_that_a_hint_does_not_fit_is_masked(column: str, value: str, shown: str) -> None:
    error = HintError("k", "csv", describe_misfit(column, pa.int64(), value), shows=(column, value))
    assert error_text(error, "t") == f"the hint does not fit: column {column!r} is said to be bigint, and {shown} is none"


def test_other_errors_stay_as_they_are() -> None:
    assert error_text(UnreadableFileError("k", "csv", "empty"), "t") == "not readable as csv: empty"
