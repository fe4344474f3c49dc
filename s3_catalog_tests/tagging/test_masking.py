"""Nothing that a detector names gets through masking, and everything else stays readable."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3_catalog.tagging import ColumnName, Detection, Detections, detectors
from s3_catalog.tagging.masking import NOT_SHOWN, Masker, harmless_text, mask_rows, mask_value, shorten
from s3_catalog.tagging.scanning import columns_of, detect_columns
from s3_catalog_tests.tagging.labelled import labelled_columns, scan

PLANTED = {
    "email": "erika.mustermann@example.org",
    "us_ssn": "536-90-4399",
    "payment_card": "4111111111111111",
    "iban": "DE89370400440532013000",
    "phone": "+493023125123",
    "ip_address": "203.0.113.77",
    "mac_address": "02:1b:44:11:3a:b7",
    "national_id": "390.533.447-05",
    "secret": "ghp_" + "EXAMPLE0" * 5,
    "coordinates": "52.520008, 13.404954",
}
NOTHING = Detections()
TEXTS = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)


def everything_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from everything_in(inner)
    elif isinstance(value, list):
        for item in value:
            yield from everything_in(item)
    else:
        yield str(value)


def leaks(value: object, secret: str) -> bool:
    return any(secret in text for text in everything_in(value))


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
@given(before=TEXTS, after=TEXTS)
def test_a_value_within_any_text_is_masked(planted: str, before: str, after: str) -> None:
    text = f"{before} {planted} {after}"
    assert planted not in str(mask_value(text, "note", NOTHING))


@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
@given(
    nest=st.recursive(
        st.just("X"), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "b c", "X"]), inner, max_size=2)
    )
)
def test_a_value_anywhere_in_a_nested_value_is_masked(planted: str, nest: Any) -> None:
    value = json.loads(json.dumps(nest).replace("X", f"x {planted} y"))
    assert not leaks(mask_value(value, "doc", NOTHING), planted)
    assert not leaks(mask_value(json.dumps(value), "doc", NOTHING), planted)


def detected(column: str, label: str = "email") -> Detections:
    detector = detectors()["email"]
    found = Detection(
        detector="email",
        label=label,
        tags=detector.tags,
        column=column,
        share=1.0,
        values_seen=1,
        confidence=1.0,
        evidence="",
        certainty=detector.certainty,
    )
    return Detections(found=(found,))


SCALARS = TEXTS | st.integers() | st.floats() | st.decimals() | st.dates() | st.datetimes() | st.times() | st.binary(max_size=40)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=8)


@given(value=SCALARS)
def test_every_value_of_a_detected_column_shows_the_kind_only(value: object) -> None:
    assert mask_value(value, "email", detected("email")) == "<email>"


@given(value=st.lists(SCALARS | st.none(), max_size=4))
def test_lists_in_a_detected_column_show_the_kind_only(value: list[object]) -> None:
    assert mask_value(value, "email", detected("email")) == [None if item is None else "<email>" for item in value]


@given(value=VALUES)
def test_what_comes_back_is_json_and_harmless(value: object) -> None:
    masked = mask_value(value, "c", NOTHING)
    json.dumps(masked, allow_nan=False).encode()
    assert all(text.isprintable() for text in everything_in(masked))


def test_a_malformed_value_of_a_detected_column_does_not_leak() -> None:
    rows = [{"email": f"a{i}@example.org", "id": i} for i in range(9)] + [{"email": "erika(at)example.org", "id": 9}]
    masked = mask_rows(rows, detect_columns(columns_of(rows)))
    assert masked[9] == {"email": "<email>", "id": 9}


def test_a_malformed_value_of_a_nested_column_does_not_leak() -> None:
    rows: list[dict[str, Any]] = [
        {"user": {"first_name": "Erika", "tags": ["a"]}},
        {"user": {"first_name": "x-42/77", "tags": ["b"]}},
        {"user": {"first_name": "Jane"}},
    ]
    rows += [{"user": {"first_name": "Max"}}]
    assert mask_rows(rows, detect_columns(columns_of(rows)))[1] == {"user": {"first_name": "<person name>", "tags": ["b"]}}


@pytest.mark.parametrize(
    "broken",
    ['{"first_name": "Erika Mustermann"', "Erika Mustermann", '[{"first_name": "Erika Mustermann"', b'{"first_name": "Erika Mustermann'],
)
def test_text_that_should_be_json_and_is_not_is_not_shown(broken: object) -> None:
    rows = [{"payload": json.dumps({"first_name": name})} for name in ("Jane", "Max", "Anna")]
    assert mask_value(broken, "payload", detect_columns(columns_of(rows))) == NOT_SHOWN


@pytest.mark.parametrize(
    "text",
    [
        '{"first_name": "Erika Mu',
        '[{"first_name": "Erika"',
        "{'first_name': 'Erika'}",
        '{"first_name": "Erika", "x": "' + "x" * 300_000 + '"}',
    ],
)
def test_fields_that_cannot_be_read_one_by_one_are_not_shown(text: str) -> None:
    assert mask_value(text, "payload", NOTHING) == NOT_SHOWN


@pytest.mark.parametrize("text", ["[INFO] started", "{placeholder}", "[1, 2", "{}"])
def test_brackets_alone_hide_nothing(text: str) -> None:
    assert mask_value(text, "line", NOTHING) == text


def test_what_any_detector_finds_in_a_labelled_text_is_not_in_its_mask() -> None:
    for labelled in labelled_columns():
        masker, name = Masker(scan(labelled)), ColumnName.of(labelled["column"])
        for value in labelled["values"]:
            if isinstance(value, str) and len(value) < 500:
                finds = [value[start:end] for detector in detectors().values() for start, end in detector.find(name, value)]
                masked = str(masker.mask(labelled["column"], value))
                assert not any(found in masked for found in finds if len(found) > 6), labelled["column"]


def test_json_text_stays_json_and_other_fields_stay() -> None:
    value = json.dumps({"contact": {"email": "a@example.org"}, "n": 3, "tags": ["x"]})
    assert json.loads(str(mask_value(value, "payload", NOTHING))) == {"contact": {"email": "<email>"}, "n": 3, "tags": ["x"]}


def test_keys_that_are_values_are_masked_and_stay_apart() -> None:
    assert mask_value({"a@example.org": 1, "b@example.org": 2}, "quota", NOTHING) == {"<email>": 1, "<email> 2": 2}
    assert mask_value([("a@example.org", 1)], "quota", NOTHING) == {"<email>": 1}


def test_words_around_a_value_stay() -> None:
    text = "Please call +49 30 23125123 or write to erika@example.org, thanks."
    assert mask_value(text, "note", NOTHING) == "Please call <phone> or write to <email>, thanks."


MASKED = {
    "Write to Erika Mustermann <erika@example.org>, please": "Write to <email>, please",
    "ERIKA@EXAMPLE.ORG.": "<email>.",
    "mail=erika@example.org,x": "mail=<email>,x",
    "erika@example.org:443": "<email>:443",
    "mailto:erika@example.org?subject=hi": "mailto:<email>?subject=hi",
    "?e=erika%40example.org&phone=%2B493023125123": "?e=<email>&phone=<phone>",
    "erika\\u0040example.org": "<email>",
    "4111-1111-1111-1111": "<payment card>",
    "4111.1111.1111.1111": "<payment card>",
    "4111 1111 1111 1111 12/29": "<payment card> 12/29",
    "Erika,536-90-4399,4111111111111111,9": "Erika,<us ssn>,<payment card>,9",
    "ssn 536904399": "ssn <us ssn>",
    "DE89 3704 0044 0532 0130 00 until May": "<iban> until May",
    "0049 30 23125123": "<phone>",
    "tel. 030 23125123": "tel. <phone>",
    "1-202-555-0123": "<phone>",
    "ip=203.0.113.9:80": "ip=<ip address>:80",
    "[2001:db8::1]:443": "[<ip address>]:443",
    "born 12.03.1980": "born <date of birth>",
    "POINT(13.404954 52.520008)": "<coordinate>",
    "x DNI 12345678Z y": "x DNI <national id> y",
    "postgres://app:hunter22@db/app": "postgres://<secret>@db/app",
    "password=hunter22": "password=<secret>",
    "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY": "aws_secret_access_key = <secret>",
    "Authorization: Bearer abcdefghijkl123456": "Authorization: Bearer <secret>",
}


@pytest.mark.parametrize(("text", "masked"), MASKED.items())
def test_finds_in_texts_as_people_write_them(text: str, masked: str) -> None:
    assert mask_value(text, "c", NOTHING) == masked


@pytest.mark.parametrize(
    "text",
    [
        "git@git.example.org:team/repo.git",
        "lodash@4.17.21",
        "Browser/120.0.0.0",
        "version 1.2.3.4",
        "v203.0.113.9",
        "0.4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000",
        "2024-01-31T10:00:00+01:00",
        "tokens=4096",
        "token refresh",
        "std::vector",
        "12:30:45",
        "1.25, 3.5",
        "978-3-16-148410-0",
    ],
)
def test_look_alikes_in_texts_stay(text: str) -> None:
    assert mask_value(text, "c", NOTHING) == text


def test_a_flat_column_named_like_a_field_hides_no_other_column() -> None:
    rows = [{"user": "abc", "user.email": f"a{i}@example.org"} for i in range(3)]
    assert mask_rows(rows, detect_columns(columns_of(rows)))[0] == {"user": "abc", "user.email": "<email>"}


@pytest.mark.parametrize("value", [5, -1.5, True, None, "plain words", "2024-01-31", "1.2.3", "order 20240131-0042", "00123"])
def test_ordinary_values_stay_as_they_are(value: object) -> None:
    assert mask_value(value, "c", NOTHING) == value


def test_values_json_cannot_hold_are_text() -> None:
    row = {
        "a": float("nan"),
        "b": float("-inf"),
        "c": Decimal("1.10"),
        "d": dt.date(1, 1, 1),
        "e": dt.datetime(9999, 12, 31, tzinfo=dt.UTC),
        "f": b"\xff\x00",
        "g": 10**5000,
    }
    assert mask_rows([row], NOTHING) == [
        {
            "a": "nan",
            "b": "-inf",
            "c": "1.10",
            "d": "0001-01-01",
            "e": "9999-12-31T00:00:00+00:00",
            "f": "<binary, 2 bytes>",
            "g": "<number of 16610 bits>",
        }
    ]


def test_terminal_escapes_directions_and_half_characters_are_written_out() -> None:
    assert mask_value("\x1b[31mred\x07\u202e\ud800", "c", NOTHING) == "\\x1b[31mred\\x07\\ud800"
    assert harmless_text("a\x9b31m\u2028") == "a\\x9b31m\\u2028"


@pytest.mark.parametrize("hidden", ["eri\u200bka@exam\u200bple.org", "erika\u00ad@example.org", "\ufefferika@example.org"])
def test_characters_nobody_sees_hide_nothing(hidden: str) -> None:
    assert mask_value(hidden, "c", NOTHING) == "<email>"


def test_long_texts_are_cut_with_a_mark() -> None:
    assert mask_value("ab " * 4_000_000, "c", NOTHING) == ("ab " * 167)[:500] + "… (12,000,000 characters)"
    assert shorten("short") == "short"


@pytest.mark.parametrize("at", range(470, 502))
def test_a_value_at_the_cut_does_not_leak_its_beginning(at: int) -> None:
    text = ("lorem ipsum " * 50)[:at] + " erika.mustermann@example.org " + "dolor " * 100_000
    assert "erika" not in str(mask_value(text, "c", NOTHING))


def test_long_lists_and_maps_are_cut_with_a_mark() -> None:
    assert mask_value(list(range(10_000)), "c", NOTHING) == [*range(100), "…"]
    masked = mask_value({f"k{i}": i for i in range(1000)}, "c", NOTHING)
    assert isinstance(masked, dict)
    assert len(masked) == 101


def test_very_deep_values_are_not_shown() -> None:
    value: object = "erika@example.org"
    for _ in range(100):
        value = [value]
    assert not leaks(mask_value(value, "c", NOTHING), "erika")
    assert not leaks(mask_value("[" * 100_000 + '"erika@example.org"' + "]" * 100_000, "c", NOTHING), "erika")


HOSTILE = {
    "one letter": "a" * 10_000_000,
    "at signs": "a@" * 5_000_000,
    "dots": "a." * 5_000_000,
    "digits": "1" * 10_000_000,
    "digits apart": "1 " * 5_000_000,
    "grouped digits": "1234 " * 2_000_000,
    "colons": "a:" * 5_000_000,
    "hyphens": "12-" * 3_000_000,
    "key without end": "-----BEGIN RSA PRIVATE KEY-----" * 300_000,
    "tokens": "eyJ" * 3_000_000,
    "brackets": "(" * 10_000_000,
    "json": "[" * 10_000_000,
    "blanks": " " * 10_000_000,
    "quotes": '"' * 10_000_000,
    "parts of addresses": "a.b@c." * 1_500_000,
    "plus": "+1" * 5_000_000,
    "prefixes": "password=" * 1_000_000,
    "schemes": "://a:" * 2_000_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_ten_megabytes_of_anything_take_no_time(text: str) -> None:
    started = time.perf_counter()
    found = detect_columns({"c": [text, text[1:]], "phone": [text]})
    mask_value(text, "c", found)
    assert found.failures == ()
    assert time.perf_counter() - started < 2


def test_a_detector_that_fails_shows_nothing() -> None:
    class Broken:
        name = label = looks_for = "broken"
        tags: tuple[str, ...] = ("X.Y",)
        certainty = detectors()["email"].certainty
        min_share = min_share_named = 0.5

        def detect(self, column: ColumnName, values: object) -> None:
            raise ValueError(column.path)

        def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
            raise ValueError(text)

    assert Masker(NOTHING, using=[Broken()]).mask("c", "erika@example.org") == NOT_SHOWN


def test_no_labelled_value_survives_in_its_own_column() -> None:
    for labelled in labelled_columns():
        found = scan(labelled)
        whole = {detection.column for detection in found.found if not detection.inside}
        if labelled["column"] not in whole:
            continue
        masker = Masker(found)
        masked = [masker.mask(labelled["column"], value) for value in labelled["values"]]
        assert all(value is None or str(value).startswith("<") for value in masked), labelled["column"]
