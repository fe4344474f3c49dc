"""A proxy before moto that makes single calls of Glue fail, and answers those that moto does not know."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from s3_catalog_tests.servers import Fault, FaultyProxy

UNKNOWN_TO_MOTO = ("UpdateColumnStatisticsForTable", "CreatePartitionIndex")
READS = ("Get", "BatchGet", "List")


@dataclass(kw_only=True)
class GlueFault(Fault):
    """What goes wrong with an operation (`match` is its name). With `answer`, Glue says this instead, under status 200."""

    answer: Any = None
    text: bytes | None = None

    @property
    def document(self) -> bytes:
        if self.text is not None:
            return self.text
        return json.dumps({"__type": self.code, "message": "on purpose"} if self.answer is None else self.answer).encode()


class GlueProxy(FaultyProxy):
    """`targets` are the operations seen, in order."""

    def __init__(self, endpoint_url: str, *faults: Fault) -> None:
        answered = tuple(GlueFault(kind="error_body", match=name, answer={}) for name in UNKNOWN_TO_MOTO)
        super().__init__(endpoint_url, (*faults, *answered))

    def _strike(self, target: str, headers: dict[str, str]) -> Fault | None:
        return super()._strike(headers.get("X-Amz-Target", target).rpartition(".")[2], headers)

    @property
    def writes(self) -> Counter[str]:
        """The operations that change something, with how often they were sent."""
        return Counter(name for name in self.targets if not name.startswith(READS))
