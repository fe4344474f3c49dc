"""Tags by the names that OpenMetadata has for them, and back.

A tag stands in a classification (`PII.Email`); one without goes to our own. The classifications that a new server brings let only one of
their tags stand on a table or column: https://github.com/open-metadata/OpenMetadata/issues/8596. Where we have more, one stays and each
other goes to a classification beside it, `PIIKind.Email`, which is read back as `PII.Email`.
"""

from __future__ import annotations

from collections.abc import Iterable

from s3_catalog.catalogs._om_names import encode_name, join_fqn, shorten_name, split_fqn

OWN_CLASSIFICATION = "S3Catalog"
"""Where tags go whose name has no classification."""
EXCLUSIVE = frozenset({"Tier", "PII", "PersonalData", "Certification"})
"""Classifications of a new server whose tags exclude each other on one table or column."""
_BESIDE = "Kind"
_WEIGHTIEST = ("Sensitive", "NonSensitive", "None")


def tag_fqn(name: str) -> str:
    """A tag's fully qualified name: classification and tag.

    >>> tag_fqn("PII.Email"), tag_fqn("draft"), tag_fqn("team.a.b")
    ('PII.Email', 'S3Catalog.draft', 'team."a.b"')
    """
    classification, separator, tag = name.partition(".")
    parts = (classification, tag) if separator and classification and tag else (OWN_CLASSIFICATION, name)
    return join_fqn(shorten_name(encode_name(part)) for part in parts)


def classification_of(tag: str) -> tuple[str, str]:
    """Classification and name of a tag's fully qualified name."""
    first, *rest = split_fqn(tag)
    return first, ".".join(rest)


def place_tags(tags: Iterable[str]) -> set[str]:
    """Fully qualified names of the tags of one table or column, so that none excludes another.

    >>> sorted(place_tags({"PII.Email", "PII.Sensitive", "Layer.Raw"}))
    ['Layer.Raw', 'PII.Sensitive', 'PIIKind.Email']
    >>> place_tags({"PII.IPAddress"})
    {'PII.IPAddress'}
    """
    placed: set[str] = set()
    taken: set[str] = set()
    for tag in sorted(tags, key=_weight):
        classification, name = classification_of(tag)
        placed.add(join_fqn((classification + _BESIDE, name)) if classification in taken else tag)
        taken.update({classification} & EXCLUSIVE)
    return placed


def read_tag(fqn: str) -> str:
    """The tag that `place_tags` placed.

    >>> read_tag("PIIKind.Email"), read_tag("Layer.Raw")
    ('PII.Email', 'Layer.Raw')
    """
    classification, name = classification_of(fqn)
    own = classification.removesuffix(_BESIDE)
    return join_fqn((own, name)) if classification != own and own in EXCLUSIVE else fqn


def exclude(tags: Iterable[str], others: Iterable[str]) -> set[str]:
    """Those of `tags` that cannot stand beside `others`."""
    held = {classification_of(tag)[0] for tag in others} & EXCLUSIVE
    return {tag for tag in tags if classification_of(tag)[0] in held}


def _weight(tag: str) -> tuple[int, str]:
    name = classification_of(tag)[1]
    return (_WEIGHTIEST.index(name) if name in _WEIGHTIEST else len(_WEIGHTIEST), tag)
