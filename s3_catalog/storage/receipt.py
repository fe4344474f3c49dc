"""What a run cost: every request sent and every byte read, counted where it happens.

Retried attempts count: they are billed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass(slots=True)
class Receipt:
    """Counters of one run, safe to add to from many threads. `bytes_read` is bodies of reads; listings are in `list_bytes`."""

    list_requests: int = 0
    get_requests: int = 0
    bytes_read: int = 0
    list_bytes: int = 0
    retries: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def count_list(self, nbytes: int) -> None:
        with self._lock:
            self.list_requests += 1
            self.list_bytes += nbytes

    def count_get(self, nbytes: int) -> None:
        with self._lock:
            self.get_requests += 1
            self.bytes_read += nbytes

    def count_retry(self) -> None:
        with self._lock:
            self.retries += 1
