"""Dates and years of birth: the column's name says birth, the values are dates of a human life."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue, names_itself
from s3_catalog.tagging._names import phrases

_YEAR_FIRST = re.compile(r"(\d{4})([-/.]?)(\d{1,2})\2(\d{1,2})(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4}|\d{2})(?:[ T]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?", re.ASCII)
_MONTH_IN_WORDS = re.compile(r"\d{1,2}\.?[ -][^\W\d_]{3,10}\.?[ -]\d{2,4}|[^\W\d_]{3,10}\.? \d{1,2},? \d{4}")
_YEAR = re.compile(r"(?:18[89]|19\d|20[0-4])\d", re.ASCII)
_SAID = re.compile(
    r"(?<!\w)(?:born(?: on)?|birth ?date|date of birth|dob|d\.o\.b\.|geb(?:oren)?(?: am)?\.?|née? le|nacid[oa] el):? {0,2}"
    r"(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4})",
    re.IGNORECASE,
)
_YEAR_NAMES = phrases("year of birth", "*birth year", "yob", "*geburtsjahr", "annee naissance", "annee de naissance")
_FIRST_YEAR, _LAST_YEAR = 1880, 2049


class BirthDateDetector(ByValue):
    """A date is of birth only where the name says so."""

    name = "birth_date"
    label = "date of birth"
    tags = ("PII.Sensitive", "PII.DateOfBirth")
    certainty = Certainty.NAMED
    needs_name = True
    min_share_named = 0.7
    min_share = 1.0
    looks_for = "dates (ISO, day or month first, `19800312`, months in words) and years of a human life where the name says birth"
    names = phrases(
        """
        *birth, *birth date, *birth day, *birth dt, date of birth, *date of birth, birthday, dob, * dob, year of birth, yob, *birth year,
        *born, born on, born date, *geburtsdatum, geburtstag, *geburtsjahr, geb dat, gebdat, geb datum, gebdatum, date naissance, date de
        naissance, dt naissance, annee naissance, annee de naissance, fecha nacimiento, fecha de nacimiento, birth, geb, geboren, geboren
        am, naissance, date naiss, nacimiento, nascita, nascimento, ne le, nee le, fec nac, data nascita, data di nascita, data nascimento,
        data de nascimento, geboortedatum, fodelsedatum, fodselsdato, syntymaaika, data urodzenia
        """
    )
    other_names = phrases("sent, campaign, created, updated, reminder, discount, coupon, registered, place of birth, birth place, age of")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if not 4 <= len(text) <= 40:
            return False
        if match := _YEAR_FIRST.fullmatch(text):
            return _is_date(int(match[1]), int(match[3]), int(match[4]))
        if match := _YEAR_LAST.fullmatch(text):
            year = int(match[4]) + (1900 if len(match[4]) == 2 else 0)
            return _is_date(year, int(match[3]), int(match[1])) or _is_date(year, int(match[1]), int(match[3]))
        if _YEAR.fullmatch(text):
            return names_itself(_YEAR_NAMES, column)
        return _MONTH_IN_WORDS.fullmatch(text) is not None

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        yield from (match.span(1) for match in _SAID.finditer(text))


def _is_date(year: int, month: int, day: int) -> bool:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return False
    try:
        dt.date(year, month, day)
    except ValueError:
        return False
    return True


DETECTOR = BirthDateDetector()
