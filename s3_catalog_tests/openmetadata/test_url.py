from __future__ import annotations

from pathlib import Path

import pytest

from s3_catalog.catalogs import open_catalog
from s3_catalog.catalogs._om_url import Address, parse_url
from s3_catalog.catalogs.openmetadata import CATALOG
from s3_catalog.errors import CatalogError, CatalogUnavailableError, UnknownPluginError
from s3_catalog_tests.catalogs.samples import POLICY, see
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double
from s3_catalog_tests.openmetadata.tables import plain, publish
from s3_catalog_tests.servers import write_certificates


@pytest.mark.parametrize(
    ("url", "api"),
    [
        ("openmetadata://om.example/lake", "http://om.example:8585/api/v1"),
        ("openmetadata://om.example:443/lake?tls=on&path=/meta/api", "https://om.example:443/meta/api/v1"),
        ("openmetadata://[::1]/lake?path=", "http://[::1]:8585/v1"),
    ],
)
def test_a_url_names_the_api(url: str, api: str) -> None:
    assert parse_url(url).address.api == api


def test_a_url_carries_all_options() -> None:
    settings = parse_url(
        "openmetadata://om/my%20lake?schema=raw&link=https://x/{name}&samples=off&profiles=off&ca=/ca.pem&tls=on&batch=7&state=sqlite:///s.db"
    )
    assert (settings.service, settings.schema, settings.link, settings.samples, settings.profiles, settings.batch, settings.state) == (
        "my lake",
        "raw",
        "https://x/{name}",
        False,
        False,
        7,
        "sqlite:///s.db",
    )
    assert settings.address.verify == "/ca.pem"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("openmetadata://host", "not readable"),
        ("openmetadata:///service", "not readable"),
        ("openmetadata://host:x/service", "wrong port"),
        ("openmetadata://token@host/service", "a token does not belong in the URL"),
        ("openmetadata://host/service?jwt=abc", "unknown option 'jwt'"),
        ("openmetadata://host/service?tls=maybe", "tls .* is on or off"),
        ("openmetadata://host/service?timeout=soon", "timeout .* is a number"),
    ],
)
def test_a_wrong_url_says_what_is_wrong(url: str, message: str, token: str) -> None:
    with pytest.raises(CatalogError, match=message) as error:
        open_catalog(url)
    assert "abc" not in str(error.value)


def test_it_is_found_by_its_scheme(double: Double) -> None:
    with open_catalog(double.url()) as catalog:  # type: ignore[attr-defined]
        assert catalog.list_tables() == []
    with pytest.raises(UnknownPluginError, match="openmetadata"):
        open_catalog("openmetadate://x/y")


@pytest.mark.parametrize("value", ["", "  ", "täken"])
def test_a_missing_token_is_asked_for(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("OPENMETADATA_JWT_TOKEN", value)
    with pytest.raises(CatalogError, match="set OPENMETADATA_JWT_TOKEN"):
        open_catalog("openmetadata://host/service")


def test_a_token_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="nowhere"):
        Address(host="h", token_file=str(tmp_path / "nowhere")).read_token()


def test_the_variable_of_the_token_file_comes_before_that_of_the_token(
    double: Double, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(f" {BOT_TOKEN}\n")
    monkeypatch.setenv("OPENMETADATA_JWT_TOKEN", "wrong")
    monkeypatch.setenv("OPENMETADATA_JWT_TOKEN_FILE", str(tmp_path / "token"))
    with CATALOG.open(double.url()) as catalog:
        assert publish(catalog, [plain("a")])[1].failed == ()


def test_an_old_server_is_refused(token: str) -> None:
    old = Double(version="1.1.7")
    try:
        with CATALOG.open(old.url()) as catalog, pytest.raises(CatalogError, match=r"is 1\.1\.7; s3-catalog needs 1\.6 or newer"):
            catalog.plan([plain("a")], see(), POLICY)
    finally:
        old.close()


def test_what_is_no_openmetadata_is_told_apart(token: str) -> None:
    other = Double(version="latest")
    try:
        with CATALOG.open(other.url()) as catalog, pytest.raises(CatalogError, match="no OpenMetadata API"):
            catalog.list_tables()
    finally:
        other.close()


def test_tls_is_verified_unless_told_otherwise(token: str, tmp_path: Path) -> None:
    bundle = write_certificates(tmp_path)
    server = Double(certificates=tmp_path)
    try:
        for options in ({"ca": bundle}, {"verify": "off"}):
            with CATALOG.open(server.url(tls="on", **options)) as catalog:
                assert catalog.list_tables() == []
        with CATALOG.open(server.url(tls="on")) as catalog, pytest.raises(CatalogUnavailableError, match="certificate is not trusted"):
            catalog.list_tables()
    finally:
        server.close()


def test_a_client_certificate_is_shown_to_a_server_that_asks_for_one(token: str, tmp_path: Path) -> None:
    bundle = write_certificates(tmp_path)
    server = Double(certificates=tmp_path, client_authority=bundle)
    try:
        ours = {"cert": str(tmp_path / "public.crt"), "key": str(tmp_path / "private.key")}
        with CATALOG.open(server.url(tls="on", ca=bundle, **ours)) as catalog:
            assert catalog.list_tables() == []
        with CATALOG.open(server.url(tls="on", ca=bundle)) as catalog, pytest.raises(CatalogUnavailableError):
            catalog.list_tables()
    finally:
        server.close()


def test_a_ca_file_that_is_missing_is_named(token: str) -> None:
    with pytest.raises(CatalogError, match="ca, cert and key"):
        open_catalog("openmetadata://host/service?tls=on&ca=/no/such.pem")


def test_what_was_written_is_remembered_in_the_state_that_the_url_names(double: Double, tmp_path: Path) -> None:
    url = double.url(state=f"sqlite:///{tmp_path}/state.db")
    for text in ("Old.", "New."):
        with CATALOG.open(url) as catalog:
            publish(catalog, [plain("a", text=text)])
    assert double.table("lake_service.lake.root.a")["description"] == "New."
