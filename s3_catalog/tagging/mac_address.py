"""MAC addresses: six pairs of hexadecimal digits, as IEEE and Cisco write them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import phrases

_PAIRS = r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}"
_SHAPE = re.compile(rf"{_PAIRS}|[0-9a-f]{{4}}\.[0-9a-f]{{4}}\.[0-9a-f]{{4}}", re.ASCII | re.IGNORECASE)
_BARE = re.compile(r"[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_INSIDE = re.compile(rf"(?<![\w:-]){_PAIRS}(?![\w:-])", re.ASCII | re.IGNORECASE)


class MacAddressDetector(ByValue):
    """Twelve hexadecimal digits without marks are any id: there the name must say so."""

    name = "mac_address"
    label = "mac address"
    tags = ("PII.MACAddress",)
    certainty = Certainty.PARSED
    looks_for = (
        "six pairs of hexadecimal digits with `:` or `-`, three groups with `.` (python-stdnum); without marks where the name says so"
    )
    names = phrases(
        """
        mac, mac addr, mac address, macaddress*, macaddr, mac adresse, adresse mac, bssid, wifi mac, * mac, hwaddr, ether
        """
    )
    other_names = phrases("fingerprint", "digest", "checksum", "hash", "thumbprint")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if not 12 <= len(text) <= 17:
            return False
        return (_SHAPE.fullmatch(text) is not None and _is_mac(text)) or (named and _BARE.fullmatch(text) is not None)

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if self.is_other(column):
            return
        yield from (match.span() for match in _INSIDE.finditer(text) if _is_mac(match[0]))


def _is_mac(text: str) -> bool:
    from stdnum import mac

    pairs = re.findall("..", re.sub(r"[.:-]", "", text))
    return mac.is_valid(":".join(pairs), validate_manufacturer=False)  # the library's list of makers is as old as its release


DETECTOR = MacAddressDetector()
