"""What keys alone tell: one test per layout that users have."""

from __future__ import annotations

import pytest

from s3_catalog.model.ledger import SkipReason
from s3_catalog.model.tables import UNSTRUCTURED
from s3_catalog_tests.discovery.keys import UUID, fates, group, tables

DATE_PARTS = "year:int, month:int, day:int"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(
            [f"sales/year={y}/month={m:02d}/part-0.parquet" for y in (2023, 2024) for m in (1, 12)],
            {"sales/": "parquet(year:int, month:int)"},
            id="hive",
        ),
        pytest.param(
            ["t/a=x/b=1/c=2024-01-01/d=y/e=0/f=z/p.parquet"],
            {"t/": "parquet(a:string, b:int, c:date, d:string, e:int, f:string)"},
            id="hive of any depth",
        ),
        pytest.param(["t/zip=00123/p.csv", "t/zip=99999/p.csv"], {"t/": "csv(zip:string)"}, id="leading zeros stay text"),
        pytest.param(["t/month=01/p.csv", "t/month=12/p.csv"], {"t/": "csv(month:int)"}, id="leading zeros of a date part"),
        pytest.param(["t/id=123456789012/p.csv"], {"t/": "csv(id:bigint)"}, id="large integers"),
        pytest.param(["t/id=99999999999999999999/p.csv"], {"t/": "csv(id:string)"}, id="integers beyond 64 bits"),
        pytest.param(["t/d=2024-02-30/p.csv"], {"t/": "csv(d:string)"}, id="a day that does not exist is no date"),
        pytest.param(["t/dt=20240131/p.csv", "t/dt=20240201/p.csv"], {"t/": "csv(dt:date)"}, id="compact dates under a date's name"),
        pytest.param(["t/n=1/p.csv", "t/n=__HIVE_DEFAULT_PARTITION__/p.csv"], {"t/": "csv(n:int)"}, id="a null does not change a type"),
        pytest.param(["l/2024/01/30/a.json", "l/2024/01/31/b.json"], {"l/": f"json({DATE_PARTS})"}, id="yyyy/mm/dd"),
        pytest.param(["l/2024/01/30/00/a.json", "l/2024/01/31/23/b.json"], {"l/": f"json({DATE_PARTS}, hour:int)"}, id="hours"),
        pytest.param(["l/2024-01-30/a.csv", "l/2024-01-31/b.csv"], {"l/": "csv(date:date)"}, id="yyyy-mm-dd"),
        pytest.param(["l/20240130/a.csv", "l/20240131/b.csv"], {"l/": "csv(date:date)"}, id="yyyymmdd"),
        pytest.param(["l/y=2024/m=01/a.csv"], {"l/": "csv(y:int, m:int)"}, id="y=/m="),
        pytest.param(["l/2024-01/a.csv", "l/2024-02/a.csv"], {"l/": "csv(month:string)"}, id="yyyy-mm"),
        pytest.param(["l/2024/a.csv", "l/2025/a.csv"], {"l/": "csv(year:int)"}, id="yyyy"),
        pytest.param(["2024/01/a.csv", "2024/02/a.csv"], {"": "csv(year:int, month:int)"}, id="dates at the bucket's root"),
        pytest.param(["dt=2024-01-01/a.csv"], {"": "csv(dt:date)"}, id="hive at the bucket's root"),
    ],
)
def test_partition_folders_become_typed_columns(keys, expected):
    assert tables(group(*keys)) == expected


def test_partition_values_are_decoded_and_nulls_are_null():
    grouping = group(
        "t/city=K%C3%B6ln/a.csv", "t/city=東京/a.csv", "t/city=a%2Fb/a.csv", "t/city=__HIVE_DEFAULT_PARTITION__/a.csv", "t/city=100%/a.csv"
    )

    assert {p.values for p in grouping.partitions[0]} == {("Köln",), ("東京",), ("a/b",), (None,), ("100%",)}


