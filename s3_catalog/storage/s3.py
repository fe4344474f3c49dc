"""S3 by signed requests: every key exact, listings parsed straight into Arrow, every attempt counted.

botocore finds the endpoint and signs; its HTTP session sends the request target as it stands (`..` and `//` in keys survive). What is
done here and not there: listing without its slow parser, the precondition on reads, and retries that also cover bodies cut short.
"""

from __future__ import annotations

import logging
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import URLLib3Session
from botocore.utils import get_environ_proxies
from urllib3.exceptions import HTTPError as Urllib3Error
from urllib3.exceptions import InsecureRequestWarning, NameResolutionError
from urllib3.exceptions import ReadTimeoutError as Urllib3ReadTimeoutError

from s3_catalog.errors import ObjectChangedError, ObjectNotFoundError, StoreError, StoreUnavailableError, StoreUnreachableError
from s3_catalog.storage import ListPage, Location, printable
from s3_catalog.storage.options import StoreOptions
from s3_catalog.storage.receipt import Receipt
from s3_catalog.storage.retries import TransientError, retry_transient
from s3_catalog.storage.s3_endpoint import S3Endpoint, in_region, open_session, resolve_endpoint, tls_verification
from s3_catalog.storage.s3_errors import read_refusal, refusal_error
from s3_catalog.storage.s3_listing import MalformedListingError, ParsedListing, listing_query, parse_listing
from s3_catalog.storage.s3_tags import MAX_TAGGING_BYTES, parse_tagging

logger = logging.getLogger(__name__)

_MAX_LISTING_BYTES = 64 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One request. `subject` is what errors name, `limit` the bytes of a successful body to read, `count` books an attempt's bytes."""

    subject: str
    target: str
    headers: dict[str, str]
    limit: int
    count: Callable[[int], None]
    is_object: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    start: int
    etag: str
    body: bytes


