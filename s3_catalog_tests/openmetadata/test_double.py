"""The double does what was measured on a real server; each test names one behaviour."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from s3_catalog_tests.openmetadata.server import BOT_TOKEN, PERSON_TOKEN, Double

Body = dict[str, Any]
SCHEMA = "svc.db.s"
INT = {"name": "id", "dataType": "INT"}


class Caller:
    """Calls as somebody, and remembers nothing."""

    def __init__(self, double: Double, token: str | None) -> None:
        self._http = double.connect(token)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        kind = "application/json-patch+json" if method == "PATCH" else "application/json"
        sent = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self._http.request(method, path, headers=sent, content=None if body is None else json.dumps(body))

    def table(self, **fields: Any) -> httpx.Response:
        return self("PUT", "/tables", {"name": "t", "databaseSchema": SCHEMA, "columns": [INT], **fields})


@pytest.fixture
def server() -> Iterator[Double]:
    double = Double()
    yield double
    double.close()


@pytest.fixture
def bot(server: Double) -> Caller:
    caller = Caller(server, BOT_TOKEN)
    caller("PUT", "/services/databaseServices", {"name": "svc", "serviceType": "Datalake"}).raise_for_status()
    caller("PUT", "/databases", {"name": "db", "service": "svc"}).raise_for_status()
    caller("PUT", "/databaseSchemas", {"name": "s", "database": "svc.db"}).raise_for_status()
    return caller


@pytest.fixture
def person(server: Double, bot: Caller) -> Caller:
    return Caller(server, PERSON_TOKEN)


def label(tag: str) -> Body:
    return {"tagFQN": tag, "source": "Classification", "labelType": "Manual", "state": "Confirmed"}


def test_put_says_what_it_did(bot: Caller) -> None:
    answers = [bot.table(), bot.table(), bot.table(description="d")]
    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert [answer.headers["X-OpenMetadata-Change"] for answer in answers] == ["entityCreated", "entityNoChange", "entityUpdated"]


def test_post_of_an_existing_name_is_a_conflict(bot: Caller) -> None:
    body = {"name": "t", "databaseSchema": SCHEMA, "columns": [INT]}
    assert [bot("POST", "/tables", body).status_code for _ in range(2)] == [201, 409]


def test_versions_move_with_what_is_said_added_and_removed(bot: Caller) -> None:
    more = {"name": "more", "dataType": "STRING"}
    steps: list[Body] = [
        {},
        {},
        {"description": "d"},
        {"description": "d", "columns": [INT, more]},
        {"description": "d", "columns": [more, INT]},
        {"description": "d", "columns": [{"name": "id", "dataType": "BIGINT"}, more]},
        {"description": "d", "columns": [{"name": "id", "dataType": "BIGINT"}]},
        {"description": "d", "columns": [{"name": "id", "dataType": "BIGINT"}], "tags": [label("PII.None")]},
    ]
    assert [bot.table(**step).json()["version"] for step in steps] == [0.1, 0.1, 0.2, 0.3, 0.3, 1.3, 2.3, 2.4]


def test_samples_and_profiles_move_no_version(bot: Caller) -> None:
    table = bot.table().json()
    assert bot("PUT", f"/tables/{table['id']}/sampleData", {"columns": ["id"], "rows": [[1]]}).status_code == 200
    assert bot("PUT", f"/tables/{table['id']}/tableProfile", {"tableProfile": {"timestamp": 1, "rowCount": 5}}).status_code == 200
    assert bot("PUT", f"/tables/{table['id']}/tableProfile", {"tableProfile": {"rowCount": 5}}).status_code == 400
    assert bot("GET", f"/tables/{table['id']}").json()["version"] == 0.1
    assert bot("GET", f"/tables/{table['id']}/sampleData").json()["sampleData"]["rows"] == [[1]]
    assert bot("GET", "/tables/svc.db.s.t/tableProfile/latest").json()["profile"]["rowCount"] == 5
    assert bot("DELETE", f"/tables/{table['id']}/sampleData").status_code == 200


def test_a_bot_never_overwrites_texts_and_a_person_does(bot: Caller, person: Caller) -> None:
    column = {**INT, "description": "c"}
    bot.table(description="first", displayName="First", columns=[column])
    kept = bot.table(description="second", displayName="Second", columns=[{**INT, "description": "other"}]).json()
    assert (kept["description"], kept["displayName"], kept["columns"][0]["description"]) == ("first", "First", "c")
    assert bot.table().json()["description"] == "first"
    assert person.table(description="third").json()["description"] == "third"
    assert "description" not in person.table().json()


def test_put_unites_tags_and_patch_takes_them_away(bot: Caller) -> None:
    bot.table(tags=[label("PII.None")], columns=[{**INT, "tags": [label("PII.None")]}])
    both = bot.table(tags=[label("Tier.Tier1")], columns=[{**INT, "tags": [label("Tier.Tier1")]}]).json()
    assert [len(both["tags"]), len(both["columns"][0]["tags"])] == [2, 2]
    left = bot("PATCH", f"/tables/{both['id']}", [{"op": "remove", "path": "/tags/0"}]).json()
    assert [tag["tagFQN"] for tag in left["tags"]] == ["Tier.Tier1"]


def test_tags_and_owners_come_only_when_asked_for(bot: Caller) -> None:
    table = bot.table(tags=[label("PII.None")], columns=[{**INT, "tags": [label("PII.None")]}]).json()
    bare, full = (bot("GET", f"/tables/{table['id']}{query}").json() for query in ("", "?fields=tags,owners"))
    assert ("tags" in bare, "tags" in bare["columns"][0]) == (False, False)
    assert ("tags" in full, "tags" in full["columns"][0]) == (True, True)
    assert bot("GET", f"/tables/{table['id']}?fields=nonsense").status_code == 400


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        *(({"columns": [{"name": "c", "dataType": kind}]}, 400) for kind in ("VARCHAR", "CHAR", "BINARY", "VARBINARY", "ARRAY", "STRUCT")),
        ({"columns": [INT, INT]}, 400),
        ({"columns": [{"name": "s", "dataType": "STRUCT", "children": [INT, INT]}]}, 400),
        ({"columns": [{"name": 'a"b', "dataType": "INT"}]}, 400),
        ({"columns": [{"name": "c", "dataType": "NONSENSE"}]}, 400),
        (
            {
                "columns": [{**INT, "constraint": "PRIMARY_KEY"}],
                "tableConstraints": [{"constraintType": "PRIMARY_KEY", "columns": ["id"]}],
            },
            400,
        ),
        ({"tablePartition": {"columns": [{"columnName": "nowhere", "intervalType": "COLUMN-VALUE"}]}}, 400),
        ({"extension": {"unregistered": 1}}, 400),
        ({"tags": [label("Tier.Tier1"), label("Tier.Tier2")]}, 400),
        ({"columns": [{**INT, "tags": [label("PII.Sensitive"), label("PII.None")]}]}, 400),
        ({"unknown": 1}, 400),
        ({"name": "x" * 257}, 400),
        ({"columns": [{"name": "x" * 3072, "dataType": "INT"}]}, 400),
        ({"name": 'a"b'}, 400),
        ({"tags": [label("PII.Unheard")]}, 404),
        ({"databaseSchema": "svc.db.missing"}, 404),
    ],
)
def test_wrong_tables_are_refused(bot: Caller, fields: Body, status: int) -> None:
    answer = bot.table(**fields)
    assert (answer.status_code, set(answer.json())) == (status, {"code", "message"})


@pytest.mark.parametrize(
    "sample", [{"columns": ["s.x"], "rows": [[1]]}, {"columns": ["x"], "rows": [[1]]}, {"columns": ["id"], "rows": [[1, 2]]}]
)
def test_wrong_samples_are_refused(bot: Caller, sample: Body) -> None:
    table = bot.table(columns=[INT, {"name": "s", "dataType": "STRUCT", "children": [{"name": "x", "dataType": "INT"}]}]).json()
    assert bot("PUT", f"/tables/{table['id']}/sampleData", sample).status_code == 400


@pytest.mark.parametrize("token", [None, "wrong"])
def test_a_missing_or_wrong_token_is_refused(server: Double, token: str | None) -> None:
    assert Caller(server, token)("GET", "/tables").status_code == 401


def test_what_the_server_did_not_expect_is_a_bare_500(bot: Caller) -> None:
    table = bot.table().json()
    answers = [
        bot("GET", "/tables/no-uuid"),
        bot("GET", "/nonsense"),
        bot("PATCH", f"/tables/{table['id']}", [], Content_Type="application/json"),
    ]
    assert [(answer.status_code, set(answer.json())) for answer in answers] == [(500, {"responseMessage"})] * 3


def test_only_parts_with_a_dot_are_quoted_and_case_counts(bot: Caller) -> None:
    table = bot.table(name="my.table v1", columns=[{"name": "a.b", "dataType": "INT"}]).json()
    assert table["fullyQualifiedName"] == 'svc.db.s."my.table v1"'
    assert table["columns"][0]["fullyQualifiedName"] == 'svc.db.s."my.table v1"."a.b"'
    assert bot("GET", "/tables/name/svc.db.s.%22my.table%20v1%22").status_code == 200
    assert bot("GET", "/tables/name/svc.db.s.%22My.table%20v1%22").status_code == 404


def test_a_soft_deleted_table_is_hidden_and_comes_back_by_put(bot: Caller) -> None:
    table = bot.table(description="d").json()
    assert bot("DELETE", f"/tables/{table['id']}").status_code == 200
    assert bot("GET", f"/tables/{table['id']}").status_code == 404
    assert bot("GET", f"/tables/{table['id']}?include=all").json()["deleted"] is True
    assert bot("GET", "/tables?database=svc.db").json()["data"] == []
    back = bot.table().json()
    assert (back["id"], back["deleted"], back["description"]) == (table["id"], False, "d")


def test_a_table_deleted_for_good_is_gone(bot: Caller) -> None:
    table = bot.table().json()
    assert bot("DELETE", f"/tables/{table['id']}?hardDelete=true").status_code == 200
    assert bot("GET", f"/tables/{table['id']}?include=all").status_code == 404


def test_a_parent_that_is_not_empty_is_deleted_only_with_its_children(bot: Caller) -> None:
    bot.table()
    schema = bot("GET", f"/databaseSchemas/name/{SCHEMA}").json()
    assert bot("DELETE", f"/databaseSchemas/{schema['id']}").status_code == 400
    assert bot("DELETE", f"/databaseSchemas/{schema['id']}?recursive=true").status_code == 200
    assert bot("GET", f"/tables/name/{SCHEMA}.t").status_code == 404


def test_lists_are_paged(bot: Caller) -> None:
    for number in range(5):
        bot.table(name=f"t{number}")
    first = bot("GET", "/tables?limit=2&databaseSchema=svc.db.s").json()
    second = bot("GET", f"/tables?limit=2&databaseSchema=svc.db.s&after={first['paging']['after']}").json()
    assert [[t["name"] for t in page["data"]] for page in (first, second)] == [["t0", "t1"], ["t2", "t3"]]
    assert (first["paging"]["total"], "before" in first["paging"], "before" in second["paging"]) == (5, False, True)


def test_a_patch_for_another_version_is_refused(bot: Caller) -> None:
    table = bot.table().json()
    change = [{"op": "add", "path": "/description", "value": "d"}]
    assert bot("PATCH", f"/tables/{table['id']}", change, If_Match='W/"0.2"').status_code == 412
    assert bot("PATCH", f"/tables/{table['id']}", change, If_Match='W/"0.1"').json()["version"] == 0.2
    assert bot("PATCH", f"/tables/{table['id']}", [{"op": "replace", "path": "/name", "value": "n"}]).status_code == 400


def test_bulk_calls_say_which_rows_failed(bot: Caller) -> None:
    rows = [{"name": name, "databaseSchema": schema, "columns": [INT]} for name, schema in (("a", SCHEMA), ("b", "svc.db.missing"))]
    result = bot("PUT", "/tables/bulk?async=false", rows).json()
    assert (result["numberOfRowsPassed"], result["numberOfRowsFailed"]) == (1, 1)
    assert (result["successRequest"][0]["request"], result["failedRequest"][0]["status"]) == ("svc.db.s.a", 404)


def test_bulk_calls_of_a_bot_overwrite_only_when_told(bot: Caller) -> None:
    bot.table(description="first")
    row = {"name": "t", "databaseSchema": SCHEMA, "columns": [INT], "description": "second"}
    for override, text in (("false", "first"), ("true", "second")):
        bot("PUT", f"/tables/bulk?overrideMetadata={override}", [row])
        assert bot("GET", f"/tables/name/{SCHEMA}.t").json()["description"] == text


def test_stale_tables_are_soft_deleted(bot: Caller) -> None:
    bot.table(name="a")
    bot.table(name="b")
    body = {"scopeFqn": "svc.db", "scopeEntityType": "database", "seenFqns": ["svc.db.s.a"], "recursive": True}
    assert bot("DELETE", "/tables/deleteStale", body).json()["numberOfRowsPassed"] == 1
    assert bot("GET", "/tables/name/svc.db.s.b?include=all").json()["deleted"] is True


def test_an_older_server_has_neither_bulk_calls_nor_stale_ones() -> None:
    old = Double(has_bulk=False)
    try:
        caller = Caller(old, BOT_TOKEN)
        assert caller("PUT", "/tables/bulk", []).status_code == 405
        assert caller("DELETE", "/tables/deleteStale", {}).status_code == 404
    finally:
        old.close()


def test_lineage_is_answered_with_nothing_and_read_back(bot: Caller) -> None:
    first, second = bot.table(name="a").json()["id"], bot.table(name="b").json()["id"]
    ends = {"fromEntity": {"id": first, "type": "table"}, "toEntity": {"id": second, "type": "table"}}
    answer = bot("PUT", "/lineage", {"edge": ends})
    assert (answer.status_code, answer.content) == (200, b"")
    assert bot("GET", f"/lineage/table/{second}?upstreamDepth=1").json()["upstreamEdges"] == [{"fromEntity": first, "toEntity": second}]
    ends["toEntity"] = {"id": "00000000-0000-0000-0000-000000000000", "type": "table"}
    assert bot("PUT", "/lineage", {"edge": ends}).status_code == 404


def test_known_classifications_are_there_and_others_are_made(bot: Caller) -> None:
    assert bot("GET", "/tags/name/PII.Sensitive").status_code == 200
    assert bot("PUT", "/tags", {"name": "x", "classification": "Mine", "description": "d"}).status_code == 404
    assert bot("PUT", "/classifications", {"name": "Mine", "description": "d"}).status_code == 201
    assert bot("PUT", "/tags", {"name": "x", "classification": "Mine", "description": "d"}).status_code == 201
    assert bot.table(tags=[label("Mine.x")]).status_code == 201


def test_requests_are_counted_by_method_and_path(server: Double, bot: Caller) -> None:
    with server.counting() as counted:
        table = bot.table().json()
        bot("GET", f"/tables/{table['id']}?fields=tags")
        bot("GET", "/tables/name/svc.db.s.t")
    assert counted == {"PUT /tables": 1, "GET /tables/{id}": 1, "GET /tables/name/{fqn}": 1}
