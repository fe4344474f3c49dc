r"""Logs of fixed layout: which program wrote the lines, and what its columns are.

Apache's and nginx's lines are read by apachelogs. The others are delimited text whose fields their writers document:

- Application, Network and Classic Load Balancer: docs.aws.amazon.com/elasticloadbalancing/latest/
  application/load-balancer-access-logs.html, network/load-balancer-access-logs.html, classic/access-log-collection.html
- S3 server access logs: docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
- CloudFront: docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html, a W3C extended log
- W3C extended logs (IIS too): www.w3.org/TR/WD-logfile.html, whose `#Fields:` line names the columns
- VPC flow logs: docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html, whose first line names the columns

AWS adds fields at the end of its layouts from time to time: what is not known here becomes `column<position>`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

import pyarrow as pa

from s3_catalog.formats._values import infer_value_type
from s3_catalog.model.tables import Column

_SAMPLE_LINES = 1000
_SAMPLE_CHARACTERS = 256 * 1024
_LONGEST_LINE = 16 * 1024
_GOOD_SHARE = 0.9
"""A few lines of another kind (cut, or of another program) are a warning; more, and it is not this layout."""

_TYPES = {
    "text": pa.string(),
    "int": pa.int32(),
    "long": pa.int64(),
    "float": pa.float64(),
    "instant": pa.timestamp("us", tz="UTC"),
    "second": pa.timestamp("s", tz="UTC"),
}
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(?=\s|$)|\[([^\]]*)\](?=\s|$)|(\S+)')
_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?"
_CLF_TIME = r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]"
_CLF_LAYOUT = "%d/%b/%Y:%H:%M:%S %z"
_HTTP_LINE = re.compile(rf"\S+ .{{1,300}}? {_CLF_TIME} \"")


@dataclass(frozen=True, slots=True)
class _Layout:
    """One writer's lines. `fields` are names in the order of the line, with `:type` where they are no text."""

    name: str
    start: re.Pattern[str]
    fields: str


_LAYOUTS = (
    _Layout(
        "alb_log",
        re.compile(rf"(?:https?|h2|grpcs|wss?) {_ISO} \S+ \S+ \S+ (?:-1|[\d.]+) "),
        """type time:instant elb client target request_processing_time:float target_processing_time:float response_processing_time:float
        elb_status_code:int target_status_code:int received_bytes:long sent_bytes:long request user_agent ssl_cipher ssl_protocol
        target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority:int request_creation_time:instant actions_executed
        redirect_url error_reason target_list target_status_code_list classification classification_reason conn_trace_id
        transformed_host transformed_uri request_transform_status""",
    ),
    _Layout(
        "nlb_log",
        re.compile(rf"tls \d+\.\d+ {_ISO} \S+ \S+ "),
        """type version time:instant elb listener client destination connection_time:long tls_handshake_time:long received_bytes:long
        sent_bytes:long incoming_tls_alert chosen_cert_arn chosen_cert_serial tls_cipher tls_protocol_version tls_named_group
        domain_name alpn_fe_protocol alpn_be_protocol alpn_client_preference_list tls_connection_creation_time:instant""",
    ),
    _Layout(
        "elb_log",
        re.compile(rf'{_ISO} \S+ \S+ \S+ (?:-1|[\d.]+) (?:-1|[\d.]+) (?:-1|[\d.]+) (?:\d+|-) (?:\d+|-) \d+ \d+ "'),
        """timestamp:instant elb client backend request_processing_time:float backend_processing_time:float
        response_processing_time:float elb_status_code:int backend_status_code:int received_bytes:long sent_bytes:long
        request user_agent ssl_cipher ssl_protocol""",
    ),
    _Layout(
        "s3_access_log",
        re.compile(rf"(?:[0-9a-f]{{64}}|-) \S+ {_CLF_TIME} \S+ \S+ \S+ [A-Z]+\.[A-Z._]+ "),
        """bucket_owner bucket time:second remote_ip requester request_id operation key request_uri http_status:int error_code
        bytes_sent:long object_size:long total_time:long turn_around_time:long referrer user_agent version_id host_id
        signature_version cipher_suite authentication_type host_header tls_version access_point_arn acl_required
        source_region""",
    ),
)
LineReader = Callable[[str], Sequence[object] | None]
_FLOW_FIELDS = """version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id
    subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type sublocation-id pkt-src-aws-service
    pkt-dst-aws-service flow-direction traffic-path"""
