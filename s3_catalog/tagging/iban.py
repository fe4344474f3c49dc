"""IBANs: a country's structure and the check digits of ISO 7064."""

from __future__ import annotations

import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import phrases

_SHAPE = re.compile(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.ASCII | re.IGNORECASE)
_INSIDE = re.compile(
    r"(?<![\w-])[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?: [A-Z0-9]{4}){2,7}(?: [A-Z0-9]{1,4})?)(?![\w-])", re.ASCII | re.IGNORECASE
)


class IbanDetector(ByValue):
    """The check makes the name needless."""

    name = "iban"
    label = "iban"
    tags = ("PII.Sensitive", "PII.Financial")
    certainty = Certainty.CHECKED
    looks_for = "a country's structure and the check digits of ISO 7064 (python-stdnum), with or without blanks"
    names = phrases("*iban", "iban *")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        return _SHAPE.fullmatch(text) is not None and _is_iban(text)

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        for match in _INSIDE.finditer(text):
            start, end = match.span()
            # A short word after a grouped IBAN looks like its last group.
            while end > start:
                if _is_iban(text[start:end]):
                    yield start, end
                    break
                end = text.rfind(" ", start, end)


def _is_iban(text: str) -> bool:
    from stdnum import iban

    return iban.is_valid(text)


DETECTOR = IbanDetector()
