from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.catalogs._om_columns import map_columns, read_arrow_type, shape
from s3_catalog.catalogs._om_entities import want_table
from s3_catalog.catalogs._om_url import parse_url
from s3_catalog.catalogs.openmetadata import OpenMetadataCatalog
from s3_catalog.model.description import Bar, Basis, ColumnProfile, Description, Sample, Tag
from s3_catalog.model.statistics import ColumnStatistics, RowEstimate
from s3_catalog.model.tables import Column, PartitionColumn
from s3_catalog.model.types import type_text
from s3_catalog_tests.openmetadata.conftest import Opener
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.openmetadata.tables import key, plain, publish

SETTINGS = parse_url("openmetadata://host/lake_service")
ROW = pa.struct([("sku", pa.string()), ("price", pa.decimal128(10, 2))])
TYPES = [
    (pa.bool_(), {"dataType": "BOOLEAN"}),
    (pa.int8(), {"dataType": "TINYINT"}),
    (pa.uint8(), {"dataType": "SMALLINT"}),
    (pa.int64(), {"dataType": "BIGINT"}),
    (pa.uint64(), {"dataType": "DECIMAL", "precision": 20, "scale": 0}),
    (pa.float32(), {"dataType": "FLOAT"}),
    (pa.float64(), {"dataType": "DOUBLE"}),
    (pa.decimal128(18, 4), {"dataType": "DECIMAL", "precision": 18, "scale": 4}),
    (pa.decimal256(50, 10), {"dataType": "DECIMAL", "precision": 50, "scale": 10}),
    (pa.string(), {"dataType": "STRING"}),
    (pa.dictionary(pa.int32(), pa.string()), {"dataType": "STRING"}),
    (pa.binary(), {"dataType": "BYTES"}),
    (pa.binary(16), {"dataType": "BINARY", "dataLength": 16}),
    (pa.date32(), {"dataType": "DATE"}),
    (pa.time64("us"), {"dataType": "TIME"}),
    (pa.timestamp("ns"), {"dataType": "TIMESTAMP"}),
    (pa.timestamp("us", tz="Europe/Berlin"), {"dataType": "TIMESTAMPZ"}),
    (pa.duration("s"), {"dataType": "BIGINT"}),
    (pa.null(), {"dataType": "STRING"}),
    (ROW, {"dataType": "STRUCT"}),
    (pa.struct([]), {"dataType": "JSON"}),
    (pa.list_(pa.int32()), {"dataType": "ARRAY", "arrayDataType": "INT"}),
    (pa.large_list(pa.decimal128(9, 1)), {"dataType": "ARRAY", "arrayDataType": "DECIMAL"}),
    (pa.list_(ROW), {"dataType": "ARRAY", "arrayDataType": "STRUCT"}),
    (pa.list_(pa.list_(ROW)), {"dataType": "ARRAY", "arrayDataType": "ARRAY"}),
    (pa.list_(pa.struct([])), {"dataType": "ARRAY", "arrayDataType": "JSON"}),
    (pa.map_(pa.string(), pa.list_(pa.int16())), {"dataType": "MAP"}),
    (pa.struct([("Outer", pa.struct([("Inner Name", pa.list_(pa.map_(pa.int32(), ROW)))]))]), {"dataType": "STRUCT"}),
    (pa.struct([("a", pa.int32()), ("a", pa.string()), ("", pa.bool_())]), {"dataType": "STRUCT"}),
]


@pytest.mark.parametrize(("arrow_type", "body"), TYPES, ids=lambda value: str(value)[:40])
def test_every_type_has_its_words(arrow_type: pa.DataType, body: dict[str, object]) -> None:
    (column,) = map_columns(plain("t", columns=(Column(name="c", type=arrow_type),))).bodies
    assert {name: column.get(name) for name in body} == body
    assert column["dataTypeDisplay"] == type_text(arrow_type)


