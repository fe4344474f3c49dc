"""E-mail addresses, alone, with a display name, in lists and inside texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.errors import MessageError
from email.utils import getaddresses

from s3_catalog.tagging import Certainty, ColumnName
from s3_catalog.tagging._by_value import ByValue
from s3_catalog.tagging._names import phrases

# The top-level name is letters (or punycode): `lodash@4.17.21` is a package. All repetitions are bounded.
_ATOM = r"[\w.!#$%&'*+^`{|}~-]"
_DOMAIN = r"(?:[^\W_](?:[\w-]{0,62})\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-zA-Z0-9-]{2,40})"
_ADDRESS = re.compile(rf"(?:{_ATOM}|[/=?]){{1,64}}@{_DOMAIN}")
_AT = r"@|%40|\\u0040|&\#0?64;"
_INSIDE = re.compile(
    rf"""(?<!{_ATOM})(?:{_ATOM}{{1,256}}|"[^"\s@]{{1,64}}")(?:{_AT}){_DOMAIN}(?![\w@])(?!:[\w.~-]{{0,60}}/|\.[^\W\d_])""",
)
_LOCAL = re.compile(r"\w")
_ANY_AT = re.compile(_AT)
_DISPLAY_NAME = re.compile(r"""(?:"[^"\n]{1,80}"|(?<!\w)[^\W\d_a-z][\w.'’-]{0,40}(?:,? [^\W\d_a-z][\w.'’-]{0,40}){0,3}) ?<$""")
_URL_AHEAD = re.compile(r"://[^\s/?#]{0,300}$")


class EmailDetector(ByValue):
    """Addresses by grammar; `git@host:path`, package versions and users in URLs are none."""

    name = "email"
    label = "email"
    tags = ("PII.Sensitive", "PII.Email")
    certainty = Certainty.PARSED
    looks_for = "addresses by the grammar of the standard library's parser and a spelled-out domain; also with display names and in lists"
    names = phrases("*email, *email address, *email addr, email adresse, emailadresse, mail, mail address, courriel, correo, epost")
    other_names = phrases("message id, msg id, package, packages, dependency, git url, repo, repository, image, jid")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        if "@" not in text:
            return False
        if _ADDRESS.fullmatch(text):
            return _LOCAL.search(text) is not None
        try:
            addresses = [address for _, address in getaddresses([text[:1000].replace(";", ",")]) if address]
        except (ValueError, IndexError, MessageError):  # the standard library's parser trips over some broken headers
            return False
        return bool(addresses) and all(_ADDRESS.fullmatch(address) for address in addresses)

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        if not _ANY_AT.search(text) or self.is_other(column):
            return
        for match in _INSIDE.finditer(text):
            in_url = _URL_AHEAD.search(text, max(0, match.start() - 300), match.start())
            if _LOCAL.search(match[0]) and not in_url:
                named = _DISPLAY_NAME.search(text, max(0, match.start() - 100), match.start())
                yield named.start() if named else match.start(), match.end() + bool(named and text[match.end() :].startswith(">"))


DETECTOR = EmailDetector()