def test_partitions_carry_counts_and_sizes():
    grouping = group("t/d=1/a.csv", "t/d=1/b.csv", "t/d=2/a.csv")

    assert [(p.values, p.object_count, p.size_bytes) for p in grouping.partitions[0]] == [(("1",), 2, 200), (("2",), 1, 100)]


def test_mixed_key_order_is_one_table_and_reported():
    grouping = group("t/a=1/b=2/x.parquet", "t/a=2/b=2/x.parquet", "t/b=1/a=2/x.parquet")

    assert tables(grouping) == {"t/": "parquet(a:int, b:int)"}
    assert grouping.layouts[0].warnings == ("mixed key order: a/b and b/a",)
    assert {p.values for p in grouping.partitions[0]} == {("1", "2"), ("2", "2"), ("2", "1")}


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("t/_SUCCESS", SkipReason.MARKER),
        ("t/_temporary/0/task_1/part-0.parquet", SkipReason.TEMPORARY),
        ("t/.spark-staging-1/dt=1/part-0.parquet", SkipReason.TEMPORARY),
        ("t/.part-0.parquet.crc", SkipReason.CHECKSUM),
        ("t_$folder$", SkipReason.DIRECTORY_MARKER),
        ("t/", SkipReason.DIRECTORY_MARKER),
        ("t/dt=1/", SkipReason.DIRECTORY_MARKER),
        ("t/_metadata", SkipReason.SUMMARY),
        ("t/_common_metadata", SkipReason.SUMMARY),
        ("t/.part-0-0.inprogress.5e1", SkipReason.TEMPORARY),
        ("t/_part-0-0.pending", SkipReason.TEMPORARY),
        ("t/_started_123", SkipReason.MARKER),
        ("t/_committed_123", SkipReason.MARKER),
        ("t/.DS_Store", SkipReason.HIDDEN),
        ("t/data.csv._COPYING_", SkipReason.TEMPORARY),
        ("t/manifest", SkipReason.FEED_MANIFEST),
    ],
)
def test_what_writers_leave_behind_is_skipped_with_its_reason(key, reason):
    grouping = group("t/dt=1/part-00000-3f2e1a2b-1111-2222-3333-444455556666-c000.snappy.parquet", key)

    assert tables(grouping) == {"t/": "parquet(dt:int)"}
    assert fates(grouping)[key] == reason


def test_flink_buckets_by_hour_are_one_table():
    assert tables(group("f/2024-01-31--10/part-0-0", "f/2024-01-31--11/part-0-1", sniffed="avro")) == {"f/": "avro(date_hour:string)"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param(
            [f"fh/2024/01/31/{h:02d}/clicks-1-2024-01-31-{h:02d}-05-12-{UUID.format(h)}" for h in (1, 2)],
            {"fh/": f"jsonl({DATE_PARTS}, hour:int)"},
            id="Firehose",
        ),
        pytest.param(
            [
                f"AWSLogs/123456789012/CloudTrail/{r}/2024/01/{d}/123456789012_CloudTrail_{r}_202401{d}T1005Z_UAVjM6cQ3kcVyXRv.json.gz"
                for r in ("us-east-1", "eu-west-1")
                for d in (30, 31)
            ],
            {"AWSLogs/**/CloudTrail/": f"json(account_id:bigint, region:string, {DATE_PARTS})"},
            id="CloudTrail",
        ),
        pytest.param(
            [
                f"lb/AWSLogs/123456789012/elasticloadbalancing/us-east-1/2024/01/{d}/123456789012_elasticloadbalancing_us-east-1"
                f"_app.web.1234567890abcdef_202401{d}T0000Z_10.0.0.1_4abcdefg.log.gz"
                for d in (30, 31)
            ],
            {"lb/AWSLogs/**/elasticloadbalancing/": f"text(account_id:bigint, region:string, {DATE_PARTS})"},
            id="load balancer",
        ),
        pytest.param(
            [f"topics/{t}/partition={p}/{t}+{p}+{o:010d}.json" for t in ("orders", "users") for p in (0, 1) for o in (0, 100)],
            {"topics/orders/": "json(partition:int)", "topics/users/": "json(partition:int)"},
            id="Kafka Connect",
        ),
        pytest.param(
            [f"air/public/{s}/2024_01_3{d}_1706659200000_{i}.csv" for s in ("users", "orders") for d in (0, 1) for i in (0, 1)],
            {"air/public/orders/": "csv(date:date)", "air/public/users/": "csv(date:date)"},
            id="Airbyte",
        ),
    ],
)
def test_what_services_write_is_one_table_each(keys, expected):
    assert tables(group(*keys, sniffed="jsonl")) == expected