def test_the_server_takes_every_type_and_gives_it_back(double: Double, catalog: OpenMetadataCatalog) -> None:
    columns = tuple(Column(name=f"c{number}", type=arrow_type) for number, (arrow_type, _) in enumerate(TYPES[:-1]))
    table = plain("t", columns=columns)
    assert publish(catalog, [table])[1].failed == ()
    (read,) = catalog.list_tables()
    odd = {"struct<>", "array<struct<>>", "decimal(50,10)"}
    texts = [(type_text(c.type), type_text(r.type)) for c, r in zip(columns, read.columns, strict=True)]
    assert [pair for pair in texts if pair[0] != pair[1] and pair[0] not in odd] == []
    assert publish(catalog, [table])[1].writes == 0


def test_a_sized_text_keeps_its_length() -> None:
    (column,) = map_columns(plain("t", columns=(Column(name="c", type=pa.string(), source_type="VARCHAR(200)"),))).bodies
    assert (column["dataType"], column["dataLength"], column["dataTypeDisplay"]) == ("VARCHAR", 200, "varchar(200)")


def test_a_change_deep_inside_a_type_is_seen_though_the_server_lowers_its_words(catalog: OpenMetadataCatalog) -> None:
    before = pa.struct([("Items", pa.list_(pa.struct([("Sku", pa.string())])))])
    after = pa.struct([("Items", pa.list_(pa.struct([("SKU", pa.string())])))])
    publish(catalog, [plain("t", columns=(Column(name="c", type=before),))])
    assert publish(catalog, [plain("t", columns=(Column(name="c", type=before),))])[1].writes == 0
    plan, outcome = publish(catalog, [plain("t", columns=(Column(name="c", type=after),))])
    change = ("columns.c", "struct<Items:array<struct<Sku:string>>>", "struct<Items:array<struct<SKU:string>>>")
    assert (plan.changes[0].fields, outcome.failed) == ((change,), ())


def test_partition_columns_are_columns_and_named_as_such(double: Double, catalog: OpenMetadataCatalog) -> None:
    partitions = (PartitionColumn(name="day", type=pa.date32()), PartitionColumn(name="id", type=pa.int64()))
    publish(catalog, [plain("t", partition_columns=partitions)])
    table = double.table(key("t"))
    assert [column["name"] for column in table["columns"]] == ["id", "note", "day"]
    assert [column["columnName"] for column in table["tablePartition"]["columns"]] == ["day", "id"]
    assert table["tableType"] == "Partitioned"


def test_tags_and_texts_reach_nested_columns(double: Double, catalog: OpenMetadataCatalog) -> None:
    contact = pa.struct([("email", pa.string()), ("phones", pa.list_(pa.string()))])
    names = ("contact.email", "contact.phones[]", "orders[].sku", "labels{}", "contact.unknown", "nowhere")
    description = Description(
        tags=tuple(Tag(name=f"PII.Tag{n}", column=name, rule="r", why="w") for n, name in enumerate(names)),
        column_texts=(("contact.email", "An address."),),
    )
    columns = (
        Column(name="contact", type=contact),
        Column(name="orders", type=pa.list_(ROW)),
        Column(name="labels", type=pa.map_(pa.string(), pa.string())),
    )
    assert publish(catalog, [plain("t", columns=columns, description=description)])[1].failed == ()
    table = double.table(key("t"))
    contact_column, orders, labels = table["columns"]
    email, phones = contact_column["children"]
    tagged = [email, phones, orders["children"][0], labels["children"][1], contact_column, table]
    assert [[tag["tagFQN"] for tag in holder["tags"]] for holder in tagged] == [[f"PII.Tag{n}"] for n in range(6)]
    assert email["description"] == "An address."


def test_missing_classifications_and_tags_are_made_and_existing_ones_left(double: Double, catalog: OpenMetadataCatalog) -> None:
    double.person("PUT", "/classifications", {"name": "Layer", "description": "By a person."})
    publish(catalog, [plain("t", tags=("Layer.Raw", "draft", "Team.a.b", "PII.Sensitive"))])
    assert double.entities.get_by_name("classifications", "Layer")["description"] == "By a person."
    assert sorted(tag["tagFQN"] for tag in double.table(key("t"))["tags"]) == [
        "Layer.Raw",
        "PII.Sensitive",
        "S3Catalog.draft",
        'Team."a.b"',
    ]


