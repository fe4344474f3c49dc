"""What people say of a table beside its data: text, owners, tags, words on columns. Bounded and harmless, whoever wrote it.

In: one document (a dict of YAML or JSON) and the table's columns. Out: an `Annotation`. Whatever is wrong with a document becomes a
warning that names the place and holds no value; the rest of it counts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from s3_catalog.model.description import Tag
from s3_catalog.storage import printable
from s3_catalog.tagging.rules import SIDECAR, is_tag_name

MAX_TEXT = 20_000
"""Characters of one description."""
MAX_NAME = 256
"""Characters of an owner or a tag."""
MAX_NAMES = 50
"""Owners of a table; tags of a table or a column."""
MAX_WARNINGS = 20
_BIDIRECTIONAL = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_OWNER_KEYS = ("name", "email", "fullyQualifiedName")
_KEYS = ("description", "owners", "tags", "columns", "tables")


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """What is said of one table. `text` and `column_texts` (column, text) are as people wrote them, without control characters."""

    text: str | None = None
    owners: tuple[str, ...] = ()
    tags: tuple[Tag, ...] = ()
    column_texts: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()


def join_annotations(annotations: Iterable[Annotation]) -> Annotation:
    """Put several together, the one that counts most first: one text, the owners of the first that names any, all tags."""
    found = list(annotations)
    texts = {name: text for annotation in reversed(found) for name, text in annotation.column_texts}
    return Annotation(
        text=next((annotation.text for annotation in found if annotation.text), None),
        owners=next((annotation.owners for annotation in found if annotation.owners), ()),
        tags=tuple(tag for annotation in found for tag in annotation.tags),
        column_texts=tuple(texts.items()),
        warnings=tuple(dict.fromkeys(warning for annotation in found for warning in annotation.warnings))[:MAX_WARNINGS],
    )


def read_annotation(document: Mapping[str, Any], source: str, columns: Sequence[str], *, strict: bool) -> Annotation:
    """Read what a document says of one table: `description`, `owners`, `tags`, `columns`.

    Names of tags and owners may be texts or, as OpenMetadata writes them, objects (`tagFQN`, `name`); `columns` may be a mapping by name or
    a list of objects with a `name`, as may `partitionColumns`.

    Args:
        source: the document's name, for reasons and warnings.
        columns: names of the table's columns, those in the path included.
        strict: a key that is not known is a warning (it is another tool's business elsewhere).
    """
    reader = _Reader(source, columns)
    if strict:
        reader.refuse_unknown(document)
    return reader.read(document)


def one_line(text: str) -> str:
    r"""A text without anything that a terminal would obey or nobody would see, on one line.

    >>> one_line("data\x1b[2J\u202e  platform\n")
    'data[2J platform'
    """
    return " ".join(several_lines(text).split())


def several_lines(text: str) -> str:
    r"""The same, with the line ends and tabs of the text.

    >>> several_lines("a\r\n\tb\x00\ud800")
    'a\n\tb'
    """
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in plain if c in "\n\t" or (unicodedata.category(c) not in ("Cc", "Cs") and c not in _BIDIRECTIONAL)).strip()


@dataclass(slots=True)
class _Reader:
    """Reads one document about one table."""

    source: str
    columns: Sequence[str]
    warnings: list[str] = field(default_factory=list)

    def warn(self, place: str, reason: str) -> None:
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(f"{self.source}: {printable(place[:MAX_NAME])}: {reason}")

    def refuse_unknown(self, document: Mapping[str, Any]) -> None:
        for key in document:
            if key not in _KEYS:
                self.warn(str(key), f"unknown key; the keys are {', '.join(_KEYS)}")

    def read(self, document: Mapping[str, Any]) -> Annotation:
        text = self.read_text(document.get("description"), "description")
        owners = tuple(
            one_line(name) for name in self.read_names(document.get("owners"), "owners", ("name", "email", "fullyQualifiedName"))
        )
        tags = [Tag(name=name, rule=SIDECAR, why=self.why) for name in self.read_tags(document.get("tags"), "tags")]
        texts: dict[str, str] = {}
        for name, said in self.read_columns(document):
            found = self.read_text(said.get("description"), f"columns.{name}.description")
            if found:
                texts[name] = found
            names = self.read_tags(said.get("tags"), f"columns.{name}.tags")
            tags += [Tag(name=tag, column=name, rule=SIDECAR, why=self.why) for tag in names]
        return Annotation(text=text, owners=owners, tags=tuple(tags), column_texts=tuple(texts.items()), warnings=tuple(self.warnings))

    @property
    def why(self) -> str:
        return f"written in {self.source}"

    def read_text(self, value: object, place: str) -> str | None:
        if value is None:
            return None
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            self.warn(place, "should be text")
            return None
        text = several_lines(str(value))
        if len(text) > MAX_TEXT:
            self.warn(place, f"cut after {MAX_TEXT:,} of {len(text):,} characters")
            text = text[:MAX_TEXT] + "…"
        return text or None

    def read_names(self, value: object, place: str, keys: tuple[str, ...]) -> list[str]:
        """Names as texts, or as objects that hold one below the first of these keys that they have."""
        listed = value if isinstance(value, list) else [value] if value is not None else []
        names: dict[str, None] = {}
        for item in listed[:MAX_NAMES]:
            name = next((item[key] for key in keys if item.get(key)), None) if isinstance(item, dict) else item
            if not isinstance(name, str) or not one_line(name) or len(name) > MAX_NAME:
                self.warn(place, f"should be texts of at most {MAX_NAME} characters")
            else:
                names[name] = None
        if len(listed) > MAX_NAMES:
            self.warn(place, f"the first {MAX_NAMES} of {len(listed):,} count")
        return list(names)

    def read_tags(self, value: object, place: str) -> list[str]:
        # people write one line as well: PII.Email, Tier.Gold
        split = value.split(",") if isinstance(value, str) else value
        found = []
        for name in self.read_names(split, place, ("tagFQN", "name")):
            if is_tag_name(one_line(name)):
                found.append(one_line(name))
            else:
                self.warn(place, "not a tag: write Classification.Tag, like PII.Email or Tier.Gold")
        return found

    def read_columns(self, document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """(Column, what is said of it) of the columns that the table has."""
        for key in ("columns", "partitionColumns"):
            value = document.get(key)
            if isinstance(value, list) and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in value):
                value = {item["name"]: item for item in value}
            elif value is not None and not isinstance(value, dict):
                self.warn(key, "should be columns by name")
            for name, said in (value if isinstance(value, dict) else {}).items():
                if not self.has_column(str(name)):
                    self.warn(f"{key}.{name}", "the table has no such column")
                elif isinstance(said, dict):
                    yield str(name), said
                else:
                    yield str(name), {"description": said}

    def has_column(self, name: str) -> bool:
        """Whether a column of this name is there, or one whose nested value it may be."""
        return name in self.columns or any(name.startswith((f"{column}.", f"{column}[")) for column in self.columns)