def test_an_s3_inventory_is_one_table_and_its_manifests_are_skipped():
    data = [f"inv/source/daily/data/{UUID.format(i)}.csv.gz" for i in range(3)]
    feed = [
        f"inv/source/daily/{name}"
        for name in ("2024-01-31T00-00Z/manifest.json", "2024-01-31T00-00Z/manifest.checksum", "hive/dt=2024-01-31-00-00/symlink.txt")
    ]
    grouping = group(*data, *feed)

    assert tables(grouping) == {"inv/source/daily/data/": "csv()"}
    assert {fates(grouping)[key] for key in feed} == {SkipReason.FEED_MANIFEST}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param([f"t/part-{i:05d}.parquet" for i in range(3)], {"t/": "parquet()"}, id="parts"),
        pytest.param([f"t/{UUID.format(i)}.json" for i in range(3)], {"t/": "json()"}, id="ids"),
        pytest.param([f"t/clicks-{i}.csv.gz" for i in range(3)], {"t/": "csv()"}, id="numbered"),
        pytest.param(["t/000000_0", "t/000001_0"], {"t/": "orc()"}, id="Hive, without endings"),
        pytest.param(
            ["crm/customers.csv", "crm/orders.csv"], {"crm/customers.csv": "csv()", "crm/orders.csv": "csv()"}, id="one-file tables"
        ),
        pytest.param(["orders/orders.csv"], {"orders/": "csv()"}, id="named after its folder"),
        pytest.param(["orders/data.csv"], {"orders/": "csv()"}, id="a generic name"),
        pytest.param(
            [f"s/{t}_2024-01-0{d}.csv" for t in ("orders", "customers") for d in (1, 2, 3)],
            {"s/customers_*": "csv(date:date)", "s/orders_*": "csv(date:date)"},
            id="dated snapshots of several tables",
        ),
        pytest.param(
            ["s/o_1.csv", "s/o_2.csv", "s/o_1_new.csv", "s/o_2_new.csv", "s/m_v1_1.csv", "s/m_v2_1.csv"],
            {"s/o_*": "csv()", "s/o_*new*": "csv()", "s/m_v1*": "csv()", "s/m_v2*": "csv()"},
            id="names that begin alike",
        ),
        pytest.param(["s/orders_202401.csv", "s/orders_202402.csv"], {"s/orders_*": "csv(month:string)"}, id="monthly snapshots"),
        pytest.param(
            [f"e/2024-01-0{d}/{t}.csv" for d in (1, 2) for t in ("orders", "customers")],
            {"e/**/customers*": "csv(date:date)", "e/**/orders*": "csv(date:date)"},
            id="several tables in each date folder",
        ),
        pytest.param(
            [f"e/2024/01/0{d}/{t}/part-{d}.csv" for d in (1, 2) for t in ("orders", "customers")],
            {"e/**/customers/": f"csv({DATE_PARTS})", "e/**/orders/": f"csv({DATE_PARTS})"},
            id="table folders below date folders",
        ),
        pytest.param(
            ["a.csv", "b.parquet", "n_1.json", "n_2.json"], {"a.csv": "csv()", "b.parquet": "parquet()", "n_*": "json()"}, id="at the root"
        ),
        pytest.param(["m/v1/p-0.parquet", "m/v2/p-0.parquet"], {"m/v1/": "parquet()", "m/v2/": "parquet()"}, id="versions"),
        pytest.param(["t/part_a.csv", "t/part_b.csv"], {"t/": "csv()"}, id="lettered parts"),
        pytest.param(["t/xaa", "t/xab", "t/xac"], {"t/": "orc()"}, id="pieces of split"),
        pytest.param(
            [f"t/d={d}/{r}.csv" for d in (1, 2) for r in ("us", "eu")], {"t/": "csv(d:int)"}, id="short names inside Hive partitions"
        ),
        pytest.param(
            [f"t/d={d}/{r}.csv" for d in (1, 2) for r in ("orders", "users")],
            {"t/**/orders*": "csv(d:int)", "t/**/users*": "csv(d:int)"},
            id="telling names inside Hive partitions",
        ),
        pytest.param(["t/date-2024-01-01/a.csv", "t/date-2024-01-02/b.csv"], {"t/": "csv(date:date)"}, id="labelled dates"),
        pytest.param(["t/17/a.csv", "t/4711/a.csv"], {"t/": "csv(partition_0:int)"}, id="folders of ids"),
    ],
)
def test_folders_split_and_join_as_people_mean_them(keys, expected):
    assert tables(group(*keys, sniffed="orc")) == expected


