"""AWS Glue as a client sees it: the calls this package makes, with retries, paging and errors in our own words.

Throttling and server errors are retried by botocore's standard mode. No message holds a request, an answer or an account's number.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from s3_catalog.errors import CatalogError, CatalogUnavailableError

logger = logging.getLogger(__name__)

BATCH = 100
"""Partitions per call: Glue's own bound of `BatchCreatePartition` and `BatchUpdatePartition`."""
DELETE_BATCH = 25
"""Partitions per `BatchDeletePartition`, by Glue's own bound."""
OUR_DESCRIPTION = "Tables found by s3-catalog."
"""What a database says that we made."""
_REASONS = {
    **dict.fromkeys(("AccessDeniedException", "AccessDenied"), "permission denied"),
    **dict.fromkeys(("ExpiredTokenException", "ExpiredToken", "RequestExpired"), "the credentials have expired"),
    **dict.fromkeys(
        ("UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException"),
        "the credentials are wrong",
    ),
}
_BUSY = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "OperationTimeoutException", "InternalServiceException"}
)
_MAX_ATTEMPTS = 6
_FIRST_ERROR = 300
_FailedPartition = tuple[tuple[str, ...], str]
"""(values, Glue's code of the error)"""


class GlueRefusalError(CatalogError):
    """Glue refused a call. `code` is its own name for the reason."""

    def __init__(self, operation: str, code: str, reason: str | None = None) -> None:
        self.operation, self.code = operation, code
        super().__init__(f"{operation}: {reason or code}")


@dataclass(frozen=True, slots=True, kw_only=True)
class GlueConnection:
    """Where Glue is. What is left out comes from botocore's usual places. Times in seconds."""

    region: str | None = None
    endpoint_url: str | None = None
    profile: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    ca_bundle: str | None = None
    verify_tls: bool = True
    max_attempts: int = _MAX_ATTEMPTS
    connect_timeout: float = 5.0
    read_timeout: float = 30.0