_APACHE_COLUMNS = {
    "%v": ("virtual_host", "text"),
    "%p": ("server_port", "int"),
    "%h": ("remote_host", "text"),
    "%l": ("remote_logname", "text"),
    "%u": ("remote_user", "text"),
    "%t": ("request_time", "second"),
    "%r": ("request_line", "text"),
    "%>s": ("final_status", "int"),
    "%b": ("bytes_sent", "long"),
    "%{Referer}i": ("referer", "text"),
    "%{User-Agent}i": ("user_agent", "text"),
    "%{X-Forwarded-For}i": ("x_forwarded_for", "text"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLayout:
    """What the lines are: `strange_lines` of the first `lines` are of another kind; `headed`: the first names the columns.

    `read` gives the values of one line in the order of the columns, None for a line of another kind. They are of the columns' types where
    the layout fixes these, else texts; what the log writes for no value is None.
    """

    name: str
    columns: tuple[Column, ...]
    lines: int
    strange_lines: int
    read: LineReader = field(compare=False)
    headed: bool = False


def find_layout(text: str) -> FoundLayout | None:
    """Recognise the layout of a log by its lines; the last one may be cut. None for all other text.

    >>> found = find_layout('1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 12' + chr(10))
    >>> found.name, [column.name for column in found.columns][-2:]
    ('apache_log', ['final_status', 'bytes_sent'])
    """
    lines = _lines(text)
    if not lines:
        return None
    first = lines[0]
    if first.startswith("#"):
        return _read_w3c(lines)
    if set(first.split(" ")) <= set(_FLOW_FIELDS.split()) and first.count(" ") >= 3:
        found = _read_table("vpc_flow_log", first.split(" "), lines[1:], " ")
        return replace(found, headed=True) if found else None
    for layout in _LAYOUTS:
        if layout.start.match(first):
            return _read_fixed(layout, lines)
    return _read_apache(lines) if _HTTP_LINE.match(first) else None


def _lines(text: str) -> list[str]:
    """The first whole lines, without blank ones."""
    start = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(start) or not text.endswith("\n"):
        start = start[: start.rfind("\n") + 1] or (text if len(text) <= _LONGEST_LINE else "")
    return [line for line in start.splitlines() if line.strip()][:_SAMPLE_LINES]


def _read_fixed(layout: _Layout, lines: Sequence[str]) -> FoundLayout | None:
    good = [line for line in lines if len(line) <= _LONGEST_LINE and layout.start.match(line)]
    if len(good) < _GOOD_SHARE * len(lines):
        return None
    width = max(sum(1 for _ in _TOKEN.finditer(line)) for line in good)
    known = [tuple(own.partition(":")[::2]) for own in layout.fields.split()[:width]]
    columns = [Column(name=name, type=_TYPES[kind or "text"]) for name, kind in known]
    columns += [Column(name=f"column{i}", type=pa.string()) for i in range(len(known), width)]
    return FoundLayout(
        name=layout.name,
        columns=tuple(columns),
        lines=len(lines),
        strange_lines=len(lines) - len(good),
        read=lambda line: _fixed_values(layout, columns, line),
    )


def _fixed_values(layout: _Layout, columns: Sequence[Column], line: str) -> list[object] | None:
    if len(line) > _LONGEST_LINE or not layout.start.match(line):
        return None
    texts = [next((group for group in token.groups() if group is not None), "") for token in _TOKEN.finditer(line)]
    return [_typed(text, column.type) for text, column in zip(texts, columns, strict=False)]


def _typed(text: str, arrow_type: pa.DataType) -> object:
    """A field as a value of its column; the text itself where it is none."""
    if text in ("-", ""):
        return None
    try:
        if pa.types.is_integer(arrow_type):
            return int(text)
        if pa.types.is_floating(arrow_type):
            return float(text)
        if pa.types.is_timestamp(arrow_type):
            return datetime.strptime(text, _CLF_LAYOUT) if arrow_type.unit == "s" else datetime.fromisoformat(text)  # noqa: DTZ007 - %z
    except ValueError:
        return text
    return text


def _read_w3c(lines: Sequence[str]) -> FoundLayout | None:
    """A W3C extended log: lines that begin with `#` are directives, `#Fields:` names the columns of those that follow."""
    directive = next((line for line in lines if line.startswith("#Fields:")), None)
    if directive is None:
        return None
    names = directive.partition(":")[2].split()
    body = [line for line in lines if not line.startswith("#")]
    mark = "\t" if any("\t" in line for line in body) else " "
    name = "cloudfront_log" if "x-edge-location" in names else "w3c_log"
    return _read_table(name, names, body, mark)


def _read_table(name: str, names: Sequence[str], lines: Sequence[str], mark: str) -> FoundLayout | None:
    """Columns by the names the log itself gives; types come from the values, of which `-` is none."""
    rows = [line.split(mark) for line in lines]
    good = [row for row in rows if len(row) == len(names)]
    if not names or len(good) < _GOOD_SHARE * len(rows) or len(set(names)) < len(names):
        return None
    columns = [Column(name=own, type=_type_of(row[i] for row in good)) for i, own in enumerate(names)]

    def read(line: str) -> list[str | None] | None:
        texts = line.split(mark)
        return [None if text in ("-", "") else text for text in texts] if len(texts) == len(names) else None

    return FoundLayout(name=name, columns=tuple(columns), lines=len(rows), strange_lines=len(rows) - len(good), read=read)


def _type_of(values: Iterable[str]) -> pa.DataType:
    found = infer_value_type(("" if value == "-" else value for value in values), comma_is_decimal=False).type
    return pa.string() if pa.types.is_null(found) else found


def _read_apache(lines: Sequence[str]) -> FoundLayout | None:
    import apachelogs

    # nginx's own image adds the header of proxies to the combined layout
    formats = [f'{apachelogs.COMBINED} "%{{X-Forwarded-For}}i"', apachelogs.COMBINED, apachelogs.COMMON]
    for layout in (*formats, apachelogs.VHOST_COMBINED, apachelogs.VHOST_COMMON):
        parser = apachelogs.LogParser(layout)
        entries = [_parse(parser, line) for line in lines]
        first = next((entry for entry in entries if entry is not None), None)
        strange = entries.count(None)
        if first is not None and strange <= (1 - _GOOD_SHARE) * len(lines):
            known = [_APACHE_COLUMNS[directive] for directive in first]
            columns = tuple(Column(name=name, type=_TYPES[kind]) for name, kind in known)
            read = partial(_apache_values, parser)
            return FoundLayout(name="apache_log", columns=columns, lines=len(lines), strange_lines=strange, read=read)
    return None


def _apache_values(parser: object, line: str) -> list[object] | None:
    entry = _parse(parser, line)
    return None if entry is None else list(entry.values())


def _parse(parser: object, line: str) -> dict[str, object] | None:
    """One line's values by Apache's directives; None when it is of another layout."""
    import apachelogs

    if not isinstance(parser, apachelogs.LogParser) or len(line) > _LONGEST_LINE:
        return None
    try:
        return dict(parser.parse(line).directives)
    except (apachelogs.InvalidEntryError, ValueError):
        return None
