"""Commands that look after catalogs: what is wrong with them, and what can go for good."""

from __future__ import annotations

import typer

from s3_catalog.cli_app import command
from s3_catalog.cli_options import (
    Anonymous,
    AwsProfile,
    CaBundle,
    Catalog,
    Config,
    EndpointUrl,
    Json,
    NoVerifyTls,
    PathStyle,
    Region,
    read_settings,
    store_settings,
)
from s3_catalog.shell import DONE, FAILURES, write_output


def doctor(
    as_json: Json = False,
    catalog: Catalog = None,
    config: Config = None,
    endpoint_url: EndpointUrl = None,
    region: Region = None,
    profile: AwsProfile = None,
    ca_bundle: CaBundle = None,
    no_verify_tls: NoVerifyTls = False,
    path_style: PathStyle = False,
    anonymous: Anonymous = False,
) -> None:
    """Look at store, catalogs, versions and permissions, and say what to do where something is wrong. Nothing is written.

    Exit code 1: something would make a crawl or a publication fail.
    """
    from s3_catalog.catalogs import CheckStatus
    from s3_catalog.doctor import examine, worst_status
    from s3_catalog.reporting import encode
    from s3_catalog.terminal_checks import describe_checks, show_checks

    s3 = store_settings(
        endpoint_url=endpoint_url,
        region=region,
        profile=profile,
        ca_bundle=ca_bundle,
        no_verify_tls=no_verify_tls,
        path_style=path_style,
        anonymous=anonymous,
    )
    examined = examine(read_settings(config, {"catalog": catalog}, s3))
    if as_json:
        write_output([encode(describe_checks(examined))])
    else:
        show_checks(examined)
    raise typer.Exit(FAILURES if worst_status(examined) is CheckStatus.FAILURE else DONE)


def add_commands() -> None:
    """Register them, in the order in which `--help` shows them."""
    for function in (doctor,):
        command(function)
