"""Words of column names, and patterns over them.

In: names as people write them, in any case and some languages. Out: lower-case ASCII words, and one pattern per list of phrases.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_a-zA-Z]+")
_MAX_NAME = 256


@lru_cache(maxsize=4096)
def split_name(name: str) -> tuple[str, ...]:
    """Split a name into words; accents go, `e-mail` is one word.

    >>> split_name("kundenEMail"), split_name("Straßen-Größe"), split_name("IPAddress2")
    (('kunden', 'email'), ('strassen', 'grosse'), ('ip', 'address', '2'))
    """
    plain = unicodedata.normalize("NFKD", name[:_MAX_NAME].replace("ß", "ss").replace("ø", "o").replace("Ø", "O").replace("ł", "l"))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    joined = re.sub(r"(?i)(?<![a-z])e[\s_.-]?mail|(?<=[a-z])EMail|(?<=[a-z])eMail", "_email_", plain)
    return tuple(word.lower() for word in _WORD.findall(joined))


def phrases(*texts: str) -> re.Pattern[str]:
    """A pattern that finds any of the phrases, whole words in a row, in `ColumnName.text`; commas part phrases.

    The words of a phrase may be written as one; `*` stands for the rest of a word; a plural `s` is allowed at the end.

    >>> bool(phrases("date of birth").search("_dateofbirth_")), bool(phrases("phone").search("_phonetics_"))
    (True, False)
    """
    listed = (" ".join(phrase.split()) for text in texts for phrase in text.split(","))
    each = "|".join(phrase.replace("*", "[^_]*").replace(" ", "_?") for phrase in listed)
    return re.compile(f"_(?:{each})s?_")


ABOUT = phrases(
    """
    count, counts, cnt, total, amount, sum, avg, rate, ratio, percent, pct, score, rank, length, size, type, typ, tipo, kind, art, category,
    class, group, status, state, flag, level, source, method, mode, id, ids, uuid, guid, index, idx, model, version, format, template,
    subject, body, provider, carrier, verified, valid, validated, confirmed, sent, opened, clicked, bounced, opt, optin, subscribed,
    enabled, is, has, was, at, created, updated, modified, changed, expiry, expires, ttl, price, cost, kosten, fee, required, allowed,
    visible, color, colour, brand, vendor, os, plan, quality, domain, code, extension, nombre de, anzahl, preis, datum der, language, lang,
    locale, frequency, reason, list, table, column, field
    """
)
"""Words that make a name tell of something about the value instead of the value: `email_sent_count`, `phone_model`."""
QUALIFIERS = frozenset(
    """
    number no nr num nummer numero digits home work private business office main primary secondary alt alternate alternative other day
    evening mobile cell landline raw clean cleaned normalized norm formatted full plain text str string value val txt old new current
    previous prev orig original first second third intl international local us uk de fr es customer client user contact person patient
    employee member cliente kunde legal personal privat ext e ipv v iso utc dt do da del du der of le encrypted holder owner emergency
    mother father spouse billing shipping mailing permanent temporary residential postal native mobil festnetz fixe portable particular
    trabajo casa kontakt kunden address addr geschaftlich deg degree degrees decimal x y wgs start end c s des
    """.split()  # noqa: SIM905  a list of words is read more easily than a list of strings
)
"""Words behind a name that leave its meaning as it is: `phone_home`, `ssn_raw`."""
