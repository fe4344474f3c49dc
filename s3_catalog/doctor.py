"""What `s3-catalog doctor` looks at: program, settings, store, embedded catalog, every catalog of publish_to. Nothing is written.

In: settings. Out: one `Check` per thing, by subject, each with what to do where something is wrong. A subject that fails stops no other.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pyarrow.compute as pc

from s3_catalog.catalogs import Catalog, Check, CheckedCatalog, CheckStatus, open_catalog
from s3_catalog.catalogs._authority import MemoryLastWritten
from s3_catalog.doctor_store import examine_store
from s3_catalog.errors import CatalogError, CatalogUnavailableError, MissingExtraError, S3CatalogError, UnknownPluginError, describe_unknown
from s3_catalog.storage import parse_location, printable

if TYPE_CHECKING:
    from s3_catalog.catalogs._sql_checks import DatabaseLook
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.config_sections import TargetSettings

_SHOWN_VERSIONS = ("dagster", "pyarrow", "duckdb")
PACKAGES = {
    "avro": ("fastavro",),
    "delta": ("deltalake",),
    "excel": ("openpyxl", "python_calamine"),
    "hdf5": ("h5py",),
    "hudi": ("hudi",),
    "iceberg": ("pyiceberg",),
    "postgresql": ("psycopg",),
}
"""Extra (and the format it reads, but for the last) -> the modules that come with it."""
_EXTRA = re.compile(r"s3-catalog\[([a-z0-9]+)\]")
_BY_TYPE: tuple[tuple[type[S3CatalogError], str], ...] = (
    (MissingExtraError, "install it where s3-catalog runs"),
    (CatalogUnavailableError, "see whether the catalog runs and can be reached from here, then try again"),
    (CatalogError, "correct its URL under publish_to, or what it asks for"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One subject (`store`, `catalog`, the name of a catalog of publish_to) and what was looked at of it."""

    subject: str
    checks: tuple[Check, ...]


def examine(settings: Settings) -> list[Examined]:
    """Look at all that a crawl with these settings needs; writes nothing, and what is wrong is an answer, not an error.

    Raises:
        UnknownPluginError: the embedded catalog's URL is of no database that it can be in.
    """
    from s3_catalog.catalogs._sql_checks import look_at_database
    from s3_catalog.catalogs.sql import CATALOG

    scheme = settings.catalog.partition("://")[0]
    if scheme not in CATALOG.schemes:
        raise UnknownPluginError("catalog", scheme, CATALOG.schemes)
    look = look_at_database(settings.catalog, [target.label for target in settings.publish_to])
    with ExitStack() as opened:
        state = _open_current(settings, look, opened)
        subjects: list[tuple[str, Callable[[], Iterable[Check]]]] = [
            ("program", lambda: _examine_program(settings, look, state)),
            ("settings", lambda: _examine_settings(settings)),
            ("store", lambda: examine_store(settings)),
            ("catalog", lambda: look.checks),
        ]
        subjects += [(target.label, partial(_examine_target, target, state)) for target in settings.publish_to]
        with ThreadPoolExecutor(max_workers=len(subjects), thread_name_prefix="doctor") as pool:
            found = pool.map(_examine_one, (work for _, work in subjects))
            return [Examined(subject=subject, checks=checks) for (subject, _), checks in zip(subjects, found, strict=True)]


def worst_status(examined: Iterable[Examined]) -> CheckStatus:
    """The status of all together."""
    statuses = {check.status for one in examined for check in one.checks}
    return next((status for status in (CheckStatus.FAILURE, CheckStatus.WARNING) if status in statuses), CheckStatus.OK)


def _open_current(settings: Settings, look: DatabaseLook, opened: ExitStack) -> SqlCatalog | None:
    """The embedded catalog, where opening it neither makes nor upgrades anything."""
    from s3_catalog.catalogs.sql import SqlCatalog

    return opened.enter_context(SqlCatalog(settings.catalog)) if look.is_current else None


def _examine_one(work: Callable[[], Iterable[Check]]) -> tuple[Check, ...]:
    """All checks of a subject up to the one that breaks: no error may keep the rest from being told."""
    checks: list[Check] = []
    try:
        checks.extend(work())
    except S3CatalogError as error:
        checks.append(_failure("checks", str(error), _advise(error)))
    except Exception as error:  # noqa: BLE001 - a client library may raise anything; one subject never stops the others
        checks.append(_failure("checks", f"unexpected {describe_unknown(error)}", "this is a fault of s3-catalog: report it"))
    return tuple(checks)


