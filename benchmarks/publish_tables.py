"""Requests and time of publishing tables to OpenMetadata (the tests' double) and to AWS Glue (moto): new, unchanged, a tenth changed.

`python benchmarks/publish_tables.py --tables 1000`. The servers run in this process and share its time: compare the lines of one run.
"""

from __future__ import annotations

import argparse
import os
import secrets
import time
from collections.abc import Sequence

from s3_catalog.catalogs import Catalog, RetirePolicy
from s3_catalog.catalogs._authority import MemoryLastWritten
from s3_catalog.catalogs._glue_options import GlueOptions
from s3_catalog.catalogs._om_url import TOKEN_VARIABLE
from s3_catalog.catalogs.glue import GlueCatalog
from s3_catalog.catalogs.openmetadata import CATALOG
from s3_catalog.model.tables import Table
from s3_catalog_tests.catalogs.samples import see
from s3_catalog_tests.glue.proxy import GlueProxy
from s3_catalog_tests.glue.publishing import connection
from s3_catalog_tests.openmetadata.server import BOT_TOKEN, Double
from s3_catalog_tests.openmetadata.tables import many, wider
from s3_catalog_tests.servers import run_moto


def _publish(name: str, catalog: Catalog, tables: Sequence[Table], requests: Sequence[object]) -> None:
    before, start = len(requests), time.perf_counter()
    plan = catalog.plan(tables, see(), RetirePolicy())
    planned, seconds = len(requests) - before, time.perf_counter() - start
    outcome = catalog.apply(plan)
    total = time.perf_counter() - start
    print(
        f"{name:<24}{outcome.writes:>7,} tables written{planned:>6,} requests to plan in {seconds:5.1f} s"
        f"{len(requests) - before:>7,} in all in {total:5.1f} s"
    )


def main() -> None:
    """Measure three rounds on each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", type=int, default=1000)
    tables = many(parser.parse_args().tables)
    changed = [wider(table) if number % 10 == 0 else table for number, table in enumerate(tables)]
    rounds = (("new", tables), ("unchanged", tables), ("a tenth changed", changed))

    os.environ[TOKEN_VARIABLE] = BOT_TOKEN
    double = Double()
    with CATALOG.open(double.url(), MemoryLastWritten()) as openmetadata:
        for name, found in rounds:
            _publish(f"openmetadata, {name}", openmetadata, found, double.requests)
    double.close()

    with run_moto() as server:
        proxy = GlueProxy(server.endpoint_url)
        options = GlueOptions(connection=connection(server, endpoint_url=proxy.endpoint_url))
        with GlueCatalog(f"bench_{secrets.token_hex(4)}", options, last_written=MemoryLastWritten()) as glue:
            for name, found in rounds:
                _publish(f"glue, {name}", glue, found, proxy.targets)
        proxy.stop()


if __name__ == "__main__":
    main()
