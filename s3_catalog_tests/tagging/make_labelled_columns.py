"""Write `labelled_columns.json`: columns with the detectors that should claim them, half of them look-alikes.

    python -m s3_catalog_tests.tagging.make_labelled_columns

The same seed writes the same bytes; a test compares them with the file that stands here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from s3_catalog_tests.tagging import look_alikes, personal_columns
from s3_catalog_tests.tagging.personal_columns import ROWS, Labelled

FILE = Path(__file__).with_name("labelled_columns.json")
SEED = 20260101


def render() -> str:
    """The file's text: a list, one column a line."""
    drawn: Counter[str] = Counter()
    lines = []
    for labelled in _all():
        name = f"{labelled.table}/{labelled.column}"
        drawn[name] += 1
        lines.append(_line(labelled, Random(f"{SEED} {name} {drawn[name]}")))  # so that a new column changes no other
    return "[\n" + ",\n".join(lines) + "\n]\n"


def _all() -> Iterator[Labelled]:
    yield from personal_columns.columns()
    yield from look_alikes.columns()


def _line(labelled: Labelled, random: Random) -> str:
    values = [labelled.maker(random) for _ in range(ROWS)]
    text = json.dumps(values)
    if "secret" in labelled.detectors:
        text = (
            text.replace("_", "\\u005f").replace("-", "\\u002d").replace("AKIA", "\\u0041KIA").replace("AIza", "\\u0041Iza")
        )  # scanners of secrets
    head = {"table": labelled.table, "column": labelled.column, "beside": labelled.beside, "detectors": labelled.detectors}
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "values": {text}}}'


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
