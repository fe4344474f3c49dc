"""US social security numbers: with hyphens by their shape, without by the column's name too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import phrases

_HYPHENS = re.compile(r"\d{3}-\d{2}-\d{4}", re.ASCII)
_NAMED = re.compile(r"\d{7,9}|\d{3} \d{2} \d{4}", re.ASCII)
_INSIDE = re.compile(
    r"(?<![\w.-])(\d{3}-\d{2}-\d{4})(?![\w-]|\.\d)"
    r"|(?<![a-z])(?:ssn|social security(?: number| no\.?| #)?)[ :#=]{0,4}(\d{3}[ -]?\d{2}[ -]?\d{4})(?!\w)",
    re.ASCII | re.IGNORECASE,
)


class UsSsnDetector(ByValue):
    """Areas, groups and serials that were never issued do not count. Nine digits alone are any number: there the name must say so."""

    name = "us_ssn"
    label = "us ssn"
    tags = ("PII.Sensitive", "PII.SSN")
    certainty = Certainty.SHAPED
    looks_for = (
        "`999-99-9999` with an area, group and serial that can be issued (python-stdnum); nine digits, also as numbers, where "
        "the name says so"
    )
    names = phrases("ssn, us ssn, ssn *, social security, social security *, soc sec, soc sec *, socsec, social sec *")
    other_names = phrases("part, part *, sku, serial, order, order *, product *, item *, article *, model, lot, batch, isbn")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if _HYPHENS.fullmatch(text):
            return _is_issued(text)
        if not named or not _NAMED.fullmatch(text):
            return False
        # A number has lost its leading zeros.
        return _is_issued(text.replace(" ", "").zfill(9))

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if self.is_other(column):
            return
        for match in _INSIDE.finditer(text):
            group = match.lastindex or 0
            if _is_issued(match[group].replace(" ", "")):
                yield match.span(group)


def _is_issued(text: str) -> bool:
    from stdnum.us import ssn

    return ssn.is_valid(text)


DETECTOR = UsSsnDetector()
