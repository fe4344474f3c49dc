"""The dialect of delimited text: delimiter, quote, escape, and the lines before the table.

Scored as in van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by detecting row and type patterns" (2019): a dialect is good
when the rows it cuts have few different lengths, and when its cells are of known types. `csv` of the standard library cuts the rows.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from s3_catalog.formats._hints import ReadHints
from s3_catalog.formats._type_hints import cut
from s3_catalog.formats._values import classify

DELIMITERS = (",", ";", "\t", "|", "\x01", "^", "~")
_SAMPLE_CHARACTERS = 32 * 1024
_SAMPLE_ROWS = 60
_SINGLE = 1e-3
"""Weight of a row of one cell: any delimiter that cuts consistently beats none."""
_REGULAR_SHARE = 0.8
_WORDS = re.compile(r"[\w.@%°€$£:/#&()+*' -]{0,200}")
_SEP_LINE = re.compile(r"sep=(.)\r?\n", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")
_MAX_PREAMBLE = 10
NO_HINTS = ReadHints()


class UnfitHintError(ValueError):
    """What people say of a text does not fit it; the message shows where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How to cut the text. `delimiter` is "" for a file of one column; `start` is the table's first character, after `skipped` lines."""

    delimiter: str
    quote: str | None = '"'
    escape: str | None = None
    start: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class _Score:
    dialect: Dialect
    value: float
    regular: float


def read_rows(text: str, dialect: Dialect) -> Iterator[list[str]]:
    """Cut text into rows of cells, blank lines left out.

    Raises:
        csv.Error: a cell longer than the standard library's limit (128 KiB).
    """
    return (row for row, _ in read_rows_with_ends(text, dialect))


