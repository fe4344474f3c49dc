"""A `Description` as plain JSON values, and back: `read_description(write_description(d)) == d`, through JSON text too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from s3_catalog.model.description import Bar, Basis, ColumnProfile, Description, FileProfile, Sample, Tag


def write_description(description: Description) -> dict[str, Any]:
    """Write a description as dicts, lists, texts and numbers."""
    return asdict(description)


def read_description(fields: Mapping[str, Any]) -> Description:
    """Read a description back."""
    sample = fields["sample"]
    return Description(
        tags=tuple(Tag(**tag) for tag in fields["tags"]),
        sample=Sample(rows=tuple(sample["rows"]), masked=tuple(sample["masked"]), withheld=sample["withheld"]),
        columns=tuple(_read_profile(profile) for profile in fields["columns"]),
        files=FileProfile(**fields["files"]) if fields["files"] else None,
        owners=tuple(fields["owners"]),
        text=fields["text"],
        column_texts=tuple((name, text) for name, text in fields["column_texts"]),
        warnings=tuple(fields["warnings"]),
        rules=fields["rules"],
    )


def _read_profile(fields: Mapping[str, Any]) -> ColumnProfile:
    return ColumnProfile(
        **{
            **fields,
            "basis": Basis(fields["basis"]),
            "bounds_basis": Basis(fields["bounds_basis"]),
            "quantiles": tuple((share, value) for share, value in fields["quantiles"]),
            "top_values": tuple((value, count) for value, count in fields["top_values"]),
            "histogram": tuple(Bar(**bar) for bar in fields["histogram"]),
        }
    )
