"""What `doctor` tells of the object store: is it there, who are we, may we list and read, are the clocks alike.

In: settings. Out: one `Check` per thing looked at; a listing of one page and a few bytes of one object are all that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from s3_catalog.catalogs import Check, CheckStatus
from s3_catalog.errors import (
    AccessDeniedError,
    AuthenticationError,
    BucketNotFoundError,
    ConfigError,
    ObjectChangedError,
    ObjectNotFoundError,
    S3CatalogError,
    StoreUnavailableError,
    StoreUnreachableError,
)
from s3_catalog.storage import Location, ObjectStore, StoreOptions, TaggedStore, open_store, parse_location, printable

if TYPE_CHECKING:
    from s3_catalog.config import Settings
    from s3_catalog.storage.s3_identity import S3Caller

_MAX_ATTEMPTS, _DEADLINE, _READ_TIMEOUT = 3, 20.0, 10.0
_SKEW_WARNING, _SKEW_FAILURE = 60, 900
"""Seconds. S3 refuses requests that are signed a quarter of an hour away from its own time."""
_FEW_BYTES = 16
_ADVICE: tuple[tuple[type[S3CatalogError], str], ...] = (
    (BucketNotFoundError, "correct `location`, or make what it names; of a bucket that is not on AWS s3.endpoint_url says where it is"),
    (AuthenticationError, "give keys that are valid: s3.access_key_id and s3.secret_access_key, AWS_* variables, a profile, a role"),
    (StoreUnreachableError, "correct s3.endpoint_url (--endpoint-url), or see to network, proxy and certificates (s3.ca_bundle)"),
    (StoreUnavailableError, "try again; where it stays so, ask those who run the store"),
    (ConfigError, "correct the section s3 of the configuration"),
)


def examine_store(settings: Settings) -> Iterator[Check]:
    """Look at the store of the settings' location; a later look is left out where an earlier one makes it pointless."""
    location = parse_location(settings.location)
    asked = settings.store_options()
    options = replace(
        asked,
        max_attempts=min(asked.max_attempts, _MAX_ATTEMPTS),
        deadline=min(asked.deadline, _DEADLINE),
        read_timeout=min(asked.read_timeout, _READ_TIMEOUT),
    )
    try:
        store = open_store(settings.location, options)
        if location.scheme == "s3":
            yield from _examine_caller(location, options)
    except S3CatalogError as error:
        name = "credentials" if isinstance(error, AuthenticationError) else "location"
        yield _fail(name, error, f"let this identity reach {printable(location.url)}")
        return
    try:
        key, etag = _find_object(store)
    except S3CatalogError as error:
        may = "s3:ListBucket on the bucket" if location.scheme == "s3" else "the listing of it"
        yield _fail("listing", error, f"allow {may} to whom the credentials are")
        return
    if key is None:
        found = f"{printable(location.url)} holds no object"
        yield Check(
            name="listing", status=CheckStatus.WARNING, found=found, advice="correct the prefix of `location`, if there should be some"
        )
    else:
        yield _ok("listing", f"{printable(location.url)} can be listed")
        yield _examine_reading(store, key, etag)
    yield from _examine_tags(settings, store, key)


def _examine_caller(location: Location, options: StoreOptions) -> Iterator[Check]:
    from s3_catalog.storage.s3_identity import read_caller

    caller = read_caller(location, options)
    if caller.access_key is None:
        yield _ok("credentials", "none: requests are not signed (s3.anonymous)")
    else:
        who = f"{caller.arn}, " if caller.arn else ""
        yield _ok("credentials", f"{who}an access key that ends in {caller.access_key} (from {_source_text(caller, options)})")
    yield _ok("endpoint", f"{caller.host}, region {caller.region}")
    if caller.server_time is not None and caller.asked_at is not None:
        yield _compare_clocks((caller.asked_at - caller.server_time).total_seconds())


def _source_text(caller: S3Caller, options: StoreOptions) -> str:
    if options.role_arn is not None:
        return f"the role {options.role_arn}"
    if options.access_key_id is not None:
        return "the configuration"
    return {"env": "AWS_* variables", "shared-credentials-file": "the credentials file"}.get(
        caller.source or "", caller.source or "botocore"
    )


def _compare_clocks(ahead: float) -> Check:
    """`ahead`: seconds that our clock is before the server's; a request's way and the header's full seconds are in it."""
    apart = f"this machine's clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the store's"
    if abs(ahead) < _SKEW_WARNING:
        return _ok("clock", "as the store's")
    status = CheckStatus.FAILURE if abs(ahead) >= _SKEW_FAILURE else CheckStatus.WARNING
    return Check(name="clock", status=status, found=apart, advice="set the clock (NTP): requests that are 15 minutes off are refused")


def _find_object(store: ObjectStore) -> tuple[str | None, str | None]:
    """Key and ETag of the first object with bytes on the first pages; the key of an empty one, where there are only such."""
    empty: tuple[str | None, str | None] = (None, None)
    for number, page in enumerate(store.list_pages(store.location.prefix)):
        rows: list[dict[str, Any]] = page.objects.select(["key", "size", "etag"]).to_pylist()
        for row in rows:
            if row["size"]:
                return row["key"], row["etag"]
            empty = row["key"], row["etag"]
        if number:
            break
    return empty


def _examine_reading(store: ObjectStore, key: str, etag: str | None) -> Check:
    try:
        store.read_range(key, 0, _FEW_BYTES, etag=etag)
    except (ObjectChangedError, ObjectNotFoundError):
        return _ok("reading", f"not seen: {printable(key)} was replaced or deleted meanwhile")
    except S3CatalogError as error:
        may = "s3:GetObject on the objects (and kms:Decrypt, where they are encrypted by a key of KMS)"
        return _fail("reading", error, f"allow {may if store.location.scheme == 's3' else 'reading'} to whom the credentials are")
    return _ok("reading", f"the first bytes of {printable(key)} can be read")


def _examine_tags(settings: Settings, store: ObjectStore, key: str | None) -> Iterator[Check]:
    """Tags are asked for only where the settings take some from there."""
    wanted: list[tuple[str, str | None, str, bool]] = [("bucket tags", None, "s3:GetBucketTagging", bool(settings.tags.bucket_tags))]
    if key is not None:
        wanted.append(("object tags", key, "s3:GetObjectTagging", bool(settings.tags.object_tags)))
    for name, subject, permission, is_asked in wanted:
        if not is_asked:
            continue
        setting = name.replace(" ", "_")
        if not isinstance(store, TaggedStore):
            found = f"a store of {store.location.scheme}:// has none"
            yield Check(name=name, status=CheckStatus.WARNING, found=found, advice=f"leave out tags.{setting}")
            continue
        try:
            store.read_tags(subject)
            yield _ok(name, "they can be read")
        except S3CatalogError as error:
            failed = _fail(name, error, f"allow {permission} to whom the credentials are, or leave out tags.{setting}")
            yield replace(failed, status=CheckStatus.WARNING)


def _fail(name: str, error: S3CatalogError, allow: str) -> Check:
    """A failed check; `allow` is what to do about a missing permission."""
    if isinstance(error, AccessDeniedError):
        advice = allow
    else:
        advice = next((text for kind, text in _ADVICE if isinstance(error, kind)), "see what the store says to it")
    return Check(name=name, status=CheckStatus.FAILURE, found=str(error), advice=advice)


def _ok(name: str, found: str) -> Check:
    return Check(name=name, status=CheckStatus.OK, found=found)
