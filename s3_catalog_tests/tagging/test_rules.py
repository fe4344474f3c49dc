"""Tags by path, size and format, and the switch of samples: every tag with its reason, once, in a stable order."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.errors import ConfigError
from s3_catalog.model.description import Tag
from s3_catalog.model.tables import Evidence, Table, TableLayout
from s3_catalog.tagging.rules import TagRules, check_tag_name, read_compact_tags, settle_tags, tag_by_rules
from s3_catalog.tagging.sample_switch import SampleSwitch

GIB = 1 << 30


def table_at(location: str, *, name: str = "t", size: int = 0, file_format: str = "csv") -> Table:
    layout = TableLayout(
        name=name,
        store_url="s3://lake/",
        location=location,
        format=file_format,
        object_count=1,
        size_bytes=size,
        newest=None,
        evidence=Evidence(rule="", reason="", runner_up=""),
    )
    return Table(layout=layout, columns=())


def objects(*keys: str) -> pa.Table:
    return pa.table({"key": pa.array(keys, pa.string())})


def tags(table: Table, rules: TagRules, *keys: str) -> dict[str, str]:
    """Name -> reason of the settled tags."""
    return {tag.name: tag.why for tag in settle_tags(tag_by_rules(table, objects(*keys), rules))}


@pytest.mark.parametrize(
    ("match", "location", "why"),
    [
        ("pii", "hr/PII/", "the path holds the word 'pii'"),
        ("PII", "hr/customer_pii_2024/", "the path holds the word 'PII'"),
        ("pii", "hr/CustomerPii/", "the path holds the word 'pii'"),
        ("pii", "hr/pii.csv", "the path holds the word 'pii'"),
        ("credit card", "a/credit-card/", "the path holds the word 'credit card'"),
        ("größe", "x/Größe/", "the path holds the word 'größe'"),
        ("données", "x/DONNÉES_2024/", "the path holds the word 'données'"),
        ("人事", "x/人事/", "the path holds the word '人事'"),
        ("pii", "book.xlsx#PII", "the path holds the word 'pii'"),
        ("pii", "opiine/", None),
        ("pii", "p/ii/", None),
        ("card", "cardinality/", None),
        ("finance/", "finance/gl/", "the path matches 'finance/'"),
        ("finance/**", "finance/gl/", "the path matches 'finance/**'"),
        ("finance/*", "finance/gl/", "the path matches 'finance/*'"),
        ("finance/*", "finance/gl/2024/", None),
        ("*.csv", "a/b/c.csv", "the path matches '*.csv'"),
        ("*.xlsx", "a/book.xlsx#Sheet1", "the path matches '*.xlsx'"),
        ("{hr,pay}/**", "pay/x/", "the path matches '{hr,pay}/**'"),
        ("Finance/**", "finance/gl/", None),
    ],
)
def test_a_keyword_is_a_whole_word_and_a_glob_is_a_path(match: str, location: str, why: str | None) -> None:
    found = tags(table_at(location), TagRules(paths=((match, "PII.Data"),)), "elsewhere/1")
    assert found == ({} if why is None else {"PII.Data": why})


def test_keys_of_a_table_count_where_its_path_says_nothing() -> None:
    rules = TagRules(paths=(("pii", "PII.Data"), ("**/*.gz", "Format.Packed")))
    (packed, personal) = settle_tags(tag_by_rules(table_at("a/"), objects("a/x.csv", "a/x-PII.csv", "a/y.gz", "a/z.gz"), rules))
    assert (packed.name, packed.why, packed.confidence) == ("Format.Packed", "2 of 4 keys match '**/*.gz'", 0.5)
    assert (personal.name, personal.why, personal.confidence) == ("PII.Data", "1 of 4 keys hold the word 'pii'", 0.25)


def test_the_longest_prefix_and_the_largest_size_speak_for_their_classification() -> None:
    rules = TagRules(
        prefixes=(("finance/", "Tier.Silver"), ("finance/gl/", "Tier.Gold"), ("finance/", "Domain.Finance")),
        sizes=((0, "Size.Small"), (GIB, "Size.Large"), (10 * GIB, "Size.Huge")),
    )
    assert tags(table_at("finance/gl/2024/", size=int(7.2 * GIB)), rules) == {
        "Domain.Finance": "it lies below 'finance/'",
        "Size.Large": "7.2 GiB, at least 1 GiB",
        "Tier.Gold": "it lies below 'finance/gl/'",
    }
    assert tags(table_at("financial/"), rules) == {"Size.Small": "0 bytes, at least 0 bytes"}


def test_a_format_is_what_the_files_really_are() -> None:
    rules = TagRules(formats=(("json", "Format.Document"), ("jsonl", "Format.Lines")))
    table = replace(table_at("a/", file_format="json"), details=(("format", "jsonl"),))
    assert tags(table, rules) == {"Format.Lines": "its format is jsonl"}


def test_defaults_give_way_within_their_classification() -> None:
    rules = TagRules(default=("Source.S3", "Tier.Bronze"), prefixes=(("a/", "Tier.Silver"),))
    assert list(tags(table_at("b/"), rules)) == ["Source.S3", "Tier.Bronze"]
    assert list(tags(table_at("a/"), rules)) == ["Source.S3", "Tier.Silver"]
    said = Tag(name="Tier.Gold", rule="sidecar", why="written")
    assert [tag.name for tag in settle_tags([*tag_by_rules(table_at("a/"), objects(), rules), said])] == ["Source.S3", "Tier.Gold"]


def test_a_tag_of_a_column_takes_nothing_from_the_table() -> None:
    by_rule, of_column = Tag(name="PII.None", rule="default", why="x"), Tag(name="PII.Email", column="mail", rule="email", why="y")
    assert settle_tags([of_column, by_rule]) == (by_rule, of_column)


def test_two_rules_for_one_tag_make_one_tag_with_both_reasons() -> None:
    given = [
        Tag(name="PII.Email", column="mail", rule="email", why="19 of 20 values", confidence=0.95),
        Tag(name="PII.Email", column="mail", rule="sidecar", why="written in _catalog.yaml"),
        Tag(name="PII.Email", column="mail", rule="sidecar", why="written in _catalog.yaml"),
    ]
    (joined,) = settle_tags(given)
    assert (joined.rule, joined.why, joined.confidence) == ("email, sidecar", "19 of 20 values; written in _catalog.yaml", 1.0)


tag_lists = st.lists(
    st.builds(
        Tag,
        name=st.sampled_from(["A.x", "A.y", "B.x"]),
        column=st.sampled_from([None, "c", "d", "c.e"]),
        rule=st.sampled_from(["default", "bucket tag", "prefix", "path", "sidecar"]),
        why=st.sampled_from(["1", "2"]),
        confidence=st.sampled_from([0.5, 1.0]),
    )
)


@given(tag_lists)
def test_settling_is_stable_and_loses_no_column_tag(given_tags: list[Tag]) -> None:
    settled = settle_tags(given_tags, ["d", "c"])
    assert settle_tags(settled, ["d", "c"]) == settled
    names = [(tag.column, tag.name) for tag in settled]
    assert len(set(names)) == len(names)
    assert {pair for pair in names if pair[0]} == {(tag.column, tag.name) for tag in given_tags if tag.column}
    assert {tag.name.partition(".")[0] for tag in settled} == {tag.name.partition(".")[0] for tag in given_tags}
    assert [pair[0] for pair in names] == sorted((pair[0] for pair in names), key=[None, "d", "c", "c.e"].index)
    backwards = settle_tags(reversed(given_tags), ["d", "c"])
    assert [(tag.column, tag.name, tag.confidence) for tag in backwards] == [(t.column, t.name, t.confidence) for t in settled]


@pytest.mark.parametrize("name", ["PII.Email", "Tier.Gold", "Cost-Center.4711 + x/y", "Team.a.b", "Größe.Groß"])
def test_a_tag_is_a_classification_a_dot_and_a_name(name: str) -> None:
    assert check_tag_name(name) == name


@pytest.mark.parametrize(
    "name", ["PII", ".Email", "PII.", "", "PII. Email", 'PII."x"', "PII.<b>", "PII.a::b", "a,b.c", "PII.a\nb", f"PII.{'x' * 257}"]
)
def test_what_is_no_tag_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"^not a tag: write Classification\.Tag"):
        check_tag_name(name)


@pytest.mark.parametrize("text", ["PII.Email", "pii:", ":PII.Email", "a:B.c; d:"])
def test_a_compact_list_without_its_two_sides_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_compact_tags(text)


def test_samples_are_switched_off_by_table_path_and_tag() -> None:
    switch = SampleSwitch(paths=("hr/**", "confidential"), tables=("Payroll_*",), tags=("pii.*",))
    mail = Tag(name="PII.Email", column="mail", rule="email", why="")

    def why(table: Table, *keys: str, tag: Tag | None = None) -> str | None:
        return switch.why_off(table, objects(*keys), [tag] if tag else [])

    assert why(table_at("sales/"), "sales/1.csv") is None
    assert why(table_at("hr/people/")) == "samples are off for the path 'hr/**'"
    assert why(table_at("x/"), "x/1.csv", "x/confidential-2.csv") == "samples are off for the path 'confidential'"
    assert why(table_at("x/", name="payroll_2024")) == "samples are off for tables named 'Payroll_*'"
    assert why(table_at("x/"), tag=mail) == "samples are off for the tag PII.Email"
