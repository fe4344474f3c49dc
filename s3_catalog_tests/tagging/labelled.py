"""The labelled columns, and how well detectors do on them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from s3_catalog.tagging import Detections, detectors
from s3_catalog.tagging.scanning import detect_columns
from s3_catalog_tests.tagging.make_labelled_columns import FILE


@dataclass(slots=True)
class Score:
    """Columns of one detector: claimed rightly, claimed wrongly, missed."""

    right: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def precision(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.wrong))

    @property
    def recall(self) -> float:
        return len(self.right) / max(1, len(self.right) + len(self.missed))


@cache
def labelled_columns() -> tuple[dict[str, Any], ...]:
    return tuple(json.loads(FILE.read_text(encoding="utf-8")))


def scan(labelled: Mapping[str, Any]) -> Detections:
    columns = {labelled["column"]: labelled["values"], **{name: [] for name in labelled["beside"]}}
    return detect_columns(columns, table=labelled["table"])


@cache
def scores() -> Mapping[str, Score]:
    found = {name: Score() for name in detectors()}
    for labelled in labelled_columns():
        claimed, true = {detection.detector for detection in scan(labelled).found}, set(labelled["detectors"])
        for name, score in found.items():
            outcome = {(True, True): score.right, (True, False): score.wrong, (False, True): score.missed}.get(
                (name in claimed, name in true)
            )
            if outcome is not None:
                outcome.append(labelled["column"])
    return found
