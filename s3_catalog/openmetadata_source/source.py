"""`S3Source`: what `metadata ingest` drives. Each bucket is read, compared with the server, and handed to the sink table by table.

Nothing of one bucket or table stops the others: it becomes a failure of the run's status. No message holds a secret or a sampled value.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from metadata.generated.schema.api.data.createDatabase import CreateDatabaseRequest
from metadata.generated.schema.api.data.createDatabaseSchema import CreateDatabaseSchemaRequest
from metadata.generated.schema.api.data.createTable import CreateTableRequest
from metadata.generated.schema.api.data.createTableProfile import CreateTableProfileRequest
from metadata.generated.schema.entity.data.table import Table as TableEntity
from metadata.generated.schema.entity.data.table import TableData
from metadata.generated.schema.entity.services.connections.database.customDatabaseConnection import CustomDatabaseConnection
from metadata.generated.schema.entity.services.databaseService import DatabaseService
from metadata.generated.schema.metadataIngestion.workflow import Source as WorkflowSource
from metadata.ingestion.api.models import Either, StackTraceError
from metadata.ingestion.api.steps import InvalidSourceException, Source
from metadata.ingestion.models.barrier import Barrier
from metadata.ingestion.models.delete_entity import DeleteEntity
from metadata.ingestion.models.profile_data import OMetaTableProfileSampleData
from metadata.ingestion.ometa.ometa_api import OpenMetadata
from metadata.sampler.models import SampleData, SamplerResponse
from metadata.utils.filters import filter_by_database, filter_by_schema, filter_by_table
from pydantic import ValidationError

from s3_catalog.catalogs import RetirePolicy
from s3_catalog.catalogs._authority import LastWritten, MemoryLastWritten
from s3_catalog.catalogs._om_columns import Body
from s3_catalog.catalogs._om_entities import database_name
from s3_catalog.catalogs._om_figures import date_profile
from s3_catalog.catalogs._om_names import join_fqn, quote_path
from s3_catalog.catalogs._om_remote import read_table
from s3_catalog.errors import S3CatalogError, describe_unknown
from s3_catalog.model.tables import Table
from s3_catalog.openmetadata_source.drafts import BucketPlan, Publication
from s3_catalog.openmetadata_source.lakes import Lake, count_top, read_lake, state_url
from s3_catalog.openmetadata_source.options import SECRETS, read_options
from s3_catalog.openmetadata_source.server import ServerClient, server_settings
from s3_catalog.storage import parse_location, printable

logger = logging.getLogger("metadata.Ingestion.s3_catalog")
"""Below the framework's own logger: this is what the command shows."""

_PLACES = {"database": CreateDatabaseRequest, "schema": CreateDatabaseSchemaRequest}


