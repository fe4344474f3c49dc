"""Rules, tags in the store, detectors and switches together, over real files."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from s3_catalog.config import Settings
from s3_catalog.storage import open_store
from s3_catalog_tests.describing.lake_tables import by_identity, describe, description, settings_for
from s3_catalog_tests.lakes import write_parquet, write_text
from s3_catalog_tests.servers import S3Server
from s3_catalog_tests.services.test_store_minio import assume_role

ALL_RULES = """
tags:
  default: Source.S3, Tier.Bronze
  paths: "hr:PII.PersonalData; salaries:Finance.CriticalData"
  classification: {finance/: Tier.Gold}
  sizes: [{min: 0, tag: Size.Any}]
  formats: {parquet: Format.Columnar}
samples:
  withhold: {paths: "hr/**", tags: "PII.Phone"}
"""


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    root = tmp_path / "lake"
    mails = [f"person{n}@example.org" for n in range(20)]
    write_parquet(root / "hr/people/a.parquet", id=list(range(20)), email=mails, salary=list(range(71000, 71020)))
    write_parquet(root / "finance/gl/a.parquet", account=list(range(20)), amount=[n / 4 for n in range(20)])
    write_text(root / "crm/calls.csv", "phone,note\n" + "".join(f"+49 30 9018{n:04d},x\n" for n in range(2000, 2040)))
    return root


def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(exist_ok=True)
    return folder


def test_rules_and_detectors_tag_a_lake_together(lake: Path, tmp_path: Path) -> None:
    found = {name: description(table).tags for name, table in describe(settings_for(str(lake), home(tmp_path), ALL_RULES)).items()}
    assert {name: [(tag.column, tag.name, tag.rule) for tag in tags if tag.column is None] for name, tags in found.items()} == {
        "hr_people_a": [
            (None, "Format.Columnar", "format"), (None, "PII.PersonalData", "path"), (None, "Size.Any", "size"),
            (None, "Source.S3", "default"), (None, "Tier.Bronze", "default"),
        ],
        "finance_gl_a": [
            (None, "Format.Columnar", "format"), (None, "Size.Any", "size"), (None, "Source.S3", "default"), (None, "Tier.Gold", "prefix"),
        ],
        "crm_calls": [(None, "Size.Any", "size"), (None, "Source.S3", "default"), (None, "Tier.Bronze", "default")],
    }  # fmt: skip
    assert {(tag.column, tag.name) for tag in found["hr_people_a"] if tag.column} >= {("email", "PII.Email")}
    assert all(tag.why and 0 < tag.confidence <= 1 for tags in found.values() for tag in tags)


def test_a_table_that_is_switched_off_keeps_its_tags_and_no_value(lake: Path, tmp_path: Path) -> None:
    found = describe(settings_for(str(lake), home(tmp_path), ALL_RULES))
    people, calls, ledger = (found[name] for name in ("hr_people_a", "crm_calls", "finance_gl_a"))
    assert description(people).sample.withheld == "samples are off for the path 'hr/**'"
    assert description(calls).sample.withheld == "samples are off for the tag PII.Phone"
    assert (description(people).sample.rows, description(calls).sample.rows) == ((), ())
    assert "71000" not in repr(people)
    assert "71019" not in repr(people)
    assert "9018" not in repr(calls)
    assert [profile.column for profile in description(people).columns] == ["id", "email", "salary"]
    assert len(description(ledger).sample.rows) == 20


def test_without_samples_no_row_is_read(lake: Path, tmp_path: Path) -> None:
    settings = settings_for(str(lake), home(tmp_path), "samples: {enabled: false}\n")
    found = describe(settings)
    assert {description(table).sample.withheld for table in found.values()} == {"samples are off"}
    assert "PII.Phone" not in repr(found)


def test_a_detector_that_is_switched_off_neither_tags_nor_masks(lake: Path, tmp_path: Path) -> None:
    calls = describe(settings_for(str(lake), home(tmp_path), "samples: {detectors_off: phone, max_rows: 3}\n"))["crm_calls"]
    assert description(calls).tags == ()
    assert [json.loads(row)["phone"][:6] for row in description(calls).sample.rows] == ["+49 30"] * 3


@pytest.mark.parametrize("change", ["tags: {default: A.b}", "samples: {withhold: {tables: x}}", "samples: {max_bytes: 1 MiB}"])
def test_changed_rules_describe_every_table_anew(lake: Path, tmp_path: Path, change: str) -> None:
    before = describe(settings_for(str(lake), home(tmp_path)))
    after = describe(settings_for(str(lake), home(tmp_path), f"{change}\n"), known=by_identity(before))
    assert all(description(after[name]).rules != description(before[name]).rules for name in before)
    again = describe(settings_for(str(lake), home(tmp_path), f"{change}\n"), known=by_identity(after))
    assert all(again[name].description is after[name].description for name in after)


STORE_TAGS = """
tags:
  default: Team.nobody
  object_tags: {team: Team, contact: Contact}
  bucket_tags: {cost center: CostCenter, team: Team}
