"""The settings: one YAML file, checked as a whole before anything runs.

In: `s3_catalog.yaml` and the environment, both read by `load_settings` and nowhere else. Out: a frozen `Settings`.
A wrong file raises one `ConfigError` that names, line by line, everything that is wrong with it; no message holds a value.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    ValidationError,
    model_validator,
)

from s3_catalog import config_file
from s3_catalog.config_file import Kind, Problem, names_secret, read_config_text
from s3_catalog.errors import ConfigError

if TYPE_CHECKING:
    from s3_catalog.storage.options import StoreOptions

DEFAULT_FILE = "s3_catalog.yaml"

_CRON_FIELD = re.compile(r"[\w*/,\-?#]+")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.*", re.DOTALL)


@contextmanager
def _as_value_error() -> Iterator[None]:
    """Hand pydantic a refusal of the part that will take the value, so that there is one rule for it."""
    try:
        yield
    except ConfigError as error:
        raise ValueError(str(error)) from None


def _check_location(value: str) -> str:
    from s3_catalog.storage import parse_location

    with _as_value_error():
        parse_location(value)
    return value


def _check_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an http:// or https:// URL")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong in a URL: use access_key_id and secret_access_key")
    return value


def _check_catalog(value: str) -> str:
    if not _URL.fullmatch(value):
        raise ValueError("not a URL: write sqlite:///path/to/file.db or postgresql://user:${PASSWORD}@host/database")
    return value


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


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


Globs = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Positive = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]
Size = Annotated[ByteSize, Field(gt=0)]
"""Bytes: a number, or a text such as `5 GiB` (2**30) or `500 MB` (10**6)."""


class _Section(BaseModel):
    """A typo is an error, not a default; an unknown key names its nearest neighbour."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class S3Settings(_Section):
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


class ListingSettings(_Section):
    """How objects are listed. `workers` prefixes are listed side by side."""

    workers: Positive = 16


class InferenceSettings(_Section):
    """How schemas are read: `sample_files` per table, footers of up to `count_files` files for row counts, `workers` tables at once."""

    sample_files: Positive = 3
    count_files: Annotated[int, Field(ge=0)] = 16
    workers: Positive = 16
    head_bytes: Size = ByteSize(64 * 1024)


class PinnedTable(_Section):
    """One line that pins a verdict of the grouping. `path` is a template relative to the bucket: `{table}/{year}/{month}/*.parquet`."""

    path: str
    name: str | None = None
    format: Annotated[str, AfterValidator(_check_format)] | None = None

    @model_validator(mode="after")
    def _check_template(self) -> Self:
        from s3_catalog.discovery.pins import read_path_template

        with _as_value_error():
            read_path_template(self.path, name=self.name, file_format=self.format)
        return self


class RetireSettings(_Section):
    """At most `max_share` (0 to 1) of the published tables may disappear by one run."""

    max_share: Annotated[float, Field(ge=0, le=1)] = 0.25


class ScheduleSettings(_Section):
    """When the job runs by itself; `enabled` decides whether the schedule starts switched on."""

    cron: Annotated[str, AfterValidator(_check_cron)] = "0 3 * * *"
    timezone: Annotated[str, AfterValidator(_check_timezone)] = "UTC"
    enabled: bool = False


class EventSettings(_Section):
    """Where new objects are heard of: a queue of S3 events, else the stored manifest is compared every `poll_seconds`."""

    sqs_queue_url: Annotated[str, AfterValidator(_check_endpoint)] | None = None
    poll_seconds: Positive = 60
    max_messages: Positive = 1000


class Settings(_Section):
    """Everything one crawl needs to know. `catalog` may hold a password, so it is not shown."""

    location: Annotated[str, AfterValidator(_check_location)]
    s3: S3Settings = S3Settings()
    client_options: dict[str, str] = Field(default_factory=dict, repr=False)
    catalog: Annotated[str, AfterValidator(_check_catalog)] = Field(repr=False)
    include: Globs = ()
    exclude: Globs = ()
    max_object_size: Size | None = None
    partition_depth: Positive = 1
    listing: ListingSettings = ListingSettings()
    inference: InferenceSettings = InferenceSettings()
    tables: tuple[PinnedTable, ...] = ()
    retire: RetireSettings = RetireSettings()
    lock_timeout: Annotated[float, Field(ge=0)] = 600.0
    schedule: ScheduleSettings = ScheduleSettings()
    events: EventSettings = EventSettings()
    keep_runs: Positive = 100

    def store_options(self) -> StoreOptions:
        """The options with which `storage.open_store` opens `location`."""
        from s3_catalog.storage.options import StoreOptions

        given = {name: _reveal(getattr(self.s3, name)) for name in S3Settings.model_fields}
        return StoreOptions(**given, client_options=dict(self.client_options))


def _reveal(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value) if isinstance(value, Path) else value


