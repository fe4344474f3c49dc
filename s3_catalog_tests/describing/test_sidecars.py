"""Sidecars: found without a request, read once, believed as far as they make sense, and never a table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.model.description import Description
from s3_catalog.pipeline import crawl
from s3_catalog.storage import open_store
from s3_catalog.tagging.annotations import MAX_TEXT, read_annotation
from s3_catalog_tests.describing.lake_tables import by_identity, describe, description, settings_for

Fill = Callable[[dict[str, bytes]], Path]
CSV = b"id,mail,city\n1,a,Bonn\n2,b,Ulm\n"
OURS = """
description: |
  All orders.
  One row each.
owners: [sales@example.org, Data Platform]
tags: Tier.Gold, Domain.Sales
columns:
  id: The number of the order
  mail:
    description: Who ordered
    tags: [Data.Contact]
"""


def only(lake: Path, home: Path, text: str = "") -> Description:
    """The description of the only table."""
    (table,) = describe(settings_for(str(lake), home, text)).values()
    return description(table)


def test_a_sidecar_gives_text_owners_tags_and_words_on_columns(fill_folder: Fill, tmp_path: Path) -> None:
    found = only(fill_folder({"orders/day=1/x.csv": CSV, "orders/_catalog.yaml": OURS.encode()}), tmp_path)
    assert found.text == "All orders.\nOne row each."
    assert found.owners == ("sales@example.org", "Data Platform")
    assert [(tag.column, tag.name, tag.rule, tag.why) for tag in found.tags] == [
        (None, "Domain.Sales", "sidecar", "written in _catalog.yaml"),
        (None, "Tier.Gold", "sidecar", "written in _catalog.yaml"),
        ("mail", "Data.Contact", "sidecar", "written in _catalog.yaml"),
    ]
    assert found.column_texts == (("id", "The number of the order"), ("mail", "Who ordered"))
    assert found.warnings == ()


def test_a_sidecar_is_in_the_ledger_and_is_no_table(fill_folder: Fill, tmp_path: Path) -> None:
    lake = fill_folder({"a/x.csv": CSV, "a/_catalog.yml": b"", "a/openmetadata.json": b"{}", "b/_catalog.yaml": b"owners: x"})
    report = crawl(settings_for(str(lake), tmp_path))
    assert [result.layout.location for result in report.tables] == ["a/x.csv"]
    assert report.summary.skipped == {"catalog sidecar file": 3}


def test_openmetadata_json_is_read_as_openmetadata_writes_it(fill_folder: Fill, tmp_path: Path) -> None:
    document = {
        "description": "Orders",
        "owners": [{"name": "sales", "type": "team"}, {"email": "ann@example.org"}],
        "tags": [{"tagFQN": "Tier.Tier1", "source": "Classification"}],
        "columns": [{"name": "id", "dataType": "INT", "description": "Number", "tags": [{"tagFQN": "Data.Key"}]}],
        "sourceUrl": "of no use here",
    }
    found = only(fill_folder({"a/x.csv": CSV, "a/openmetadata.json": json.dumps(document).encode()}), tmp_path)
    assert (found.text, found.owners, found.column_texts) == ("Orders", ("sales", "ann@example.org"), (("id", "Number"),))
    assert [(tag.column, tag.name) for tag in found.tags] == [(None, "Tier.Tier1"), ("id", "Data.Key")]
    assert found.warnings == ()


def test_ours_goes_before_openmetadata_json_and_tags_unite(fill_folder: Fill, tmp_path: Path) -> None:
    other = {"description": "theirs", "owners": ["them"], "tags": ["A.x", "B.y"], "columns": {"id": "theirs", "city": "theirs"}}
    ours = b"description: ours\ntags: [A.x]\ncolumns: {id: ours}"
    found = only(fill_folder({"a/x.csv": CSV, "a/_catalog.yaml": ours, "a/openmetadata.json": json.dumps(other).encode()}), tmp_path)
    assert (found.text, found.owners) == ("ours", ("them",))
    assert dict(found.column_texts) == {"id": "ours", "city": "theirs"}
    assert [(tag.name, tag.why) for tag in found.tags] == [
        ("A.x", "written in _catalog.yaml; written in openmetadata.json"),
        ("B.y", "written in openmetadata.json"),
    ]


MANIFEST = {
    "entries": [
        {"dataPath": "devices", "structureFormat": "csv", "isPartitioned": True, "partitionColumns": [
            {"name": "device", "dataType": "STRING", "description": "Serial number", "tags": [{"tagFQN": "Data.Key"}]}],
         "description": "Readings", "owners": ["iot"]},
        {"dataPath": "logs", "structureFormat": "csv", "depth": 1, "description": "Logs"},
    ]
}  # fmt: skip


def test_entries_of_the_manifest_at_the_top_speak_of_their_tables_in_whole_and_scoped_runs(fill_folder: Fill, tmp_path: Path) -> None:
    files = {"devices/a/x.csv": CSV, "logs/web/x.csv": CSV, "other/x.csv": CSV, "openmetadata.json": json.dumps(MANIFEST).encode()}
    settings = settings_for(str(fill_folder(files)), tmp_path)
    whole = describe(settings)
    texts = {name: description(table).text for name, table in whole.items()}
    assert texts == {"devices": "Readings", "logs_web": "Logs", "other_x": None}
    devices = description(whole["devices"])
    assert (devices.owners, devices.column_texts) == (("iot",), (("device", "Serial number"),))
    assert [(tag.column, tag.name) for tag in devices.tags] == [("device", "Data.Key")]
    (scoped,) = describe(settings, scope="devices/", known=by_identity(whole)).values()
    assert scoped.description is devices


def test_a_folder_of_several_tables_names_them_by_file(fill_folder: Fill, tmp_path: Path) -> None:
    text = b"""
        owners: exports
        description: of which one?
        tables:
          "orders*": {description: Orders, columns: {id: Number}}
    """
    lake = fill_folder({"x/orders.csv": CSV, "x/customers.csv": b"a,b\n1,2\n", "x/_catalog.yaml": text})
    found = {table.layout.location: description(table) for table in describe(settings_for(str(lake), tmp_path)).values()}
    assert {location: (one.text, one.owners) for location, one in found.items()} == {
        "x/orders.csv": ("Orders", ("exports",)),
        "x/customers.csv": (None, ("exports",)),
    }
    assert found["x/orders.csv"].warnings == ()
    (warning,) = found["x/customers.csv"].warnings
    assert warning.startswith("_catalog.yaml: its folder holds several tables, so its description and columns are of none")


def test_a_changed_sidecar_describes_its_table_anew_and_no_other(fill_folder: Fill, tmp_path: Path) -> None:
    lake = fill_folder({"a/x.csv": CSV, "a/_catalog.yaml": b"description: one", "b/x.csv": CSV, "b/_catalog.yaml": b"description: b"})
    settings = settings_for(str(lake), tmp_path)
    before = describe(settings)

    store = open_store(settings.location)
    assert describe(settings, store=store, known=by_identity(before)) == before
    assert store.receipt.get_requests == 0

    (lake / "a/_catalog.yaml").write_text("description: two, and longer")
    store = open_store(settings.location)
    after = describe(settings, store=store, known=by_identity(before))
    assert description(after["a_x"]).text == "two, and longer"
    assert after["b_x"].description is before["b_x"].description
    assert store.receipt.get_requests == 2  # the sidecar, and the rows of its table

    (lake / "a/_catalog.yaml").unlink()
    assert description(describe(settings, known=by_identity(after))["a_x"]).text is None


def test_a_column_that_people_tag_as_personal_is_masked(fill_folder: Fill, tmp_path: Path) -> None:
    sidecar = b"columns:\n  city: {tags: [PII.Sensitive]}\n  mail: {tags: [PII.NonSensitive]}\n"
    (table,) = describe(settings_for(str(fill_folder({"a/x.csv": CSV, "a/_catalog.yaml": sidecar})), tmp_path)).values()
    found = description(table)
    assert [json.loads(row)["city"] for row in found.sample.rows] == ["<PII.Sensitive>"] * 2
    assert [json.loads(row)["mail"] for row in found.sample.rows] == ["a", "b"]
    assert "Bonn" not in repr(table)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("_catalog.yaml", b"a: [", "not understood: it is not YAML"),
        ("_catalog.yaml", b"- 1", "not understood: it should hold keys like description, owners, tags, columns"),
        ("_catalog.yaml", b"description: \xff", "not understood: it is no UTF-8 text"),
        ("_catalog.yaml", b"a: &x [1]\nb: *x", "not understood: YAML aliases are not supported, write the value out"),
        ("_catalog.yaml", b"[" * 500_000, "not understood: it is nested too deeply"),
        ("_catalog.yaml", b"description: !!python/object/apply:os.system [echo]", "not understood: it is not YAML"),
        ("_catalog.yaml", b"description: 2024-13-45", "not understood: it is not YAML"),
        ("_catalog.yaml", b"n: " + b"9" * 100_000, "not understood: it is not YAML"),
        ("_catalog.yaml", b"#" * (1 << 20) + b"#", "not read: it is larger than 1 MiB"),
        ("openmetadata.json", b"{", "not understood: it is not JSON"),
        ("openmetadata.json", b"[" * 500_000, "not understood: it is not JSON"),
        ("openmetadata.json", b'"text"', "not understood: it should hold keys like"),
    ],
)
def test_a_sidecar_that_cannot_be_read_is_a_warning(name: str, data: bytes, reason: str, fill_folder: Fill, tmp_path: Path) -> None:
    found = only(fill_folder({"a/x.csv": CSV, f"a/{name}": data}), tmp_path)
    (warning,) = found.warnings
    assert warning.startswith(f"{name}: {reason}")
    assert len(found.sample.rows) == 2


def test_a_large_sidecar_is_read_in_a_blink(fill_folder: Fill, tmp_path: Path) -> None:
    columns = "".join(f"  column_{number}: text of column {number}\n" for number in range(20_000))
    lake = fill_folder({"a/x.csv": CSV, "a/_catalog.yaml": f"columns:\n  id: Number\n{columns}".encode()})
    started = time.monotonic()
    found = only(lake, tmp_path)
    assert time.monotonic() - started < 20
    assert found.column_texts == (("id", "Number"),)
    assert len(found.warnings) == 20


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("descripton: x", "descripton: unknown key; the keys are description, owners, tags, columns, tables"),
        ("description: [a]", "description: should be text"),
        ("description: yes", "description: should be text"),
        ("owners: [[a]]", "owners: should be texts of at most 256 characters"),
        (f"owners: [{'x' * 257}]", "owners: should be texts of at most 256 characters"),
        (f"owners: [{', '.join(f'o{n}' for n in range(60))}]", "owners: the first 50 of 60 count"),
        ("tags: [Gold]", "tags: not a tag: write Classification.Tag, like PII.Email or Tier.Gold"),
        ("tags: {a: b}", "tags: should be texts of at most 256 characters"),
        ("columns: {zip: Code}", "columns.zip: the table has no such column"),
        ("columns: {id: {description: [1]}}", "columns.id.description: should be text"),
        ("columns: [a]", "columns: should be columns by name"),
        ("columns: text", "columns: should be columns by name"),
        (f"description: {'x' * (MAX_TEXT + 1)}", "description: cut after 20,000 of 20,001 characters"),
        ("description: 4711", None),
        ("columns: {}", None),
    ],
)
def test_what_makes_no_sense_is_named_and_the_rest_counts(text: str, warning: str | None, fill_folder: Fill, tmp_path: Path) -> None:
    found = only(fill_folder({"a/x.csv": CSV, "a/_catalog.yaml": f"{text}\n".encode()}), tmp_path)
    assert found.warnings == (() if warning is None else (f"_catalog.yaml: {warning}",))


def test_text_of_people_cannot_move_a_cursor_or_turn_a_line_round(fill_folder: Fill, tmp_path: Path) -> None:
    text = {"description": "a\x1b[2Jb\u202ec\r\nd\x00", "owners": ["e\x07\u2066f\n g"], "columns": {"id": "\x9bx"}}
    found = only(fill_folder({"a/x.csv": CSV, "a/openmetadata.json": json.dumps(text).encode()}), tmp_path)
    assert (found.text, found.owners, found.column_texts) == ("a[2Jbc\nd", ("ef g",), (("id", "x"),))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | st.sampled_from(["name", "description", "tags"]), inner)
    ),
    max_leaves=12,
)
documents = st.dictionaries(st.sampled_from(["description", "owners", "tags", "columns", "partitionColumns", "x"]), json_values)


@given(documents)
def test_no_document_breaks_the_reader_and_all_it_gives_is_bounded_and_harmless(document: dict[str, object]) -> None:
    found = read_annotation(document, "_catalog.yaml", ["id", "name"], strict=True)
    texts = [found.text or "", *found.owners, *(text for _, text in found.column_texts), *(tag.name for tag in found.tags), *found.warnings]
    assert all(c.isprintable() or c in "\n\t" or not c.isascii() for text in texts for c in text)
    assert "\x9b" not in "".join(texts)
    assert len(found.warnings) <= 20
