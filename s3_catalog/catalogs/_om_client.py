"""Requests to OpenMetadata: encoded, retried, and every failure turned into an error that says what to do.

In: a method and a path. Out: the JSON of the answer. Refuses to know what a table is. No message holds the token, a request's body, or more
of an answer than its `message`. All that is sent may be sent twice: PUT and DELETE by their nature, PATCH by its `If-Match`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Self

import httpx
import tenacity

from s3_catalog.catalogs._om_url import Address
from s3_catalog.errors import CatalogError, CatalogUnavailableError

logger = logging.getLogger(__name__)

Body = dict[str, Any]

_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_MAX_WAIT_SECONDS = 60.0
_MAX_MESSAGE = 300
_MAX_FAILED = 3
"""So many calls in a row that fail after all their retries are not worth the wait of more."""
_INTERNAL = 500
OLDEST = (1, 6)
"""Owners are a list since 1.5, `locationPath` is there since 1.6."""


class ApiError(CatalogError):
    """The server refused one call. `status` is that of HTTP; `message` is what it said, cut."""

    def __init__(self, status: int, message: str, *, what: str) -> None:
        self.status, self.message = status, message
        super().__init__(f"{what}: {status} {message}")


class RefusedTokenError(CatalogError):
    """The server does not take the token (401)."""


class NoSuchCallError(ApiError):
    """The server has no such call (an older one): 404 or 405 of the path itself, or its 500 for unknown paths."""


class _PassingError(Exception):
    """A failure that may pass; `wait` is what the server asked for in seconds."""

    def __init__(self, reason: str, wait: float | None = None, answer: httpx.Response | None = None) -> None:
        self.reason, self.wait, self.answer = reason, wait, answer
        super().__init__(reason)


class _ServerError(CatalogUnavailableError):
    """The server goes on answering 500."""


class Version(NamedTuple):
    """A server's version as it writes it, and its first two numbers."""

    text: str
    numbers: tuple[int, int]