def load_settings(
    path: Path | None = None, environ: Mapping[str, str] | None = None, *, overrides: Mapping[str, object] | None = None
) -> Settings:
    """Read the settings: from `path`, else `$S3_CATALOG_CONFIG`, else `./s3_catalog.yaml`, else the defaults.

    The defaults are the sample lake and an SQLite catalog in `$S3_CATALOG_HOME` (`./.s3_catalog`).
    `$S3_CATALOG_LOCATION` goes before the file's location, `overrides` (what a command line says) before everything;
    None in it overrides nothing.

    Raises:
        ConfigError: the file is missing, unreadable or wrong; one line per problem.
    """
    environ = os.environ if environ is None else environ
    file, source = config_file.ConfigFile(), "settings"
    if (chosen := _find_file(path, environ)) is not None:
        file, source = read_config_text(_read_text(chosen), environ, _kind_of), str(chosen)
    values = {"location": sample_lake_url(), "catalog": default_catalog_url(environ), **_top_level(file)}
    sources = {}
    if location := environ.get("S3_CATALOG_LOCATION"):
        values["location"], sources["location"] = location, "S3_CATALOG_LOCATION"
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name], sources[name] = value, "command line"
    problems = [problem for problem in file.problems if not problem.path or problem.path[0] not in sources]
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        lines = {where: line for where, line in file.lines.items() if where and where[0] not in sources}
        problems.extend(_problems(error, problems, lines))
        raise ConfigError(_describe(problems, source, sources)) from None  # pydantic's own text shows values
    if problems:
        raise ConfigError(_describe(problems, source, sources))
    return settings


def sample_lake_url() -> str:
    """The sample lake: `examples/lake` of the checkout this package runs from, else of the current folder."""
    checkout = Path(__file__).parents[1]
    root = checkout if (checkout / "examples" / "make_lake.py").is_file() else Path.cwd()
    return (root / "examples" / "lake").as_uri() + "/"


def default_catalog_url(environ: Mapping[str, str]) -> str:
    """The embedded catalog: an SQLite file in `$S3_CATALOG_HOME`, by default `./.s3_catalog`."""
    home = Path(environ.get("S3_CATALOG_HOME") or ".s3_catalog").expanduser().absolute()
    return f"sqlite:///{home / 's3_catalog.db'}"


def example_settings() -> str:
    """The commented configuration that `s3-catalog init` writes; every setting is in it."""
    return files("s3_catalog").joinpath("s3_catalog.example.yaml").read_text(encoding="utf-8")


def _find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    if path is not None:
        return path
    if named := environ.get("S3_CATALOG_CONFIG"):
        return Path(named).expanduser()
    default = Path(DEFAULT_FILE)
    return default if default.exists() else None


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: not UTF-8 text") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error


def _top_level(file: config_file.ConfigFile) -> dict[str, Any]:
    if isinstance(file.values, dict):
        return dict(file.values)
    if file.values is not None and not file.problems:
        file.problems.append(Problem((), f"not settings: write 'key: value' lines; the keys are {', '.join(Settings.model_fields)}", 1))
    return {}


def _kind_of(path: config_file.KeyPath) -> Kind:
    if path == ("catalog",):
        return Kind.URL
    if path[:1] == ("client_options",):
        return Kind.SECRET if names_secret(str(path[-1])) else Kind.PLAIN
    model, name = _model_at(path[:-1]), path[-1] if path else ""
    annotation = model.model_fields[name].annotation if model and isinstance(name, str) and name in model.model_fields else None
    return Kind.SECRET if SecretStr in (annotation, *get_args(annotation)) else Kind.PLAIN


def _model_at(path: config_file.KeyPath) -> type[BaseModel] | None:
    """The model whose keys stand at a path; None where the path is not of a section."""
    model: type[BaseModel] = Settings
    for name in (part for part in path if isinstance(part, str)):
        if name not in model.model_fields:
            return None
        annotation = model.model_fields[name].annotation
        sections = [t for t in (annotation, *get_args(annotation)) if isinstance(t, type) and issubclass(t, _Section)]
        if not sections:
            return None
        model = sections[0]
    return model


def _problems(error: ValidationError, known: list[Problem], lines: Mapping[config_file.KeyPath, int]) -> list[Problem]:
    found = []
    for detail in error.errors(include_input=False, include_url=False):
        path: config_file.KeyPath = detail["loc"]
        # A value already reported has a stand-in; what the rules of its section say about that is of no use.
        if not any(problem.path[: len(path)] == path for problem in known):
            above = (path[:end] for end in range(len(path), 0, -1))
            line = next((lines[part] for part in above if part in lines), None)
            found.append(Problem(path, _explain(detail["type"], detail["msg"], path), line))
    return found


def _describe(problems: list[Problem], source: str, sources: Mapping[str, str]) -> str:
    in_order = sorted(problems, key=lambda problem: problem.line or 0)
    return "\n".join(problem.describe(sources.get(str(next(iter(problem.path), "")), source)) for problem in in_order)


def _explain(error_type: str, message: str, path: config_file.KeyPath) -> str:
    model = _model_at(path[:-1])
    if error_type == "extra_forbidden" and model is not None:
        choices = tuple(model.model_fields)
        return f"unknown key{_nearest(str(path[-1]), choices)}; the keys are {', '.join(choices)}"
    if error_type in ("model_type", "dict_type") and (section := _model_at(path)) is not None:
        return f"a section is needed here, with the keys {', '.join(section.model_fields)}"
    return message.removeprefix("Value error, ").replace("Input should", "should")


def _nearest(word: str, choices: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(word, choices, n=1)
    return f", did you mean {close[0]}?" if close else ""
