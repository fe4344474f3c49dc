from __future__ import annotations

import gzip

import pytest

from s3_catalog.formats._detect import detect_format
from s3_catalog_tests.formats.readers import read, types

COMMON = '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /index.html HTTP/1.0" 200 2326'
COMBINED = COMMON + ' "http://example.com/start" "Mozilla/5.0 (X11; Linux) AppleWebKit/537.36 (KHTML, like Gecko)"'
NGINX_MAIN = COMBINED + ' "203.0.113.7, 10.0.0.1"'
ALB = (
    "https 2024-07-02T22:23:00.186641Z app/my-lb/50dc6c495c0c9188 192.168.131.39:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 "
    '"GET https://www.example.com:443/a?b=1, HTTP/1.1" "curl/7.46.0 (x, y)" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 '
    'arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067 "Root=1-58337281-1d84" '
    '"www.example.com" "arn:aws:acm:us-east-2:123456789012:certificate/1234" 1 2024-07-02T22:22:48.364000Z "forward" "-" "-" '
    '"10.0.0.1:80" "200" "-" "-" TID_1234abcd'
)
ELB = (
    "2024-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000073 0.001048 0.000057 200 200 0 29 "
    '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.38.0" - -'
)
NLB = (
    "tls 2.0 2024-04-01T08:51:42 net/my-nlb/c6e77e28c25b2234 g3d4b5e8bb8464cd 72.21.218.154:51341 172.100.100.185:443 5 2 98 246 - "
    "arn:aws:acm:us-east-2:671290407336:certificate/2a108f19 - ECDHE-RSA-AES128-SHA tlsv12 - my-nlb.elb.us-east-2.amazonaws.com "
    "- - - 2024-04-01T08:51:20"
)
S3 = (
    f"{'79a59df900b949e55d96a1e698fbaced' * 2} mybucket [06/Feb/2024:00:00:38 +0000] 192.0.2.3 - 3E57427F33A59F07 "
    'REST.GET.OBJECT a/b.csv "GET /mybucket/a/b.csv?versioning HTTP/1.1" 200 - 113 4096 7 - "-" "S3Console/0.4, x" - '
    "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 ECDHE-RSA-AES128-GCM-SHA256 "
    "AuthHeader mybucket.s3.us-west-1.amazonaws.com TLSv1.2 - -"
)
CLOUDFRONT = (
    "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method sc-status time-taken sc-range-start\n"
    "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\t200\t0.001\t-\n"
    "2019-12-04\t21:02:32\tLAX1\t1392\t192.0.2.101\tGET\t404\t1\t-\n"
)
IIS = (
    "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2024-01-01 00:00:00\n"
    "#Fields: date time s-ip cs-method cs-uri-stem s-port cs(User-Agent) sc-status time-taken\n"
    "2024-01-01 00:00:01 10.0.0.1 GET /a, 80 Mozilla/5.0+(x,+y) 200 12\n"
    "2024-01-01 00:00:02 10.0.0.1 POST /b, 80 - 500 7\n"
)
VPC = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"
    "2 123456789010 eni-1235b8ca1 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK\n"
    "2 123456789010 eni-1235b8ca1 - - - - - - - 1431280876 1431280934 - NODATA\n"
)
LOGS = {
    "apache_log": COMBINED + "\n" + COMBINED + "\n",
    "alb_log": ALB + "\n" + ALB + "\n",
    "elb_log": ELB + "\n" + ELB + "\n",
    "nlb_log": NLB + "\n" + NLB + "\n",
    "s3_access_log": S3 + "\n" + S3 + "\n",
    "cloudfront_log": CLOUDFRONT,
    "w3c_log": IIS,
    "vpc_flow_log": VPC,
}


@pytest.mark.parametrize("name", LOGS)
def test_a_known_log_is_named_and_counted(name: str) -> None:
    schema = read("text", LOGS[name])
    assert (schema.format, schema.row_count, schema.warnings) == (name, 2, ())


@pytest.mark.parametrize("name", LOGS)
def test_a_log_whose_name_says_nothing_is_detected_and_taken_for_no_csv(name: str) -> None:
    assert detect_format(LOGS[name].encode()) == ("text", None)
    assert detect_format(gzip.compress(LOGS[name].encode())) == ("text", "gzip")