class Client:
    """One connection pool to one server. Safe to share between threads.

    Raises (every call):
        CatalogUnavailableError: it does not answer, or goes on failing after all retries.
        ApiError: it refused this call.
        CatalogError: it refused the token, or what answers is no OpenMetadata.
    """

    def __init__(self, address: Address, label: str) -> None:
        self._address, self._label = address, label
        self._token = address.read_token()
        self.start_anew()
        try:
            self._http = httpx.Client(
                base_url=address.api,
                headers={"Accept": "application/json", "User-Agent": "s3-catalog"},
                timeout=httpx.Timeout(address.timeout, connect=min(10.0, address.timeout)),
                verify=_tls(address),
                follow_redirects=False,
            )
        except OSError as error:
            raise CatalogError(f"{label}: a certificate of the options ca, cert and key cannot be read") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int) -> Body:
        """Read one thing."""
        return self._read_object(self._send("GET", path, query=query))

    def find(self, path: str, **query: str | int) -> Body | None:
        """Read one thing, or None where there is none (404)."""
        try:
            return self.get(path, **query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def pages(self, path: str, *, limit: int, **query: str | int) -> Iterator[Body]:
        """All entities of a collection, page by page."""
        after: str | None = None
        while True:
            page = self.get(path, limit=limit, **query, **({"after": after} if after else {}))
            data = page.get("data")
            if not isinstance(data, list):
                raise CatalogError(f"{self._label}: a list without `data` was answered: this is no OpenMetadata API")
            yield from data
            after = (page.get("paging") or {}).get("after")
            if not after:
                return

    def put(self, path: str, body: Body | Sequence[Body], **query: str | int) -> Body:
        """Create or update."""
        return self._read_object(self._send("PUT", path, query=query, body=body))

    def patch(self, path: str, operations: Sequence[Body], version: float) -> Body:
        """Change parts of an entity that still has this version; else `ApiError` 412."""
        headers = {"Content-Type": "application/json-patch+json", "If-Match": f'W/"{version}"'}
        return self._read_object(self._send("PATCH", path, body=operations, headers=headers))

    def delete(self, path: str, **query: str | int) -> bool:
        """Delete; False where there was nothing (404)."""
        try:
            self._send("DELETE", path, query=query)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def read_version(self) -> Version:
        """The server's version.

        Raises:
            CatalogError: what answers tells none.
        """
        found = self.find("/system/version") or {}
        text = str(found.get("version", ""))
        numbers = re.match(r"(\d+)\.(\d+)", text)
        if numbers is None:
            raise CatalogError(f"{self._label}: what answers there does not tell a version: this is no OpenMetadata API")
        return Version(text, (int(numbers[1]), int(numbers[2])))

    def check_version(self) -> str:
        """The server's version.

        Raises:
            CatalogError: it is older than what is supported.
        """
        version = self.read_version()
        if version.numbers < OLDEST:
            raise CatalogError(f"{self._label}: the server is {version.text}; s3-catalog needs {'.'.join(map(str, OLDEST))} or newer")
        return version.text

    def ask_status(self, path: str) -> int:
        """The status of one GET, sent once."""
        try:
            return self._exchange("GET", path, None, None, None).status_code
        except _PassingError as error:
            raise CatalogUnavailableError(f"{self._label}: {error.reason}") from error

    def start_anew(self) -> None:
        """Begin a piece of work: forget that earlier calls failed."""
        self._failed_in_a_row, self._is_gone = 0, False

    def _send(self, method: str, path: str, *, query: Mapping[str, str | int] | None = None, body: Any = None, headers: Any = None) -> Any:
        if self._is_gone:
            raise CatalogUnavailableError(f"{self._label}: not asked any more, because the calls before failed in a row")
        try:
            answer = self._retry(method, path, query, body, headers)
        except ApiError:
            self._failed_in_a_row = 0
            raise
        except CatalogError as error:
            self._count_failure(error)
            raise
        self._failed_in_a_row = 0
        return answer

    def _count_failure(self, error: CatalogError) -> None:
        """Give up on a server that is gone; one that answers 500 may do so for a few tables alone, and is asked once for each."""
        self._failed_in_a_row += 1
        gone = not isinstance(error, _ServerError) and self._failed_in_a_row >= _MAX_FAILED
        self._is_gone = gone or isinstance(error, RefusedTokenError)

    def _retry(self, method: str, path: str, query: Mapping[str, str | int] | None, body: Any, headers: Any) -> Any:
        retries = self._address.retries if self._failed_in_a_row < _MAX_FAILED else 0
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(retries + 1),
            wait=self._wait,
            retry=tenacity.retry_if_exception_type(_PassingError),
            before_sleep=lambda state: logger.info("retrying method=%s path=%s attempt=%d", method, path, state.attempt_number),
            reraise=True,
        )
        try:
            return attempts(self._send_once, method, path, query, body, headers)
        except _PassingError as error:
            if error.answer is not None and _is_unknown_path(error.answer):
                raise NoSuchCallError(500, "unknown path", what=f"{self._label}: {method} {path}") from None
            kind = _ServerError if error.answer is not None and error.answer.status_code == _INTERNAL else CatalogUnavailableError
            raise kind(f"{self._label}: {error.reason}, also after {retries} retries") from error

    def _wait(self, state: tenacity.RetryCallState) -> float:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, _PassingError) and failure.wait is not None:
            return failure.wait
        return tenacity.wait_random_exponential(multiplier=self._address.backoff, max=_MAX_WAIT_SECONDS)(state)

    def _send_once(self, method: str, path: str, query: Mapping[str, str | int] | None, body: Any, headers: Any) -> Any:
        answer = self._exchange(method, path, query, body, headers)
        if answer.status_code == 401 and self._renew_token():
            answer = self._exchange(method, path, query, body, headers)
        if answer.is_success:
            return self._read_json(answer)
        if answer.status_code in _PASSING:
            wait = _retry_after(answer)
            if wait is not None and wait > _MAX_WAIT_SECONDS:
                raise CatalogUnavailableError(f"{self._label}: the server answers {answer.status_code} and asks to wait {wait:.0f} seconds")
            raise _PassingError(f"the server answers {answer.status_code}", wait, answer)
        raise self._refusal(method, answer)

    def _exchange(self, method: str, path: str, query: Mapping[str, str | int] | None, body: Any, headers: Any) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self._token}", **(headers or {})}
        try:
            return self._http.request(method, path, params=query or None, json=body, headers=sent)
        except httpx.TimeoutException as error:
            raise _PassingError(f"no answer within {self._address.timeout:g} seconds") from error
        except httpx.TransportError as error:
            if _is_untrusted(error):
                reason = "its certificate is not trusted: name the file of its authority by the option ca, or switch verify off"
                raise CatalogUnavailableError(f"{self._label}: {reason}") from error
            raise _PassingError(f"the server cannot be reached, or cut the connection ({type(error).__name__})") from error

    def _renew_token(self) -> bool:
        """Read the token again; whether it is another one by now."""
        before, self._token = self._token, self._address.read_token()
        return before != self._token

    def _read_json(self, answer: httpx.Response) -> Any:
        if not answer.content:
            return {}
        try:
            return answer.json()
        except ValueError:
            pass
        if "html" in answer.headers.get("Content-Type", "").lower() or answer.content.lstrip()[:1] == b"<":
            reason = "a web page was answered in place of JSON: is this the address of the API, or does a log-in page stand before it?"
            raise CatalogError(f"{self._label}: {reason}")
        raise _PassingError("the answer is no JSON, or was cut off")

    def _read_object(self, answer: Any) -> Body:
        if not isinstance(answer, dict):
            raise CatalogError(f"{self._label}: the answer is not of the kind that OpenMetadata gives")
        return answer

    def _refusal(self, method: str, answer: httpx.Response) -> CatalogError:
        status, message = answer.status_code, _message(answer)
        if status == 401:
            return RefusedTokenError(f"{self._label}: the server refuses the token (401): is it of this server, and has it expired?")
        if status == 403:
            return ApiError(status, f"the token may not do this: {message}", what=f"{self._label}: {method}")
        if 300 <= status < 400:
            return CatalogError(f"{self._label}: the server sends elsewhere ({status}): check the address, and the option tls")
        kind = NoSuchCallError if status == 405 else ApiError
        return kind(status, message, what=f"{self._label}: {method}")


def _tls(address: Address) -> Any:
    if not address.tls:
        return False  # nothing to verify, and no certificates to load
    if address.verify is True and address.certificate is None:
        return True
    import ssl

    context = ssl.create_default_context(cafile=address.verify if isinstance(address.verify, str) else None)
    if address.verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if address.certificate is not None:
        context.load_cert_chain(*address.certificate)
    return context


def _is_untrusted(error: BaseException | None) -> bool:
    """Whether a certificate was refused, somewhere among the causes of an error."""
    import ssl

    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds that the server asks to wait: a number, or a date."""
    value = answer.headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _message(answer: httpx.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason_phrase
    said = body.get("message") or body.get("responseMessage") if isinstance(body, dict) else None
    return " ".join(str(said or answer.reason_phrase).split())[:_MAX_MESSAGE]


def _is_unknown_path(answer: httpx.Response) -> bool:
    """The server's 500 for a path that it does not know has no `code`."""
    try:
        body = answer.json()
    except ValueError:
        return False
    return isinstance(body, dict) and "responseMessage" in body and "code" not in body
