"""Whether the first row of delimited text holds names, and what the columns are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from s3_catalog.formats._values import NULL_MARKERS, classify

_BODY_ROWS = 200
_NAME = re.compile(r"[^\W\d][\w .:/()%#&$€°\[\]-]{0,79}")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
_TOKENS = re.compile(r"[A-ZÄÖÜ]+(?![a-z])|[A-ZÄÖÜ]?[a-zà-ÿ]+")
_NAME_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    id ids key code nr no num number name names first last given family title label type kind class category group status
    state stage level date day month year week time timestamp ts created updated modified deleted start end begin valid from
    until to at by city country region province county street address zip postal postcode location place lat latitude lon
    lng longitude email mail phone mobile fax url uri link host ip user username login customer client account company
    organization organisation department employee manager owner author person gender sex age birth birthday language lang
    currency price amount total sum cost value quantity qty count rate score rank percent unit size width height weight
    length color colour description desc comment comments note notes text message subject product item sku order invoice
    payment transaction session event action source target origin destination tag tags flag active enabled version path file
    filename hash uuid guid index row column field parent child role reason result
    nummer datum jahr monat tag vorname nachname strasse straße plz ort stadt land hauptstadt preis betrag menge anzahl kunde artikel
    bezeichnung nom prenom prénom rue ville pays prix quantite quantité adresse nombre apellido calle ciudad pais país fecha precio cantidad
""",
    )
)
"""Words that column names are made of, in English and some in German, French and Spanish, for tables that are text throughout."""


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Judge whether the first row names the columns.

    A first row with a number or a date in it is data. Where a column below has a type that its first cell lacks, it is a header. In a
    table of text alone the words decide, then how far the first cells differ in shape from those below.
    """
    first = [cell.strip() for cell in rows[0]]
    body = rows[1 : 1 + _BODY_ROWS]
    if not any(first):
        return False
    if any(classify(cell) != "text" for cell in first if cell not in NULL_MARKERS):
        return _are_years(first, body)
    columns = [[row[i].strip() for row in body if i < len(row) and row[i].strip() not in NULL_MARKERS] for i in range(len(first))]
    if any(first[i] and cells and all(classify(cell) != "text" for cell in cells) for i, cells in enumerate(columns)):
        return True
    return _text_verdict(first, columns)


def _are_years(first: list[str], body: Sequence[Sequence[str]]) -> bool:
    """A pivoted table: years in a row as names (`country,2019,2020`), over values that are no such years."""
    years = [int(cell) for cell in first if re.fullmatch(r"(19|20)\d\d", cell)]
    texts = [cell for cell in first if classify(cell) == "text" and cell]
    if not texts or len(years) < 2 or len(years) + len(texts) < len(first) or years != list(range(years[0], years[0] + len(years))):
        return False
    return not any(re.fullmatch(r"(19|20)\d\d", cell.strip()) for row in body for cell in row)


def _text_verdict(first: list[str], columns: list[list[str]]) -> bool:
    """Weigh a table of text: positive speaks for names."""
    named = [cell for cell in first if cell]
    if any(_NAME.fullmatch(cell) is None for cell in named):
        return False
    score = 0.0
    for cell, below in zip(first, columns, strict=True):
        if not cell:
            continue
        if _is_known_name(cell):
            score += 2
        if not below:
            score += 0.5
        elif cell in below:
            score -= 3
        else:
            score += _shape_vote(cell, below)
    return score > 0 and len(set(named)) >= len(named) - 1


def _is_known_name(cell: str) -> bool:
    tokens = [token.lower() for token in _TOKENS.findall(cell)]
    return 0 < len(tokens) <= 4 and any(token in _NAME_WORDS for token in tokens)


def _shape_vote(cell: str, below: list[str]) -> float:
    """Positive when the cell differs from the column in shape or from most of it in type, negative when it has the column's only shape."""
    if 2 * sum(classify(value) != "text" for value in below) >= len(below):
        return 2
    shapes = {_shape(value) for value in below}
    if _shape(cell) not in shapes:
        return 1
    if len(shapes) > 1:
        return 0.25 if _IDENTIFIER.fullmatch(cell) else 0
    lengths = {len(value) for value in below}
    if len(lengths) == 1 and len(below) > 1 and len(cell) > 1:
        return -2 if len(cell) in lengths else 1
    # An identifier in lower case above words in lower case: files with a header are far the more common.
    return 0.25 if _IDENTIFIER.fullmatch(cell) else -1


def _shape(value: str) -> str:
    """Letter case, digits, blanks and marks in order, runs as one: `Ann Lee` and `Bob Roe` share `Aa Aa`."""
    text = re.sub(r"[^\W\d_]+", _letters, value)
    return re.sub(r"\d+", "0", text)


def _letters(match: re.Match[str]) -> str:
    word = match[0]
    if word.islower():
        return "a"
    if word.isupper() and len(word) > 1:
        return "A"
    return "Aa" if word[0].isupper() and (len(word) == 1 or word[1:].islower()) else "aA"


def name_columns(cells: Sequence[str], width: int) -> tuple[list[str], list[str]]:
    """Make column names of a header's cells: blank ones become `column<i>`, repeated ones get a number. Returns names and warnings."""
    wanted = [(cells[i].strip() if i < len(cells) else "") for i in range(width)]
    warnings = []
    empty = sum(not name for name in wanted)
    if empty:
        warnings.append(f"{empty} of {width} columns have no name: named column<position>")
    taken, names = set(wanted) - {""}, list[str]()
    repeated = 0
    used: set[str] = set()
    for position, name in enumerate(wanted):
        candidate = name or f"column{position}"
        if candidate in used or (not name and candidate in taken):
            repeated += bool(name)
            candidate = _number(candidate, used | taken)
        used.add(candidate)
        names.append(candidate)
    if repeated:
        warnings.append(f"{repeated} column names occur more than once: numbered")
    return names, warnings


def _number(name: str, taken: set[str]) -> str:
    return next(f"{name}_{n}" for n in range(2, len(taken) + 3) if f"{name}_{n}" not in taken)
