"""Phone numbers: international ones by themselves, national ones where the column's name says so."""

from __future__ import annotations

import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue, digits
from s3_catalog.tagging._names import phrases

_EXTENSION = r"(?:\s?(?:x|ext\.?|#|-)\s?\d{1,6})?"
_SHAPE = re.compile(rf"\+?\(?\d[\d ().\-/]{{4,22}}\d{_EXTENSION}", re.ASCII | re.IGNORECASE)
_NORTH_AMERICAN = re.compile(r"(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}" + _EXTENSION, re.ASCII | re.IGNORECASE)
_NOT_PHONE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,3}(?:\.\d{1,3}){3}|\d+\.\d+|\d{1,2}[./]\d{1,2}[./]\d{4}", re.ASCII)
_AMBIGUOUS = phrases("cell", "mobile", "mobil", "portable", "tel")
_WORLD_PREFIX = re.compile(r"\A(?:%2B|00)(?=[1-9])", re.IGNORECASE)
_INSIDE = re.compile(
    r"(?<![\w+.])(?P<world>(?:\+|%2B|00(?=[1-9]\d[ ()/-]?))\d[\d ().\-/]{6,20}\d)(?!\w)"
    r"|(?<![\w.()+-])(?P<us>(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4})(?![\w-]|\.\d)"
    r"|(?<!\w)(?:tel|telefon|telephone|phone|mobile|mobil|cell|handy|fax)(?:\.|:|\.:)? ?(?P<said>\+?[\d(][\d ().\-/]{5,20}\d)(?!\w)",
    re.ASCII | re.IGNORECASE,
)


class PhoneDetector(ByValue):
    """Digits alone are no phone number unless the column is called one."""

    name = "phone"
    label = "phone"
    tags = ("PII.Sensitive", "PII.Phone")
    certainty = Certainty.SHAPED
    min_share_named = 0.6
    looks_for = (
        "numbers with a country's prefix, or as North Americans write them, that exist by the numbering plan (phonenumbers); 7 "
        "to 15 digits, also as numbers, where the name says so"
    )
    names = phrases(
        """
        *phone, *phone no, *phone nr, *phone num, *phone number, cell, mobile, mobile no, mobile nr, mobile number, msisdn, tel, tel no, tel
        nr, tel number, *telefon, *telefonnummer, *telefonnr, mobil, mobilnummer, mobilfunk*, handy, handynummer, handynr,
        rufnummer, fax, *faxnummer, portable, movil, celular, telefono, telefone, cellulare, puhelin*, whatsapp, whatsapp number, sms
        number, contact number
        """
    )
    other_names = phrases(
        """
        microphone*, headphone*, earphone*, smartphone*, megaphone, tel aviv, version, part, part *, sku, serial, serial *, order, order *,
        invoice *, isbn, ean, timestamp, lat, lon, ip, ip *, date, *datum, offset, utc *, timezone, tz, amount, price, change, delta
        """
    )

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if not 7 <= len(text) <= 32 or not _SHAPE.fullmatch(text) or _NOT_PHONE.fullmatch(text):
            return False
        if text.startswith("+"):
            return _exists(text, None) or (named and 7 <= len(digits(text)) <= 15)
        if named:
            least = 9 if _AMBIGUOUS.fullmatch(column.text) else 7
            return least <= len(digits(text)) <= 18 and len(set(digits(text))) > 1
        if text.startswith("00"):
            return " " in text and _exists("+" + text[2:], None)
        return _NORTH_AMERICAN.fullmatch(text) is not None and _exists(text, "US")

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if self.is_other(column):
            return
        for match in _INSIDE.finditer(text):
            kind = match.lastgroup or ""
            number = _WORLD_PREFIX.sub("+", match[kind])
            if kind == "said" or _exists(number, None if kind == "world" else "US"):
                yield match.span(kind)


def _exists(text: str, region: str | None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


DETECTOR = PhoneDetector()
