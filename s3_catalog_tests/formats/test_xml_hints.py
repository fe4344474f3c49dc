"""XML with what people say of it: which element is the row, and the types of its columns; and what is told without it."""

from __future__ import annotations

import pytest

from s3_catalog.errors import HintError
from s3_catalog.formats import FileSchema, ReadLimits
from s3_catalog.formats._hints import ReadHints
from s3_catalog.model.types import read_type
from s3_catalog_tests.formats.readers import read, types

ORDER = (
    "<order id='7'><customer><name>Ann</name></customer><day>2024-01-31</day>"
    "<items><item sku='a'><n>1</n></item><item sku='b'><n>2</n></item></items></order>"
)
CATALOG = "<c><head><made>x</made></head><book id='1'><t>a</t></book><book id='2'><t>b</t></book><shop s='1'/><shop s='2'/></c>"


def read_rows(document: str, rows: str, head_bytes: int = 65536) -> FileSchema:
    return read("xml", document, limits=ReadLimits(hints=ReadHints(rows=rows), head_bytes=head_bytes))


def pin(document: str, hints: ReadHints | None = None, **pinned: str) -> FileSchema:
    told = hints or ReadHints()
    given = ReadHints(types={name: read_type(kind) for name, kind in pinned.items()}, date_format=told.date_format, decimal=told.decimal)
    return read("xml", document, limits=ReadLimits(hints=given))


def rows_of(*values: str) -> str:
    return "<all>" + "".join(f"<r id='{i}'><v>{value}</v></r>" for i, value in enumerate(values)) + "</all>"


@pytest.mark.parametrize(
    ("document", "rows", "record", "expected", "count"),
    [
        (CATALOG, "c/book", "/c/book", {"id": "bigint", "t": "string"}, 2),
        (CATALOG, "/c/shop", "/c/shop", {"s": "bigint"}, 2),
        (CATALOG, "c/head", "/c/head", {"made": "string"}, 1),
        (ORDER, "order/items/item", "/order/items/item", {"sku": "string", "n": "bigint"}, 2),
        (
            ORDER,
            "order",
            "/order",
            {
                "id": "bigint",
                "customer": "struct<name:string>",
                "day": "date",
                "items": "struct<item:array<struct<sku:string,n:bigint>>>",
            },
            1,
        ),
        ("<n:a xmlns:n='urn:x'><n:r k='1'/><n:r k='2'/></n:a>", "n:a/n:r", "/a/r", {"k": "bigint"}, 2),
        ("<a><o><i x='1'/><i x='2'/></o><o><i x='3'/></o></a>", "a/o/i", "/a/o/i", {"x": "bigint"}, 3),
        ("<a><n>1</n><n>2</n></a>", "a/n", "/a/n", {"n": "bigint"}, 2),
    ],
)
def test_the_row_is_the_element_that_people_name(document: str, rows: str, record: str, expected: dict[str, str], count: int) -> None:
    schema = read_rows(document, rows)
    assert (schema.details["record"], types(schema), schema.row_count, schema.warnings) == (record, expected, count, ())


def test_an_empty_path_is_the_document_itself() -> None:
    schema = read_rows(ORDER, "")
    assert (schema.details["record"], list(types(schema)), schema.row_count) == ("/order", ["id", "customer", "day", "items"], 1)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("c/books", "'c/books', and there is no 'books' in '/c'; the elements there are head, book, shop"),
        ("book", "there is no 'book' at the top; the elements there are c"),
        ("c/book/t/x", "there is no 'x' in '/c/book/t'; no element is there"),
    ],
)
def test_an_element_that_is_not_there_is_an_error_that_names_those_that_are(rows: str, reason: str) -> None:
    with pytest.raises(HintError) as caught:
        read_rows(CATALOG, rows)
    assert str(caught.value).endswith(reason)