class S3Store:
    """A bucket of S3 or of a server that speaks its protocol. Safe to use from many threads."""

    def __init__(self, location: Location, options: StoreOptions, receipt: Receipt | None = None) -> None:
        self.location, self.receipt = location, receipt or Receipt()
        self._options = options
        self._session = open_session(options)
        self._endpoint = resolve_endpoint(self._session, location.bucket, options)
        self._http = self._open_http()
        self._reached = False
        self._redirect_lock = threading.Lock()
        self._redirected = False

    def list_pages(self, prefix: str, *, delimiter: str = "", start_after: str = "") -> Iterator[ListPage]:
        """Page through the keys below a prefix; see `ObjectStore`."""
        subject = printable(self.location.store_url + prefix)
        token: str | None = None
        while True:
            query = listing_query(prefix, delimiter, start_after, token)
            call = _Call(
                subject=subject, target="?" + query, headers={}, limit=_MAX_LISTING_BYTES, count=self.receipt.count_list, is_object=False
            )
            parsed: ParsedListing = self._retry(partial(self._list_once, call))
            yield parsed.page
            if parsed.next_token is None:
                return
            if parsed.next_token == token:
                raise StoreUnavailableError(subject, "the listing does not advance")
            token = parsed.next_token

    def read_range(self, key: str, start: int, length: int, *, etag: str | None = None) -> bytes:
        """Read bytes of one object; see `ObjectStore`."""
        if length <= 0:
            return b""
        headers = {"Range": f"bytes={start}-{start + length - 1}"} | ({"If-Match": f'"{etag}"'} if etag else {})
        call = _Call(
            subject=printable(self.location.store_url + key),
            target="/" + quote(key, safe="/-_.~"),
            headers=headers,
            limit=length,
            count=self.receipt.count_get,
            is_object=True,
        )
        answer: _Answer = self._retry(partial(self._exchange, call))
        if answer.status == 416:  # the object ends before `start`
            return b""
        if etag and answer.etag and answer.etag != etag:
            raise ObjectChangedError(call.subject, "the object was replaced after it was listed")
        if answer.start != start:
            raise StoreError(call.subject, "the store ignores byte ranges")
        return answer.body

    def read_tags(self, key: str | None = None) -> dict[str, str]:
        """Read the tags of an object or of the bucket; see `TaggedStore`."""
        call = _Call(
            subject=printable(self.location.store_url + (key or "")),
            target=("" if key is None else "/" + quote(key, safe="/-_.~")) + "?tagging",
            headers={},
            limit=MAX_TAGGING_BYTES,
            count=self.receipt.count_get,
            is_object=key is not None,
        )
        try:
            answer: _Answer = self._retry(partial(self._exchange, call))
        except ObjectNotFoundError:
            return {}
        return parse_tagging(answer.body, call.subject)

    def close(self) -> None:
        """Close the connections; the store opens new ones when it is used again."""
        self._http.close()

    def _open_http(self) -> URLLib3Session:
        # botocore's type hints know neither a CA bundle's path nor a pair of timeouts
        verify: Any = tls_verification(self._session, self._options)
        timeout: Any = (self._options.connect_timeout, self._options.read_timeout)
        if verify is False:
            import urllib3

            urllib3.disable_warnings(InsecureRequestWarning)
            logger.warning("TLS certificates are not verified endpoint=%s", self._endpoint.host)
        return URLLib3Session(
            verify=verify,
            proxies=get_environ_proxies(self._endpoint.base_url),
            timeout=timeout,
            max_pool_connections=self._options.max_connections,
        )

    def _retry(self, attempt: Callable[[], Any]) -> Any:
        return retry_transient(attempt, options=self._options, receipt=self.receipt, was_reached=lambda: self._reached)

    def _list_once(self, call: _Call) -> ParsedListing:
        answer = self._exchange(call)
        try:
            return parse_listing(answer.body)
        except MalformedListingError as error:
            if error.cut or b"<Error" in answer.body[:1000]:
                raise TransientError(StoreUnavailableError(call.subject, str(error))) from error
            raise StoreError(call.subject, str(error)) from error

    def _exchange(self, call: _Call) -> _Answer:
        """Send one attempt and read its answer; after a redirect to another region, once more."""
        endpoint = self._endpoint
        status, headers, body = self._send(endpoint, call)
        if status in (200, 206) or (status == 416 and call.is_object):
            # the header counts, not the status: rclone sends a range under status 200
            sent = _CONTENT_RANGE.match(headers.get("Content-Range", ""))
            if sent and len(body) < int(sent[2]) - int(sent[1]) + 1 <= call.limit:
                raise TransientError(_cut_short(call.subject))
            return _Answer(status, int(sent[1]) if sent else 0, headers.get("ETag", "").strip('"'), body)
        refusal = read_refusal(status, headers.get("x-amz-bucket-region"), body)
        if refusal.region and refusal.redirects_from(endpoint.region) and self._follow(endpoint, refusal.region):
            return self._exchange(call)
        raise refusal_error(refusal, call.subject, is_object=call.is_object)

    def _send(self, endpoint: S3Endpoint, call: _Call) -> tuple[int, Any, bytes]:
        payer = {"x-amz-request-payer": "requester"} if self._options.requester_pays else {}
        request = endpoint.sign("GET", call.target, {**call.headers, **payer, "Accept-Encoding": "identity"})
        raw: Any = None
        try:
            response = self._http.send(request)
            raw = response.raw
            self._reached = True
            limit = call.limit if response.status_code in (200, 206) else _MAX_ERROR_BYTES
            return response.status_code, response.headers, _read_body(raw, limit, call.subject)
        except (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError, SSLError) as error:
            raise TransientError(StoreUnreachableError(endpoint.host, _connect_failure(error, self._options)), at_connect=True) from error
        except (ReadTimeoutError, Urllib3ReadTimeoutError) as error:
            reason = f"no bytes within {self._options.read_timeout:g} s, again and again"
            raise TransientError(StoreUnavailableError(call.subject, reason)) from error
        except (ConnectionClosedError, HTTPClientError, Urllib3Error, OSError) as error:
            raise TransientError(StoreUnavailableError(call.subject, "the connection was cut, again and again")) from error
        finally:
            call.count(raw.tell() if raw is not None else 0)
            if raw is not None:
                raw.release_conn()

    def _follow(self, endpoint: S3Endpoint, region: str) -> bool:
        """Move the store to the bucket's region, once; True when it has moved since the call was signed."""
        with self._redirect_lock:
            if self._endpoint is not endpoint:
                return True
            if self._redirected:
                return False
            logger.info("bucket is in another region bucket=%s region=%s", self.location.bucket, printable(region))
            self._endpoint = resolve_endpoint(self._session, self.location.bucket, in_region(self._options, region))
            self._redirected = True
            return True


def _read_body(raw: Any, limit: int, subject: str) -> bytes:
    """Read a body up to `limit` bytes; one that ends before its Content-Length was cut."""
    body = raw.read(limit)
    announced = raw.headers.get("Content-Length")
    if announced is not None and len(body) < min(int(announced), limit):
        raise TransientError(_cut_short(subject))
    if announced is None or int(announced) > limit:
        raw.close()  # what is left is not wanted, and would be taken for the next answer
    return bytes(body)


def _cut_short(subject: str) -> StoreUnavailableError:
    return StoreUnavailableError(subject, "the answer was cut short, again and again")


def _connect_failure(error: BotoCoreError, options: StoreOptions) -> str:
    """Which of the ways not to reach a server this is."""
    cause: Any = error.kwargs.get("error")
    if isinstance(error, SSLError):
        refused = next((arg for arg in getattr(cause, "args", ()) if isinstance(arg, ssl.SSLCertVerificationError)), None)
        if refused is None:
            return "the TLS handshake failed"
        return f"the TLS certificate is not trusted: {printable(refused.verify_message)} (ca_bundle names a private authority)"
    if isinstance(error, ConnectTimeoutError):
        return f"no connection within {options.connect_timeout:g} s"
    if isinstance(error, ProxyConnectionError):
        return "the proxy cannot be reached"
    if isinstance(cause, NameResolutionError | socket.gaierror):
        return "the host name does not resolve"
    refused_port = isinstance(getattr(cause, "__cause__", None), ConnectionRefusedError)
    return "the connection was refused" if refused_port else "the host cannot be reached"
