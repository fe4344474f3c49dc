"""What stands in Glue of a table: names, columns, formats, partitions, statistics, tags; and how many calls that takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from s3_catalog.catalogs import Action, open_catalog
from s3_catalog.catalogs._authority import MemoryLastWritten
from s3_catalog.catalogs._glue_formats import choose_storage
from s3_catalog.catalogs._glue_options import read_url
from s3_catalog.catalogs._glue_tables import build_table
from s3_catalog.errors import CatalogError
from s3_catalog.model.description import Basis, ColumnProfile, Description, Tag
from s3_catalog.model.statistics import ColumnStatistics
from s3_catalog.model.tables import Column, Partition, PartitionColumn, Table
from s3_catalog_tests.catalogs.samples import NOON, make_table
from s3_catalog_tests.glue.conftest import Glue
from s3_catalog_tests.glue.proxy import GlueFault

HIVE = "org.apache.hadoop.hive"
TEXT = {"TextInputFormat", "HiveIgnoreKeyTextOutputFormat"}
FILE_FORMATS: dict[str, set[str | None]] = {
    "parquet": {"MapredParquetInputFormat", "MapredParquetOutputFormat"},
    "orc": {"OrcInputFormat", "OrcOutputFormat"},
    "avro": {"AvroContainerInputFormat", "AvroContainerOutputFormat"},
    **{text: {*TEXT} for text in ("csv", "tsv", "jsonl")},
    "delta": {"SequenceFileInputFormat", "HiveSequenceFileOutputFormat"},
    "iceberg": {None},
    "hudi": {"HoodieParquetInputFormat", "MapredParquetOutputFormat"},
}
"""Input and output formats by file format, without their packages."""


def plain(name: str, *columns: Column, file_format: str = "parquet", suffix: str | None = None, **details: str) -> Table:
    """A table without partitions in a folder of its own."""
    key = f"{name}/a.{suffix or file_format}"
    table = make_table(name, format=file_format, partition_columns=())
    chosen = columns or (Column(name="id", type=pa.int64()),)
    return replace(table, columns=chosen, partitions=(), sampled_keys=(key,), details=tuple(details.items()), conflicts=())


def partitioned(count: int, *, files: int = 1, name: str = "a") -> Table:
    """A table with so many partitions."""
    values = [f"{number:04}" for number in range(count)]
    return replace(
        make_table(name, partition_columns=(PartitionColumn(name="part", type=pa.string()),), object_count=count),
        partitions=tuple(Partition(values=(value,), object_count=files, size_bytes=1, newest=NOON) for value in values),
        sampled_keys=(f"{name}/part=0000/a.parquet",),
    )


@pytest.mark.parametrize("name", ["x" * 300, "a.b", 'a"b', "a'b", "a::b", "📦", "12345", "Sales Data", "日本", "a/b"], ids=range(10))
def test_every_name_comes_back(glue: Glue, name: str) -> None:
    _, outcome = glue.publish(make_table(name, location="place/"))
    assert outcome.failed == ()
    assert [table.name for table in glue.catalog().list_tables()] == [name]
    (found,) = glue.people.get_tables(DatabaseName=glue.database)["TableList"]
    assert found["Name"].replace("_", "").isalnum()
    assert found["Name"].isascii()
    assert found["Name"] == found["Name"].lower()
    assert len(found["Name"]) <= 255


def test_names_that_are_equal_but_for_case_are_two_tables(glue: Glue) -> None:
    _, outcome = glue.publish(make_table("orders"), make_table("Orders"))
    assert (outcome.writes, outcome.failed) == (2, ())
    assert [table.name for table in glue.catalog().list_tables()] == ["Orders", "orders"]


@pytest.mark.parametrize(
    ("file_format", "names"),
    [
        ("parquet", ["id", "a b", "größe"]),  # read by name: of two that differ in case the first; one without a name has no place
        ("csv", ["id", "id_2", "a b", "größe", "column_5"]),  # read by position: all of them, under names of their own
    ],
)
def test_columns_stand_under_names_that_engines_tell_apart(file_format: str, names: list[str]) -> None:
    columns = [Column(name=name, type=pa.int64()) for name in ("Id", "ID", "a b", "Größe", "")]
    built = build_table(plain("a", *columns, file_format=file_format))
    assert built is not None
    assert list(built.order) == names


def test_original_names_of_columns_come_back(glue: Glue) -> None:
    glue.publish(plain("a", Column(name="CustomerId", type=pa.int64())))
    assert [column.name for column in glue.catalog().list_tables()[0].columns] == ["CustomerId"]


@pytest.mark.parametrize(
    ("table", "serde", "parameters"),
    [
        (plain("a"), f"{HIVE}.ql.io.parquet.serde.ParquetHiveSerDe", {"classification": "parquet", "compressionType": "none"}),
        (plain("a", file_format="orc"), f"{HIVE}.ql.io.orc.OrcSerde", {"classification": "orc"}),
        (plain("a", file_format="avro"), f"{HIVE}.serde2.avro.AvroSerDe", {"classification": "avro"}),
        (
            plain("a", file_format="csv", suffix="csv.gz", header="true", delimiter=";"),
            f"{HIVE}.serde2.lazy.LazySimpleSerDe",
            {"classification": "csv", "skip.header.line.count": "1", "delimiter": ";", "compressionType": "gzip"},
        ),
        (
            plain("a", file_format="csv", quote='"', header="false", skipped_lines="2"),
            f"{HIVE}.serde2.OpenCSVSerde",
            {"skip.header.line.count": "2", "areColumnsQuoted": "true"},
        ),
        (plain("a", file_format="tsv", delimiter="\t"), f"{HIVE}.serde2.lazy.LazySimpleSerDe", {"classification": "csv"}),
        (plain("a", file_format="jsonl", suffix="jsonl.zst"), "org.openx.data.jsonserde.JsonSerDe", {"compressionType": "zstd"}),
        (plain("a", file_format="delta"), f"{HIVE}.serde2.lazy.LazySimpleSerDe", {"spark.sql.sources.provider": "delta"}),
        (plain("a", file_format="iceberg"), None, {"table_type": "ICEBERG", "metadata_location": "s3://lake/a/a.iceberg"}),
        (plain("a", file_format="hudi"), f"{HIVE}.ql.io.parquet.serde.ParquetHiveSerDe", {"spark.sql.sources.provider": "hudi"}),
    ],
    ids=["parquet", "orc", "avro", "csv", "quoted csv", "tsv", "jsonl", "delta", "iceberg", "hudi"],
)  # fmt: skip
def test_every_format_has_its_serde_and_parameters(table: Table, serde: str | None, parameters: dict[str, str]) -> None:
    storage = choose_storage(table)
    assert storage is not None
    assert storage.serde == serde
    assert parameters.items() <= storage.parameters.items()
    formats = {text and text.rpartition(".")[2] for text in (storage.input_format, storage.output_format)}
    assert formats == FILE_FORMATS[table.format]


@pytest.mark.parametrize("file_format", ["excel", "xml", "pickle", "hdf5", "text", "zip", "unstructured"])
def test_what_no_engine_reads_is_skipped_with_the_reason(glue: Glue, file_format: str) -> None:
    plan, outcome = glue.publish(plain("a", file_format=file_format))
    assert (plan.changes[0].action, outcome.writes, outcome.failed) == (Action.SKIP, 0, ())
    assert plan.changes[0].reason == f"not readable by athena, trino: no engine table can be made of {file_format} files"


def test_partitions_are_written_by_the_hundred(glue: Glue) -> None:
    glue.publish(partitioned(250))
    assert glue.proxy.writes["BatchCreatePartition"] == 3
    assert len(glue.partitions("a")) == 250
    assert glue.partitions("a")["0007",]["StorageDescriptor"]["Location"] == "s3://lake/a/part=0007/"


def test_only_changed_partitions_are_sent_and_those_of_other_tools_stay(glue: Glue) -> None:
    glue.publish(partitioned(130))
    descriptor = {**glue.table("a")["StorageDescriptor"], "Location": "s3://lake/elsewhere/"}
    glue.people.create_partition(
        DatabaseName=glue.database, TableName="a", PartitionInput={"Values": ["theirs"], "StorageDescriptor": descriptor}
    )
    before = glue.proxy.writes
    fewer = partitioned(101)
    changed = replace(fewer, partitions=(replace(fewer.partitions[0], object_count=5), *fewer.partitions[1:]))
    plan, _ = glue.publish(changed)
    assert ("partitions", "130", "101") in plan.changes[0].fields
    assert glue.proxy.writes - before == {"BatchDeletePartition": 2, "BatchUpdatePartition": 1, "UpdateTable": 2}
    found = glue.partitions("a")
    assert (len(found), found["0000",]["Parameters"]["numFiles"]) == (102, "5")
    assert ("theirs",) in found


def test_a_new_column_reaches_every_partition(glue: Glue) -> None:
    glue.publish(partitioned(3))
    table = partitioned(3)
    glue.publish(replace(table, columns=(*table.columns, Column(name="late", type=pa.string()))))
    columns = [[one["Name"] for one in found["StorageDescriptor"]["Columns"]] for found in glue.partitions("a").values()]
    assert columns == [["id", "price", "tags", "late"]] * 3


def test_a_date_partition_is_written_as_sql_reads_it(glue: Glue) -> None:
    table = replace(
        make_table("a", partition_columns=(PartitionColumn(name="dt", type=pa.date32()),)),
        partitions=(Partition(values=("20260131",), object_count=1, size_bytes=1, newest=None),),
        sampled_keys=("a/dt=20260131/a.parquet",),
    )
    glue.publish(table)
    assert {values: found["StorageDescriptor"]["Location"] for values, found in glue.partitions("a").items()} == {
        ("2026-01-31",): "s3://lake/a/dt=20260131/"
    }


def test_projection_registers_no_partition(glue: Glue) -> None:
    glue.publish(partitioned(3), partition_projection=True)
    assert glue.partitions("a") == {}
    wanted = {
        "projection.enabled": "true",
        "projection.part.type": "enum",
        "projection.part.values": "0000,0001,0002",
        "storage.location.template": "s3://lake/a/part=${part}/",
    }
    assert wanted.items() <= glue.table("a")["Parameters"].items()


def test_an_index_is_made_once_for_tables_that_were_there_before_too(failing: Callable[..., Glue]) -> None:
    there = {"PartitionIndexDescriptorList": [{"IndexName": "s3_catalog", "Keys": [], "IndexStatus": "ACTIVE"}]}
    made = GlueFault(kind="error_body", match="GetPartitionIndexes", answer=there, times=0)  # moto keeps no index
    glue = failing(made)
    glue.publish(partitioned(3))
    plan, _ = glue.publish(partitioned(3), partition_indexes=True)
    assert plan.changes[0].fields == (("partition index", None, "part"),)
    made.times = None
    glue.publish(partitioned(4), partition_indexes=True)
    glue.memory = MemoryLastWritten()
    glue.edit("a", lambda body: body["Parameters"].pop("s3_catalog.index"))  # as a run leaves it that was killed
    glue.publish(partitioned(4), partition_indexes=True)
    assert glue.proxy.writes["CreatePartitionIndex"] == 1


def profiled(maximum: str = "9") -> Table:
    figures = ColumnStatistics(null_count=1, min="-1", max=maximum)
    profile = ColumnProfile(column="id", basis=Basis.FULL, bounds_basis=Basis.FOOTERS, rows=1000, distinct=11, distinct_method="exact")
    return replace(
        plain("a", Column(name="id", type=pa.int64(), statistics=figures), Column(name="other", type=pa.string())),
        description=Description(columns=(profile,)),
    )


def test_statistics_are_sent_when_they_change_and_only_where_known(glue: Glue) -> None:
    built = build_table(profiled(), statistics=True)
    assert built is not None
    data = {"NumberOfNulls": 1, "NumberOfDistinctValues": 11, "MinimumValue": -1, "MaximumValue": 9}
    assert built.statistics == (
        {"ColumnName": "id", "ColumnType": "bigint", "StatisticsData": {"Type": "LONG", "LongColumnStatisticsData": data}},
    )
    for table in (profiled(), profiled(), profiled("10")):
        _, outcome = glue.publish(table)
        assert outcome.failed == ()
    assert glue.proxy.writes["UpdateColumnStatisticsForTable"] == 2


@pytest.mark.parametrize(
    ("arrow_type", "bounds", "kind", "values"),
    [
        (pa.float64(), ("0.5", "1.5"), "DoubleColumnStatisticsData", (0.5, 1.5)),
        (pa.date32(), ("1970-01-02", "masked"), "DateColumnStatisticsData", (86_400, None)),
        (
            pa.decimal128(10, 2),
            ("-1.50", "300.00"),
            "DecimalColumnStatisticsData",
            ({"UnscaledValue": b"\xff\x6a", "Scale": 2}, {"UnscaledValue": b"\x75\x30", "Scale": 2}),
        ),
    ],
)
def test_bounds_are_written_as_glue_reads_them(arrow_type: pa.DataType, bounds: tuple[str, str], kind: str, values: Any) -> None:
    table = profiled()
    figures = ColumnStatistics(null_count=0, min=bounds[0], max=bounds[1])
    built = build_table(replace(table, columns=(Column(name="id", type=arrow_type, statistics=figures),)), statistics=True)
    assert built is not None
    data = built.statistics[0]["StatisticsData"][kind]
    assert (data.get("MinimumValue"), data.get("MaximumValue")) == values


def test_tags_become_lake_formation_tags_and_go_again(glue: Glue) -> None:
    table = make_table("a")
    glue.publish(table, lake_formation_tags=True)
    formation = glue.server.client("lakeformation")
    place = {"DatabaseName": glue.database, "Name": "a"}

    def publish(*tags: str) -> list[tuple[str, list[str]]]:
        described = Description(tags=tuple(Tag(name=tag, rule="path", why="folder") for tag in tags))
        _, outcome = glue.publish(replace(table, description=described), lake_formation_tags=True)
        assert outcome.failed == ()
        found = formation.get_resource_lf_tags(Resource={"Table": place})
        return [(tag["TagKey"], tag["TagValues"]) for tag in found["LFTagsOnTable"]]

    assert publish("Domain.Sales", "Tier.Gold") == [("Domain.Sales", ["true"]), ("Tier.Gold", ["true"])]
    assert publish("Tier.Gold") == [("Tier.Gold", ["true"])]
    formation.remove_lf_tags_from_resource(Resource={"Table": place}, LFTags=[{"TagKey": "Tier.Gold", "TagValues": ["true"]}])
    assert publish("Tier.Gold", "Domain.Web") == [("Domain.Web", ["true"])]  # what a person took away stays away


def test_tags_of_columns_reach_tables_that_were_published_without(glue: Glue) -> None:
    described = Description(tags=(Tag(name="PII.Email", column="tags[].a", rule="email", why="values"),))
    table = replace(make_table("a"), description=described)
    glue.publish(table)
    plan, outcome = glue.publish(table, lake_formation_tags=True)
    assert (plan.changes[0].fields, outcome.failed) == ((("lake_formation_tags", None, "changed"),), ())
    resource = {"TableWithColumns": {"DatabaseName": glue.database, "Name": "a", "ColumnNames": ["tags"]}}
    (found,) = glue.server.client("lakeformation").get_resource_lf_tags(Resource=resource)["LFTagsOnColumns"]
    assert (found["Name"], [(tag["TagKey"], tag["TagValues"]) for tag in found["LFTags"]]) == ("tags", [("PII.Email", ["true"])])
    sent = len(glue.proxy.targets)
    glue.publish(table, lake_formation_tags=True)
    assert glue.proxy.targets[sent:] == ["GetTables"] * 2


def test_a_thousand_unchanged_tables_send_no_write(glue: Glue) -> None:
    tables = [plain(f"t{number}") for number in range(1000)]
    _, outcome = glue.publish(*tables, direct=True)
    assert outcome.failed == ()
    plan, outcome = glue.publish(*tables)
    assert (plan.count(Action.UNCHANGED), outcome.writes) == (1000, 0)
    assert glue.proxy.targets == ["GetTables"] * 2


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("glue://", "names a database"),
        ("glue://lake?regoin=x", r"unreadable parameter of a Glue URL \(regoin\); there are .*region"),
        ("glue://lake?partition_projection=maybe", "its value"),
        ("glue://lake?delete_after_days=soon", "its value"),
        ("glue://lake?engines=hive", "hive"),
    ],
)
def test_a_wrong_url_is_refused_with_the_choices(url: str, told: str) -> None:
    with pytest.raises(CatalogError, match=told):
        open_catalog(url)


def test_a_url_names_account_database_and_options() -> None:
    database, options = read_url("glue://123456789012@lake?region=eu-west-1&partition_indexes=true&delete_after_days=30&engines=spark")
    assert (database, options.catalog_id, options.connection.region) == ("lake", "123456789012", "eu-west-1")
    assert (options.partition_indexes, options.partition_projection) == (True, False)
    assert (options.delete_after and options.delete_after.days, set(options.engines)) == (30, {"spark"})