def test_files_at_a_tables_root_and_in_its_partitions_are_one_table():
    grouping = group("ev/part-0.parquet", "ev/dt=2024-01-01/part-0.parquet", "o/orders.parquet", "o/year=2024/orders.parquet")

    assert tables(grouping) == {"ev/": "parquet(dt:date)", "o/": "parquet(year:int)"}
    assert {p.values for p in grouping.partitions[0]} == {(None,), ("2024-01-01",)}
    assert all("at the root" in layout.warnings[0] for layout in grouping.layouts)


def test_a_lone_table_beside_date_folders_stays_apart():
    assert set(tables(group("sales/customers.csv", "sales/2024/01/01/data.csv"))) == {"sales/customers.csv", "sales/"}


def test_the_same_table_in_two_formats_is_two_tables_and_a_warning():
    grouping = group("o/part-0.parquet", "o/part-1.parquet", "o/part-0.csv")

    assert {(layout.name, layout.format) for layout in grouping.layouts} == {("o_csv", "csv"), ("o_parquet", "parquet")}
    assert all("a table of its own" in layout.warnings[0] for layout in grouping.layouts)


def test_table_format_roots_own_everything_below_them():
    grouping = group(
        "d/t/_delta_log/00000000000000000000.json", "d/t/_delta_log/_last_checkpoint", "d/t/dt=1/a.parquet", "d/t/b.parquet",
        "d/t/_change_data/c.parquet", "d/t/deletion_vector_1.bin",
        "i/t/metadata/v1.metadata.json", "i/t/metadata/snap-1.avro", "i/t/data/x=1/a.parquet",
        "h/t/.hoodie/hoodie.properties", "h/t/2024/a.parquet", "h/t/2024/.hoodie_partition_metadata", "h/t/2024/.f1_2.log.1_0-1-0",
    )  # fmt: skip
    found = fates(grouping)

    assert tables(grouping) == {"d/t/": "delta(dt:int)", "i/t/": "iceberg()", "h/t/": "hudi()"}
    assert {key for key, fate in found.items() if fate == "d/t/"} == {"d/t/dt=1/a.parquet", "d/t/b.parquet"}
    assert {key for key, fate in found.items() if fate == "h/t/"} == {"h/t/2024/a.parquet", "h/t/2024/.f1_2.log.1_0-1-0"}
    assert found["d/t/_change_data/c.parquet"] == found["d/t/deletion_vector_1.bin"] == SkipReason.TABLE_MAINTENANCE
    assert {found[key] for key in ("d/t/_delta_log/_last_checkpoint", "i/t/metadata/snap-1.avro", "h/t/.hoodie/hoodie.properties")} == {
        SkipReason.TABLE_LOG
    }


