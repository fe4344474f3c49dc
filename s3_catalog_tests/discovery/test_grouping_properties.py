"""What holds for any keys at all."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s3_catalog.discovery.grouping import GroupingRules, group_objects
from s3_catalog_tests.discovery.keys import STORE, fates, group, manifest

_SEGMENT = st.one_of(
    st.sampled_from(["orders", "Orders", "v1",
                     "2024", "01", "31", "dt=2024-01-01", "dt=", "=x", "a=1=2", "2024-01-31", "20240131", "_delta_log",
                     ".hoodie", "metadata", "", "..", ".", "x_2024-01-01", "%zz", "é", "0" * 40, "AWSLogs", "123456789012", "us-east-1"]),
    st.text(max_size=8).map(lambda text: text.replace("/", "")),
)  # fmt: skip
_NAME = st.one_of(
    st.sampled_from(["part-00000.parquet", "a.csv",
                     "A.CSV", "b.csv.gz", "orders_2024-01-01.csv", "_SUCCESS", ".crc", "x.crc", "", "data", "0.json",
                     "v1.metadata.json", "00000000000000000000.json", "photo.jpg", "README.md", "x_$folder$", "openmetadata.json"]),
    st.text(max_size=10).map(lambda text: text.replace("/", "")),
)  # fmt: skip
_KEYS = st.lists(
    st.builds(lambda folders, name: "/".join([*folders, name]), st.lists(_SEGMENT, max_size=5), _NAME).filter(bool),
    min_size=1,
    max_size=25,
    unique=True,
).filter(lambda keys: all(key.encode("utf-8", "ignore").decode() == key for key in keys))
_FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@_FEW
@given(_KEYS)
def test_every_key_has_exactly_one_fate_and_figures_add_up(keys):
    grouping = group(*keys)
    rows = grouping.objects.to_pylist()

    assert sorted(row["key"] for row in rows) == sorted(keys)
    assert all(sum(row[name] is not None for name in ("layout", "skipped", "error")) == 1 for row in rows)
    for index, layout in enumerate(grouping.layouts):
        own = [row for row in rows if row["layout"] == index]
        assert layout.object_count == len(own)
        assert own or layout.evidence.rule.endswith(" log")  # a log alone is a table, with no rows yet
        assert layout.size_bytes == sum(row["size"] for row in own)
        if layout.partition_columns:
            assert sum(partition.object_count for partition in grouping.partitions[index]) == len(own)
            assert all(len(partition.values) == len(layout.partition_columns) for partition in grouping.partitions[index])


@_FEW
@given(_KEYS)
def test_names_are_safe_and_unique_and_identities_too(keys):
    layouts = group(*keys).layouts

    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", layout.name) and len(layout.name) <= 128 for layout in layouts)
    assert len({layout.name for layout in layouts}) == len({layout.identity for layout in layouts}) == len(layouts)


@_FEW
@given(_KEYS, st.randoms(use_true_random=False))
def test_the_order_of_the_listing_does_not_matter(keys, random):
    shuffled = list(range(len(keys)))
    random.shuffle(shuffled)
    ordered, rules = manifest(keys), GroupingRules(store_url=STORE)
    once, again = group_objects(ordered, rules), group_objects(ordered.take(shuffled), rules)

    assert fates(once) == fates(again)
    assert {layout.identity: (layout.name, layout.content_digest) for layout in once.layouts} == {
        layout.identity: (layout.name, layout.content_digest) for layout in again.layouts
    }


@_FEW
@given(_KEYS)
def test_published_names_never_move(keys):
    before = {layout.identity: layout.name for layout in group(*keys).layouts}
    after = group(*keys, "zz/new/part-0.parquet", "orders.csv", "Orders/part-0.parquet", known=before)

    assert {layout.identity: layout.name for layout in after.layouts if layout.identity in before} == {
        identity: name for identity, name in before.items() if identity in {layout.identity for layout in after.layouts}
    }
    assert len({layout.name for layout in after.layouts}) == len(after.layouts)
