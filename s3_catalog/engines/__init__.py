"""Query engines: which of them can read a table as a catalog would show it to them, and why not.

In: tables as they were inferred. Out: a `Verdict` per table and engine. Pure: no catalog, no engine and no store is asked; every rule
is a fact of the engines' documentation or was seen on the engine itself (`s3_catalog_tests/services/test_trino_glue.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from s3_catalog.model.tables import Table


class Engine(StrEnum):
    """An engine that people query lakes with."""

    ATHENA = "athena"
    TRINO = "trino"
    SPARK = "spark"
    DUCKDB = "duckdb"


ALL_ENGINES = frozenset(Engine)
GLUE_ENGINES = frozenset({Engine.ATHENA, Engine.TRINO, Engine.SPARK})
"""Those that read tables through AWS Glue; DuckDB reads the files themselves."""


class Readability(StrEnum):
    """How well an engine reads a table."""

    READABLE = "readable"
    RESTRICTED = "with restrictions"
    UNREADABLE = "not readable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about a table that some engines stumble over. `blocks`: they cannot read it, or would read wrong rows."""

    engines: frozenset[Engine]
    reason: str
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one engine can do with one table, with all reasons; those that block come first."""

    engine: Engine
    readability: Readability
    reasons: tuple[str, ...] = ()


def check_tables(tables: Sequence[Table], strangers: Mapping[str, int] | None = None) -> dict[str, tuple[Verdict, ...]]:
    """Judge tables that lie beside one another: the verdicts of every table, by identity, engine by engine.

    Args:
        strangers: table identity -> how many objects that are no part of the table an engine would read with it
            (`engines.folders.count_strangers`); without it only the other tables are known.
    """
    from s3_catalog.engines import columns, files, folders

    neighbours = folders.find_neighbours(tables)
    verdicts = {}
    for table in tables:
        identity = table.layout.identity
        found = [
            *files.check_files(table),
            *folders.check_folder(table, neighbours.get(identity, ()), (strangers or {}).get(identity, 0)),
            *columns.check_columns(table),
        ]
        verdicts[identity] = _judge(found)
    return verdicts


def check_table(table: Table) -> tuple[Verdict, ...]:
    """Judge one table as if it were alone."""
    return check_tables([table])[table.layout.identity]


def _judge(findings: Iterable[Finding]) -> tuple[Verdict, ...]:
    ordered = sorted(findings, key=lambda finding: not finding.blocks)
    return tuple(_judge_engine(engine, [finding for finding in ordered if engine in finding.engines]) for engine in Engine)


def _judge_engine(engine: Engine, findings: Sequence[Finding]) -> Verdict:
    blocked = any(finding.blocks for finding in findings)
    readability = Readability.UNREADABLE if blocked else Readability.RESTRICTED if findings else Readability.READABLE
    return Verdict(engine, readability, tuple(dict.fromkeys(finding.reason for finding in findings)))
