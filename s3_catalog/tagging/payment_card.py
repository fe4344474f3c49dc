"""Payment card numbers: Luhn's check digit, and a beginning and length that an issuer uses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue, digits
from s3_catalog.tagging._names import phrases

_GROUPED = r"\d{4}([ .-])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{4}([ .-])\d{6}\2\d{4,5}"
_SHAPE = re.compile(rf"\d{{13,19}}|{_GROUPED}", re.ASCII)
_INSIDE = re.compile(rf"(?<!\w)(?<!\d\.)(?:{_GROUPED}|\d{{13,19}})(?!\w|\.\d)", re.ASCII)
# (first and last beginning, lengths), of ISO/IEC 7812 issuers as they publish them
_ISSUERS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 19})),  # Visa
    ("51", "55", frozenset({16})),  # Mastercard
    ("2221", "2720", frozenset({16})),
    ("34", "34", frozenset({15})),  # American Express
    ("37", "37", frozenset({15})),
    ("300", "305", frozenset({14, 16})),  # Diners Club
    ("3095", "3095", frozenset({14, 16})),
    ("36", "36", frozenset({14})),
    ("38", "39", frozenset({14, 16})),
    ("3528", "3589", frozenset({16})),  # JCB
    ("6011", "6011", frozenset({16, 19})),  # Discover
    ("644", "649", frozenset({16, 19})),
    ("65", "65", frozenset({16, 19})),
    ("62", "62", frozenset({16, 17, 18, 19})),  # UnionPay
    ("2200", "2204", frozenset({16})),  # Mir
    ("9792", "9792", frozenset({16})),  # Troy
    ("5018", "5018", frozenset(range(13, 20))),  # Maestro
    ("5020", "5020", frozenset(range(13, 20))),
    ("5038", "5038", frozenset(range(13, 20))),
    ("6304", "6304", frozenset(range(13, 20))),
    ("6759", "6763", frozenset(range(13, 20))),
    ("60", "60", frozenset({16})),  # RuPay
    ("81", "82", frozenset({16})),
)


class PaymentCardDetector(ByValue):
    """A random number of 16 digits passes once in thirty times, so a share of the column tells."""

    name = "payment_card"
    label = "payment card"
    tags = ("PII.Sensitive", "PII.Financial")
    certainty = Certainty.CHECKED
    min_values = 3
    looks_for = "13 to 19 digits, also grouped or as numbers, with Luhn's check digit (python-stdnum) and an issuer's beginning and length"
    names = phrases(
        """
        card number, card no, card num, card nr, cc, cc number, cc num, cc no, credit card, credit card *, creditcard*, debit card *,
        payment card *, pan, kreditkarte*, kartennummer, carte bancaire, numero carte, tarjeta, amex, visa, mastercard, numero tarjeta
        """
    )
    other_names = phrases("imei, iccid, meid, gtin, ean, upc, isbn, tracking *, timestamp")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        return _SHAPE.fullmatch(text) is not None and _is_card(text)

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if self.is_other(column):
            return
        for match in _INSIDE.finditer(text):
            if _is_card(match[0]):
                yield match.span()


def _is_card(text: str) -> bool:
    from stdnum import luhn

    number = digits(text)
    if len(set(number)) < 2 or not luhn.is_valid(number):
        return False
    return any(len(number) in lengths and first <= number[: len(first)] <= last for first, last, lengths in _ISSUERS)


DETECTOR = PaymentCardDetector()