def connect(service: str, connection: GlueConnection) -> Any:
    """Make a boto3 client.

    Raises:
        CatalogError: the AWS configuration cannot be used.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, NoRegionError
    from botocore.session import Session

    try:
        own = Session()
        own.register_component("data_loader", _load_descriptions(own.get_config_variable("data_path")))
        session = boto3.Session(
            botocore_session=own,
            aws_access_key_id=connection.access_key_id,
            aws_secret_access_key=connection.secret_access_key,
            aws_session_token=connection.session_token,
            region_name=connection.region,
            profile_name=connection.profile,
        )
        create: Any = session.client
        client = create(
            service,
            endpoint_url=connection.endpoint_url,
            verify=(connection.ca_bundle or True) if connection.verify_tls else False,
            config=Config(
                retries={"mode": "standard", "total_max_attempts": connection.max_attempts},
                connect_timeout=connection.connect_timeout,
                read_timeout=connection.read_timeout,
            ),
        )
    except NoRegionError as error:
        raise CatalogError(f"AWS {service}: no region is known (region= in the catalog's URL, AWS_REGION, profile)") from error
    except (BotoCoreError, ValueError) as error:
        raise CatalogError(f"AWS {service} cannot be used: {type(error).__name__}") from error
    if "json" in client.meta.service_model.protocol:
        _heed_strange_answers(client, connection.max_attempts)
    return client


@cache
def _load_descriptions(data_path: str | None) -> Any:
    """What botocore knows of services, once for all sessions: reading it takes longer than a call."""
    from botocore.loaders import create_loader

    return create_loader(data_path)


def _heed_strange_answers(client: Any, max_attempts: int) -> None:
    """Let botocore try again when a success is no JSON (cut, or a web page): by itself it takes it for an empty answer.

    Once all attempts are made, the call raises `CatalogUnavailableError`.
    """

    def needs_retry(response: Any, operation: Any, attempts: int, **_: Any) -> float | None:
        if response is None or response[0].status_code >= _FIRST_ERROR or _is_json(response[0].content):
            return None
        if attempts < max_attempts:
            return 0.5 * 2.0 ** (attempts - 1)
        reason = "the answer was cut or is a web page: something stands before Glue"
        raise CatalogUnavailableError(f"AWS Glue: {operation.name}: {reason}")

    client.meta.events.register(f"needs-retry.{client.meta.service_model.service_id.hyphenize()}", needs_retry)


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body or b"{}")
    except ValueError:
        return False
    return True


@contextmanager
def told_in_our_words(operation: str) -> Iterator[None]:
    """Turn boto3's errors into ours.

    Raises:
        CatalogUnavailableError: unreachable, throttled or failing after all retries.
        GlueRefusalError: refused.
    """
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        # A number for a code: the answer never was Glue's.
        if code in _BUSY or code.isdigit() or status >= 500 or status == 429:
            raise CatalogUnavailableError(f"AWS Glue: {operation}: {code} after all retries") from error
        raise GlueRefusalError(operation, code, _REASONS.get(code)) from error
    except NoCredentialsError as error:
        raise CatalogError("AWS Glue: no credentials found (AWS_* variables, profile, instance role)") from error
    except (BotoCoreError, ResponseParserError, UnicodeDecodeError) as error:  # the last is a web page in another encoding
        raise CatalogUnavailableError(f"AWS Glue: {operation}: {type(error).__name__}") from error


class GlueDatabase:
    """The calls about one database. Every call raises as `told_in_our_words`; `writes` counts those that change something."""

    def __init__(self, client: Any, name: str, catalog_id: str | None) -> None:
        self._client, self.name = client, name
        self._own: dict[str, Any] = {"CatalogId": catalog_id} if catalog_id else {}
        self.writes = 0

    def tables(self) -> list[dict[str, Any]]:
        """All tables, as Glue describes them; none where there is no database."""
        try:
            with told_in_our_words("GetTables"):
                pages = self._client.get_paginator("get_tables").paginate(DatabaseName=self.name, **self._own)
                return [table for page in pages for table in _list_of(page, "TableList")]
        except GlueRefusalError as error:
            if error.code == "EntityNotFoundException":
                return []
            raise

    def table(self, name: str) -> dict[str, Any]:
        with told_in_our_words("GetTable"):
            found: dict[str, Any] = self._client.get_table(DatabaseName=self.name, Name=name, **self._own)["Table"]
            return found

    def ensure(self) -> None:
        """Create the database where it is missing."""
        if self.describe() is None:
            try:
                self._write("CreateDatabase", "create_database", DatabaseInput={"Name": self.name, "Description": OUR_DESCRIPTION})
            except GlueRefusalError as refusal:
                if refusal.code != "AlreadyExistsException":
                    raise

    def describe(self) -> dict[str, Any] | None:
        """The database as Glue describes it; None where there is none."""
        try:
            with told_in_our_words("GetDatabase"):
                found: dict[str, Any] = self._client.get_database(Name=self.name, **self._own)["Database"]
                return found
        except GlueRefusalError as error:
            if error.code != "EntityNotFoundException":
                raise
            return None

    def drop(self) -> None:
        """Delete the database with all that is in it."""
        self._write("DeleteDatabase", "delete_database", Name=self.name)

    def create(self, table: Mapping[str, Any]) -> None:
        self._write("CreateTable", "create_table", DatabaseName=self.name, TableInput=table)

    def update(self, table: Mapping[str, Any], version: str | None) -> None:
        """Replace a table, if it still has the version that was read."""
        expected = {"VersionId": version} if version else {}
        self._write("UpdateTable", "update_table", DatabaseName=self.name, TableInput=table, SkipArchive=True, **expected)

    def delete(self, name: str) -> bool:
        """Delete a table with its partitions; False where there was none."""
        try:
            self._write("DeleteTable", "delete_table", DatabaseName=self.name, Name=name)
        except GlueRefusalError as error:
            if error.code != "EntityNotFoundException":
                raise
            return False
        return True

    def partitions(self, table: str) -> list[dict[str, Any]]:
        with told_in_our_words("GetPartitions"):
            paginator = self._client.get_paginator("get_partitions")
            pages = paginator.paginate(DatabaseName=self.name, TableName=table, ExcludeColumnSchema=True, **self._own)
            return [partition for page in pages for partition in _list_of(page, "Partitions")]

    def write_partitions(self, table: str, changes: Any) -> list[str]:
        """Create, update and delete partitions in batches; returns what failed, item by item."""
        errors: list[str] = []
        place = {"DatabaseName": self.name, "TableName": table}
        for batch in _batches(changes.delete, DELETE_BATCH):
            wanted = [{"Values": list(values)} for values in batch]
            failed = self._batch("BatchDeletePartition", "batch_delete_partition", {**place, "PartitionsToDelete": wanted})
            errors += _tell(failed, "EntityNotFoundException")
        updates = list(changes.update)
        for batch in _batches(changes.create, BATCH):
            failed = self._batch("BatchCreatePartition", "batch_create_partition", {**place, "PartitionInputList": list(batch)})
            # Another one made it meanwhile, or an answer was lost: it is brought to what it should be.
            there = {values for values, code in failed if code == "AlreadyExistsException"}
            updates += [one for one in batch if tuple(one["Values"]) in there]
            errors += _tell(failed, "AlreadyExistsException")
        for batch in _batches(updates, BATCH):
            entries = [{"PartitionValueList": one["Values"], "PartitionInput": one} for one in batch]
            errors += _tell(self._batch("BatchUpdatePartition", "batch_update_partition", {**place, "Entries": entries}))
        return errors

    def _batch(self, operation: str, method: str, arguments: Mapping[str, Any]) -> list[_FailedPartition]:
        answer = self._write(operation, method, **arguments)
        return [
            (
                tuple(one.get("PartitionValues") or one.get("PartitionValueList") or ()),
                str(one.get("ErrorDetail", {}).get("ErrorCode", "unknown")),
            )
            for one in answer.get("Errors", ())
        ]

    def index_names(self, table: str) -> list[str]:
        with told_in_our_words("GetPartitionIndexes"):
            answer = self._client.get_partition_indexes(DatabaseName=self.name, TableName=table, **self._own)
            return [index["IndexName"] for index in answer.get("PartitionIndexDescriptorList", ())]

    def create_index(self, table: str, name: str, keys: Sequence[str]) -> None:
        index = {"Keys": list(keys), "IndexName": name}
        self._write("CreatePartitionIndex", "create_partition_index", DatabaseName=self.name, TableName=table, PartitionIndex=index)

    def write_statistics(self, table: str, figures: Sequence[Mapping[str, Any]]) -> list[str]:
        """Send column statistics; returns what failed, column by column."""
        errors: list[str] = []
        for batch in _batches(figures, BATCH):
            answer = self._write(
                "UpdateColumnStatisticsForTable",
                "update_column_statistics_for_table",
                DatabaseName=self.name,
                TableName=table,
                ColumnStatisticsList=list(batch),
            )
            for one in answer.get("Errors", ()):
                name, code = one.get("ColumnStatistics", {}).get("ColumnName", ""), one.get("Error", {}).get("ErrorCode", "unknown")
                errors.append(f"statistics of {name}: {code}")
        return errors

    def _write(self, operation: str, method: str, **arguments: Any) -> dict[str, Any]:
        self.writes += 1
        with told_in_our_words(operation):
            answer: dict[str, Any] = getattr(self._client, method)(**arguments, **self._own)
            return answer


def _list_of(page: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    if name not in page:
        raise CatalogUnavailableError("AWS Glue: an answer is empty, which Glue's never are: something stands before it")
    found: list[dict[str, Any]] = page[name]
    return found


def _tell(failed: Sequence[_FailedPartition], settled: str | None = None) -> list[str]:
    """Say which partitions failed, but for those that are as they should be."""
    return [f"partition {'/'.join(values)}: {code}" for values, code in failed if code != settled]


def _batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
