"""What the commands have in common: options, the settings that come of them, the catalog they read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from s3_catalog.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

    from s3_catalog.catalogs import RunRecord
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.model.ledger import LedgerSummary
    from s3_catalog.reporting import LedgerFilter


_MANY_RUNS = 1000
_STORE = "How S3 is reached"

Catalog = Annotated[str | None, typer.Option(metavar="URL", help="Where tables are published: sqlite:///file.db or postgresql://...")]
Config = Annotated[Path | None, typer.Option(metavar="FILE", help="The configuration; by default ./s3_catalog.yaml, if there is one.")]
Location = Annotated[str | None, typer.Option(metavar="URL", help="Only what lies below this location.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
EndpointUrl = Annotated[str | None, typer.Option("--endpoint-url", metavar="URL", help="A server other than AWS.", rich_help_panel=_STORE)]
Region = Annotated[str | None, typer.Option("--region", metavar="NAME", help="Where the bucket is.", rich_help_panel=_STORE)]
AwsProfile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="A profile of AWS's configuration.", rich_help_panel=_STORE)
]
CaBundle = Annotated[Path | None, typer.Option("--ca-bundle", metavar="FILE", help="Certificates to trust.", rich_help_panel=_STORE)]
NoVerifyTls = Annotated[bool, typer.Option("--no-verify-tls", help="Trust any certificate.", rich_help_panel=_STORE)]
PathStyle = Annotated[bool, typer.Option("--path-style", help="The bucket in the path.", rich_help_panel=_STORE)]
Anonymous = Annotated[bool, typer.Option("--anonymous", help="Send unsigned requests.", rich_help_panel=_STORE)]


_STORE_OPTIONS: dict[str, tuple[Any, Any]] = {
    "endpoint_url": (EndpointUrl, None),
    "region": (Region, None),
    "profile": (AwsProfile, None),
    "ca_bundle": (CaBundle, None),
    "no_verify_tls": (NoVerifyTls, False),
    "path_style": (PathStyle, False),
    "anonymous": (Anonymous, False),
}
"""Parameter -> its option and default."""

S3Options = dict[str, object]
"""What the command line says of S3, by the names of the settings; nothing of what it does not mention."""


def with_store_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options about S3; it takes them together, as its argument `s3` (`S3Options`)."""
    hints = get_type_hints(function, include_extras=True)
    # typer knows options by their parameters. A command may have an option of such a name itself, so those of S3 are marked.
    own = [p.replace(annotation=hints[p.name]) for p in inspect.signature(function).parameters.values() if p.name != "s3"]
    added = {
        f"s3_{name}": inspect.Parameter(f"s3_{name}", inspect.Parameter.KEYWORD_ONLY, default=default, annotation=option)
        for name, (option, default) in _STORE_OPTIONS.items()
    }

    @wraps(function)
    def collected(*args: Any, **kwargs: Any) -> None:
        given = {name: kwargs.pop(f"s3_{name}") for name in _STORE_OPTIONS}
        function(*args, **kwargs, s3=_store_settings(**given))

    parameters = [*own, *added.values()]
    collected.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters} | {"return": None}
    collected.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return collected


def _store_settings(
    *,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    ca_bundle: Path | None,
    no_verify_tls: bool,
    path_style: bool,
    anonymous: bool,
) -> S3Options:
    given: S3Options = {"endpoint_url": endpoint_url, "region": region, "profile": profile, "ca_bundle": ca_bundle}
    given |= {"verify_tls": False if no_verify_tls else None, "path_style": path_style or None, "anonymous": anonymous or None}
    return {name: value for name, value in given.items() if value is not None}


def read_settings(config: Path | None, asked: Mapping[str, object], s3: Mapping[str, object] | None = None) -> Settings:
    """Read the settings with what the command line says; S3 options go into the file's section, in place of what they exclude."""
    from s3_catalog.config import load_settings

    settings = load_settings(config, overrides=asked)
    if not s3:
        return settings
    excluded = {name for option in s3 for name in _EXCLUDED_BY.get(option, ())}
    section = settings.s3.model_dump(exclude_unset=True, exclude=excluded)
    return load_settings(config, overrides={**asked, "s3": section | dict(s3)})


_KEY_PAIR = ("access_key_id", "secret_access_key", "session_token")
_ROLE = ("role_arn", "external_id", "role_session_name")
_EXCLUDED_BY: dict[str, tuple[str, ...]] = {
    "profile": (*_KEY_PAIR, *_ROLE, "anonymous"),
    "anonymous": (*_KEY_PAIR, *_ROLE, "profile"),
    "verify_tls": ("ca_bundle",),
    "ca_bundle": ("verify_tls",),
}
"""Settings of a file that an option on the command line leaves no sense to."""


def check_scope(scope: str | None, settings: Settings) -> str | None:
    """Read a scope as people write it.

    Raises:
        ConfigError: it is none.
    """
    from s3_catalog.discovery.scopes import ROOT_SCOPE, scope_of_key
    from s3_catalog.storage import parse_location, printable

    if scope is None or scope == ROOT_SCOPE:
        return scope
    prefix, base = scope.rstrip("/") + "/", parse_location(settings.location).prefix
    if not prefix.startswith(base) or scope_of_key(prefix, base=base, depth=settings.partition_depth) != prefix:
        raise ConfigError(
            f"{printable(scope)} is not a scope: write {ROOT_SCOPE} or the prefix of a folder, {settings.partition_depth} deep "
            f"below {printable(settings.location)}"
        )
    return prefix


@contextmanager
def open_catalog(settings: Settings) -> Iterator[SqlCatalog | None]:
    """Open the catalog to read; None where it is a file that no crawl has made yet."""
    from s3_catalog.pipeline import open_state

    file = settings.catalog.partition("?")[0].removeprefix("sqlite:///")
    if file != settings.catalog.partition("?")[0] and not Path(file).exists():
        yield None
        return
    with open_state(settings) as catalog:
        yield catalog


def read_ledgers(catalog: SqlCatalog | None, location: str | None, filters: LedgerFilter) -> Iterator[pa.Table]:
    """The newest ledgers of a location (or of one crawled above it), by default of the one crawled last, without the rows not asked for."""
    runs = catalog.list_runs(_MANY_RUNS) if catalog else []
    wanted = base_url(location) if location is not None else runs[0].location if runs else ""
    crawled = max((run for run in runs if wanted.startswith(run.location)), key=lambda run: len(run.location), default=None)
    if catalog is None or crawled is None:
        return
    base = wanted.removeprefix(crawled.store_url)
    for ledger in catalog.latest_ledger(crawled.location):
        yield filters.apply(ledger, base=base)


def read_size(option: str, text: str | None) -> int | None:
    """Read a number of bytes as the configuration writes it.

    Raises:
        ConfigError: it is none.
    """
    from pydantic import TypeAdapter, ValidationError

    from s3_catalog.config_sections import Size

    try:
        return None if text is None else int(TypeAdapter(Size).validate_python(text))
    except ValidationError:
        raise ConfigError(f"{option}: not a size: write a number of bytes, or one like 500MB or 5GiB") from None


def summarize_newest(catalog: SqlCatalog, run: RunRecord) -> LedgerSummary:
    """The sums of all newest ledgers of a run's location; one run may have seen only a part of it."""
    from s3_catalog.model.ledger import add_summaries, summarize_ledger

    return add_summaries((summarize_ledger(part) for part in catalog.latest_ledger(run.location)), run.failed_prefixes)


def base_url(location: str) -> str:
    """A location as tables and runs name it."""
    from s3_catalog.storage import parse_location

    return parse_location(location).url
