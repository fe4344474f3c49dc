"""The settings: one YAML file, checked as a whole before anything runs.

In: `s3_catalog.yaml` and the environment, both read by `load_settings` and nowhere else. Out: a frozen `Settings`.
A wrong file raises one `ConfigError` that names, line by line, everything that is wrong with it; no message holds a value.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError

from s3_catalog import config_file
from s3_catalog.config_describing import SampleSettings, TagSettings
from s3_catalog.config_file import Kind, Problem, names_secret, read_config_text
from s3_catalog.config_sections import (
    EventSettings,
    Globs,
    InferenceSettings,
    ListingSettings,
    PathHints,
    PinnedTable,
    Positive,
    RetireSettings,
    S3Settings,
    ScheduleSettings,
    Section,
    Size,
    TargetSettings,
    check_catalog,
    check_labels,
    check_location,
)
from s3_catalog.errors import ConfigError

if TYPE_CHECKING:
    from s3_catalog.storage.options import StoreOptions

DEFAULT_FILE = "s3_catalog.yaml"
_WORDS = {("csv", "quote"), ("csv", "null_markers"), ("tables", "rows"), ("hints", "rows")}
"""Settings whose values are words of the data, by their last two names."""


class Settings(Section):
    """Everything one crawl needs to know. `catalog` may hold a password, so it is not shown."""

    location: Annotated[str, AfterValidator(check_location)]
    s3: S3Settings = S3Settings()
    client_options: dict[str, str] = Field(default_factory=dict, repr=False)
    catalog: Annotated[str, AfterValidator(check_catalog)] = Field(repr=False)
    publish_to: Annotated[tuple[TargetSettings, ...], AfterValidator(check_labels)] = ()
    include: Globs = ()
    exclude: Globs = ()
    max_object_size: Size | None = None
    partition_depth: Positive = 1
    listing: ListingSettings = ListingSettings()
    inference: InferenceSettings = InferenceSettings()
    tags: TagSettings = TagSettings()
    samples: SampleSettings = SampleSettings()
    tables: tuple[PinnedTable, ...] = ()
    hints: tuple[PathHints, ...] = ()
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
    if path == ("catalog",) or (path[:1] == ("publish_to",) and path[-1] == "url"):
        return Kind.URL
    if path[:1] == ("client_options",):
        return Kind.SECRET if names_secret(str(path[-1])) else Kind.PLAIN
    within = [part for part in path if isinstance(part, str)]
    if tuple(within[-2:]) in _WORDS:
        return Kind.WORD
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
        sections = [t for t in (annotation, *get_args(annotation)) if isinstance(t, type) and issubclass(t, Section)]
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
