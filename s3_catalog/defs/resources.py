"""What the assets work with: the settings with the catalog they name, and the store.

All is read when a run asks for it, nothing when code is loaded.
"""

# No `from __future__ import annotations`: Dagster reads the types of fields.
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from s3_catalog.config import Settings, load_settings
from s3_catalog.pipeline import Clock, open_state
from s3_catalog.storage import ObjectStore, open_store

if TYPE_CHECKING:
    from s3_catalog.catalogs.sql import SqlCatalog


class SettingsResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the settings come from: a file (by default as for the command line), with a location and a catalog that go before it."""

    config_file: str | None = None
    location: str | None = None
    catalog: str | None = None

    def load(self) -> Settings:
        """Read the settings.

        Raises:
            ConfigError: the file is missing, unreadable or wrong.
        """
        path = Path(self.config_file) if self.config_file else None
        return load_settings(path, overrides={"location": self.location, "catalog": self.catalog})

    def open_catalog(self) -> "SqlCatalog":
        """Open the embedded catalog, which is the state store as well; a context manager.

        Raises:
            ConfigError: the settings are wrong.
            CatalogError: it cannot be opened.
        """
        return open_state(self.load())


class StoreResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The location to catalog, and how patient a run is with it: tries per call, and seconds after which no further one is begun.

    The steps of a run that share a process share the open store, so that its receipt is the run's.
    """

    max_attempts: int | None = None
    deadline: float | None = None
    _opened: ObjectStore | None = PrivateAttr(default=None)
    _clock: Clock = PrivateAttr(default_factory=Clock)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Begin a run."""
        self._opened, self._clock = None, Clock()

    @property
    def clock(self) -> Clock:
        """When this run began."""
        return self._clock

    def open(self, settings: Settings) -> ObjectStore:
        """Open the store of the settings.

        Raises:
            StoreError: no credentials, or the folder does not exist.
        """
        if self._opened is None:
            patience = {"max_attempts": self.max_attempts, "deadline": self.deadline}
            given: dict[str, Any] = {name: value for name, value in patience.items() if value is not None}
            self._opened = open_store(settings.location, replace(settings.store_options(), **given))
        return self._opened
