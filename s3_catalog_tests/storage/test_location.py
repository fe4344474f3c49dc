"""URLs and paths say where a store begins, or what is wrong with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from s3_catalog.errors import ConfigError
from s3_catalog.storage import Location, StoreOptions, parse_location, printable

ACCESS_POINT = "arn:aws:s3:eu-west-1:123456789012:accesspoint/pt"


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("s3://lake", Location("s3", "lake", "")),
        ("s3://lake/", Location("s3", "lake", "")),
        ("s3a://lake/raw", Location("s3", "lake", "raw/")),
        ("S3://lake/raw/2024/", Location("s3", "lake", "raw/2024/")),
        ("s3://lake//raw", Location("s3", "lake", "/raw/")),
        ("s3://lake/a b%20c?d", Location("s3", "lake", "a b%20c?d/")),
        (f"s3://{ACCESS_POINT}/raw", Location("s3", ACCESS_POINT, "raw/")),
        ("gs://lake/raw", Location("gs", "lake", "raw/")),
        ("az://container/raw", Location("az", "container", "raw/")),
        ("memory://", Location("memory", "", "")),
        ("memory://lake/raw", Location("memory", "lake", "raw/")),
        ("file:///data/my%20lake/", Location("file", "/data/my lake", "")),
        ("/data/my%20lake", Location("file", "/data/my%20lake", "")),
        ("file:///", Location("file", "", "")),
    ],
)  # fmt: skip
def test_locations_are_read(url: str, location: Location) -> None:
    assert parse_location(url) == location


def test_a_relative_path_is_a_folder_of_here() -> None:
    assert parse_location("lake") == Location("file", (Path.cwd() / "lake").as_posix(), "")
    assert parse_location("lake").store_url == f"file://{Path.cwd().as_posix()}/lake/"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "a location is needed: s3://bucket/prefix"),
        ("ftp://host/x", "unknown scheme ftp:// in a location: choose one of s3://"),
        ("s3://", "s3:// names no bucket"),
        ("s3:///prefix", "names no bucket"),
        ("file://relative/path", "a file URL has an absolute path"),
        ("s3://AKID:SECRET@lake/raw", "credentials and options are set apart"),
    ],
)
def test_what_is_no_location_is_explained(url: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_location(url)
    assert text in str(caught.value)
    assert "SECRET" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_options_show_no_secret() -> None:
    options = StoreOptions(secret_access_key="s1", session_token="s2", external_id="s3", client_options={"account_key": "s4"})
    assert not [secret for secret in ("s1", "s2", "s3", "s4") if secret in repr(options)]


@pytest.mark.parametrize("text", ["a\nb", "a\r\x0b\x1cb", "a\u2028b", "a\udcffb", "a\x1b[31mb"])
def test_printable_is_one_line_of_valid_text(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) == 1
    assert shown.isprintable()
    assert shown.encode()


def test_importing_the_stores_loads_no_client() -> None:
    code = "import s3_catalog.storage, s3_catalog.discovery.listing, sys; print({'boto3', 'obstore', 'dagster'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
