"""A small lake whose tables have personal data, and values that would harm who shows them as they are."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

PEOPLE = ("ada.lovelace@example.org", "grace.hopper@example.com", "alan.turing@example.net", "edsger.dijkstra@example.org")
HOSTILE = (
    "<script>alert(1)</script>",
    "=HYPERLINK('evil','x')",
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\u202eevil",
    "[red]markup[/red]",
    "a\rb\nc",
    "NaN",
)


def write_csv(path: Path, header: list[str], rows: list[list[object]]) -> None:
    """Write one file of delimited text."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def write_people(lake: Path, rows: int = 40) -> None:
    """`crm_people`: an id, an e-mail address, a score, and a note that holds an address now and then."""
    people = [
        [n, PEOPLE[n % 4].replace("@", f"{n}@"), n * 1.5, f"please write to {PEOPLE[n % 4]} about {n}" if n % 5 == 0 else "nothing"]
        for n in range(rows)
    ]
    write_csv(lake / "crm/people.csv", ["id", "email", "score", "note"], people)


def write_hostile(lake: Path) -> None:
    """`odd_values`: hostile texts, a text of ten megabytes, bytes that are no UTF-8 and numbers that are none."""
    rows = [[n, text, "x"] for n, text in enumerate(HOSTILE)]
    rows += [[90, "plain", "y"], [91, "caf\udce9", "z"]]
    write_csv(lake / "odd/values.csv", ["n", "text", "more"], rows)
    lines = [{"n": n, "text": text, "real": real} for n, (text, real) in enumerate([("x", 1.5), ("y" * 10_000_000, None), ("z", 2.5)])]
    (lake / "long").mkdir(parents=True, exist_ok=True)
    (lake / "long/lines.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
