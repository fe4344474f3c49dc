"""IP addresses, version 4 and 6, of one machine (networks with a mask are none)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import phrases

_SHAPE = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|\[?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}(?:%\w{1,16})?(?:\]:\d{1,5}|\])?",
    re.A | re.I,
)
# `Browser/120.0.0.0` and `v120.0.0.0` are versions; `//10.0.0.1/` is an address.
_INSIDE = re.compile(
    r"(?<![\w.-])(?<!\w/)\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\d|/\d)"
    r"|(?<![\w:.])(?:[0-9a-f]{1,4}:){1,7}(?::|(?::?[0-9a-f]{1,4}){1,7})(?![\w:]|/\d)",
    re.ASCII | re.IGNORECASE,
)
_SURE = phrases("ip v", "ip addr", "ip address", "ipaddress", "remote addr")
_PRIVATE = re.compile(r"10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|127\.")


class IpAddressDetector(ByValue):
    """Four small numbers are a version as well: they count only where the name says so."""

    name = "ip_address"
    label = "ip address"
    tags = ("PII.IPAddress",)
    certainty = Certainty.SHAPED
    looks_for = (
        "addresses of version 4 and 6 that the standard library parses, with or without a port; `1.2.3.4` only where the name says so"
    )
    names = phrases(
        """
        ip, clientip, serverip, remoteip, sourceip, srcip, destip, dstip, userip, ip addr, ip address, *ip address, ipaddress*, ipadresse,
        ip adresse, adresse ip, direccion ip, ipv, ipv 4, ipv 6, remote addr, remote host, client addr, source addr, src addr, dst addr,
        host, x forwarded for
        """
    )
    other_names = phrases(
        """
        version, *version, release, build, build *, firmware, oid, section, chapter, cidr, subnet, netmask, mask, ver, vers, v, kernel, dll,
        sdk, driver, software, revision, user agent, duration, time, mac
        """
    )

    def is_named(self, column: ColumnName) -> bool:
        return bool(self.names.search(column.text))  # `source_ip` tells of nothing else

    def is_other(self, column: ColumnName) -> bool:
        return super().is_other(column) and not _SURE.search(column.text)

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if not 2 <= len(text) <= 64 or not _SHAPE.fullmatch(text):
            return False
        bare = text[1 : text.index("]")] if "]" in text else text.strip("[")
        bare = bare.partition(":")[0] if "." in bare and bare.count(":") == 1 else bare
        return _is_address(bare) and (named or _is_sure(bare))

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if self.is_other(column):
            return
        yield from (match.span() for match in _INSIDE.finditer(text) if _is_address(match[0]) and _is_plain(match[0]))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_plain(text: str) -> bool:
    """Whether an address is unlike a version, a time or two words around `::`."""
    if ":" in text:
        return text.count(":") >= 3 or (any(c.isdigit() for c in text) and len(text) > 4)
    return _PRIVATE.match(text) is not None or any(int(part) >= 100 for part in text.split("."))


def _is_sure(text: str) -> bool:
    """Whether a whole value is unlike a version even where nothing speaks for an address: `10.0.5.6` may be both."""
    return _is_plain(text) and (not text.startswith("10.") or any(int(part) >= 20 for part in text.split(".")[1:]))


DETECTOR = IpAddressDetector()
