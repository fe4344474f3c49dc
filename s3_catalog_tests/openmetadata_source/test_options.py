"""What `connectionOptions` say, and how a wrong one is refused. Needs no OpenMetadata."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from s3_catalog.config import Settings
from s3_catalog.errors import ConfigError
from s3_catalog.openmetadata_source.options import NAMES, Choices, read_options

DOCUMENT = Path(__file__).parents[2] / "docs" / "metadata-ingest.md"
ISSUE = [
    "awsAccessKeyId", "awsSecretAccessKey", "awsSessionToken", "awsRegion", "endPointURL", "roleArn", "profileName",
    "verifySSL", "sslCertPath", "bucketName", "file_formats", "enable_partition_parsing", "include_patterns",
    "exclude_patterns", "max_sample_rows", "max_file_size_mb", "batch_size", "max_workers", "chunk_size",
    "enable_caching", "tag_mapping", "default_tags", "path_classification",
]  # fmt: skip


def test_the_documented_example_is_valid() -> None:
    text = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[0]
    options = yaml.safe_load(text)["source"]["serviceConnection"]["config"]["connectionOptions"]
    assert Path(options.pop("sslCertPath")).suffix == ".pem"
    assert all(isinstance(value, str) for value in options.values())
    assert read_options(options).buckets == (("s3://lake/raw", "s3://lake/curated"), ("s3://archive",))


def read(**options: Any) -> Choices:
    return read_options({"bucketName": "lake", **options})


def settings(**options: Any) -> Settings:
    choices = read(**options)
    return choices.settings(choices.buckets[0][0])


def problem(**options: Any) -> str:
    with pytest.raises(ConfigError) as raised:
        read(**options)
    return str(raised.value)


def test_there_are_the_options_that_users_of_such_connectors_know() -> None:
    assert list(NAMES) == ISSUE


def test_every_option_has_its_line_in_the_table() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == ISSUE


@pytest.mark.parametrize(
    ("text", "buckets"),
    [
        ("lake", (("s3://lake",),)),
        ("lake/raw/, other", (("s3://lake/raw/",), ("s3://other",))),
        ('["lake/a", "s3://lake/b"]', (("s3://lake/a", "s3://lake/b"),)),
        ("file:///data/lake", (("file:///data/lake",),)),
    ],
)
def test_buckets_may_be_several_and_have_prefixes(text: str, buckets: tuple[tuple[str, ...], ...]) -> None:
    assert read(bucketName=text).buckets == buckets


def test_a_bucket_is_needed() -> None:
    with pytest.raises(ConfigError, match="bucketName: is needed"):
        read_options({})
    assert "connectionOptions.bucketName: is needed" in problem(bucketName="")


def test_prefixes_that_hold_the_same_objects_are_refused() -> None:
    assert problem(bucketName="lake/a/,lake") == "connectionOptions.bucketName: two of its prefixes hold the same objects of s3://lake/"


def test_credentials_reach_the_store(tmp_path: Path) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("")
    options = settings(
        awsAccessKeyId="AK", awsSecretAccessKey="SK", awsSessionToken="ST", awsRegion="eu-central-1", endPointURL="https://s3.example",
        roleArn="arn:aws:iam::1:role/r", profileName="", sslCertPath=str(bundle),
    ).store_options()  # fmt: skip
    assert (options.access_key_id, options.secret_access_key, options.session_token) == ("AK", "SK", "ST")
    assert (options.region, options.endpoint_url, options.role_arn) == ("eu-central-1", "https://s3.example", "arn:aws:iam::1:role/r")
    assert (options.verify_tls, options.ca_bundle, options.profile) == (True, str(bundle), None)
    assert settings(profileName="team").store_options().profile == "team"


@pytest.mark.parametrize(
    ("word", "verify"), [("true", True), ("False", False), ("no-ssl", False), ("ignore", False), ("validate", True), ("", True)]
)
def test_certificates_are_checked_unless_switched_off(word: str, verify: bool) -> None:
    assert settings(verifySSL=word).s3.verify_tls is verify


def test_secrets_are_in_no_text() -> None:
    choices = read(awsAccessKeyId="AK", awsSecretAccessKey="hush-hush", awsSessionToken="hush-token")
    assert "hush" not in repr(choices) + repr(choices.settings("s3://lake"))


def test_sizes_and_numbers_reach_their_settings() -> None:
    found = settings(max_sample_rows="2000", max_file_size_mb="1.5", max_workers="3", chunk_size="128 KiB")
    assert (found.samples.max_rows, found.samples.scan_rows, found.max_object_size) == (2000, 2000, 1_500_000)
    assert (found.listing.workers, found.inference.workers, found.samples.workers) == (3, 3, 3)
    assert found.inference.head_bytes == 128 * 1024


def test_no_sample_rows_means_no_samples() -> None:
    assert settings(max_sample_rows="0").samples.enabled is False
    assert settings(max_sample_rows="7").samples.max_rows == 7


@pytest.mark.parametrize("given", ["raw/**, *.{csv,json}", '["raw/**", "*.{csv,json}"]', ["raw/**", "*.{csv,json}"]])
def test_lists_come_with_commas_or_as_json(given: Any) -> None:
    assert settings(include_patterns=given).include == ("raw/**", "*.{csv,json}")
    assert settings(exclude_patterns=given).exclude == ("raw/**", "*.{csv,json}")


@pytest.mark.parametrize("given", ["pii:PII.Email; pay: Tier.Tier1", '{"pii": "PII.Email", "pay": "Tier.Tier1"}'])
def test_tags_of_paths_come_short_or_as_json(given: str) -> None:
    assert [(rule.match, rule.tag) for rule in settings(tag_mapping=given).tags.paths] == [
        ("pii", ("PII.Email",)),
        ("pay", ("Tier.Tier1",)),
    ]


@pytest.mark.parametrize("given", ["finance/: Dept.Finance, Tier.Tier1", '{"finance": ["Dept.Finance", "Tier.Tier1"]}'])
def test_classifications_of_prefixes_come_short_or_as_json(given: str) -> None:
    assert settings(path_classification=given).tags.classification == {"finance/": ("Dept.Finance", "Tier.Tier1")}


def test_default_tags_reach_every_table() -> None:
    assert settings(default_tags="Source.S3, Tier.Tier3").tags.default == ("Source.S3", "Tier.Tier3")


def test_the_rest_is_for_the_source() -> None:
    choices = read(file_formats="CSV, parquet", enable_partition_parsing="false", batch_size="20", enable_caching="true")
    assert (choices.formats, choices.partitions, choices.batch, choices.caching) == (frozenset(("csv", "parquet")), False, 20, True)
    assert (read().formats, read().partitions, read().batch, read().caching) == (None, True, 100, False)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("bucket_name", "x", "unknown option, did you mean bucketName?; the options are awsAccessKeyId, "),
        ("file_formats", "docx", "unknown format; choose of arrow_ipc, avro, csv, "),
        ("file_formats", '["csv', "begins like JSON and is none"),
        ("enable_partition_parsing", "perhaps", "should be one of true, on, yes, 1, false, off, no, 0"),
        ("max_sample_rows", "-1", "should be a whole number from 0 to 10000"),
        ("batch_size", "many", "should be a whole number from 1 to 10000"),
        ("max_workers", "0", "should be a whole number from 1 to 256"),
        ("max_file_size_mb", "0", "should be a number of megabytes above 0"),
        ("max_file_size_mb", "nan", "should be a number of megabytes above 0"),
        ("chunk_size", "a lot", "could not parse value and unit from byte string"),
        ("include_patterns", "[a-", "begins like JSON and is none"),
        ("exclude_patterns", '[["a"]]', "should be a list of texts: parted by commas, or as JSON"),
        ("endPointURL", "minio:9000", "not an http:// or https:// URL"),
        ("sslCertPath", "/there/is/none.pem", "Path does not point to a file"),
        ("awsSecretAccessKey", "SK", "awsAccessKeyId and awsSecretAccessKey are given together or not at all"),
        ("awsSessionToken", "ST", "needs awsAccessKeyId and awsSecretAccessKey"),
        ("tag_mapping", "nothing", "not a list of rules: write keyword:Classification.Tag; keyword:Classification.Tag"),
        ("tag_mapping", "pii:Email", "not a tag: write Classification.Tag"),
        ("default_tags", "Email", "not a tag: write Classification.Tag"),
        ("path_classification", '{"*": "A.B"}', "not a prefix"),
        ("bucketName", "ftp://host/x", "unknown scheme ftp://"),
    ],
)
def test_a_wrong_option_is_named_with_what_it_may_be(name: str, value: str, says: str) -> None:
    message = problem(**{name: value})
    assert message.startswith("connectionOptions.")
    assert name in message
    assert says in message


def test_everything_that_is_wrong_is_said_at_once() -> None:
    lines = problem(max_workers="x", chunk_size="y", nonsense="z").splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"connectionOptions.{name}" for name in ("nonsense", "max_workers", "chunk_size")]


@pytest.mark.parametrize(
    "name", [name for name in ISSUE if name not in ("bucketName", "profileName", "awsRegion", "roleArn", "awsAccessKeyId")]
)
def test_no_message_shows_a_value(name: str) -> None:
    assert "hush" not in problem(**{name: "[hush-hush"})