class S3Source(Source):
    """Tables of buckets, for a `customDatabase` service.

    Raises:
        ConfigError: an option is unknown or cannot be read.
        InvalidSourceException: the service is not of the type CustomDatabase.
    """

    def __init__(self, config: WorkflowSource, metadata: OpenMetadata) -> None:
        super().__init__()
        self.config, self.metadata = config, metadata
        connection = config.serviceConnection.root.config
        if not isinstance(connection, CustomDatabaseConnection):
            raise InvalidSourceException(f"S3Source is for services of the type CustomDatabase, not {type(connection).__name__}")
        self.service_connection, self.source_config = connection, config.sourceConfig.config
        self._choices = read_options(connection.connectionOptions.root if connection.connectionOptions else None)
        self._settings = replace(server_settings(metadata.config.hostPort, config.serviceName), batch=self._choices.batch)
        self._client = ServerClient(metadata.client, self._settings.label)

    @classmethod
    def create(cls, config_dict: Mapping[str, Any], metadata: OpenMetadata, pipeline_name: str | None = None) -> S3Source:
        """Build the source from the workflow's `source` section."""
        return cls(WorkflowSource.model_validate(config_dict), metadata)

    @property
    def name(self) -> str:
        return "S3"

    def prepare(self) -> None:
        """Look at every bucket before anything is written."""
        self.test_connection()

    def test_connection(self) -> None:
        """List the top of every location, and log what is there.

        Raises:
            S3CatalogError: none of them can be listed.
        """
        errors: list[S3CatalogError] = []
        locations = [location for bucket in self._choices.buckets for location in bucket]
        for location in locations:
            try:
                folders, objects = count_top(self._choices, location)
            except S3CatalogError as error:
                logger.error("connection test failed location=%s: %s", printable(location), error)
                errors.append(error)
            else:
                logger.info("connection test passed location=%s folders=%d objects=%d", printable(location), folders, objects)
        if len(errors) == len(locations):
            raise errors[0]

    def close(self) -> None:
        """Nothing stays open between buckets."""

    def _iter(self) -> Iterable[Either]:
        try:
            yield from self._make_service()
        except S3CatalogError as error:
            yield _failure(self._settings.service, str(error))
            return
        for locations in self._choices.buckets:
            name = parse_location(locations[0]).store_url
            if self._is_filtered(filter_by_database, "databaseFilterPattern", database_name(name)):
                continue
            try:
                yield from self._publish(locations, name)
            except S3CatalogError as error:
                yield _failure(name, str(error))
            except Exception as error:  # noqa: BLE001 - one bucket never stops the others
                yield _failure(name, f"failed with {describe_unknown(error)}")

    def _make_service(self) -> Iterator[Either]:
        """The service, where it is not there; keys that unlock a store stay out of it: the server would show them."""
        fqn = join_fqn((self._settings.service,))
        if self._client.find(f"/services/databaseServices/name/{quote_path(fqn)}") is not None:
            return
        request = self.metadata.get_create_service_from_source(entity=DatabaseService, config=self.config).model_copy(deep=True)
        options = request.connection.config.connectionOptions if request.connection else None
        if options is not None:
            options.root = {name: value for name, value in options.root.items() if name not in SECRETS}
        yield Either(right=request)

    def _publish(self, locations: Sequence[str], store_url: str) -> Iterator[Either]:
        with ExitStack() as opened:
            memory: LastWritten = MemoryLastWritten()
            state = url = None
            if self._choices.caching:
                from s3_catalog.catalogs.sql import SqlCatalog

                url = state_url(self._settings.service, store_url, os.environ)
                state = opened.enter_context(SqlCatalog(url))
                memory = state.last_written()
            lake = read_lake(self._choices, locations, state, url)
            yield from (_failure(name, error) for name, error in lake.failed)
            for key, error in lake.unread:
                self.status.warning(printable(key), error)
            lake = replace(lake, tables=tuple(self._as_wanted(table) for table in lake.tables))
            plan = BucketPlan(self._client, self._settings, memory, lake, override=bool(self.source_config.overrideMetadata))
            yield from (_failure(name, reason) for name, reason in plan.refused)
            yield from self._write(plan)
            yield from self._retire(plan, lake)

    def _as_wanted(self, table: Table) -> Table:
        """The table without what the workflow does not want to hear of."""
        described = table.description
        if described is None:
            return table
        tags = described.tags if self.source_config.includeTags else ()
        owners = described.owners if self.source_config.includeOwners else ()
        return replace(table, description=replace(described, tags=tags, owners=owners))

    def _write(self, plan: BucketPlan) -> Iterator[Either]:
        publications = [one for one in plan.publications if not self._is_left_out(one)]
        new = [one for one in publications if one.merged.changes or one.needs_put]
        for kind, bodies in plan.missing_places(new):
            yield from (Either(right=_PLACES[kind].model_validate(body)) for body in bodies)
            yield Either(right=Barrier(reason=kind))
        plan.make_tags(new)
        yield from self._put([one for one in publications if one.needs_put])
        entities = plan.read().tables if new else dict(plan.remote.tables)
        for one in publications:
            if one.merged.needs_patch and one.key in entities:
                yield from self._patch(one, entities, plan)
        done = [one for one in publications if one.is_done(entities.get(one.key), plan.references)]
        figures: dict[str, Mapping[str, Any]] = {}
        for one in done:
            if (yield from self._send_figures(one, entities[one.key])):
                figures[one.key] = one.wanted.figures
        plan.remember(done, figures)

    def _put(self, publications: Sequence[Publication]) -> Iterator[Either]:
        for start in range(0, len(publications), self._choices.batch):
            for one in publications[start : start + self._choices.batch]:
                try:
                    request = CreateTableRequest.model_validate(one.request(self._settings.service))
                except ValidationError as error:
                    where = ", ".join(".".join(map(str, detail["loc"])) for detail in error.errors(include_input=False)[:3])
                    yield _failure(one.table.name, f"OpenMetadata's model refuses its request: {where}")
                else:
                    yield Either(right=request)
            yield Either(right=Barrier(reason="tables"))

    def _patch(self, one: Publication, entities: dict[str, Body], plan: BucketPlan) -> Iterator[Either]:
        entity = entities[one.key]
        operations = one.patch(entity, plan.references)
        if not operations:
            return
        try:
            self._client.patch(f"/tables/{entity['id']}", operations, entity["version"])
            entities[one.key] = read_table(self._client, entity["id"])  # its answer need not hold tags and owners
        except S3CatalogError as error:
            yield _failure(one.table.name, str(error))
        else:
            self.status.updated(TableEntity(**entity))

    def _send_figures(self, one: Publication, body: Body) -> Generator[Either, None, bool]:
        """Sample and profile, where they moved since they were last sent; returns whether all of them were."""
        moved = one.moved_figures()
        if not moved:
            return True
        entity = TableEntity(**body)
        if "sample" in moved:
            sample = one.wanted.sample()
            if sample is not None:
                data = SampleData(data=TableData(**sample), store=True)
                yield Either(right=SamplerResponse(entity=entity, sample_data=data))
            else:
                try:
                    self._client.delete(f"/tables/{body['id']}/sampleData")
                except S3CatalogError as error:
                    yield _failure(one.table.name, str(error))
                    return False
        profile = date_profile(one.wanted.profile, time.time_ns() // 1_000_000)
        if profile is not None and moved - {"sample"}:
            yield Either(right=OMetaTableProfileSampleData(table=entity, profile=CreateTableProfileRequest(**profile)))
        return True

    def _retire(self, plan: BucketPlan, lake: Lake) -> Iterator[Either]:
        if not self.source_config.markDeletedTables:
            return
        leaving, found = plan.gone(RetirePolicy().max_share)
        if found.withheld:
            reason = (found.reason or "").partition("; if they are meant")[0]
            self.status.warning(lake.store_url, f"not retired: {', '.join(found.withheld)}: {reason}")
        for written, entity in leaving:
            plan.remember_retired(written)
            yield Either(right=DeleteEntity(entity=TableEntity(**entity), recursive=True))

    def _is_left_out(self, one: Publication) -> bool:
        database, schema = one.wanted.database, one.wanted.schema
        if self._is_filtered(filter_by_schema, "schemaFilterPattern", database, schema):
            return True
        return self._is_filtered(filter_by_table, "tableFilterPattern", database, schema, one.wanted.name)

    def _is_filtered(self, judge: Any, pattern: str, *parts: str) -> bool:
        fqn = join_fqn((self._settings.service, *parts))
        filtered = bool(judge(getattr(self.source_config, pattern), fqn if self.source_config.useFqnForFiltering else parts[-1]))
        if filtered:
            self.status.filter(fqn, f"left out by {pattern}")
        return filtered


def _failure(name: str, error: str) -> Either:
    return Either(left=StackTraceError(name=printable(name), error=f"{printable(name)}: {error}", stackTrace=None))
