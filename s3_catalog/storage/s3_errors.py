"""What an S3 answer means when it is not a success: our error for its code. No network.

The server's own message is never quoted: it can hold a key, a token or a signature.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET

from s3_catalog.errors import (
    AccessDeniedError,
    AuthenticationError,
    BucketNotFoundError,
    ObjectChangedError,
    ObjectNotFoundError,
    StoreError,
    StoreUnavailableError,
)
from s3_catalog.storage import printable
from s3_catalog.storage.retries import TransientError

_BY_CODE: dict[str, tuple[type[StoreError], str]] = {
    "NoSuchBucket": (BucketNotFoundError, "the bucket does not exist"),
    "InvalidBucketName": (BucketNotFoundError, "no bucket can have this name"),
    "NoSuchKey": (ObjectNotFoundError, "the object is gone"),
    "NoSuchTagSet": (ObjectNotFoundError, "no tags are set"),
    "NoSuchTagSetError": (ObjectNotFoundError, "no tags are set"),
    "InvalidAccessKeyId": (AuthenticationError, "the access key is not known to the store"),
    "SignatureDoesNotMatch": (AuthenticationError, "the secret key does not fit the access key"),
    "ExpiredToken": (AuthenticationError, "the session token has expired"),
    "ExpiredTokenException": (AuthenticationError, "the session token has expired"),
    "TokenRefreshRequired": (AuthenticationError, "the session token has expired"),
    "InvalidToken": (AuthenticationError, "the session token is not valid"),
    "InvalidTokenId": (AuthenticationError, "the session token is not valid"),
    "RequestTimeTooSkewed": (AuthenticationError, "the clock of this machine is wrong"),
    "RequestExpired": (AuthenticationError, "the clock of this machine is wrong"),
    "AuthorizationHeaderMalformed": (AuthenticationError, "the request was signed for the wrong region"),
    "AccountProblem": (AccessDeniedError, "the account is blocked"),
    "AllAccessDisabled": (AccessDeniedError, "all access to the bucket is disabled"),
    "AccessDenied": (AccessDeniedError, "permission denied"),
    "InvalidObjectState": (StoreError, "the object is archived and must be restored before it can be read"),
    "PreconditionFailed": (ObjectChangedError, "the object was replaced after it was listed"),
}
_BY_STATUS: dict[int, tuple[type[StoreError], str]] = {
    401: (AuthenticationError, "the store asks for credentials (HTTP 401)"),
    403: (AccessDeniedError, "permission denied (HTTP 403)"),
    412: (ObjectChangedError, "the object was replaced after it was listed"),
}
_TRANSIENT_CODES = {
    "SlowDown", "SlowDownRead", "RequestTimeout", "RequestTimeoutException", "InternalError", "ServiceUnavailable", "Throttling",
    "ThrottlingException", "RequestThrottled", "RequestLimitExceeded", "BandwidthLimitExceeded",
    "ServerBusy", "TooManyRequests", "OperationAborted",
}  # fmt: skip
_TRANSIENT_STATUS = {408, 425, 429, 500, 502, 503, 504, 509}
_REDIRECTS = {301, 307, 308, 400}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An answer that is no success. `region` is where the bucket is, when the answer tells."""

    status: int
    code: str
    region: str | None

    @property
    def may_pass(self) -> bool:
        return self.status in _TRANSIENT_STATUS or self.code in _TRANSIENT_CODES

    def redirects_from(self, region: str) -> bool:
        """Whether the bucket is in another region than the request was signed for."""
        return self.status in _REDIRECTS and self.region is not None and self.region != region


def read_refusal(status: int, region_header: str | None, body: bytes) -> Refusal:
    """Read code and region of an error answer; a body that is no XML has no code."""
    try:
        root = ET.fromstring(body)  # noqa: S314  expat bounds entity expansion, ElementTree loads nothing external
    except ET.ParseError:
        return Refusal(status=status, code="", region=region_header)
    return Refusal(status=status, code=root.findtext("{*}Code") or "", region=region_header or root.findtext("{*}Region"))


def refusal_error(refusal: Refusal, subject: str, *, is_object: bool) -> StoreError | TransientError:
    """The exception to raise for a refusal of a call on `subject`."""
    shown = f"HTTP {refusal.status} {printable(refusal.code)}".rstrip()
    if refusal.may_pass:
        return TransientError(StoreUnavailableError(subject, f"the store went on answering {shown}"))
    if refusal.status == 404 and not refusal.code:
        code = "NoSuchKey" if is_object else "NoSuchBucket"
        return _BY_CODE[code][0](subject, _BY_CODE[code][1])
    error, reason = _BY_CODE.get(refusal.code) or _BY_STATUS.get(refusal.status) or (StoreError, f"the store refused the call ({shown})")
    return error(subject, reason)
