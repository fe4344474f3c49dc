"""Keys, tokens and passwords: by prefixes that only one issuer uses, and by the column's name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from s3_catalog.tagging import Certainty, ColumnName, Detection
from s3_catalog.tagging._by_value import ByValue, count_matches, names_itself
from s3_catalog.tagging._names import phrases

_KEY_BLOCK = r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----|\Z)"
_JWT = r"eyJ[\w-]{8,}(?:\.eyJ[\w-]*(?:\.[\w-]*)?|\Z)"
_TOKENS = "|".join(
    (
        r"(?:AKIA|ASIA|AGPA|AIDA|AROA|ANPA)[A-Z2-7]{16}",  # AWS
        r"(?:AKIA|ASIA)[A-Z0-9]{16}",
        r"gh[pousr]_[A-Za-z0-9]{20,255}|github_pat_\w{22,255}|glpat-[\w-]{20,64}",
        r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,247}|whsec_[A-Za-z0-9+/=]{20,64}",  # Stripe
        r"xox[abeoprs]-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{10,250}",  # Slack
        r"AIza[\w-]{35}|ya29\.[\w-]{20,512}|GOCSPX-[\w-]{20,40}",  # Google
        r"sk-(?:ant-|proj-|svcacct-)?[\w-]{32,255}",
        r"SG\.[\w-]{16,32}\.[\w-]{16,64}",  # SendGrid
        r"(?:npm_|hf_|dop_v1_|shpat_|shpss_|dckr_pat_|pypi-|lin_api_|rubygems_|sq0[a-z]{3}-|EAAC)[\w-]{20,512}",
        r"(?:SK|AC)[0-9a-f]{32}|key-[0-9a-f]{32}",  # Twilio, Mailgun
        r"hooks\.slack\.com/services/\w+/\w+/\w+|discord(?:app)?\.com/api/webhooks/\d+/[\w-]{20,120}",
        r"AGE-SECRET-KEY-1[A-Z0-9]{20,80}",
    )
)
_URL_PASSWORD = r"(?<=://)[^\s/:@]{1,128}:[^\s/@]{1,256}(?=@)"  # noqa: S105  a pattern
_STORAGE_KEY = r"(?i:(?<=AccountKey=)|(?<=SharedAccessKey=))[A-Za-z0-9+/]{40,100}={0,2}"
_KNOWN = re.compile(rf"{_KEY_BLOCK}|(?<![A-Za-z0-9_])(?:{_JWT}|{_TOKENS})|{_URL_PASSWORD}|{_STORAGE_KEY}")
_ASSIGNED = re.compile(
    r"(?<![\w-])[\w-]{0,60}?(?i:(?P<word>password|passwd|pwd|passwort|kennwort)|secret|token|api[_-]?key|access[_-]?key|private[_-]?key)[\w-]{0,40}"
    r"[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?P<value>[^\s\"',;&]{4,256})",
)
_BEARER = re.compile(r"(?i:\b(?:bearer|basic) )(?=[^\s\d]{0,1024}\d)([\w.~+/-]{16,1024}=*)")
_PASSWORD = phrases(
    """
    password, *password, passwd, pwd, passphrase, passwort, kennwort, mot de passe, motdepasse, contrasena, senha, password hash,
    passwordhash, hashed password, password digest, pw, pwd hash, passwd hash, pw hash, user pass, db pass
    """
)
_DULL = re.compile(r"[\d.,:+TZ /-]*|(?i:true|false|yes|no|null|none|redacted|\*+|x+|enabled|disabled|active|inactive|sha\d*|bcrypt)")
_MIN_ENTROPY = 3.0


class SecretDetector(ByValue):
    """A known prefix is enough. Where a name says key or token, values must look random; where it says password, they need not."""

    name = "secret"
    label = "secret"
    tags = ("Security.Secret",)
    certainty = Certainty.CHECKED
    min_share = 0.5
    looks_for = (
        "prefixes and forms of known issuers (AWS, GitHub, Stripe, Slack, Google, JWT, private keys, passwords in URLs); random "
        "text where the name says key, token or secret; any text where it says password"
    )
    names = phrases(
        """
        api key, apikey, * api key, secret, *secret, client secret, secret key, secret access key, access key, access key secret, private
        key, access token, auth token, refresh token, bearer token, id token, session token, api token, token, jwt, credential, credentials,
        signing key, encryption key, webhook secret, otp secret, totp secret, private pem, geheimnis, schlussel
        """
    )
    other_names = phrases("token count, tokens used, * tokens, max token, token type, etag, checksum, public key, ssh public key")

    def matches(self, text: str, column: ColumnName, *, named: bool) -> bool:
        known = _KNOWN.match(text)
        if known and known.end() - known.start() > len(text) * 0.8:
            return True
        return named and len(text) >= 16 and " " not in text and not _DULL.fullmatch(text) and _entropy(text) >= _MIN_ENTROPY

    def detect(self, column: ColumnName, values: Sequence[str]) -> Detection | None:
        if not values or not names_itself(_PASSWORD, column):
            return super().detect(column, values)
        matched = count_matches(map(_is_password, values), len(values), self.min_share * len(values))
        return self.claim(column, values, matched, named=True) if matched else None

    def find(self, column: ColumnName, text: str) -> Iterator[tuple[int, int]]:
        yield from (match.span() for match in _KNOWN.finditer(text))
        yield from (match.span(1) for match in _BEARER.finditer(text))
        for match in _ASSIGNED.finditer(text):
            if _is_password(match["value"]) and (match["word"] or _is_key(match["value"])):
                yield match.span("value")


def _is_key(text: str) -> bool:
    return len(text) >= 8 and any(c.isdigit() for c in text) and any(c.isalpha() for c in text)


def _is_password(text: str) -> bool:
    return len(text) >= 4 and not _DULL.fullmatch(text)


def _entropy(text: str) -> float:
    """Shannon's entropy in bits per character."""
    total = len(text)
    return -sum(n / total * math.log2(n / total) for n in Counter(text).values())


DETECTOR = SecretDetector()
