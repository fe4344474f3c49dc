"""Names that are safe and unique in any catalog, and the same from run to run.

A name comes from the whole path below the crawled location, so it does not move when another folder appears. Where two
paths give the same name, both get a digest of their own identity; a name once published is kept (`known`).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

_UNSAFE = re.compile(r"[^a-z0-9]+")
MAX_NAME_LENGTH = 128
"""Room for a digest below the shortest limit of the catalogs at hand (PostgreSQL's 63 does not apply: names are data there)."""


def safe_name(words: Sequence[str], *, fallback: str = "table") -> str:
    """Join path words to one lower-case name of letters, digits and underscores that begins with a letter.

    >>> safe_name(["Sales Data", "Köln", "v1"]), safe_name(["2024"]), safe_name(["日本"])
    ('sales_data_koln_v1', 't_2024', 'table_cf2a')
    """
    parts = []
    for word in words:
        folded = unicodedata.normalize("NFKD", word).encode("ascii", "ignore").decode().lower()
        part = _UNSAFE.sub("_", folded).strip("_")
        if not part and word.strip("_- ."):
            part = f"{fallback}_{_digest(word)[:4]}"
        if part:
            parts.append(part)
    name = "_".join(parts) or fallback
    if name[0].isdigit():
        name = f"t_{name}"
    if len(name) > MAX_NAME_LENGTH:
        name = f"{name[: MAX_NAME_LENGTH - 9].rstrip('_')}_{_digest(name)[:8]}"
    return name


def unique_names(wanted: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """Give every identity a name of its own.

    Args:
        wanted: identity -> the name it would like.
        known: identity -> name, for all that a catalog already holds (other stores too).
    """
    taken_by_others = {name for identity, name in known.items() if identity not in wanted}
    kept = {identity: known[identity] for identity in wanted if identity in known}
    reserved: Collection[str] = taken_by_others | set(kept.values())
    asked = Counter(name for identity, name in wanted.items() if identity not in kept)
    names = dict(kept)
    for identity, name in wanted.items():
        if identity not in kept:
            clashes = asked[name] > 1 or name in reserved
            names[identity] = f"{name[: MAX_NAME_LENGTH - 9]}_{_digest(identity)[:8]}" if clashes else name
    return names


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