def test_tags_that_exclude_each_other_are_parted_and_read_back(double: Double, catalog: OpenMetadataCatalog) -> None:
    table = plain("t", tags=(("PII.Email", "note"), ("PII.Sensitive", "note"), ("PII.IPAddress", "id")))
    _, outcome = publish(catalog, [table])
    assert outcome.failed == ()
    columns = double.table(key("t"))["columns"]
    assert [{tag["tagFQN"] for tag in column["tags"]} for column in columns] == [{"PII.IPAddress"}, {"PII.Sensitive", "PIIKind.Email"}]
    [again] = catalog.list_tables()
    assert table.description is not None
    assert again.description is not None
    assert {(tag.name, tag.column) for tag in again.description.tags} == {(tag.name, tag.column) for tag in table.description.tags}


def test_profiles_hold_no_footer_value_and_no_infinity(double: Double, catalog: OpenMetadataCatalog) -> None:
    secret = ColumnStatistics(null_count=1, min="raw@example.org", max="secret@example.org")
    profile = ColumnProfile(
        column="note",
        basis=Basis.SAMPLE,
        bounds_basis=Basis.SAMPLE,
        rows=4,
        null_count=1,
        distinct=2,
        min="<email>",
        max="<email>",
        mean=float("inf"),
        histogram=(Bar(low="0", high="5", count=3),),
    )
    table = plain(
        "t",
        columns=(Column(name="note", type=pa.string(), statistics=secret),),
        row_estimate=RowEstimate(40, 30, 50),
        description=Description(columns=(profile,)),
    )
    assert publish(catalog, [table])[1].failed == ()
    latest = double.entities.latest_profile(key("t"))
    found = latest["columns"][0]["profile"]
    assert (found["min"], found["valuesCount"], found["nullProportion"], found["histogram"]["frequencies"]) == ("<email>", 3, 0.25, [3])
    assert "mean" not in found
    assert {metric["name"]: metric["value"] for metric in latest["profile"]["customMetrics"]} == {"objectCount": 3, "rowEstimate": 40}
    assert "example.org" not in str(double.entities.__dict__)


def test_samples_are_rows_of_top_columns_and_go_when_they_are_withheld(double: Double, catalog: OpenMetadataCatalog) -> None:
    sample = Sample(rows=('{"id": 9007199254740993, "note": {"a": [NaN, 1]}}', '{"id": null, "extra": 1}'))
    publish(catalog, [plain("t", description=Description(sample=sample))])
    table = double.table(key("t"))
    shown = double.entities.get_sample(table["id"])["sampleData"]
    assert shown == {"columns": ["id", "note"], "rows": [[9007199254740993, {"a": ["nan", 1]}], [None, None]]}
    plan, _ = publish(catalog, [plain("t", description=Description(sample=Sample(withheld="personal data")))])
    assert plan.changes[0].fields == (("sample", None, "changed"),)
    assert "sampleData" not in double.entities.get_sample(table["id"])


def test_links_lead_back_to_the_bucket(double: Double, open_on: Opener) -> None:
    publish(open_on(double, link="https://console.example/{bucket}?prefix={key}%23{name}"), [plain("a b", location="x y/")])
    assert double.table(key("a b"))["sourceUrl"] == "https://console.example/lake?prefix=x%20y/#a%20b"


@pytest.mark.parametrize(
    ("changes", "structure"),
    [
        ({"format": "iceberg"}, {"tableType": "Iceberg"}),
        ({"format": "csv"}, {"tableType": "External", "fileFormat": "csv"}),
        ({"format": "json", "details": (("format", "jsonl"),)}, {"fileFormat": "jsonl"}),
        ({"format": "orc"}, {"fileFormat": None, "locationPath": "s3://lake/t/"}),
    ],
)
def test_formats_are_told_where_openmetadata_has_a_word(changes: dict[str, Any], structure: dict[str, object]) -> None:
    wanted = want_table(plain("t", **changes), SETTINGS, lambda _: None)
    assert {name: wanted.structure.get(name) for name in structure} == structure


def test_a_type_we_did_not_write_is_text() -> None:
    assert read_arrow_type({"name": "x", "dataType": "GEOMETRY"}) == pa.string()
    assert shape({"name": "x", "dataType": "GEOMETRY"}) == "geometry"
