"""National identity, tax and insurance numbers of people, by each country's own rules and check digits."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from s3_catalog.tagging import Certainty, ColumnName, Detection
from s3_catalog.tagging._by_value import NOTHING, ByValue, count_matches, digits
from s3_catalog.tagging._names import phrases


class _Rules(Protocol):
    def is_valid(self, number: str) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NationalNumber:
    """One kind of number.

    `module` is python-stdnum's. `shape` is what a value looks like; `length` is the digits that a number regains when it has lost leading
    zeros (0: it has letters). `alone`: hardly one in fifty look-alikes passes, so values speak without a name. `inside`: how it stands in
    longer texts without being any number of that length.
    """

    module: str
    shape: re.Pattern[str]
    names: re.Pattern[str]
    length: int = 0
    alone: bool = True
    inside: re.Pattern[str] = NOTHING

    @property
    def kind(self) -> str:
        return self.module.replace("in_", "in")


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | re.IGNORECASE)


def _within(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w./-])(?:{pattern})(?![\w-]|\.\d)", re.ASCII)


def _lettered(module: str, pattern: str, *names: str) -> NationalNumber:
    return NationalNumber(module=module, shape=_shape(pattern), names=phrases(*names), inside=_within(pattern))


def _digits(module: str, length: int, pattern: str, *names: str, alone: bool = True, inside: str = "") -> NationalNumber:
    found = _within(inside) if inside else NOTHING
    return NationalNumber(module=module, shape=_shape(pattern), names=phrases(*names), length=length, alone=alone, inside=found)


NUMBERS: tuple[NationalNumber, ...] = (
    _digits("au.tfn", 9, r"\d{3} ?\d{3} ?\d{3}|\d{8}", "tfn", "tax file number", "tax file no", alone=False),
    _digits(
        "be.nn",
        11,
        r"\d{2}\.?\d{2}\.?\d{2}-?\d{3}\.?\d{2}",
        "rijksregister*",
        "nn",
        "niss",
        "insz",
        "registre national",
        inside=r"\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}",
    ),
    _digits("br.cpf", 11, r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}", "cpf", "cpf *", "* cpf", inside=r"\d{3}\.\d{3}\.\d{3}-\d{2}"),
    _digits("ca.sin", 9, r"\d{3}[ -]?\d{3}[ -]?\d{3}", "sin", "sin number", "sin no", "social insurance *", alone=False),
    _digits(
        "ch.ssn",
        13,
        r"756\.?\d{4}\.?\d{4}\.?\d{2}",
        "ahv",
        "ahv *",
        "avs",
        "no avs",
        "*versicherungsnummer",
        inside=r"756\.\d{4}\.\d{4}\.\d{2}",
    ),
    _digits("cn.ric", 18, r"\d{17}[\dX]", "ric", "resident id", "shenfenzheng", "id card no", inside=r"[1-8]\d{5}(?:19|20)\d{9}[\dX]"),
    _digits("cz.rc", 10, r"\d{6}/?\d{4}", "rodne cislo", "rc", inside=r"\d{6}/\d{4}"),
    _digits(
        "de.idnr",
        11,
        r"\d{2} ?\d{3} ?\d{3} ?\d{3}",
        "idnr",
        "id nr",
        "steuer id",
        "*steueridentifikationsnummer",
        "steuer id nr",
        "steuer identifikationsnummer",
        "tin",
    ),
    _digits("dk.cpr", 10, r"\d{6}-?\d{4}", "cpr", "cpr nr", "cpr nummer", "cpr number", alone=False),
    _lettered("es.dni", r"\d{8}-?[A-HJ-NP-TV-Z]", "dni", "dni *", "nif", "documento identidad"),
    _lettered("es.nie", r"[XYZ]-?\d{7}-?[A-HJ-NP-TV-Z]", "nie", "nie *"),
    _lettered("fi.hetu", r"\d{6}[-+ABCDEFYXWVU]\d{3}[0-9A-FHJ-NPR-Y]", "hetu", "henkilotunnus"),
    _digits(
        "fr.nir",
        15,
        r"[12378] ?\d{2} ?\d{2} ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}",
        "nir",
        "numero securite sociale",
        "num secu",
        "no ss",
        "insee",
        "numero insee",
        inside=r"[12] \d{2} \d{2} \d[\dAB] \d{3} \d{3} \d{2}",
    ),
    _digits("gb.nhs", 10, r"\d{3}[ -]?\d{3}[ -]?\d{4}", "nhs", "nhs number", "nhs no", alone=False),
    _lettered("ie.pps", r"\d{7}[A-W][A-IW]?", "pps", "ppsn", "pps no", "pps number"),
    _digits("in_.aadhaar", 12, r"\d{4}[ -]?\d{4}[ -]?\d{4}", "aadhaar", "aadhar", "aadhaar *", "aadhar *", "uidai", alone=False),
    _lettered(
        "it.codicefiscale",
        r"[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]",
        "codice fiscale",
        "cod fiscale",
        "cf",
        "codfisc",
    ),
    _digits("kr.rrn", 13, r"\d{6}-?[1-8]\d{6}", "rrn", "resident registration *", "jumin*", inside=r"\d{6}-[1-8]\d{6}"),
    _lettered("mx.curp", r"[A-Z]{4}\d{6}[HM][A-Z]{5}[0-9A-Z]\d", "curp"),
    _digits("nl.bsn", 9, r"\d{4}\.?\d{2}\.?\d{3}", "bsn", "bsn *", "burgerservicenummer", "sofinummer", alone=False),
    _digits("no.fodselsnummer", 11, r"\d{6} ?\d{5}", "fodselsnummer", "fnr", "personnummer", inside=r"\d{6} \d{5}"),
    _digits("pl.pesel", 11, r"\d{11}", "pesel", "nr pesel", "pesel *"),
    _digits("ro.cnp", 13, r"[1-9]\d{12}", "cnp", "cod numeric personal"),
    _digits(
        "se.personnummer",
        10,
        r"(?:\d{2})?\d{6}[-+]?\d{4}",
        "personnummer",
        "personnr",
        "pnr",
        "person nr",
        inside=r"(?:\d{2})?\d{6}[-+]\d{4}",
    ),
    _digits("tr.tckimlik", 11, r"[1-9]\d{10}", "tc kimlik", "tc kimlik no", "tckn", "kimlik no", "tckimlik"),
    _digits("za.idnr", 13, r"\d{13}", "sa id", "sa id number", "rsa id"),
)
_ANY_COUNTRY = phrases(
    """
    national id, national id *, nationalid, national identity *, national insurance *, identity number, identity no, id number, id no, id
    card, id card *, citizen id, citizen number, personal id, personal number, personal code, person id number, tax id, tax number, tin,
    ausweisnummer, ausweis nr, personalausweis*, sozialversicherungsnummer, sv nummer, numero identidad, documento, document number,
    identificacion
    """
)
_OTHER = phrases(
    """
    phone*, tel, order, order *, invoice*, sku, part, part *, timestamp, isbn, issn, ean, gtin, imei, zip, vat, account *, serial *, upc,
    epoch, tracking *, parcel *
    """
)


_DIGITS = re.compile(r"\d\d", re.ASCII)
_ANY_INSIDE = re.compile("|".join(number.inside.pattern for number in NUMBERS if number.inside is not NOTHING), re.ASCII)
"""One look for all numbers: hardly any text holds what might be one."""
_COUNTRIES = len({number.module.split(".")[0] for number in NUMBERS})


class NationalIdDetector(ByValue):
    """Numbers whose check lets every tenth number pass are believed only under their own name."""

    name = "national_id"
    label = "national id"
    tags = ("PII.Sensitive", "PII.NationalID")
    certainty = Certainty.CHECKED
    min_share = 0.9
    min_values = 5
    looks_for = f"numbers of {_COUNTRIES} countries by their own rules (python-stdnum); kinds with a weak check where the name says so"
    other_names = _OTHER

    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        if self.is_other(column) or not values:
            return None
        any_country = _ANY_COUNTRY.search(column.text) is not None
        best: tuple[int, NationalNumber, bool] | None = None
        for number in NUMBERS:
            named = any_country or number.names.search(column.text) is not None
            matched = self._count(number, values, named)
            if matched and (best is None or (matched, named) > (best[0], best[2])):
                best = matched, number, named
        if best is None:
            return None
        return self.claim(column, values, best[0], named=best[2], what=f"{self.label} ({best[1].kind})")

    def _count(self, number: NationalNumber, values: Sequence[str], named: bool) -> int:
        if not named and (not number.alone or len(values) < self.min_values):
            return 0
        least = (self.min_share_named if named else self.min_share) * len(values)
        return count_matches((_is_number(number, text, named) for text in values), len(values), least)

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        return any(_is_number(number, text, named) for number in NUMBERS if named or number.alone)

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if not _DIGITS.search(text) or self.is_other(column) or not _ANY_INSIDE.search(text):
            return
        for number in NUMBERS:
            yield from (match.span() for match in number.inside.finditer(text) if _is_number(number, match[0], named=False))


def _is_number(number: NationalNumber, text: str, named: bool) -> bool:
    if len(text) > 24:
        return False
    if not number.shape.fullmatch(text):
        if not (named and number.length and text.isdecimal() and number.length - 3 <= len(text) < number.length):
            return False
        text = text.zfill(number.length)  # stored as a number it has lost its leading zeros
    found = digits(text)
    if len(set(found)) < 2:
        return False
    try:
        return _rules(number.module).is_valid(text)
    except (LookupError, ValueError, ArithmeticError):  # python-stdnum's tables of places have gaps
        return False


@cache
def _rules(module: str) -> _Rules:
    rules: _Rules = importlib.import_module(f"stdnum.{module}")
    return rules


DETECTOR = NationalIdDetector()
