"""The sections of the settings and what each value must be.

Text enters here: values that another part takes are checked by that part's own function. No message holds a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, FilePath, SecretStr, model_validator

from s3_catalog.errors import ConfigError

if TYPE_CHECKING:
    from s3_catalog.formats._hints import ReadHints
    from s3_catalog.inference import InferenceRules

_CRON_FIELD = re.compile(r"[\w*/,\-?#]+")
_DIRECTIVE = re.compile(r"(?<!%)(?:%%)*%[A-Za-z]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)


@contextmanager
def as_value_error() -> Iterator[None]:
    """Hand pydantic a refusal of the part that will take the value, so that there is one rule for it."""
    try:
        yield
    except ConfigError as error:
        raise ValueError(str(error)) from None


def check_location(value: str) -> str:
    """Refuse what no store can be opened at."""
    from s3_catalog.storage import parse_location

    with as_value_error():
        parse_location(value)
    return value


def _check_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http:// or https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong in a URL: use access_key_id and secret_access_key")
    return value


def check_catalog(value: str) -> str:
    """Refuse what is no URL."""
    if not _URL.fullmatch(value):
        raise ValueError("not a URL: write sqlite:///path/to/file.db or postgresql://user:${PASSWORD}@host/database")
    return value


def _check_target(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("not a URL: write openmetadata://host:8585/service or glue://database?region=eu-west-1")
    return value


def check_labels(targets: tuple[TargetSettings, ...]) -> tuple[TargetSettings, ...]:
    """Refuse two catalogs of one name, and the embedded one's."""
    labels = [target.label for target in targets]
    if "catalog" in labels:
        raise ValueError("catalog is how commands call the embedded one: give it another name")
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise ValueError(f"two catalogs are called {repeated[0]}: give each a name")
    return targets


def _check_format(value: str) -> str:
    from s3_catalog.formats import file_formats

    if value not in (known := file_formats()):
        raise ValueError(f"unknown format; choose one of {', '.join(sorted(known))}")
    return value


def _check_cron(value: str) -> str:
    expression = " ".join(value.split())
    if expression in ("@hourly", "@daily", "@weekly", "@monthly"):
        return expression
    parts = expression.split(" ")
    if len(parts) != 5 or not all(_CRON_FIELD.fullmatch(part) for part in parts):
        raise ValueError(
            "not a cron expression: five fields, like '0 3 * * *' for every day at 03:00, or @hourly, @daily, @weekly, @monthly"
        )
    return expression


def _check_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("not a time zone: write a name of the IANA database, like UTC or Europe/Berlin") from None
    return value


def _check_type(value: str) -> str:
    from s3_catalog.model.types import read_type

    try:
        read_type(value)
    except ValueError as error:
        cut = "; put it in quotes: within braces a comma ends a value" if "(" in value and ")" not in value else ""
        raise ValueError(f"{error}{cut}") from None
    return value


def _check_delimiter(value: str) -> str:
    text = "\t" if value == r"\t" else value
    if len(text) != 1 or text in '\r\n"':
        raise ValueError("not a delimiter: one character, and neither a line end nor a quote")
    return text


def _check_one_character(value: str) -> str:
    if len(value) != 1 or value in "\r\n":
        raise ValueError("should be one character, and no line end")
    return value


def _check_quote(value: str) -> str:
    return _check_one_character(value) if value else value


def _check_encoding(value: str) -> str:
    try:
        "".encode(value)
    except (LookupError, ValueError):  # the text of either holds the value
        raise ValueError("not an encoding of text that Python knows: write a name like utf-8, cp1252, latin-1 or utf-16") from None
    return value


def _check_time_format(value: str) -> str:
    moment = datetime(2001, 11, 30, 13, 14, 15, tzinfo=UTC)
    try:
        datetime.strptime(moment.strftime(value), value)  # noqa: DTZ007 - only whether it can be read is asked
    except (ValueError, re.error):
        raise ValueError("not a format of datetime.strptime: write one like %d.%m.%Y or %Y-%m-%dT%H:%M:%S") from None
    if not _DIRECTIVE.search(value):
        raise ValueError("no directive of datetime.strptime is in it: write one like %d.%m.%Y or %Y-%m-%dT%H:%M:%S")
    return value


