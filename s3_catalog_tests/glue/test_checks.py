"""What `doctor` says of Glue: for each thing that is wrong one failed check, with the permission or setting that mends it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from s3_catalog.catalogs import Check, CheckedCatalog, CheckStatus, RetiringCatalog, ServiceCatalog
from s3_catalog.catalogs._glue_checks import check_glue
from s3_catalog.catalogs._glue_options import GlueOptions
from s3_catalog_tests.catalogs.samples import make_tables
from s3_catalog_tests.glue.conftest import Glue
from s3_catalog_tests.glue.proxy import GlueFault, GlueProxy
from s3_catalog_tests.glue.publishing import connection
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server

OK, WARNING, FAILURE = CheckStatus
USER = "arn:aws:sts::123456789012:user/moto"


class AwsProxy(GlueProxy):
    """Faults strike an operation or, where a request names none (of `sts` and `iam`), a service."""

    def _strike(self, target: str, headers: dict[str, str]) -> Fault | None:
        service = headers.get("Authorization", "").partition("Credential=")[2].split("/")[3:4]
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2] or target.lstrip("/") or "".join(service)
        return FaultyProxy._strike(self, operation, headers)


@pytest.fixture
def look(s3_server: S3Server) -> Iterator[Callable[..., dict[str, Check]]]:
    """Checks a database (by default one that is not there) through faults."""
    proxies: list[AwsProxy] = []

    def check(*faults: Fault, database: str = "nowhere", **options: Any) -> dict[str, Check]:
        proxies.append(AwsProxy(s3_server.endpoint_url, *faults))
        reach = connection(s3_server, endpoint_url=proxies[-1].endpoint_url)
        found = check_glue(GlueOptions(connection=reach, **options), database)
        assert not proxies[-1].writes.keys() - {"sts", "iam"}
        assert all(one.advice for one in found if one.status is not OK)
        return {one.name: one for one in found}

    yield check
    for proxy in proxies:
        proxy.stop()


def simulation(**decisions: str) -> GlueFault:
    """What IAM says of actions; all else is allowed."""
    members = "".join(
        f"<member><EvalActionName>glue:{action}</EvalActionName><EvalDecision>{word}</EvalDecision></member>"
        for action, word in decisions.items()
    )
    text = (
        '<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult>'
        f"<IsTruncated>false</IsTruncated><EvaluationResults>{members}</EvaluationResults>"
        "</SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>"
    )
    return GlueFault(kind="error_body", match="iam", text=text.encode())


def refusal(match: str, code: str, status: int = 400) -> GlueFault:
    return GlueFault(kind="status", match=match, status=status, code=code)


def xml_refusal(match: str, code: str, status: int) -> GlueFault:
    text = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>on purpose</Message></Error></ErrorResponse>"
    return GlueFault(kind="status", match=match, status=status, text=text.encode())


def test_a_database_that_we_filled_is_well(glue: Glue) -> None:
    glue.publish(*make_tables("a", "b"))
    with glue.catalog() as catalog:
        assert isinstance(catalog, CheckedCatalog)
        assert isinstance(catalog, ServiceCatalog)
        assert isinstance(catalog, RetiringCatalog)
        found = {check.name: (check.status, check.found) for check in catalog.check()}
    assert found == {
        "identity": (OK, USER),
        "database": (OK, f"{glue.database} is there"),
        "tables": (OK, "2, all by s3-catalog"),
        "may write": (
            OK,
            "cannot be seen without a write, as iam:SimulatePrincipalPolicy is not allowed: the first publication finds it out",
        ),
    }


def test_tables_of_others_are_counted_and_named(glue: Glue, look: Callable[..., dict[str, Check]]) -> None:
    glue.publish(*make_tables("a"))
    for name in "bcde":
        glue.people.create_table(DatabaseName=glue.database, TableInput={"Name": name})
    found = look(database=glue.database)["tables"]
    assert (found.status, found.found) == (OK, "5, 4 of them by others, which are left alone: b, c, d, ...")


@pytest.mark.parametrize(
    ("fault", "name", "advice"),
    [
        (xml_refusal("sts", "InvalidClientTokenId", 403), "identity", "give keys that are valid"),
        (xml_refusal("sts", "ExpiredToken", 403), "identity", "give keys that are valid"),
        (xml_refusal("sts", "SignatureDoesNotMatch", 403), "identity", "give keys that are valid"),
        (refusal("GetDatabase", "AccessDeniedException"), "database", "allow glue:GetDatabase"),
        (refusal("GetDatabase", "UnrecognizedClientException"), "database", "give keys that are valid"),
        (refusal("GetDatabase", "InternalServiceException", 500), "database", "see whether region= and endpoint_url="),
        (GlueFault(kind="error_body", match="GetDatabase", text=b"<html>Log in</html>"), "database", "see whether region="),
        (refusal("GetTables", "AccessDeniedException"), "tables", "allow glue:GetTables"),
        (GlueFault(kind="cut", match="GetTables"), "tables", "see whether region="),
        (simulation(CreateTable="implicitDeny", UpdateTable="explicitDeny"), "may write", "allow glue:CreateTable, glue:UpdateTable on"),
        (refusal("ListLFTags", "AccessDeniedException"), "LF-tags", "allow lakeformation:ListLFTags"),
    ],
)
def test_every_fault_is_one_failed_check_that_says_what_to_do(
    look: Callable[..., dict[str, Check]], fault: GlueFault, name: str, advice: str
) -> None:
    failed = [check for check in look(fault, lake_formation_tags=True).values() if check.status is FAILURE]
    assert [check.name for check in failed] == [name]
    assert str(failed[0].advice).startswith(advice)


def test_a_simulation_that_allows_all_says_so(look: Callable[..., dict[str, Check]]) -> None:
    found = look(simulation(CreateTable="allowed", CreateDatabase="allowed"))["may write"]
    assert (found.status, found.found) == (OK, "yes, by IAM's simulation")


def test_where_there_is_no_sts_the_rest_is_looked_at(look: Callable[..., dict[str, Check]]) -> None:
    for fault in (GlueFault(kind="reset", match="sts"), xml_refusal("sts", "AccessDenied", 403), GlueFault(kind="cut", match="sts")):
        found = look(fault)
        assert {check.status for check in found.values()} == {OK}
        assert found["identity"].found == "STS does not tell"
        assert "cannot be seen without a write" in found["may write"].found


def test_lake_formation_is_looked_at_only_where_it_is_used(look: Callable[..., dict[str, Check]]) -> None:
    assert "LF-tags" not in look(refusal("ListLFTags", "AccessDeniedException"))
    assert look(lake_formation_tags=True)["LF-tags"].status is OK


def test_a_glue_that_is_down_is_one_failed_check(s3_server: S3Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    found = check_glue(GlueOptions(connection=connection(s3_server, endpoint_url=url)), "lake")
    assert [(check.name, check.status) for check in found] == [("identity", OK), ("database", FAILURE)]


def test_no_region_and_no_keys_are_failed_checks(s3_server: S3Server) -> None:
    (check,) = check_glue(GlueOptions(connection=connection(s3_server, region=None)), "lake")
    assert (check.name, check.status, "AWS_REGION" in check.found) == ("settings", FAILURE, True)
    (check,) = check_glue(GlueOptions(connection=connection(s3_server, access_key_id=None, secret_access_key=None)), "lake")
    assert (check.name, check.status, "AWS_* variables" in str(check.advice)) == ("identity", FAILURE, True)


@pytest.mark.parametrize(
    ("arn", "principal"),
    [
        ("arn:aws:iam::1:user/ann", "arn:aws:iam::1:user/ann"),
        ("arn:aws:sts::1:assumed-role/crawler/session", "arn:aws:iam::1:role/crawler"),
        ("arn:aws-cn:sts::1:assumed-role/crawler/i-1", "arn:aws-cn:iam::1:role/crawler"),
        ("arn:aws:iam::1:root", "arn:aws:iam::1:root"),
    ],
)
def test_policies_are_those_of_the_role_that_was_assumed(arn: str, principal: str) -> None:
    from s3_catalog.catalogs._glue_checks import _Caller

    assert _Caller(arn, "1").principal == principal


def test_an_empty_database_goes_and_one_of_others_or_with_tables_stays(glue: Glue) -> None:
    with glue.catalog() as catalog:
        assert (catalog.service, catalog.remove_service()) == (glue.database, ([], None))
        glue.publish(*make_tables("a", "b"))
        assert catalog.remove_service() == ([], "tables are in it: a, b")
        catalog.remove(["a", "b"])
        assert catalog.remove_service() == ([glue.database], None)
        assert catalog.remove_service() == ([], None)
        glue.people.create_database(DatabaseInput={"Name": glue.database})
        gone, left = catalog.remove_service()
    assert (gone, str(left).startswith("s3-catalog did not make it")) == ([], True)
