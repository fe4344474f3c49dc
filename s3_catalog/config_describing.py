"""The sections of the settings about what people see of a table: tags and samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, BeforeValidator, ByteSize, Field, model_validator

from s3_catalog.config_sections import Globs, Positive, Section, Size, as_value_error

if TYPE_CHECKING:
    from s3_catalog.describing import DescribeRules
    from s3_catalog.formats import ReadLimits
    from s3_catalog.tagging.rules import TagRules
    from s3_catalog.tagging.sample_switch import SampleSwitch


def _split_commas(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _check_tags(names: tuple[str, ...]) -> tuple[str, ...]:
    from s3_catalog.tagging.rules import check_tag_name

    with as_value_error():
        return tuple(check_tag_name(name) for name in names)


def _read_compact_paths(value: object) -> object:
    from s3_catalog.tagging.rules import read_compact_tags

    if not isinstance(value, str):
        return value
    with as_value_error():
        return tuple({"match": keyword, "tag": tag} for keyword, tag in read_compact_tags(value))


def _read_compact_prefixes(value: object) -> object:
    from s3_catalog.tagging.rules import read_compact_tags

    if not isinstance(value, str):
        return value
    prefixes: dict[str, list[str]] = {}
    with as_value_error():
        for prefix, tag in read_compact_tags(value):
            prefixes.setdefault(prefix, []).append(tag)
    return prefixes


def _check_prefixes(prefixes: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Every prefix ends in one slash and begins with none, as those of keys do."""
    found = {prefix.strip("/") + "/": tags for prefix, tags in prefixes.items()}
    if "/" in found or any("*" in prefix for prefix in found):
        raise ValueError("not a prefix: write a folder of the bucket, like finance/ (globs belong into paths)")
    return found


def _check_formats(formats: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    from s3_catalog.formats import file_formats
    from s3_catalog.model.tables import UNSTRUCTURED
    from s3_catalog.table_formats import table_formats

    known = {*file_formats(), *table_formats(), UNSTRUCTURED}
    if not formats.keys() <= known:
        raise ValueError(f"unknown format; choose one of {', '.join(sorted(known))}")
    return dict(formats)


def _check_classifications(mapped: Mapping[str, str]) -> dict[str, str]:
    from s3_catalog.tagging.rules import check_classification

    with as_value_error():
        return {key: check_classification(name) for key, name in mapped.items()}


def _check_path(text: str) -> str:
    from s3_catalog.discovery.hints import read_glob

    if not text.strip():
        raise ValueError("should be a keyword or a glob")
    with as_value_error():
        read_glob(text)
    return text


def _check_detectors(names: tuple[str, ...]) -> tuple[str, ...]:
    from s3_catalog.tagging import detectors

    if not set(names) <= (known := detectors()).keys():
        raise ValueError(f"unknown detector; choose of {', '.join(sorted(known))}")
    return names


TagNames = Annotated[tuple[str, ...], BeforeValidator(_split_commas), AfterValidator(_check_tags)]
"""Tags as a list, or as one text with commas."""
PathText = Annotated[str, AfterValidator(_check_path)]
PathTexts = Annotated[tuple[PathText, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]
StoreTagNames = Annotated[dict[str, str], AfterValidator(_check_classifications)]


class PathTag(Section):
    """Tags of every table whose path holds a keyword, or matches a glob."""

    match: PathText
    tag: Annotated[TagNames, Field(min_length=1)]


class SizeTag(Section):
    """Tags of every table of at least `min` bytes."""

    min: Annotated[ByteSize, Field(ge=0)]
    tag: Annotated[TagNames, Field(min_length=1)]


class TagSettings(Section):
    """Tags that need no look at a row; see `TagRules`."""

    default: TagNames = ()
    paths: Annotated[tuple[PathTag, ...], BeforeValidator(_read_compact_paths)] = ()
    classification: Annotated[dict[str, TagNames], BeforeValidator(_read_compact_prefixes), AfterValidator(_check_prefixes)] = Field(
        default_factory=dict
    )
    sizes: tuple[SizeTag, ...] = ()
    formats: Annotated[dict[str, TagNames], AfterValidator(_check_formats)] = Field(default_factory=dict)
    object_tags: StoreTagNames = Field(default_factory=dict)
    bucket_tags: StoreTagNames = Field(default_factory=dict)

    def rules(self) -> TagRules:
        """The same as the tagging takes it."""
        from s3_catalog.tagging.rules import TagRules

        return TagRules(
            default=self.default,
            paths=tuple((rule.match, tag) for rule in self.paths for tag in rule.tag),
            prefixes=tuple((prefix, tag) for prefix, tags in self.classification.items() for tag in tags),
            sizes=tuple((int(rule.min), tag) for rule in self.sizes for tag in rule.tag),
            formats=tuple((name, tag) for name, tags in self.formats.items() for tag in tags),
            object_tags=tuple(self.object_tags.items()),
            bucket_tags=tuple(self.bucket_tags.items()),
        )


class WithholdSettings(Section):
    """Tables of which no sample is kept; see `SampleSwitch`."""

    paths: PathTexts = ()
    tables: Globs = ()
    tags: Globs = ()

    def switch(self) -> SampleSwitch:
        """The same as the describing hop takes it."""
        from s3_catalog.tagging.sample_switch import SampleSwitch

        return SampleSwitch(paths=self.paths, tables=self.tables, tags=self.tags)


class FullProfileSettings(Section):
    """Tables (globs over names) whose every row is read for their profile, as far as they are no larger than `max_bytes`."""

    tables: Globs = ()
    max_bytes: Size = ByteSize(1024 * 1024 * 1024)


class SampleSettings(Section):
    """What is read of rows, and what of it is kept; see `DescribeRules`."""

    enabled: bool = True
    max_rows: Positive = 100
    scan_rows: Positive = 1000
    files: Positive = 3
    max_bytes: Size = ByteSize(8 * 1024 * 1024)
    workers: Positive = 8
    withhold: WithholdSettings = WithholdSettings()
    detectors_off: Annotated[Globs, AfterValidator(_check_detectors)] = ()
    full_profile: FullProfileSettings = FullProfileSettings()

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.scan_rows < self.max_rows:
            raise ValueError("scan_rows must be at least max_rows: the rows of a sample are some of those that were looked at")
        return self

    def rules(self, tags: TagRules, limits: ReadLimits) -> DescribeRules:
        """The same as the describing hop takes it."""
        from s3_catalog.describing import DescribeRules, FullRules

        return DescribeRules(
            sample_rows=self.max_rows,
            scan_rows=self.scan_rows,
            sample_files=self.files,
            workers=self.workers,
            limits=replace(limits, max_sample_bytes=self.max_bytes),
            samples=self.enabled,
            switch=self.withhold.switch(),
            tags=tags,
            detectors_off=self.detectors_off,
            full=FullRules(tables=self.full_profile.tables, max_bytes=self.full_profile.max_bytes),
        )