def _check_glob(value: str) -> str:
    from s3_catalog.discovery.hints import read_glob

    with as_value_error():
        read_glob(value)
    return value


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Globs = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Markers = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Size = Annotated[ByteSize, Field(gt=0)]
"""Bytes: a number, or a text such as `5 GiB` (2**30) or `500 MB` (10**6)."""


class Section(BaseModel):
    """A typo is an error, not a default; an unknown key names its nearest neighbour."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class S3Settings(Section):
    """How `s3://` is reached. What is not given follows the standard `AWS_*` variables and profiles. A call that fails in passing is
    tried up to `max_attempts` times; the timeouts are of one attempt.
    """

    endpoint_url: Annotated[str, AfterValidator(_check_endpoint)] | None = None
    sts_endpoint_url: Annotated[str, AfterValidator(_check_endpoint)] | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = None
    role_session_name: str | None = None
    path_style: bool | None = None
    verify_tls: bool = True
    ca_bundle: FilePath | None = None
    anonymous: bool = False
    requester_pays: bool = False
    max_attempts: Positive = 16
    connect_timeout: Seconds = 5.0
    read_timeout: Seconds = 20.0

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            raise ValueError("access_key_id and secret_access_key are given together or not at all")
        if self.session_token is not None and self.access_key_id is None:
            raise ValueError("session_token needs access_key_id and secret_access_key")
        if self.role_arn is None and (self.external_id or self.role_session_name):
            raise ValueError("external_id and role_session_name need role_arn")
        if self.anonymous and (self.access_key_id or self.profile or self.role_arn):
            raise ValueError("anonymous excludes access keys, profile and role_arn")
        if self.ca_bundle is not None and not self.verify_tls:
            raise ValueError("ca_bundle has no use where verify_tls is false")
        return self


class ListingSettings(Section):
    """How objects are listed. `workers` prefixes are listed side by side."""

    workers: Positive = 16


class InferenceSettings(Section):
    """How schemas are read, and how much that may cost: see `InferenceRules`, `ReadLimits` and `LogLimits`, whose fields these are."""

    sample_files: Positive = 3
    count_files: Annotated[int, Field(ge=0)] = 16
    blame_files: Annotated[int, Field(ge=0)] = 16
    workers: Positive = 16
    head_bytes: Size = ByteSize(64 * 1024)
    tail_bytes: Size = ByteSize(64 * 1024)
    max_footer_bytes: Size = ByteSize(64 * 1024 * 1024)
    max_decompressed_bytes: Size = ByteSize(4 * 1024 * 1024)
    max_whole_file_bytes: Size = ByteSize(64 * 1024 * 1024)
    max_seconds: Seconds = 20.0
    max_log_bytes: Size = ByteSize(256 * 1024 * 1024)
    max_log_files: Positive = 500_000
    max_history_files: Annotated[int, Field(ge=0)] = 64
    max_history_bytes: Size = ByteSize(16 * 1024 * 1024)

    def rules(self) -> InferenceRules:
        """The same as inference takes it."""
        from s3_catalog.formats import ReadLimits
        from s3_catalog.inference import InferenceRules
        from s3_catalog.table_formats import LogLimits

        return InferenceRules(
            sample_files=self.sample_files,
            count_files=self.count_files,
            blame_files=self.blame_files,
            workers=self.workers,
            limits=ReadLimits(
                head_bytes=self.head_bytes,
                tail_bytes=self.tail_bytes,
                max_footer_bytes=self.max_footer_bytes,
                max_decompressed_bytes=self.max_decompressed_bytes,
                max_whole_file_bytes=self.max_whole_file_bytes,
                max_seconds=self.max_seconds,
            ),
            log_limits=LogLimits(
                max_log_bytes=self.max_log_bytes,
                max_files=self.max_log_files,
                max_history_files=self.max_history_files,
                max_history_bytes=self.max_history_bytes,
            ),
        )


class CsvHints(Section):
    """The dialect of delimited text. The fields are those of `ReadHints`; `quote` may be "", for files that quote nothing."""

    delimiter: Annotated[str, AfterValidator(_check_delimiter)] | None = None
    quote: Annotated[str, AfterValidator(_check_quote)] | None = None
    escape: Annotated[str, AfterValidator(_check_one_character)] | None = None
    encoding: Annotated[str, AfterValidator(_check_encoding)] | None = None
    header: bool | None = None
    skip_lines: Annotated[int, Field(ge=0)] | None = None
    decimal: Literal[".", ","] | None = None
    date_format: Annotated[str, AfterValidator(_check_time_format)] | None = None
    timestamp_format: Annotated[str, AfterValidator(_check_time_format)] | None = None
    null_markers: Markers | None = None

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.delimiter is not None and self.delimiter in (self.quote, self.escape):
            raise ValueError("delimiter must be another character than quote and escape")
        return self


class _Hints(Section):
    """What people say of the files of a table. `rows` is the place of the rows in a JSON or XML document, `sheet` that of a workbook."""

    columns: dict[str, Annotated[str, AfterValidator(_check_type)]] = Field(default_factory=dict)
    csv: CsvHints = CsvHints()
    rows: str | None = None
    sheet: Annotated[str, Field(min_length=1)] | None = None

    def read_hints(self) -> ReadHints:
        """The hints as the readers take them."""
        from s3_catalog.formats._hints import ReadHints
        from s3_catalog.model.types import read_type

        types = {name: read_type(text) for name, text in self.columns.items()}
        return ReadHints(**self.csv.model_dump(), rows=self.rows, sheet=self.sheet, types=types)


class PathHints(_Hints):
    """Hints for every table that has an object whose key matches `path`, a glob over whole keys."""

    path: Annotated[str, AfterValidator(_check_glob)]

    @model_validator(mode="after")
    def _check_says_something(self) -> Self:
        if not self.read_hints().write_options():
            raise ValueError("nothing is said of these files: give columns, csv, rows or sheet")
        return self


class PinnedTable(_Hints):
    """One line that pins a verdict of the grouping. `path` is a template relative to the bucket: `{table}/{year}/{month}/*.parquet`."""

    path: str
    name: str | None = None
    format: Annotated[str, AfterValidator(_check_format)] | None = None

    @model_validator(mode="after")
    def _check_template(self) -> Self:
        from s3_catalog.discovery.pins import read_path_template

        with as_value_error():
            read_path_template(self.path, name=self.name, file_format=self.format)
        return self


class RetireSettings(Section):
    """At most `max_share` (0 to 1) of the published tables may disappear by one run."""

    max_share: Annotated[float, Field(ge=0, le=1)] = 0.25


class TargetSettings(Section):
    """A catalog that tables are published to besides the embedded one. `url` says which and how; `name` is how commands call it, by
    default the URL's scheme.
    """

    url: Annotated[str, AfterValidator(_check_target)] = Field(repr=False)
    name: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")] | None = None

    @property
    def label(self) -> str:
        return self.name or self.url.partition("://")[0]


class ScheduleSettings(Section):
    """When the job runs by itself; `enabled` decides whether the schedule starts switched on."""

    cron: Annotated[str, AfterValidator(_check_cron)] = "0 3 * * *"
    timezone: Annotated[str, AfterValidator(_check_timezone)] = "UTC"
    enabled: bool = False


class EventSettings(Section):
    """Where new objects are heard of: a queue of S3 events, else the stored manifest is compared every `poll_seconds`."""

    sqs_queue_url: Annotated[str, AfterValidator(_check_endpoint)] | None = None
    poll_seconds: Positive = 60
    max_messages: Positive = 1000
