"""Several files' columns become one table's."""

from __future__ import annotations

import pyarrow as pa

from s3_catalog.model.schemas import FileColumns, merge_schemas
from s3_catalog.model.tables import Column, PartitionColumn, TypeConflict
from s3_catalog.model.types import type_text


def file(key: str, age: float, **types: pa.DataType) -> FileColumns:
    return FileColumns(key=key, age=(age, key), columns=tuple(Column(name=name, type=t, nullable=False) for name, t in types.items()))


def shown(merged):
    return [(c.name, type_text(c.type), c.nullable) for c in merged.columns]


def test_columns_unite_by_name_in_the_order_of_the_newest_file():
    merged = merge_schemas([file("new", 2, b=pa.int64(), a=pa.int64()), file("old", 1, a=pa.int32(), gone=pa.string())])

    assert shown(merged) == [("b", "bigint", True), ("a", "bigint", False), ("gone", "string", True)]
    assert merged.conflicts == ()


def test_a_conflict_names_the_file_that_caused_it():
    merged = merge_schemas([file("a", 1, id=pa.int64()), file("b", 2, id=pa.int32()), file("c", 3, id=pa.string())])

    assert merged.conflicts == (TypeConflict(column="id", expected="bigint", found="string", resolved="string", key="c"),)


def test_the_order_files_are_read_in_does_not_matter():
    files = [file("a", 1, id=pa.int64()), file("b", 2, id=pa.string(), x=pa.int8()), file("c", 3, x=pa.int32(), id=pa.int64())]

    assert merge_schemas(files) == merge_schemas(files[::-1])


def test_a_column_of_the_path_that_also_stands_in_the_files_is_one_column():
    year = PartitionColumn(name="year", type=pa.int32())
    same = merge_schemas([file("a", 1, id=pa.int64(), year=pa.int32())], [year])
    other = merge_schemas([file("a", 1, id=pa.int64(), year=pa.string())], [year])

    assert shown(same) == shown(other) == [("id", "bigint", False)]
    assert same.warnings == ()
    assert other.warnings == ("column 'year' is string in the files and int in the path",)


def test_names_that_differ_only_in_case_are_kept_and_reported():
    merged = merge_schemas([file("a", 1, Id=pa.int64(), id=pa.int64())])

    assert [c.name for c in merged.columns] == ["Id", "id"]
    assert merged.warnings == ("column names differ only in case: Id, id",)


def test_columns_of_one_file_that_share_a_name_are_shown_as_one_and_reported():
    columns = (Column(name="a", type=pa.int32()), Column(name="a", type=pa.int64()), Column(name="b", type=pa.string()))
    merged = merge_schemas([FileColumns(key=key, age=(age, key), columns=columns) for age, key in enumerate("xy")])

    assert [(c.name, type_text(c.type)) for c in merged.columns] == [("a", "bigint"), ("b", "string")]
    assert merged.warnings == ("several columns of a file are called 'a': they are shown as one",)
