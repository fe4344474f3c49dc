"""Trying again: which failures may pass, how long to wait, when to give up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)

from s3_catalog.errors import StoreError
from s3_catalog.storage.options import StoreOptions
from s3_catalog.storage.receipt import Receipt

T = TypeVar("T")

_FIRST_CONTACT_ATTEMPTS = 3
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 10.0


class TransientError(Exception):
    """A failure that another try may not meet.

    `error` is what the caller sees when all tries met it; `at_connect`: the server was not even reached.
    """

    def __init__(self, error: StoreError, *, at_connect: bool = False) -> None:
        self.error, self.at_connect = error, at_connect
        super().__init__(str(error))


def retry_transient(attempt: Callable[[], T], *, options: StoreOptions, receipt: Receipt, was_reached: Callable[[], bool]) -> T:
    """Call until it does not raise `TransientError`, with exponential back-off and full jitter, bounded in number and time.

    A server that no call has reached yet gets three quick tries: a wrong name or port does not heal by waiting.

    Raises:
        StoreError: the last failure.
    """
    bounds = stop_after_attempt(options.max_attempts) | stop_before_delay(options.deadline)

    def gives_up(state: RetryCallState) -> bool:
        failure = state.outcome.exception() if state.outcome else None
        unreached = isinstance(failure, TransientError) and failure.at_connect and not was_reached()
        return bounds(state) or (unreached and state.attempt_number >= _FIRST_CONTACT_ATTEMPTS)

    retrying = Retrying(
        retry=retry_if_exception_type(TransientError),
        stop=gives_up,
        wait=wait_random_exponential(multiplier=_FIRST_WAIT, max=_LONGEST_WAIT),
        before_sleep=lambda _: receipt.count_retry(),
        reraise=True,
    )
    try:
        return retrying(attempt)
    except TransientError as failure:
        raise failure.error from failure.__cause__