@pytest.mark.parametrize("name", LOGS)
def test_a_log_cut_anywhere_after_its_first_lines_has_the_same_columns(name: str) -> None:
    data = (LOGS[name] + LOGS[name].splitlines()[-1] + "\n").encode()
    whole = read("text", data)
    for end in range(len(LOGS[name]), len(data), 7):
        cut = read("text", data[:end])
        assert [c.name for c in cut.columns] == [c.name for c in whole.columns]


@pytest.mark.parametrize(
    ("line", "layout"),
    [
        (COMMON, ["remote_host", "remote_logname", "remote_user", "request_time", "request_line", "final_status", "bytes_sent"]),
        (COMBINED, ["referer", "user_agent"]),
        (NGINX_MAIN, ["referer", "user_agent", "x_forwarded_for"]),
        ("www.example.com:443 " + COMBINED, ["bytes_sent", "referer", "user_agent"]),
    ],
)
def test_the_layouts_of_apache_and_nginx_are_told_apart(line: str, layout: list[str]) -> None:
    assert list(types(read("text", line + "\n" + line + "\n")))[-len(layout) :] == layout


def test_web_server_columns_are_typed() -> None:
    found = types(read("text", COMBINED + "\n"))
    assert (found["request_time"], found["final_status"], found["bytes_sent"], found["remote_user"]) == (
        "timestamptz",
        "int",
        "bigint",
        "string",
    )


def test_load_balancer_columns_are_those_aws_documents() -> None:
    found = types(read("text", ALB + "\n"))
    assert len(found) == 30
    assert (found["time"], found["target_processing_time"], found["elb_status_code"], found["sent_bytes"]) == (
        "timestamptz",
        "double",
        "int",
        "bigint",
    )
    assert list(found)[-1] == "conn_trace_id"


def test_a_load_balancer_of_years_ago_has_the_fields_of_its_time() -> None:
    assert list(types(read("text", " ".join(ALB.split(" ")[:-1]) + "\n")))[-1] == "classification_reason"


def test_fields_that_aws_will_add_are_kept() -> None:
    assert list(types(read("text", ELB + " new newer\n")))[-2:] == ["column15", "column16"]


def test_w3c_columns_have_the_names_and_types_of_the_log() -> None:
    assert types(read("text", CLOUDFRONT)) == {
        "date": "date",
        "time": "time",
        "x-edge-location": "string",
        "sc-bytes": "bigint",
        "c-ip": "string",
        "cs-method": "string",
        "sc-status": "bigint",
        "time-taken": "double",
        "sc-range-start": "string",
    }
    assert types(read("text", IIS))["cs(User-Agent)"] == "string"
    assert types(read("text", VPC))["bytes"] == "bigint"


def test_a_few_strange_lines_are_a_warning_and_many_make_it_plain_text() -> None:
    few = read("text", (COMBINED + "\n") * 30 + "restarting\n" + COMBINED + "\n")
    assert (few.format, few.row_count) == ("apache_log", None)
    assert few.warnings == ("1 of the first 32 lines are not of the layout apache_log",)
    many = read("text", (COMBINED + "\nrestarting\n") * 5)
    assert (many.format, types(many), many.row_count) == (None, {"line": "string"}, 10)


def test_lines_of_json_in_a_log_have_columns() -> None:
    schema = read("text", '{"level": "info", "at": 1}\n{"level": "warn", "at": 2}\n')
    assert (schema.format, types(schema), schema.row_count) == ("jsonl", {"level": "string", "at": "bigint"}, 2)


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-01 00:00:00,123 INFO starting\n2024-01-01 00:00:01,456 WARN slow\n",
        "Jan  1 00:00:00 host sshd[1]: Accepted\n",
        "# a comment\n# and another\n",
        "#Fields:\n",
        "https is a protocol\n",
    ],
)
def test_other_logs_are_lines(text: str) -> None:
    schema = read("text", text)
    assert (schema.format, types(schema)) == (None, {"line": "string"})


def test_lines_without_end_are_bounded() -> None:
    assert types(read("text", '1.1.1.1 - - [10/Oct/2000:13:55:36 -0700] "' + "A" * 3_000_000)) == {"line": "string"}
    assert types(read("text", "a " * 1_000_000)) == {"line": "string"}
