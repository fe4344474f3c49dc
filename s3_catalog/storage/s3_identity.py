"""Who we are to an S3 server, where it is, and what time it is there: for checks, nothing else needs it.

Only what needs no permission is asked: a listing of one key for its `Date`, and STS's GetCallerIdentity, one short try each.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session
from botocore.parsers import ResponseParserError
from botocore.utils import get_environ_proxies

from s3_catalog.storage import Location
from s3_catalog.storage.options import StoreOptions
from s3_catalog.storage.s3_endpoint import S3Endpoint, credentials_error, open_session, resolve_endpoint, sts_endpoint, tls_verification

_SECONDS = 5.0
_SHOWN = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Caller:
    """Whom requests come from and go to.

    `access_key` is the end of the access key's id (None: unsigned requests), `source` botocore's name for where it was found, `arn` who
    that is, where STS tells. `server_time` is aware; None where the server did not answer with one.
    """

    host: str
    region: str
    access_key: str | None = None
    source: str | None = None
    arn: str | None = None
    server_time: datetime | None = None
    asked_at: datetime | None = None


def read_caller(location: Location, options: StoreOptions) -> S3Caller:
    """Find out who we are to a bucket's server.

    Raises:
        StoreError: no credentials, or they cannot be had.
        ConfigError: the options make no sense.
    """
    session = open_session(options)
    endpoint = resolve_endpoint(session, location.bucket, options)
    verify = tls_verification(session, options)
    asked_at, server_time = _ask_time(endpoint, verify)
    caller = S3Caller(host=endpoint.host, region=endpoint.region, server_time=server_time, asked_at=asked_at)
    if endpoint.credentials is None:
        return caller
    try:
        keys = endpoint.credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError) as error:
        raise credentials_error(endpoint.host, error) from error
    return S3Caller(
        host=caller.host,
        region=caller.region,
        access_key=keys.access_key[-_SHOWN:],
        source=endpoint.credentials.method,
        arn=_ask_arn(session, options, keys, verify),
        server_time=server_time,
        asked_at=asked_at,
    )


def _ask_time(endpoint: S3Endpoint, verify: Any) -> tuple[datetime, datetime | None]:
    """When a server was asked, by our clock, and what its own said; any answer has it, a refusal too."""
    timeout: Any = (_SECONDS, _SECONDS)
    http = URLLib3Session(verify=verify, proxies=get_environ_proxies(endpoint.base_url), timeout=timeout)
    asked_at = datetime.now(UTC)
    try:
        answer = http.send(endpoint.sign("GET", "?list-type=2&max-keys=1", {"Accept-Encoding": "identity"}))
        answer.raw.close()
        return asked_at, parsedate_to_datetime(answer.headers.get("Date", ""))
    except (BotoCoreError, ValueError):  # what is wrong with the server, the listing tells
        return asked_at, None
    finally:
        http.close()


def _ask_arn(session: boto3.Session, options: StoreOptions, keys: Any, verify: Any) -> str | None:
    """Who has the keys; None where there is no STS, or it cannot be reached."""
    with contextlib.suppress(BotoCoreError, ClientError, ResponseParserError, ValueError):
        client = session.client(
            "sts",
            region_name=options.region or session.region_name or "us-east-1",
            endpoint_url=sts_endpoint(options),
            verify=verify,
            aws_access_key_id=keys.access_key,
            aws_secret_access_key=keys.secret_key,
            aws_session_token=keys.token,
            config=Config(connect_timeout=_SECONDS, read_timeout=_SECONDS, retries={"total_max_attempts": 1}),
        )
        arn: str = client.get_caller_identity()["Arn"]
        return arn
    return None
