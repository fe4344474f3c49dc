"""What a path segment or a file name looks like, as regular expressions that DuckDB (RE2) and Python both read.

Every rule here is applied to columns of distinct directories and names, never key by key in Python.
"""

from __future__ import annotations

import re

from s3_catalog.model.ledger import SkipReason

_DATE = r"(?:19|20)\d\d{0}(?:0[1-9]|1[0-2]){0}(?:0[1-9]|[12]\d|3[01])"
_ISO_DATE = _DATE.replace("{0}", "[-_.]")
_COMPACT_DATE = _DATE.replace("{0}", "")
_TIME = r"[-T_ ]{1,2}\d\d(?:[-:_.h]?\d\d){0,2}(?:[.]?\d{3,9})?Z?"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_HASH = r"[0-9a-fA-F]{64}|[0-9a-fA-F]{40}|[0-9a-fA-F]{32}|[0-9a-f]{8,31}[0-9][0-9a-f]{7,31}"
_REGION = r"(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov|-iso[a-z]?)?-[a-z]+-\d"

AWS_LOGS = "AWSLogs/"
"""Folder below which AWS services write `account/service/region/yyyy/mm/dd/` (Amazon S3 log delivery)."""

SEGMENT_KINDS: tuple[tuple[str, str], ...] = (
    ("hive", r"(?s:[^=]+=.*)"),
    ("datetime", rf"(?:{_ISO_DATE}|{_COMPACT_DATE}){_TIME}"),
    ("date", _ISO_DATE),
    ("date", _COMPACT_DATE),
    ("yearmonth", r"(?:19|20)\d\d[-_]?(?:0[1-9]|1[0-2])"),
    ("year", r"(?:19|20)\d\d"),
    ("part", r"\d{1,2}"),
    ("number", r"\d+"),
    ("hash", rf"{_UUID}|{_HASH}"),
    ("stamped", rf"(?s:.*[^0-9])(?:{_ISO_DATE}|{_COMPACT_DATE})(?:{_TIME})?"),
)
"""Kinds of directory names whose text varies within one table, strongest first. Anything else is a literal.

`part` is one or two digits: a month, day or hour where a year precedes it, else a number."""

_SEGMENT_PATTERN = re.compile("|".join(f"(?:{pattern})" for _, pattern in SEGMENT_KINDS))


def is_variable_segment(segment: str) -> bool:
    """Whether a directory name looks like a partition value rather than a name.

    >>> [is_variable_segment(s) for s in ("sales", "dt=2024-01-01", "2024", "v2", "exports_2024-01-31")]
    [False, True, True, False, True]
    """
    return _SEGMENT_PATTERN.fullmatch(segment) is not None


def quote_sql(text: str) -> str:
    """Quote a text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def segment_template_sql(segment: str) -> str:
    """SQL that replaces a directory name by `?kind:`, with the hive key or the stem of a dated name kept, or `=name` for a literal."""
    dated_stem = f"^(?s:(.*[^0-9]))(?:{_ISO_DATE}|{_COMPACT_DATE})(?:{_TIME})?$"
    kept = {"stamped": f"regexp_extract({segment}, {quote_sql(dated_stem)}, 1)"}
    whens = " ".join(
        f"WHEN regexp_full_match({segment}, {quote_sql(pattern)}) THEN '?{kind}:' || {kept.get(kind, quote_sql(''))}"
        for kind, pattern in SEGMENT_KINDS
        if kind != "hive"
    )
    # The two usual cases come first and without a regular expression's cost: key=value, and names without any digit.
    return f"""CASE WHEN instr({segment}, '=') > 1 THEN '?hive:' || left({segment}, instr({segment}, '=') - 1)
        WHEN NOT regexp_matches({segment}, '[0-9]') THEN '=' || {segment} {whens} ELSE '=' || {segment} END"""


REGION_PATTERN = _REGION
DATE_PATTERN = rf"(?:{_ISO_DATE}|{_COMPACT_DATE})"
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""Hive writes this literal for NULL."""


def _named(pattern: str) -> str:
    """A pattern of file names as one of whole keys."""
    return f"(?s:(?:.*/)?(?:{pattern}))"


