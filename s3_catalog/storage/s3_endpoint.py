"""Where an S3 bucket is and who signs for it, by boto3's and botocore's own rules.

In: a bucket and `StoreOptions`. Out: an `S3Endpoint`. Profiles, SSO, instance roles, `AWS_*` variables and endpoint rules are botocore's;
the one thing added here is the role of the options, assumed and refreshed by botocore's fetcher.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore import UNSIGNED
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ParamValidationError, ProfileNotFound
from botocore.exceptions import ConnectionError as BotocoreConnectionError

from s3_catalog.errors import AuthenticationError, BucketNotFoundError, ConfigError, StoreError, StoreUnreachableError
from s3_catalog.storage import printable
from s3_catalog.storage.options import StoreOptions

_AWS_DOMAINS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
_SIGNING_LOGGERS = (
    "auth", "awsrequest", "client", "credentials", "endpoint", "hooks", "httpsession", "parsers", "retryhandler", "signers", "utils",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Endpoint:
    """A bucket's base URL (no trailing slash) and what signs requests to it. `credentials` is None for unsigned requests."""

    base_url: str
    region: str
    service: str
    credentials: Any

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc

    def sign(self, method: str, target: str, headers: dict[str, str]) -> AWSPreparedRequest:
        """Sign a request by its headers, so that no URL ever carries a signature. `target` is the percent-encoded rest of the URL.

        Raises:
            StoreError: credentials could not be refreshed.
        """
        from botocore.auth import S3SigV4Auth

        request = AWSRequest(method=method, url=self.base_url + target, headers=headers)
        request.stream_output = True
        if self.credentials is not None:
            try:
                frozen = self.credentials.get_frozen_credentials()
                S3SigV4Auth(frozen, self.service, self.region).add_auth(request)
            except (BotoCoreError, ClientError) as error:
                raise credentials_error(self.host, error) from error
        return request.prepare()


def open_session(options: StoreOptions) -> boto3.Session:
    """Open a boto3 session.

    Raises:
        AuthenticationError: the profile is unknown.
        ConfigError: the access key is given without its secret, or the AWS configuration cannot be read.
    """
    _silence_signing_loggers()
    if bool(options.access_key_id) != bool(options.secret_access_key):
        raise ConfigError("access_key_id and secret_access_key go together: give both or none")
    try:
        return boto3.Session(
            aws_access_key_id=options.access_key_id,
            aws_secret_access_key=options.secret_access_key,
            aws_session_token=options.session_token,
            region_name=options.region,
            profile_name=options.profile,
        )
    except ProfileNotFound as error:
        profile = printable(options.profile or os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE", ""))
        raise AuthenticationError(f"profile {profile}", "the AWS configuration has no such profile") from error
    except BotoCoreError as error:
        raise ConfigError(f"the AWS configuration cannot be used: {type(error).__name__}") from error


def tls_verification(session: boto3.Session, options: StoreOptions) -> bool | str:
    """What TLS certificates are checked against: a CA bundle's path, True for the usual authorities, False for nothing.

    Raises:
        ConfigError: the CA bundle is not a file.
    """
    if not options.verify_tls:
        return False
    configured = session._session.get_config_variable("ca_bundle")
    bundle = options.ca_bundle or configured or os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle and not Path(bundle).exists():
        raise ConfigError(f"the CA bundle {printable(bundle)} does not exist")
    return bundle or True


def resolve_endpoint(session: boto3.Session, bucket: str, options: StoreOptions) -> S3Endpoint:
    """Ask botocore where it would send a listing of this bucket, and how it would sign it; nothing is sent.

    Raises:
        AuthenticationError: no credentials.
        BucketNotFoundError: no bucket can have this name.
        ConfigError: the endpoint URL makes no sense.
    """
    subject = f"s3://{printable(bucket)}/"
    try:
        credentials = None if options.anonymous else _find_credentials(session, options)
        url, authorization = _capture_listing(session, bucket, options)
    except ParamValidationError as error:
        raise BucketNotFoundError(subject, "no bucket can have this name") from error
    except NoCredentialsError as error:
        raise AuthenticationError(subject, "no credentials found (options, AWS_* variables, profile, instance role)") from error
    except ValueError as error:
        raise ConfigError(f"the endpoint URL {printable(options.endpoint_url or '')} is not valid") from error
    except (BotoCoreError, ClientError) as error:
        raise credentials_error(subject, error) from error
    region, service = options.region or session.region_name or "us-east-1", "s3"
    if authorization:
        _, _, region, service, _ = authorization.partition("Credential=")[2].partition(",")[0].rsplit("/", 4)
    return S3Endpoint(base_url=url.partition("?")[0].rstrip("/"), region=region, service=service, credentials=credentials)


def credentials_error(subject: str, error: Exception) -> StoreError:
    """Say in one line why credentials could not be had; botocore's own text may quote a request."""
    if isinstance(error, BotocoreConnectionError):
        return StoreUnreachableError(subject, "the service that issues credentials cannot be reached")
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "unknown")
        return AuthenticationError(subject, f"{error.operation_name} was refused ({printable(str(code))})")
    return AuthenticationError(subject, f"credentials could not be loaded ({type(error).__name__})")


