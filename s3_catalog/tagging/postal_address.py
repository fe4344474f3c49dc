"""Postal addresses and streets: by the column's name; values can only contradict."""

from __future__ import annotations

import re

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import phrases

_LETTERS = re.compile(r"[^\W\d_]{2}")
_ANYTHING_ELSE = re.compile(r"\w+://|www\.|0x[0-9a-f]|[\w.+-]+@|[0-9a-f:.]+$|\w{24,}$|[A-Z_]+$|[a-z]+(?:_[a-z]+)*$", re.IGNORECASE)


class PostalAddressDetector(ByValue):
    """Where somebody lives or gets mail; a town or a post code alone is none."""

    name = "postal_address"
    label = "postal address"
    tags = ("PII.Sensitive", "PII.Address")
    certainty = Certainty.NAMED
    needs_name = True
    min_share_named = 0.7
    min_share = 1.0
    looks_for = (
        "names of columns (`street`, `shipping_address`, `strasse`, `direccion`) over texts of words that are no link, hash or "
        "other address"
    )
    names = phrases(
        """
        address, addr line, strasse und hausnummer, strasse hausnummer, street and number, rue et numero, addr, address line, address line
        1, address line 2, address 1, address 2, address 3, *address, * address, address *, street, street *, home street, residence, place
        of residence, domicile, *adresse, *anschrift, *strasse, *strasse nr, strasse *, adresse *, rue, adresse postale, direccion,
        direccion *, calle, domicilio, indirizzo, via, endereco, rua, morada, adres, straat, straatnaam, adress, gatuadress, gata, osoite,
        katuosoite, ulica
        """
    )
    other_names = phrases(
        """
        ip, *ip*address*, *ipad*, mac, email, *email*, mail, mailadresse, web, website, url, http, memory, wallet, contract, bitcoin, btc,
        eth, crypto, token, bus, register, hardware, network, pointer, page, offset, peer, node, host, port
        """
    )

    def is_named(self, column: ColumnName) -> bool:
        return super().is_named(column) or (column.words[:1] == ("line",) and bool({"address", "addr", "adresse"} & column.context))

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if not 3 <= len(text) <= 300 or _ANYTHING_ELSE.match(text) or not _LETTERS.search(text):
            return False
        return " " in text or any(c.isdigit() for c in text) or text[0].isupper()


DETECTOR = PostalAddressDetector()