_TEMPORARY_DIRECTORIES = (
    r"_temporary|_tmp|\.tmp|\.temp|\.spark-staging[^/]*|\.hive-staging[^/]*|_spark_metadata|\.Trash(?:es|-\d+)?|__MACOSX"
    r"|\.ipynb_checkpoints"
)
_TEMPORARY_ENDINGS = r"inprogress|_COPYING_|crdownload|tmp|temp|swp|partial|filepart"
SKIP_RULES: tuple[tuple[SkipReason, str], ...] = (
    (SkipReason.DIRECTORY_MARKER, r"(?s:.*/|.+_\$folder\$)"),
    (SkipReason.TEMPORARY, rf"(?s:(?:.*/)?(?:{_TEMPORARY_DIRECTORIES})/.*)"),
    (SkipReason.FEED_MANIFEST, _named(r"\d{4}-\d\d-\d\dT\d\d-\d\dZ/manifest\.(?:json|checksum)|manifest|[^/]*[._]manifest")),
    (SkipReason.FEED_MANIFEST, _named(r"hive/dt=[^/]*/symlink\.txt|_symlink_format_manifest/.*")),
    (SkipReason.CHECKSUM, _named(r"[^/]*\.(?:crc|md5|sha1|sha256|sha512|checksum)")),
    (SkipReason.MARKER, _named(r"_SUCCESS|_FAILURE|_FINISHED|_STARTED|_started_[^/]*|_committed_[^/]*|_READY|\.?_?done|success")),
    (SkipReason.SUMMARY, _named(r"_metadata|_common_metadata")),
    (
        SkipReason.TEMPORARY,
        _named(rf"\.[^/]*\.(?:inprogress|pending)(?:\.[^/]*)?|_part-[^/]*\.pending|[^/]*\.(?:{_TEMPORARY_ENDINGS})|~\$[^/]*"),
    ),
    (SkipReason.SIDECAR, _named(r"openmetadata\.json|_catalog\.ya?ml")),
    (SkipReason.HIDDEN, _named(r"[._][^/]*|Thumbs\.db|desktop\.ini")),
)
"""(reason, pattern of whole keys): objects that are never data, whatever their size. First match wins.

The logs of Delta, Iceberg and Hudi are looked for before; these rules do not reach them."""
ANY_SKIP = "|".join(pattern for _, pattern in SKIP_RULES)

_GENERIC_WORDS = (
    "part|parts|data|dataset|file|files|chunk|output|out|export|exports|extract|batch|segment|shard|block|records|record|rows|dump|page|"
    "table|result|results|content|contents|object|run|items|full|initial|incremental|delta|history|backfill|snapshot|load|all|base|partition|bucket"
    "|split"
)
GENERIC_STEM = rf"x[a-z][a-z]|(?:{_GENERIC_WORDS})?(?:_(?:{_GENERIC_WORDS}|[a-z]|of|to|tid|attempt|snappy|gzip|zstd))*"
"""Normalised words of a file name that say nothing about which table it is: parts that Spark, Hadoop, Flink and people write."""

DOCUMENT_NAME = r"(?is)(?:readme|license|licence|notice|changelog|authors|copying)(?:\..*)?|.*\.(?:md|rst|adoc)"
SNIFFED_SUFFIXES = frozenset({"", ".txt", ".dat", ".data", ".out", ".dump", ".part"})
"""Endings that say nothing of the content: the first bytes decide."""

# One control character per kind of varying text in a file name; real control characters were replaced before.
UUID_MARK, DATE_MARK, MONTH_MARK, YEAR_MARK, HASH_MARK, NUMBER_MARK = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06"
_NAME_STEPS: tuple[tuple[str, str], ...] = (
    (r"[\x00-\x1f]", "_"),
    (_UUID, UUID_MARK),
    (rf"(^|[^0-9])(?:{_ISO_DATE}|{_COMPACT_DATE})(?:(?i:{_TIME})|(?:[01]\d|2[0-3])(?:[0-5]\d){{1,2}})?", rf"\1{DATE_MARK}"),
    (r"(^|[^0-9])(?:19|20)\d\d[-_]?(?:0[1-9]|1[0-2])([^0-9]|$)", rf"\1{MONTH_MARK}\2"),
    (r"(^|[^0-9])(?:19|20)\d\d([^0-9]|$)", rf"\1{YEAR_MARK}\2"),
    (r"[0-9a-f]{16,}", HASH_MARK),
    (r"[0-9]+", NUMBER_MARK),
    (rf"[a-z]*{NUMBER_MARK}[a-z]+{NUMBER_MARK}[a-z{NUMBER_MARK}]*", HASH_MARK),
)
DATE_IN_NAME = rf"(?:^|[^0-9])({_ISO_DATE}|{_COMPACT_DATE})"
MONTH_IN_NAME = r"(?:^|[^0-9])((?:19|20)\d\d[-_]?(?:0[1-9]|1[0-2]))(?:[^0-9]|$)"
YEAR_IN_NAME = r"(?:^|[^0-9])((?:19|20)\d\d)(?:[^0-9]|$)"
VERSION_IN_NAME = r"(?:^|[-_.])(v\d+(?:\.\d+)*)(?:[-_.]|$)"


_SEPARATORS = r"[-_.+ ()@,~#%&$!=:;\[\]{}]+"


def shape_sql(stem: str) -> str:
    """SQL that replaces what varies between the files of one table (ids, dates, numbers) in a file name's stem by marks."""
    sql = f"lower({stem})"
    for pattern, replacement in _NAME_STEPS:
        sql = f"regexp_replace({sql}, {quote_sql(pattern)}, {quote_sql(replacement)}, 'g')"
    return sql


def words_sql(shape: str) -> str:
    """SQL that keeps the words of a shape: no marks, one underscore between words.

    `part-00000-<uuid>-c000` gives `part_c`; `orders_2024-01-01` gives `orders`.
    """
    marks = f"[{UUID_MARK}-{NUMBER_MARK}]"
    words = f"regexp_replace({shape}, {quote_sql(marks)}, '_', 'g')"
    words = f"regexp_replace({words}, {quote_sql(_SEPARATORS)}, '_', 'g')"
    return f"trim({words}, '_')"