"""


def s3_settings(server: S3Server, bucket: str, tmp_path: Path, text: str) -> Settings:
    return settings_for(f"s3://{bucket}/", home(tmp_path), text)


def set_tags(server: S3Server, bucket: str, key: str | None, **tags: str) -> None:
    tagging = {"TagSet": [{"Key": name.replace("_", " "), "Value": value} for name, value in tags.items()]}
    if key is None:
        server.client().put_bucket_tagging(Bucket=bucket, Tagging=tagging)
    else:
        server.client().put_object_tagging(Bucket=bucket, Key=key, Tagging=tagging)


@pytest.mark.parametrize("server", ["s3_server", "minio_server"])
def test_tags_of_objects_and_buckets_become_tags_of_tables(server: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    s3: S3Server = request.getfixturevalue(server)
    bucket = s3.make_bucket({"a/1.csv": b"x,y\n1,2\n", "b/1.csv": b"x,y\n3,4\n"})
    set_tags(s3, bucket, None, cost_center="4711", team="platform")
    set_tags(s3, bucket, "a/1.csv", team="sales", contact="ann@example.org", other="x")
    settings = s3_settings(s3, bucket, tmp_path, STORE_TAGS)
    store = open_store(settings.location, s3.options())
    found = describe(settings, store=store)
    assert {name: [(tag.name, tag.why) for tag in description(table).tags] for name, table in found.items()} == {
        "a": [("CostCenter.4711", "the tag 'cost center' of the bucket"), ("Team.sales", "the tag 'team' of the newest object")],
        "b": [("CostCenter.4711", "the tag 'cost center' of the bucket"), ("Team.platform", "the tag 'team' of the bucket")],
    }

    store = open_store(settings.location, s3.options())
    assert describe(settings, store=store, known=by_identity(found)) == found
    assert store.receipt.get_requests == 3  # the bucket, and one object of each table

    set_tags(s3, bucket, "b/1.csv", team="logistics")
    later = describe(settings, store=open_store(settings.location, s3.options()), known=by_identity(found))
    assert "Team.logistics" in repr(description(later["b"]).tags)
    assert later["a"].description is found["a"].description


def test_what_looks_like_personal_data_makes_no_tag_and_stands_in_no_log(
    s3_server: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bucket = s3_server.make_bucket({"a/1.csv": b"x,y\n1,2\n"})
    set_tags(s3_server, bucket, "a/1.csv", contact="ann@example.org")
    settings = s3_settings(s3_server, bucket, tmp_path, STORE_TAGS)
    found = describe(settings, store=open_store(settings.location, s3_server.options()))
    assert "ann@example.org" not in repr(found)
    assert "ann@example.org" not in caplog.text
    (table,) = found.values()
    assert description(table).warnings == ("object tag 'contact' of the newest object makes no tag: it looks like personal data",)


def test_tags_that_may_not_be_read_are_one_warning(minio_server: S3Server, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bucket = minio_server.make_bucket({f"t{n}/1.csv": b"x,y\n1,2\n" for n in range(30)})
    everything = [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    allowed = {"Effect": "Allow", "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": everything}
    session = assume_role(minio_server, json.dumps({"Version": "2012-10-17", "Statement": [allowed]}))
    settings = s3_settings(minio_server, bucket, tmp_path, STORE_TAGS)
    found = describe(settings, store=open_store(settings.location, minio_server.options(**session)))
    assert {tag.name for table in found.values() for tag in description(table).tags} == {"Team.nobody"}
    warnings = [record.getMessage() for record in caplog.records if "tags of" in record.getMessage()]
    assert [text.partition(" reason=")[0] for text in warnings] == ["tags of the bucket are not read", "tags of objects are not read"]
    assert all("permission denied" in text for text in warnings)


def test_a_folder_has_no_tags_and_asks_for_none(lake: Path, tmp_path: Path) -> None:
    found = describe(settings_for(str(lake), home(tmp_path), STORE_TAGS))
    assert {tag.name for table in found.values() for tag in description(table).tags if tag.column is None} == {"Team.nobody"}
