"""Commands about the catalogs that tables are published to."""

from __future__ import annotations

from s3_catalog.cli_app import command


def add_commands() -> None:
    """Register them, in the order in which `--help` shows them."""
    for function in ():
        command(function)
