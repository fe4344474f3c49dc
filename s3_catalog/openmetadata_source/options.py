"""The `connectionOptions` of the source, checked as a whole before anything is listed.

In: what a YAML file or OpenMetadata's form says; every value may be text. Out: `Choices`. Each value goes where the settings of a crawl
have it, and is judged by their rules. One `ConfigError` names every wrong option; no message holds a value.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from s3_catalog.config import Settings
from s3_catalog.errors import ConfigError
from s3_catalog.storage import Location, parse_location

NO_STATE = "sqlite://"
"""Stands where settings name the embedded catalog, and there is none."""
SECRETS = frozenset(("awsSecretAccessKey", "awsSessionToken"))

_PREFIX = "connectionOptions."
_MB = 1_000_000
_SWITCH = {"true": True, "on": True, "yes": True, "1": True, "false": False, "off": False, "no": False, "0": False}
_TLS = _SWITCH | {"validate": True, "ignore": False, "no-ssl": False}
"""OpenMetadata's own connectors call it validate, ignore and no-ssl."""
_COMMA = re.compile(r",(?![^{]*\})")
"""A comma within braces is part of a glob: `*.{csv,json}`."""
_SCAN_ROWS = 1000
_MAX_BATCH = 10_000

Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the options say.

    `buckets` are the locations (URLs) per bucket. `formats` are names of formats; None: all of them. `batch` is tables per bulk call.
    """

    buckets: tuple[tuple[str, ...], ...]
    formats: frozenset[str] | None = None
    partitions: bool = True
    batch: int = 100
    caching: bool = False
    values: Mapping[str, Any] = field(repr=False)

    def settings(self, location: str, state: str | None = None) -> Settings:
        """The settings of a crawl of one location; `state` is the URL of the embedded catalog that keeps its tables."""
        return Settings.model_validate({**self.values, "location": location, "catalog": state or NO_STATE})


class _WrongError(ValueError):
    """One value that makes no sense; the message does not show it."""


def _read_text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return str(value)
    if not isinstance(value, str):
        raise _WrongError("should be a text")
    return value.strip()


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise _WrongError("begins like JSON and is none") from None


def _read_list(value: Any) -> list[str]:
    if isinstance(value, str):
        text = value.strip()
        value = _read_json(text) if text.startswith("[") else [part.strip() for part in _COMMA.split(text)]
    if not isinstance(value, list | tuple) or not all(isinstance(part, str) for part in value):
        raise _WrongError("should be a list of texts: parted by commas, or as JSON")
    return [part for part in value if part]


def _read_rules(value: Any) -> Any:
    """Rules of tags as JSON, or in the short form, which the settings read."""
    text = value.strip() if isinstance(value, str) else ""
    return _read_json(text) if text.startswith(("{", "[")) else value


def _read_mapping(value: Any) -> Any:
    rules = _read_rules(value)
    return [{"match": match, "tag": tag} for match, tag in rules.items()] if isinstance(rules, dict) else rules


def _switch(words: Mapping[str, bool]) -> Reader:
    def read(value: Any) -> bool:
        found = words.get(str(value).strip().lower())
        if found is None:
            raise _WrongError(f"should be one of {', '.join(words)}")
        return found

    return read


def _number(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        text = _read_text(value)
        if not (text.isascii() and text.isdigit() and least <= int(text[:20]) <= most):
            raise _WrongError(f"should be a whole number from {least} to {most}")
        return int(text)

    return read


def _read_megabytes(value: Any) -> int:
    try:
        size = float(_read_text(value))
    except ValueError:
        size = 0
    if not 0.000001 <= size <= 1e12:
        raise _WrongError("should be a number of megabytes above 0")
    return int(size * _MB)


def _read_locations(value: Any) -> list[str]:
    locations = [text if "://" in text else f"s3://{text.lstrip('/')}" for text in _read_list(value)]
    if not locations:
        raise _WrongError("names no bucket")
    return locations


def _read_formats(value: Any) -> list[str]:
    from s3_catalog.formats import file_formats
    from s3_catalog.model.tables import UNSTRUCTURED
    from s3_catalog.table_formats import table_formats

    formats = [name.lower().lstrip(".") for name in _read_list(value)]
    known = {*file_formats(), *table_formats(), UNSTRUCTURED}
    if not formats or not known.issuperset(formats):
        raise _WrongError(f"unknown format; choose of {', '.join(sorted(known))}")
    return formats


_READERS: dict[str, Reader] = {
    "awsAccessKeyId": _read_text,
    "awsSecretAccessKey": _read_text,
    "awsSessionToken": _read_text,
    "awsRegion": _read_text,
    "endPointURL": _read_text,
    "roleArn": _read_text,
    "profileName": _read_text,
    "verifySSL": _switch(_TLS),
    "sslCertPath": _read_text,
    "bucketName": _read_locations,
    "file_formats": _read_formats,
    "enable_partition_parsing": _switch(_SWITCH),
    "include_patterns": _read_list,
    "exclude_patterns": _read_list,
    "max_sample_rows": _number(0, 10_000),
    "max_file_size_mb": _read_megabytes,
    "batch_size": _number(1, _MAX_BATCH),
    "max_workers": _number(1, 256),
    "chunk_size": _read_text,
    "enable_caching": _switch(_SWITCH),
    "tag_mapping": _read_mapping,
    "default_tags": _read_list,
    "path_classification": _read_rules,
}
_PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "awsAccessKeyId": (("s3", "access_key_id"),),
    "awsSecretAccessKey": (("s3", "secret_access_key"),),
    "awsSessionToken": (("s3", "session_token"),),
    "awsRegion": (("s3", "region"),),
    "endPointURL": (("s3", "endpoint_url"),),
    "roleArn": (("s3", "role_arn"),),
    "profileName": (("s3", "profile"),),
    "verifySSL": (("s3", "verify_tls"),),
    "sslCertPath": (("s3", "ca_bundle"),),
    "include_patterns": (("include",),),
    "exclude_patterns": (("exclude",),),
    "max_file_size_mb": (("max_object_size",),),
    "max_workers": (("listing", "workers"), ("inference", "workers"), ("samples", "workers")),
    "chunk_size": (("inference", "head_bytes"),),
    "tag_mapping": (("tags", "paths"),),
    "default_tags": (("tags", "default"),),
    "path_classification": (("tags", "classification"),),
}
"""Option -> where the settings of a crawl have it."""

NAMES = tuple(_READERS)


def read_options(given: Mapping[str, Any] | None) -> Choices:
    """Read the options. One that is empty counts as not given, as a form leaves it.

    Raises:
        ConfigError: an option is unknown, cannot be read, or does not go together with another; one line for each.
    """
    problems = [_unknown(name) for name in given or {} if name not in _READERS]
    values: dict[str, Any] = {}
    for name, value in (given or {}).items():
        if name in _READERS and value is not None and value not in ("", [], {}):
            try:
                values[name] = _READERS[name](value)
            except _WrongError as error:
                problems.append(f"{_PREFIX}{name}: {error}")
    if "bucketName" not in (given or {}) or not (given or {}).get("bucketName"):
        problems.append(f"{_PREFIX}bucketName: is needed; write a bucket, or several parted by commas, each with a prefix if you like")
    placed = _place(values)
    buckets = _group_locations(values.get("bucketName", ()), problems)
    problems += _check(placed)
    if problems:
        raise ConfigError("\n".join(problems))
    formats = values.get("file_formats")
    return Choices(
        buckets=buckets,
        formats=None if formats is None else frozenset(formats),
        partitions=values.get("enable_partition_parsing", True),
        batch=values.get("batch_size", 100),
        caching=values.get("enable_caching", False),
        values=placed,
    )


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, NAMES, n=1)
    hint = f", did you mean {near[0]}?" if near else ""
    return f"{_PREFIX}{name}: unknown option{hint}; the options are {', '.join(NAMES)}"


def _place(values: Mapping[str, Any]) -> dict[str, Any]:
    """The options as the settings of a crawl have them."""
    placed: dict[str, Any] = {}
    for name, value in values.items():
        for *sections, last in _PLACES.get(name, ()):
            section = placed
            for part in sections:
                section = section.setdefault(part, {})
            section[last] = value
    rows = values.get("max_sample_rows")
    if rows is not None:
        samples = placed.setdefault("samples", {})
        samples |= {"max_rows": rows, "scan_rows": max(rows, _SCAN_ROWS)} if rows else {"enabled": False}
    return placed


def _group_locations(locations: list[str], problems: list[str]) -> tuple[tuple[str, ...], ...]:
    buckets: dict[str, list[tuple[str, Location]]] = {}
    for url in locations:
        try:
            location = parse_location(url)
        except ConfigError as error:
            problems.append(f"{_PREFIX}bucketName: {error}")
            continue
        beside = buckets.setdefault(location.store_url, [])
        if any(location.prefix.startswith(other.prefix) or other.prefix.startswith(location.prefix) for _, other in beside):
            problems.append(f"{_PREFIX}bucketName: two of its prefixes hold the same objects of {location.store_url}")
        beside.append((url, location))
    return tuple(tuple(url for url, _ in found) for found in buckets.values())


def _check(placed: Mapping[str, Any]) -> list[str]:
    """What the settings' own rules say, in the words of the options."""
    try:
        Settings.model_validate({**placed, "location": "s3://checked", "catalog": NO_STATE})
    except ValidationError as error:
        return [_explain(detail) for detail in error.errors(include_input=False, include_url=False, include_context=False)]
    return []


def _explain(detail: Mapping[str, Any]) -> str:
    where = tuple(detail["loc"])
    found = [name for name, places in _PLACES.items() for place in places if where[: len(place)] == place]
    message = str(detail["msg"]).removeprefix("Value error, ").replace("Input should", "should")
    for name, ((*_, word), *_) in _PLACES.items():
        message = re.sub(rf"(?<![\w.]){word}(?![\w.])", name, message) if where == ("s3",) else message
    named = found or [name for name in _PLACES if re.search(rf"\b{name}\b", message)]
    return f"{_PREFIX}{named[0] if named else '.'.join(map(str, where))}: {message}"