def _examine_program(settings: Settings, look: DatabaseLook, state: SqlCatalog | None) -> Iterator[Check]:
    found = [f"Python {python_version()}", f"s3-catalog {version('s3-catalog')}"]
    for package in _SHOWN_VERSIONS:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            advice = f"pip install {package}, or install s3-catalog anew"
            yield _failure("packages", f"{package} is not installed", advice)
    yield _ok("versions", ", ".join(found))
    yield from _examine_extras(settings, look, state)


def _examine_extras(settings: Settings, look: DatabaseLook, state: SqlCatalog | None) -> Iterator[Check]:
    """Optional packages that the settings, the tables of the embedded catalog, or files that failed for want of them need."""
    needs: dict[str, str] = {table.format: "tables of the configuration" for table in settings.tables if table.format}
    needs |= dict.fromkeys(look.formats, "tables of the catalog")
    if state is not None:
        needs |= dict.fromkeys(_extras_missed(settings, state), "files of the last crawl, which failed,")
    urls = [settings.catalog, *(target.url for target in settings.publish_to)]
    if any(url.startswith("postgres") for url in urls):
        needs["postgresql"] = "PostgreSQL"
    missing = {extra: why for extra, why in needs.items() if not all(map(_is_installed, PACKAGES.get(extra, ())))}
    for extra, why in sorted(missing.items()):
        yield _failure("packages", f"{why} need the extra {extra}", f"pip install 's3-catalog[{extra}]'")
    if not missing:
        yield _ok("packages", "all that the tables need are installed")


def _extras_missed(settings: Settings, state: SqlCatalog) -> set[str]:
    missed: set[str] = set()
    for ledger in state.latest_ledger(parse_location(settings.location).url):
        errors: list[Any] = pc.unique(ledger.column("error")).to_pylist()
        missed |= {match[1] for error in errors if error and (match := _EXTRA.search(error))}
    return missed


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _examine_settings(settings: Settings) -> Iterator[Check]:
    yield _ok("location", printable(settings.location))
    names = [target.label for target in settings.publish_to]
    yield _ok("publish_to", ", ".join(names) if names else "no other catalogs")
    if not settings.s3.verify_tls:
        advice = "name the authority by s3.ca_bundle instead"
        yield _warning("verify_tls", "certificates of the store are not checked: anybody between can read the keys' signatures", advice)
    if settings.retire.max_share >= 1:
        advice = "set it to 0.25, and allow more for one run by --allow-retire"
        yield _warning("retire.max_share", "one run may retire every table", advice)
    places: dict[tuple[str, str | None], str] = {}
    for target in settings.publish_to:
        place = _place_of(target.url)
        if place in places:
            found = f"{places[place]} and {target.label} are the same place, with other options"
            yield _warning("publish_to", found, "leave one of them out: each would undo what the other writes")
        places.setdefault(place, target.label)
    if (embedded := places.get(_place_of(settings.catalog))) is not None:
        found = f"{embedded} is the embedded catalog itself"
        yield _failure("publish_to", found, "leave it out: the embedded catalog gets all tables anyway")


def _place_of(url: str) -> tuple[str, str | None]:
    """What tells two catalogs apart: all but the options, of which only the region of AWS is one of place."""
    base, _, options = url.partition("?")
    return base, dict(parse_qsl(options)).get("region")


def _examine_target(target: TargetSettings, state: SqlCatalog | None) -> Iterable[Check]:
    from s3_catalog.catalogs._sql_checks import look_at_database
    from s3_catalog.catalogs.sql import CATALOG

    if target.url.partition("://")[0] in CATALOG.schemes:  # opening it would make or upgrade it
        return look_at_database(target.url).checks
    with ExitStack() as opened:
        try:
            catalog = open_catalog(target.url, state.last_written() if state else MemoryLastWritten())
        except S3CatalogError as error:
            return [_failure("opens", str(error), _advise(error))]
        if hasattr(catalog, "close"):
            opened.callback(catalog.close)
        return catalog.check() if isinstance(catalog, CheckedCatalog) else [_list_tables(catalog)]


def _list_tables(catalog: Catalog) -> Check:
    """All that can be asked of a catalog that does not tell how it is."""
    try:
        return _ok("opens", f"{len(catalog.list_tables()):,} tables")
    except S3CatalogError as error:
        return _failure("opens", str(error), _advise(error))


def _advise(error: S3CatalogError) -> str:
    return next((advice for kind, advice in _BY_TYPE if isinstance(error, kind)), "correct the configuration")


def _ok(name: str, found: str) -> Check:
    return Check(name=name, status=CheckStatus.OK, found=found)


def _warning(name: str, found: str, advice: str) -> Check:
    return Check(name=name, status=CheckStatus.WARNING, found=found, advice=advice)


def _failure(name: str, found: str, advice: str) -> Check:
    return Check(name=name, status=CheckStatus.FAILURE, found=found, advice=advice)
