"""What `doctor` tells of AWS Glue: who are we, may we read the database, what is in it, may we write.

In: how Glue is reached, and a database. Out: one `Check` per thing looked at. Only calls that read are sent. A permission to write shows
only in a write, so IAM is asked to simulate one; where that is not allowed, the check says so and is no warning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from s3_catalog.catalogs import Check, CheckStatus
from s3_catalog.catalogs._glue_client import GlueConnection, GlueDatabase, GlueRefusalError, connect, told_in_our_words
from s3_catalog.catalogs._glue_options import GlueOptions
from s3_catalog.catalogs._glue_tables import is_ours
from s3_catalog.errors import CatalogError, CatalogUnavailableError

_MAX_ATTEMPTS, _READ_SECONDS = 2, 10.0
_NAMED = 3
_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_WRITES = (
    "CreateTable", "UpdateTable", "DeleteTable", "GetPartitions", "BatchCreatePartition", "BatchUpdatePartition", "BatchDeletePartition",
)  # fmt: skip
_BAD_KEYS = frozenset(
    {
        "InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken", "ExpiredTokenException", "UnrecognizedClientException",
        "InvalidSignatureException", "IncompleteSignatureException", "MissingAuthenticationTokenException",
    }
)  # fmt: skip
_NEW_KEYS = "give keys that are valid: AWS_* variables, profile= in the URL, or a role"
_UNSEEN = "cannot be seen without a write, as iam:SimulatePrincipalPolicy is not allowed: the first publication finds it out"


@dataclass(frozen=True, slots=True)
class _Caller:
    """Who the keys are of: `arn:aws:sts::123456789012:assumed-role/crawler/session`, and the account."""

    arn: str
    account: str

    @property
    def principal(self) -> str:
        """Whose policies count: of an assumed role those of the role."""
        kind, _, name = self.arn.rpartition(":")[2].partition("/")
        role = name.partition("/")[0]
        return f"arn:{self.arn.split(':')[1]}:iam::{self.account}:role/{role}" if kind == "assumed-role" else self.arn


def check_glue(options: GlueOptions, database: str) -> list[Check]:
    """Look at a database of Glue and at who may do what there; writes nothing and raises nothing."""
    quick = replace(
        options.connection,
        max_attempts=min(options.connection.max_attempts, _MAX_ATTEMPTS),
        read_timeout=min(options.connection.read_timeout, _READ_SECONDS),
    )
    try:
        client = connect("glue", quick)
    except CatalogError as error:
        return [_failure("settings", str(error), "name a region, and a profile that is there")]
    return list(_Look(quick, options, GlueDatabase(client, database, options.catalog_id), client.meta.region_name).checks())


@dataclass(frozen=True, slots=True)
class _Look:
    connection: GlueConnection
    options: GlueOptions
    database: GlueDatabase
    region: str

    def checks(self) -> Iterator[Check]:
        """All of them; without valid keys, or where Glue is not reached, no more than that."""
        try:
            caller = self._read_caller()
        except CatalogError as error:
            yield _fail("identity", error, "sts:GetCallerIdentity")
            return
        yield _ok("identity", caller.arn if caller else "STS does not tell")
        is_there = None
        try:
            is_there = self.database.describe() is not None
            yield _ok("database", f"{self.database.name} is {'there' if is_there else 'not there yet: the first publication makes it'}")
        except CatalogError as error:
            yield _fail("database", error, "glue:GetDatabase on catalog and database")
            if isinstance(error, CatalogUnavailableError):
                return
        yield _guarded("tables", self._check_tables, "glue:GetTables on catalog, database and its tables")
        yield self._check_writing(caller, is_there=is_there is not False)
        if self.options.lake_formation_tags:
            yield _guarded("LF-tags", self._check_lake_formation, "lakeformation:ListLFTags, and DESCRIBE and ASSOCIATE on the LF-tags")

    def _read_caller(self) -> _Caller | None:
        """Who we are; None where STS is not to be reached, as in a network that has an endpoint for Glue alone.

        Raises:
            CatalogError: the keys are refused, or there are none.
        """
        try:
            with told_in_our_words("GetCallerIdentity"):
                answer = connect("sts", self._aside()).get_caller_identity()
        except CatalogUnavailableError:
            return None
        except GlueRefusalError as error:
            if error.code in _BAD_KEYS:
                raise
            return None
        return _Caller(answer["Arn"], answer["Account"])

    def _aside(self) -> GlueConnection:
        """How the services beside Glue are reached: an endpoint of AWS is Glue's alone, any other serves all."""
        host = urlsplit(self.connection.endpoint_url or "").hostname or ""
        return replace(self.connection, endpoint_url=None) if host.endswith(_AWS_DOMAINS) else self.connection

    def _check_tables(self) -> Check:
        tables = self.database.tables()
        others = sorted(table["Name"] for table in tables if not is_ours(table))
        if others:
            more = ", ..." if len(others) > _NAMED else ""
            return _ok(
                "tables", f"{len(tables):,}, {len(others):,} of them by others, which are left alone: {', '.join(others[:_NAMED])}{more}"
            )
        return _ok("tables", f"{len(tables):,}" + (", all by s3-catalog" if tables else ""))

    def _check_writing(self, caller: _Caller | None, *, is_there: bool) -> Check:
        if caller is None:
            return _ok("may write", _UNSEEN)
        actions = [f"glue:{name}" for name in (_WRITES if is_there else ("CreateDatabase", *_WRITES))]
        try:
            refused = self._simulate(caller, actions)
        except CatalogError:  # not allowed, not known here, or down: nobody needs it to publish
            return _ok("may write", _UNSEEN)
        if refused:
            names = ", ".join(refused)
            return _failure("may write", f"IAM's simulation refuses {names}", f"allow {names} on catalog, database and its tables")
        return _ok("may write", "yes, by IAM's simulation")

    def _simulate(self, caller: _Caller, actions: list[str]) -> list[str]:
        partition, account = caller.arn.split(":")[1], self.options.catalog_id or caller.account
        place, name = f"arn:{partition}:glue:{self.region}:{account}", self.database.name
        with told_in_our_words("SimulatePrincipalPolicy"):
            pages = (
                connect("iam", self._aside())
                .get_paginator("simulate_principal_policy")
                .paginate(
                    PolicySourceArn=caller.principal,
                    ActionNames=actions,
                    ResourceArns=[f"{place}:catalog", f"{place}:database/{name}", f"{place}:table/{name}/any"],
                )
            )
            results: list[Any] = [result for page in pages for result in page["EvaluationResults"]]
        refused = {result["EvalActionName"] for result in results if result["EvalDecision"] != "allowed"}
        return [action for action in actions if action in refused]

    def _check_lake_formation(self) -> Check:
        with told_in_our_words("ListLFTags"):
            connect("lakeformation", self._aside()).list_lf_tags(MaxResults=1)
        return _ok("LF-tags", "they can be listed; whether they may be set shows when they are")


def _guarded(name: str, look: Callable[[], Check], needs: str) -> Check:
    try:
        return look()
    except CatalogError as error:
        return _fail(name, error, needs)


def _fail(name: str, error: CatalogError, needs: str) -> Check:
    """A failed check; `needs` are the permissions without which a call is refused."""
    if isinstance(error, CatalogUnavailableError):
        advice = "see whether region= and endpoint_url= of the catalog's URL are right, and whether AWS can be reached from here"
    elif not isinstance(error, GlueRefusalError) or error.code in _BAD_KEYS:
        advice = _NEW_KEYS
    else:
        advice = f"allow {needs} to whom the keys are"
    return _failure(name, str(error), advice)


def _ok(name: str, found: str) -> Check:
    return Check(name=name, status=CheckStatus.OK, found=found)


def _failure(name: str, found: str, advice: str) -> Check:
    return Check(name=name, status=CheckStatus.FAILURE, found=found, advice=advice)