def _find_credentials(session: boto3.Session, options: StoreOptions) -> Any:
    credentials = session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    if options.role_arn is None:
        return credentials
    extra = {"ExternalId": options.external_id, "RoleSessionName": options.role_session_name}

    settings: dict[str, Any] = {
        "region_name": session.region_name or "us-east-1",
        "endpoint_url": sts_endpoint(options),
        "verify": tls_verification(session, options),
        "config": Config(
            connect_timeout=options.connect_timeout, read_timeout=options.read_timeout, retries={"mode": "standard", "max_attempts": 5}
        ),
    }

    def create_client(_: str, **source: Any) -> Any:
        return session.client("sts", **settings, **source)

    fetcher = AssumeRoleCredentialFetcher(create_client, credentials, options.role_arn, extra_args={k: v for k, v in extra.items() if v})
    return DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)


def sts_endpoint(options: StoreOptions) -> str | None:
    """Where STS is for a store: beside it, when that is not AWS; None: where botocore finds it."""
    if options.sts_endpoint_url or not options.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_STS"):
        return options.sts_endpoint_url
    host = urlsplit(options.endpoint_url).hostname or ""
    return None if host.endswith(_AWS_DOMAINS) else options.endpoint_url


def _capture_listing(session: boto3.Session, bucket: str, options: StoreOptions) -> tuple[str, str]:
    """The URL and the Authorization header of botocore's own ListObjectsV2, caught before it is sent."""
    style: Any = None if options.path_style is None else {"addressing_style": "path" if options.path_style else "virtual"}
    config = Config(signature_version=UNSIGNED if options.anonymous else "s3v4", s3=style)
    region = options.region or session.region_name or "us-east-1"
    client = session.client("s3", endpoint_url=options.endpoint_url, region_name=region, config=config)
    caught: list[AWSPreparedRequest] = []

    def catch(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        caught.append(request)
        headers: Any = {}
        return AWSResponse(request.url, 200, headers, _EmptyListing())

    client.meta.events.register("before-send.s3.ListObjectsV2", catch)
    client.list_objects_v2(Bucket=bucket)
    authorization: Any = caught[0].headers.get("Authorization", "")
    return caught[0].url, authorization.decode("ascii") if isinstance(authorization, bytes) else authorization


class _EmptyListing:
    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [b"<ListBucketResult/>"]


def in_region(options: StoreOptions, region: str) -> StoreOptions:
    """The same options for another region."""
    return replace(options, region=region)


def _silence_signing_loggers() -> None:
    """Drop the debug records of botocore's modules that print headers, string-to-sign or the answers of STS."""
    for name in _SIGNING_LOGGERS:
        logger = logging.getLogger(f"botocore.{name}")
        if _at_least_info not in logger.filters:
            logger.addFilter(_at_least_info)


def _at_least_info(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.INFO