def test_a_table_root_inside_another_owns_its_own_files():
    assert fates(group("a/_delta_log/0.json", "a/x.parquet", "a/b/_delta_log/0.json", "a/b/y.parquet"))["a/b/y.parquet"] == "a/b/"


def test_a_folder_with_nothing_in_common_is_one_file_set():
    words = [f"{a}{b}thing" for a in "abcdefghij" for b in "klmnopqrst"]
    grouping = group(*(f"drop/{word}{ending}" for word, ending in zip(words, [".csv", ".pdf", ".json", ".docx", ".jpg"] * 20, strict=True)))

    assert tables(grouping) == {"drop/": f"{UNSTRUCTURED}()"}
    assert grouping.layouts[0].object_count == 100


def test_files_of_no_known_format_are_one_set_per_top_folder():
    grouping = group("img/a/1.png", "img/b/2.png", "img/b/deep/er/3.jpg", "docs/x.pdf")

    assert {(layout.name, layout.location, layout.object_count) for layout in grouping.layouts} == {
        ("img_files", "img/", 3),
        ("docs_files", "docs/", 1),
    }


def test_strays_beside_a_table_are_skipped_and_do_not_become_tables():
    found = fates(group("t/dt=1/a.parquet", "t/dt=1/notes.pdf", "t/README.md", "crm/a.csv", "crm/LICENSE"))

    assert found["t/dt=1/notes.pdf"] == found["t/README.md"] == found["crm/LICENSE"] == SkipReason.NOT_DATA


def test_every_layout_says_why_and_what_came_second():
    grouping = group(
        "a/dt=1/x.csv",
        "b/2024/01/01/x.csv",
        "c/p-1.csv",
        "c/p-2.csv",
        "d/one.csv",
        "d/two.csv",
        "e/x.jpg",
        "f/_delta_log/0.json",
        "f/x.parquet",
    )

    assert all(layout.evidence.rule and layout.evidence.reason and layout.evidence.runner_up for layout in grouping.layouts)


def test_a_crawl_below_a_prefix_reads_only_what_follows_it():
    grouping = group("data/2024/orders/dt=1/a.csv", base="data/2024/")

    assert [(layout.name, layout.location) for layout in grouping.layouts] == [("orders", "data/2024/orders/")]


def test_odd_keys_are_grouped_like_others():
    keys = ["a b/x y.csv", "a//b.csv", "/lead.csv", "x/../y.csv", "e😀/f.csv", "n\nl/x.csv", "k/" + "z" * 1018 + ".csv"]
    grouping = group(*keys)

    assert set(fates(grouping).values()) == set(keys)
    assert len({layout.name for layout in grouping.layouts}) == len(keys)


def test_files_that_were_not_looked_into_are_counted_in_a_warning():
    grouping = group(*(f"top{number}/file" for number in range(300)), sniffed="orc")
    unopened = [layout for layout in grouping.layouts if layout.format == UNSTRUCTURED]

    assert len(unopened) == 300 - 256
    assert {layout.warnings for layout in unopened} == {
        ("1 of 1 files were not looked into: too many kinds of files have no telling names",)
    }


def test_every_object_of_a_partitioned_table_knows_its_partition():
    grouping = group("t/d=2/a.csv", "t/d=1/a.csv", "t/d=1/b.csv", "u/x.csv", "t/d=__HIVE_DEFAULT_PARTITION__/a.csv", "README")
    found = {
        row["key"]: None if row["partition"] is None else grouping.partitions[row["layout"]][row["partition"]].values
        for row in grouping.objects.to_pylist()
    }

    assert found == {
        "t/d=2/a.csv": ("2",),
        "t/d=1/a.csv": ("1",),
        "t/d=1/b.csv": ("1",),
        "t/d=__HIVE_DEFAULT_PARTITION__/a.csv": (None,),
        "u/x.csv": None,
        "README": None,
    }
