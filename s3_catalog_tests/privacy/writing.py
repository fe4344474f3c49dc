"""A folder that is filled with files of planted values, and two texts that more than one part writes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from s3_catalog_tests.privacy.planting import Columns, Planter, meaningless, national, telling, texts

_KINDS: dict[str, Callable[..., Columns]] = {"people": telling, "plain": meaningless, "national": national, "texts": texts}


class LakeFolder:
    def __init__(self, root: Path, planter: Planter) -> None:
        self.root, self.planter = root, planter

    def below(self, folder: str) -> LakeFolder:
        return LakeFolder(self.root / folder, self.planter)

    def columns(self, kind: str, place: str) -> Columns:
        return _KINDS[kind](self.planter, place)

    def one(self, kind: str, place: str) -> str:
        return self.planter.plant(kind, place)

    def write(self, path: str, data: bytes | str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)

    def folder(self, path: str) -> Path:
        (self.root / path).mkdir(parents=True, exist_ok=True)
        return self.root / path


def write_csv(columns: Columns, mark: str = ",", *, header: bool = True) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=mark, lineterminator="\n")
    if header:
        writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return sink.getvalue().encode()


def write_jsonl(rows: Sequence[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)