def test_an_element_after_the_head_is_looked_for_in_a_longer_one() -> None:
    document = f"<all><notes>{'x' * 5000}</notes>" + "<r id='1'><v>2</v></r>" * 2000 + "</all>"
    schema = read_rows(document, "all/r", head_bytes=1000)
    assert (types(schema), schema.row_count) == ({"id": "bigint", "v": "bigint"}, None)
    assert schema.row_estimate is not None
    assert schema.row_estimate.low <= 2000 <= schema.row_estimate.high
    with pytest.raises(HintError, match=r"no 'r' in '/all'.*within the first 1,600 bytes"):
        read_rows(document, "all/r", head_bytes=100)


def test_what_stands_around_the_record_is_told() -> None:
    schema = read("xml", ORDER)
    assert (schema.details["record"], schema.row_count) == ("/order/items/item", 2)
    assert schema.warnings == (
        (
            "what stands around the record is left out: /order/@id, /order/customer, /order/day; "
            "the hint `rows` names another element as the row"
        ),
    )


def test_no_estimate_of_records_whose_list_has_ended() -> None:
    document = f"<all><rs><r id='1'/><r id='2'/></rs><notes>{'x' * 5000}</notes></all>"
    schema = read("xml", document, limits=ReadLimits(head_bytes=1000))
    assert (schema.row_count, schema.row_estimate) == (None, None)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        (("1", "2.5"), "decimal(5,2)"),
        (("2024-01-31",), "timestamp"),
        (("1", "<x>2</x>"), "string"),
        (("00123",), "bigint"),
        (("", "7"), "tinyint"),
    ],
)
def test_a_pinned_type_that_holds_all_values_is_the_columns(values: tuple[str, ...], wanted: str) -> None:
    assert types(pin(rows_of(*values), v=wanted, absent="date")) == {"id": "bigint", "v": wanted}


@pytest.mark.parametrize(
    ("values", "wanted", "shown"),
    [
        (("1", "no", "x"), "bigint", "'no'"),
        (("300",), "tinyint", "'300'"),
        (("31.1.2024",), "date", "'31.1.2024'"),
        (("1", "<x>2</x>"), "bigint", "'<v>…'"),
        (("x" * 500,), "date", f"'{'x' * 40}…'"),
    ],
)
def test_the_first_value_that_does_not_fit_is_shown(values: tuple[str, ...], wanted: str, shown: str) -> None:
    with pytest.raises(HintError) as caught:
        pin(rows_of(*values), v=wanted)
    assert str(caught.value) == f"the hint does not fit: column 'v' is said to be {wanted}, and {shown} is none"


def test_dates_and_numbers_are_read_as_people_say_they_are_written() -> None:
    hints = ReadHints(date_format="%d/%m/%Y", decimal=",")
    assert types(pin(rows_of("03/04/2024"), hints))["v"] == "date"
    assert types(pin(rows_of("1.234,5"), hints, v="decimal(8,2)"))["v"] == "decimal(8,2)"


def test_every_column_says_how_sure_its_type_is() -> None:
    document = "<all><r id='1' d='31.12.2024'><v>007</v><l>1</l><l>2</l></r><r id='2'><v>8</v></r></all>"
    schema = read("xml", document)
    assert types(schema) == {"id": "bigint", "d": "date", "v": "string", "l": "array<bigint>"}
    assert schema.details == {
        "record": "/all/r",
        "certainty.id": "0.75: all 2 values are integers",
        "certainty.d": "0.67: all 1 values are dates with the year last",
        "date_order.d": "day first",
        "certainty.v": "0.50: of 2 values 1 texts, 1 integers (with leading zeros)",
    }
    assert read("xml", rows_of(*["5"] * 98)).details["certainty.v"] == "0.99: all 98 values are integers"


def test_an_encoding_that_people_name_is_believed() -> None:
    data = "<a><r v='ü'/><r v='é'/></a>".encode("iso-8859-1")
    assert types(read("xml", data, limits=ReadLimits(hints=ReadHints(encoding="iso-8859-1")))) == {"v": "string"}
    for encoding, reason in (("utf-8", "the bytes at 9 are not utf-8"), ("klingon", "Python knows no text encoding 'klingon'")):
        with pytest.raises(HintError, match=reason):
            read("xml", data, limits=ReadLimits(hints=ReadHints(encoding=encoding)))
