"""ListObjectsV2 answers as Arrow: XML in, one `ListPage` and the token of the next page out. No network."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote_plus
from xml.etree import ElementTree as ET

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.errors import UnnameableKeyError
from s3_catalog.model.manifest import MANIFEST_SCHEMA
from s3_catalog.storage import ListPage


class MalformedListingError(ValueError):
    """The answer is not a listing. `cut`: it may be the beginning of one."""

    def __init__(self, reason: str, *, cut: bool) -> None:
        self.cut = cut
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class ParsedListing:
    """One page and the token of the next one (None at the end)."""

    page: ListPage
    next_token: str | None


def listing_query(prefix: str, delimiter: str, start_after: str, token: str | None) -> str:
    """The query string of one ListObjectsV2 request, percent-encoded and in the order that signing wants."""
    params = {"continuation-token": token or "", "delimiter": delimiter, "encoding-type": "url", "list-type": "2", "max-keys": "1000"}
    params |= {"prefix": prefix, "start-after": "" if token else start_after}
    return "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in params.items() if value or name == "prefix")


def parse_listing(body: bytes) -> ParsedListing:
    """Parse one answer.

    Raises:
        MalformedListingError: cut short, an error document, or something else.
        UnnameableKeyError: a key is not UTF-8.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314  expat bounds entity expansion, ElementTree loads nothing external
    except ET.ParseError as error:
        raise MalformedListingError("the answer to a listing is not XML", cut=True) from error
    namespace, _, tag = root.tag.rpartition("}")
    if tag != "ListBucketResult":
        raise MalformedListingError(f"the answer to a listing is a document of another kind ({tag[:40]})", cut=False)
    ns = namespace + "}" if namespace else ""
    encoded = root.findtext(f"{ns}EncodingType") == "url"
    truncated = root.findtext(f"{ns}IsTruncated") == "true"
    token = root.findtext(f"{ns}NextContinuationToken") if truncated else None
    if truncated and not token:
        raise MalformedListingError("a truncated listing has no continuation token", cut=False)
    prefixes = [_decode(p.findtext(f"{ns}Prefix") or "", encoded) for p in root.iterfind(f"{ns}CommonPrefixes")]
    return ParsedListing(ListPage(_objects(root, ns, encoded), tuple(prefixes)), token)


def _objects(root: ET.Element, ns: str, encoded: bool) -> pa.RecordBatch:
    fields = [f"{ns}{name}" for name in ("Key", "Size", "LastModified", "ETag", "StorageClass")]
    rows = [{child.tag: child.text for child in contents} for contents in root.iterfind(f"{ns}Contents")]
    keys, sizes, modified, etags, classes = ([row.get(field) for row in rows] for field in fields)
    try:
        # ns first: servers write between zero and nine fractional digits
        stamps = pa.array(modified, pa.string()).cast(pa.timestamp("ns", tz="UTC")).cast(pa.timestamp("us", tz="UTC"), safe=False)
        numbers = pa.array(sizes, pa.string()).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise MalformedListingError("a listing has a size or time that cannot be read", cut=False) from error
    columns = [
        pa.array([_decode(key or "", encoded) for key in keys], pa.string()),
        numbers,
        stamps,
        pc.utf8_trim(pa.array(etags, pa.string()), characters='"'),
        pa.array(classes, pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=MANIFEST_SCHEMA)


def _decode(text: str, encoded: bool) -> str:
    if not encoded:
        return text
    try:
        # As botocore does: with encoding-type=url a space may come as "+", and a plus sign always comes as "%2B"
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError as error:
        raise UnnameableKeyError(quote(text, safe="%/+"), "the key is not UTF-8") from error
