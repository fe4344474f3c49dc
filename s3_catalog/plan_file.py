"""Plans as YAML: people read and shorten them, `s3-catalog apply` writes exactly what is left.

A change may be deleted from the file, then it is not made. Tables stand once, by identity, as JSON texts; their types and partitions, and
the ledger of the crawl, as Parquet (`!!binary`): they must come back exactly. No secret is in a plan; samples are masked before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from s3_catalog.catalogs import Action, Plan, PlannedChange, RunRecord, RunStatus, Scope
from s3_catalog.errors import ConfigError
from s3_catalog.model.ledger import LEDGER_SCHEMA, FailedPrefix, summarize_ledger
from s3_catalog.model.records import (
    PARTITION_TYPE,
    read_layout,
    read_partitions,
    read_table,
    write_layout,
    write_partitions,
    write_table,
)
from s3_catalog.model.tables import Table
from s3_catalog.planning import EMBEDDED, Plans
from s3_catalog.publishing import PlannedCrawl
from s3_catalog.targets import TargetReport

if TYPE_CHECKING:
    from types import ModuleType

_VERSION = 1
_HEAD = """\
# A plan of s3-catalog. `s3-catalog apply FILE` writes exactly this, as long as the catalogs are as they were when it was made.
# A change that is deleted here is not made.
"""
_TABLE_ROWS = pa.schema(
    [
        pa.field("identity", pa.binary(), nullable=False),
        pa.field("layout_types", pa.binary(), nullable=False),
        pa.field("types", pa.binary(), nullable=False),
        pa.field("partitions", pa.list_(PARTITION_TYPE), nullable=False),
    ]
)


def write_plan_file(plans: Plans) -> str:
    """Write plans as YAML. Of unchanged tables only the name is kept."""
    named = plans.named()
    tables = {c.identity: c.table for _, plan in named for c in plan.changes if c.table is not None and c.action is not Action.UNCHANGED}
    document: dict[str, Any] = {
        "s3_catalog_plan": _VERSION,
        "made": plans.made.isoformat(),
        "location": plans.location,
        "catalogs": [{"name": name, **_write_plan(plan)} for name, plan in named],
        "tables": {identity: _write_table(table) for identity, table in tables.items()},
        "types_and_partitions": _write_parquet(_table_rows(tables)),
    }
    if plans.crawl is not None:
        document["run"] = _write_run(plans.crawl.run)
        document["ledgers"] = {scope: _write_parquet(ledger) for scope, ledger in plans.crawl.ledgers.items()}
    return _HEAD + _dump(document)


def read_plan_file(text: str, source: str) -> Plans:
    """Read plans back.

    Args:
        source: the file's name, for messages.

    Raises:
        ConfigError: it is no plan, one of another version, or damaged.
    """
    document = _load(text, source)
    version = document.get("s3_catalog_plan") if isinstance(document, dict) else None
    if version != _VERSION:
        kind = "not a plan of s3-catalog" if version is None else f"a plan of version {version}, and this program reads {_VERSION}"
        raise ConfigError(f"{source}: {kind}: `s3-catalog plan --out {source}` makes one")
    try:
        return _read_document(document)
    except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        where = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else type(error).__name__
        raise ConfigError(f"{source}: the plan is damaged ({where}): make a new one") from None


def _read_document(document: Mapping[str, Any]) -> Plans:
    rows = {row["identity"].decode("utf-8", "surrogatepass"): row for row in _read_parquet(document["types_and_partitions"]).to_pylist()}
    tables = {identity: _read_table(texts, rows[identity]) for identity, texts in document["tables"].items()}
    plans = {entry["name"]: _read_plan(entry, tables) for entry in document["catalogs"]}
    own = plans.pop(EMBEDDED, None)
    crawl = None
    if own is not None:
        ledgers = {scope: _read_parquet(data) for scope, data in document["ledgers"].items()}
        whole = pa.concat_tables([LEDGER_SCHEMA.empty_table(), *ledgers.values()]).sort_by("key")
        run = _read_run(document["run"])
        crawl = PlannedCrawl(
            run=run, tables=(), ledger=whole, summary=summarize_ledger(whole, run.failed_prefixes), plan=own, ledgers=ledgers
        )
    return Plans(
        location=document["location"],
        made=datetime.fromisoformat(document["made"]),
        crawl=crawl,
        targets=tuple(TargetReport(name=name, plan=plan) for name, plan in plans.items()),
    )


def _write_plan(plan: Plan) -> dict[str, Any]:
    return {
        "revision": plan.revision,
        "scope": {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(plan.scope).items()},
        "withheld": list(plan.withheld),
        "withheld_reason": plan.withheld_reason,
        "changes": [_write_change(change) for change in plan.changes],
    }


def _write_change(change: PlannedChange) -> dict[str, Any]:
    told: dict[str, Any] = {"action": str(change.action), "name": change.name, "identity": change.identity}
    told |= {name: [list(one) for one in getattr(change, name)] for name in ("fields", "kept") if getattr(change, name)}
    return told | ({} if change.reason is None else {"reason": change.reason})


def _read_plan(entry: Mapping[str, Any], tables: Mapping[str, Table]) -> Plan:
    scope: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in entry["scope"].items()}
    return Plan(
        changes=tuple(_read_change(change, tables) for change in entry["changes"]),
        revision=entry["revision"],
        scope=Scope(**scope),
        withheld=tuple(entry["withheld"]),
        withheld_reason=entry["withheld_reason"],
    )


def _read_change(entry: Mapping[str, Any], tables: Mapping[str, Table]) -> PlannedChange:
    action = Action(entry["action"])
    return PlannedChange(
        action=action,
        identity=entry["identity"],
        name=entry["name"],
        fields=_read_fields(entry.get("fields", ())),
        kept=_read_fields(entry.get("kept", ())),
        reason=entry.get("reason"),
        table=tables[entry["identity"]] if action in (Action.CREATE, Action.UPDATE, Action.RESTORE) else tables.get(entry["identity"]),
    )


def _read_fields(entries: Iterable[Sequence[Any]]) -> tuple[tuple[str, str | None, str | None], ...]:
    return tuple((field, before, after) for field, before, after in entries)


def _write_table(table: Table) -> dict[str, str]:
    return {"layout": write_layout(table.layout)[0], "table": write_table(table)[0]}


def _table_rows(tables: Mapping[str, Table]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "identity": identity.encode("utf-8", "surrogatepass"),
                "layout_types": write_layout(table.layout)[1],
                "types": write_table(table)[1],
                "partitions": write_partitions(table.partitions),
            }
            for identity, table in tables.items()
        ],
        schema=_TABLE_ROWS,
    )


def _read_table(texts: Mapping[str, str], row: Mapping[str, Any]) -> Table:
    layout = read_layout(texts["layout"], row["layout_types"])
    return read_table(texts["table"], row["types"], layout, read_partitions(row["partitions"]))


def _write_run(run: RunRecord) -> dict[str, Any]:
    finished = run.finished.isoformat() if run.finished else None
    return asdict(run) | {"started": run.started.isoformat(), "finished": finished, "status": str(run.status)}


def _read_run(entry: Mapping[str, Any]) -> RunRecord:
    finished = entry["finished"]
    parts = {
        "started": datetime.fromisoformat(entry["started"]),
        "finished": datetime.fromisoformat(finished) if finished else None,
        "status": RunStatus(entry["status"]),
        "failed_prefixes": tuple(FailedPrefix(**failed) for failed in entry["failed_prefixes"]),
    }
    return RunRecord(**{**entry, **parts})


def _write_parquet(rows: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    target = pa.BufferOutputStream()
    pq.write_table(rows, target, compression="zstd")
    return bytes(target.getvalue().to_pybytes())


def _read_parquet(data: bytes) -> pa.Table:
    import pyarrow.parquet as pq

    return pq.read_table(pa.BufferReader(data))


def _dump(document: Mapping[str, Any]) -> str:
    import yaml

    options: dict[str, Any] = {"sort_keys": False, "width": 140}
    try:
        return str(yaml.dump(document, Dumper=_fastest(yaml, "CSafeDumper", "SafeDumper"), **options))
    except UnicodeEncodeError:
        # A name that is no valid UTF-8: libyaml cannot write it, the slower writer escapes it.
        return str(yaml.dump(document, Dumper=yaml.SafeDumper, **options))


def _load(text: str, source: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_fastest(yaml, "CSafeLoader", "SafeLoader"))  # noqa: S506 - both are safe
    except yaml.YAMLError:
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark is not None else ""
            raise ConfigError(f"{source}{line}: not valid YAML") from None


def _fastest(yaml: ModuleType, fast: str, slow: str) -> Any:
    """The variant on libyaml, where it is built in."""
    return getattr(yaml, fast, getattr(yaml, slow))
