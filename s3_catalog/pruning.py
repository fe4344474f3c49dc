"""What `s3-catalog prune` deletes for good: tables of ours in one catalog, and the service that they leave empty.

In: settings and the name of a catalog, or of the service or database it writes to. Out: a plan, and what became of it. Of the embedded
catalog only retired tables go, with their history: what is there would be found again by the next crawl.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from s3_catalog.catalogs import Catalog, Plan, ServiceCatalog
from s3_catalog.catalogs._planning import Published
from s3_catalog.catalogs._removal import Removal, apply_removal, plan_removal
from s3_catalog.errors import S3CatalogError, UnknownPluginError
from s3_catalog.planning import EMBEDDED, Plans
from s3_catalog.targets import TargetReport, choose_targets, open_target

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog
    from s3_catalog.config import Settings
    from s3_catalog.config_sections import TargetSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruning:
    """What would go. `name` is the catalog's in the settings; `service` goes too, as far as it is empty then (None: it stays)."""

    name: str
    plan: Plan
    service: str | None = None

    def as_plans(self, settings: Settings) -> Plans:
        """The same to be kept in a file."""
        return Plans(location=settings.location, made=datetime.now(UTC), targets=(TargetReport(name=self.name, plan=self.plan),))


def plan_pruning(settings: Settings, state: SqlCatalog, service: str, *, globs: Sequence[str] = (), only_retired: bool = False) -> Pruning:
    """Plan what would be deleted; writes nothing.

    Args:
        service: the name of a catalog, or of the service or database that it writes to; `catalog` is the embedded one.
        globs: only tables whose names match one of them.

    Raises:
        UnknownPluginError: nothing has such a name.
        CatalogError: the catalog cannot be read.
    """
    name = find_catalog(settings, state, service)
    only_retired = only_retired or name == EMBEDDED

    def is_wanted(table: Published) -> bool:
        return (table.retired or not only_retired) and (not globs or any(fnmatchcase(table.name, glob) for glob in globs))

    with _open(settings, state, name) as catalog:
        plan, is_all = plan_removal(catalog, is_wanted)
        emptied = catalog.service if isinstance(catalog, ServiceCatalog) and is_all else None
    return Pruning(name=name, plan=plan, service=emptied)


def prune(settings: Settings, state: SqlCatalog, pruning: Pruning) -> Removal:
    """Delete exactly what was planned, while nobody else publishes there.

    Raises:
        CatalogError: the catalog moved since the plan was made (nothing was deleted), or cannot be read.
    """
    lock = "" if pruning.name == EMBEDDED else pruning.name
    with state.exclusive(settings.lock_timeout, lock), _open(settings, state, pruning.name) as catalog:
        return apply_removal(catalog, pruning.plan)


def find_catalog(settings: Settings, state: SqlCatalog, name: str) -> str:
    """The name, in the settings, of the catalog that has a name or writes to a service of that name.

    Raises:
        UnknownPluginError: none has, or several write to such a service.
    """
    labels = [EMBEDDED, *(target.label for target in settings.publish_to)]
    if name in labels:
        return name
    services = {target.label: _read_service(state, target) for target in settings.publish_to}
    found = [label for label, service in services.items() if service == name]
    if len(found) == 1:
        return found[0]
    choices = found or [EMBEDDED, *(label if service is None else f"{label} ({service})" for label, service in services.items())]
    raise UnknownPluginError("service" if not found else "service, as several catalogs write to it,", name, choices)


def _read_service(state: SqlCatalog, target: TargetSettings) -> str | None:
    """The service or database that a catalog writes to; None where it has none, or cannot be opened to be asked."""
    try:
        with open_target(state, target) as catalog:
            return catalog.service if isinstance(catalog, ServiceCatalog) else None
    except S3CatalogError:  # it may be another one that is asked for; by its name in the settings the reason is told
        return None


@contextmanager
def _open(settings: Settings, state: SqlCatalog, name: str) -> Iterator[Catalog]:
    if name == EMBEDDED:
        yield state
        return
    (target,) = choose_targets(settings, (name,))
    with open_target(state, target) as catalog:
        yield catalog