def read_rows_with_ends(text: str, dialect: Dialect) -> Iterator[tuple[list[str], int]]:
    """Cut text into rows as `read_rows`, each with the place where it ends, in characters.

    Raises:
        csv.Error: a cell longer than the standard library's limit (128 KiB).
    """
    position = dialect.start

    def lines() -> Iterator[str]:
        nonlocal position
        for line in io.StringIO(text[dialect.start :], newline=""):
            position += len(line)
            yield line

    reader = csv.reader(
        lines(),
        delimiter=dialect.delimiter or "\x00",
        quotechar=dialect.quote,
        escapechar=dialect.escape,
        doublequote=True,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    return ((row, position) for row in reader if row)


def sniff_dialect(text: str, preferred: str = ",", hints: ReadHints = NO_HINTS) -> Dialect:
    r"""Find the dialect of a text; `preferred` wins a tie, what people say (or a `sep=` line) needs no proof.

    >>> sniff_dialect("id;price\n1;2,5\n2;3,5\n").delimiter
    ';'

    Raises:
        UnfitHintError: a delimiter that stands nowhere in the first rows.
    """
    sep_line = None if hints.skip_lines is not None else _SEP_LINE.match(text)
    if hints.skip_lines is not None:
        start, skipped = _skip_lines(text, hints.skip_lines), hints.skip_lines
    else:
        start, skipped = (sep_line.end(), 1) if sep_line else _skip_comments(text)
    declared = hints.delimiter or (sep_line[1] if sep_line else None)
    sample = _whole_lines(text[start : start + _SAMPLE_CHARACTERS])
    delimiters = [declared] if declared else [d for d in dict.fromkeys((preferred, *DELIMITERS)) if d in sample]
    if hints.delimiter and sample and hints.delimiter not in sample:
        raise UnfitHintError(f"the delimiter {hints.delimiter!r} stands nowhere in the first rows; the first is {_first_line(sample)!r}")
    candidates = [dialect for delimiter in delimiters for dialect in _candidates(sample, delimiter, hints)]
    scores = [score for dialect in candidates if (score := _score(sample, dialect)) is not None]
    scores = [s for s in scores if declared or s.regular >= _REGULAR_SHARE or (s.dialect.delimiter == preferred and s.regular > 0.5)]
    if not scores:
        quote = hints.quote if hints.quote is not None else '"' if '"' in sample else None
        return Dialect(delimiter=declared or "", quote=quote or None, escape=hints.escape or None, start=start, skipped=skipped)
    best = max(scores, key=lambda s: s.value).dialect
    extra, lines = (0, 0) if hints.skip_lines is not None else _skip_title(text[start:], best)
    return Dialect(delimiter=best.delimiter, quote=best.quote, escape=best.escape, start=start + extra, skipped=skipped + lines)


def is_regular(text: str) -> bool:
    """Whether text is delimited beyond doubt: two rows or more, all of the same number of cells, at least two."""
    text = _whole_lines(text)
    dialect = sniff_dialect(text)
    try:
        widths = Counter(len(row) for row in islice(read_rows(text, dialect), 200))
    except csv.Error:
        return False
    return bool(dialect.delimiter) and len(widths) == 1 and widths.total() >= 2 and min(widths) >= 2


def _whole_lines(text: str) -> str:
    """Drop a last line that is cut, unless it is the only one."""
    end = max(text.rfind("\n"), text.rfind("\r"))
    return text[: end + 1] if end >= 0 else text


def _skip_comments(text: str) -> tuple[int, int]:
    """Where the lines that begin with `#` end, when the table goes on without them; (0, 0) when they are the table's."""
    position = lines = 0
    while text.startswith("#", position) and lines < _MAX_PREAMBLE:
        end = text.find("\n", position)
        if end < 0:
            return 0, 0
        position, lines = end + 1, lines + 1
    # `#id,name` is a header: it is cut into as many cells as the line below it.
    last = text[text.rfind("\n", 0, position - 1) + 1 : position]
    following = text[position : text.find("\n", position) + 1 or None]
    if lines == 1 and any(d in last and last.count(d) == following.count(d) for d in DELIMITERS):
        return 0, 0
    return position, lines


def _skip_lines(text: str, count: int) -> int:
    """Where the line after so many begins: at the end of the text, where there are no more."""
    ends = [0, *islice((match.end() for match in _LINE_END.finditer(text)), count)]
    return ends[count] if count < len(ends) else len(text)


def _first_line(text: str) -> str:
    return cut(_LINE_END.split(text.lstrip("\r\n"), 1)[0])


def _candidates(sample: str, delimiter: str, hints: ReadHints) -> list[Dialect]:
    """The dialects that people's hints leave open."""
    if hints.quote is None:
        dialects = _quotings(sample, delimiter)
    else:
        dialects = [Dialect(delimiter=delimiter, quote=hints.quote or None, escape=_escape(sample, hints.quote))]
    return dialects if hints.escape is None else [replace(dialect, escape=hints.escape or None) for dialect in dialects]


def _quotings(sample: str, delimiter: str) -> list[Dialect]:
    """The ways in which values may be quoted."""
    quotes: list[str | None] = [q for q in ('"', "'") if q + delimiter in sample or delimiter + q in sample or sample.startswith(q)]
    if '"' not in quotes and '"' in sample:
        quotes.append('"')
    dialects = [Dialect(delimiter=delimiter, quote=quote, escape=_escape(sample, quote)) for quote in quotes]
    if not quotes or "'" in quotes or sample.count('"') % 2:
        dialects.append(Dialect(delimiter=delimiter, quote=None))
    return dialects


def _escape(sample: str, quote: str | None) -> str | None:
    return "\\" if quote and re.search(rf"[^{quote}\\]\\{quote}", sample) and quote * 2 not in sample else None


def _score(sample: str, dialect: Dialect) -> _Score | None:
    try:
        rows = list(islice(read_rows(sample, dialect), _SAMPLE_ROWS))
    except csv.Error:
        return None
    if not rows:
        return None
    widths = Counter(len(row) for row in rows)
    pattern = sum(n * max(_SINGLE, width - 1) / width for width, n in widths.items()) / len(widths)
    cells = [cell.strip() for row in rows for cell in row[:50]]
    typed = sum(1 for cell in cells if _is_known(cell))
    cut = sum(n for width, n in widths.items() if width > 1)
    return _Score(dialect, pattern * max(typed, 0.1) / len(cells), cut / len(rows))


def _is_known(cell: str) -> bool:
    return classify(cell) != "text" or _WORDS.fullmatch(cell) is not None


def _skip_title(text: str, dialect: Dialect) -> tuple[int, int]:
    """Where a title above the table ends: lines of one cell before rows of three or more (of two: before a blank line)."""
    try:
        rows = list(islice(read_rows(text, dialect), _SAMPLE_ROWS))
    except csv.Error:
        return 0, 0
    width = Counter(len(row) for row in rows).most_common(1)[0][0]
    titles = next((i for i, row in enumerate(rows) if any(row[1:])), 0)
    if not 0 < titles <= _MAX_PREAMBLE or width < 2 or any(dialect.quote and dialect.quote in line for line in text.split("\n")[:titles]):
        return 0, 0
    position = lines = seen = 0
    while seen < titles or text[position : text.find("\n", position)].strip() == "":
        end = text.find("\n", position)
        if end < 0:
            return 0, 0
        seen += bool(text[position:end].strip())
        position, lines = end + 1, lines + 1
    return position, lines
