"""What the server refuses, and how an entity's version moves. Pure: dicts in, an error or a number out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

Body = dict[str, Any]

MAX_FQN = 3072
SIZED = ("VARCHAR", "CHAR", "BINARY", "VARBINARY")


EXCLUSIVE = ("Tier", "PII")
"""Classifications of a new server that let one of their tags stand on a table or column."""


class RefusedError(Exception):
    """An answer that is no success. `bare` is the shape of errors that the server itself did not expect."""

    def __init__(self, status: int, message: str, *, bare: bool = False) -> None:
        self.status, self.message, self.bare = status, message, bare
        super().__init__(message)

    @property
    def body(self) -> Body:
        return {"responseMessage": self.message} if self.bare else {"code": self.status, "message": self.message}


def bad(message: str) -> RefusedError:
    return RefusedError(400, message)


def join_fqn(*parts: str) -> str:
    return ".".join(part if part.startswith('"') or "." not in part else f'"{part}"' for part in parts)


def check_columns(columns: Iterable[Body]) -> None:
    seen: set[str] = set()
    for column in columns:
        name, kind = column["name"], column["dataType"]
        if name in seen:
            raise bad(f"Column name {name} is repeated")
        seen.add(name)
        if '"' in name:
            raise bad(f"Invalid column name {name}")
        if kind in SIZED and column.get("dataLength") is None:
            raise bad(f"For column data type {kind}, dataLength must not be null")
        if kind == "ARRAY" and not column.get("arrayDataType"):
            raise bad("For column data type array, arrayDataType must not be null")
        if kind == "STRUCT" and not column.get("children"):
            raise bad("For column data type struct, children must not be null")
        check_columns(column.get("children") or ())


def check_table(body: Body, *, registered: Iterable[str] = ()) -> None:
    check_columns(body["columns"])
    names = {column["name"] for column in body["columns"]}
    for partition in (body.get("tablePartition") or {}).get("columns") or ():
        if partition["columnName"] not in names:
            raise bad(f"Invalid partition column name: {partition['columnName']}")
    keyed = any(column.get("constraint") == "PRIMARY_KEY" for column in body["columns"])
    if keyed and any(c.get("constraintType") == "PRIMARY_KEY" for c in body.get("tableConstraints") or ()):
        raise bad("A column already has the constraint PRIMARY_KEY")
    for name in body.get("extension") or {}:
        if name not in registered:
            raise bad(f"Unknown custom field {name}")
    check_exclusive(body.get("tags") or ())
    for _, column in flatten(body["columns"]):
        check_exclusive(column.get("tags") or ())


def check_exclusive(tags: Iterable[Body]) -> None:
    classifications = [tag["tagFQN"].partition(".")[0] for tag in tags]
    for name in EXCLUSIVE:
        if classifications.count(name) > 1:
            raise bad(f"Tag labels of {name} are mutually exclusive and can't be assigned together")


def check_sample(columns: Iterable[Body], sample: Body) -> None:
    names = {column["name"] for column in columns}
    for name in sample["columns"]:
        if name not in names:
            raise bad(f"Invalid column name {name}")
    for row in sample["rows"]:
        if len(row) != len(sample["columns"]):
            raise bad(f"Number of columns is {len(sample['columns'])} but row has {len(row)} sample values")


def flatten(columns: Iterable[Body], above: str = "") -> Iterator[tuple[str, Body]]:
    for column in columns:
        path = join_fqn(column["name"]) if not above else f"{above}.{join_fqn(column['name'])}"
        yield path, column
        yield from flatten(column.get("children") or (), path)


def next_version(old: Body, new: Body) -> float:
    """0.1 more for what is said or added, 1.0 more for a column that is gone or of another type, else the same."""
    before, after = dict(flatten(old.get("columns") or ())), dict(flatten(new.get("columns") or ()))
    gone = before.keys() - after.keys()
    retyped = [path for path in before.keys() & after.keys() if _type_of(before[path]) != _type_of(after[path])]
    step = 1.0 if gone or retyped else 0.1 if _told(old) != _told(new) else 0.0
    return round(float(old["version"]) + step, 1)


def _type_of(column: Body) -> tuple[Any, ...]:
    return tuple(column.get(key) for key in ("dataType", "arrayDataType", "dataLength", "precision", "scale", "dataTypeDisplay"))


def _told(entity: Body) -> Body:
    """All that moves a version, in no order."""
    quiet = ("columns", "version", "updatedAt", "updatedBy", "sampleData", "profile", "href")
    told = {key: value for key, value in entity.items() if key not in quiet and value not in (None, [])}
    told["tags"] = _tag_names(entity)
    told["columns"] = {
        path: (c.get("description"), c.get("displayName"), c.get("constraint"), _tag_names(c))
        for path, c in flatten(entity.get("columns") or ())
    }
    return told


def _tag_names(holder: Body) -> list[str]:
    return sorted(tag["tagFQN"] for tag in holder.get("tags") or ())
