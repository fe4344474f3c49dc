"""Who may import whom, what an import may load, and how large a part may grow."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import s3_catalog

PACKAGE = Path(s3_catalog.__file__).parent
PROJECT = PACKAGE.parent

# What each part may import of the others; everything may import errors. A part that is not here may be imported by those that name it only.
MAY_IMPORT: dict[str, set[str]] = {
    "model": set(),
    "errors": set(),
    "config_file": set(),
    "config_sections": {
        "model",
        "storage",
        "formats",
        "table_formats",
        "discovery",
        "inference",
    },  # to check values by the rules of those who take them
    "config_describing": {"config_sections", "model", "formats", "table_formats", "discovery", "tagging", "describing"},
    "config": {"config_file", "config_sections", "config_describing", "storage", "formats"},
    "storage": {"model"},
    "formats": {"model", "storage"},
    "table_formats": {"model", "storage", "formats"},
    "discovery": {"model", "storage", "formats", "table_formats"},
    "tagging": {"model", "storage", "discovery"},
    "profiling": {"model", "storage", "formats", "tagging"},
    "sources": {"model", "storage", "config"},
    "inference": {"model", "storage", "formats", "table_formats", "discovery", "tagging"},
    "describing": {"model", "storage", "formats", "discovery", "inference", "profiling", "tagging"},
    "engines": {"model", "formats"},
    "catalogs": {"model", "engines"},
}
# The ends of the flow put the parts together: they may import every part above and those named here.
ENDS: dict[str, set[str]] = {
    "publishing": {"pipeline"},
    "targets": set(),
    "pipeline": {"publishing", "targets"},
    "planning": {"pipeline", "publishing", "targets"},
    "plan_file": {"planning", "publishing", "targets"},
    "comparing": {"pipeline", "targets"},
    "terminal_plan": {"planning", "comparing", "targets", "console"},
    "reporting": {"pipeline", "scanning", "reporting_plans"},
    "reporting_plans": {"planning", "comparing", "targets"},
    "explaining": {"pipeline"},
    "revisiting": {"pipeline"},
    "scanning": {"pipeline", "explaining", "revisiting"},
    "full_profiles": {"pipeline", "explaining", "revisiting"},
    "console": set(),
    "terminal": {"pipeline", "reporting", "explaining", "console", "terminal_table", "terminal_plan"},
    "terminal_table": {"reporting", "console", "terminal_description"},
    "terminal_description": {"reporting", "console"},
    "terminal_scan": {"scanning", "console"},
    "progress": {"pipeline", "console"},
    "report": set(),
    "shell": set(),
    "cli_options": {"reporting", "pipeline"},
    "cli_app": {"shell"},
    "cli_catalogs": {
        "cli_app",
        "cli_options",
        "pipeline",
        "targets",
        "planning",
        "plan_file",
        "comparing",
        "reporting",
        "reporting_plans",
        "terminal_plan",
        "progress",
        "shell",
    },
    "doctor": {"doctor_store"},
    "doctor_store": set(),
    "pruning": {"pipeline", "planning", "targets"},
    "terminal_checks": {"doctor", "pruning", "console", "terminal_plan", "reporting_plans"},
    "cli_checks": {
        "cli_app",
        "cli_catalogs",
        "cli_options",
        "pipeline",
        "planning",
        "plan_file",
        "doctor",
        "pruning",
        "reporting",
        "terminal_checks",
        "shell",
    },
    "cli": {
        "cli_app",
        "cli_catalogs",
        "cli_checks",
        "pipeline",
        "reporting",
        "explaining",
        "scanning",
        "full_profiles",
        "terminal",
        "terminal_table",
        "terminal_description",
        "terminal_scan",
        "progress",
        "report",
        "shell",
        "cli_options",
        "console",
    },
    "defs": {"pipeline", "reporting", "targets"},
    "definitions": {"pipeline", "defs"},
    "openmetadata_source": {"pipeline"},
}
# Its base class is of an extra, so it is loaded by those alone who name it in a YAML file.
BUILT_ON_AN_EXTRA = "s3_catalog.openmetadata_source.source"
HEAVY = ("dagster", "boto3", "botocore", "sqlalchemy", "alembic")
FORBIDDEN_NAMES = re.compile(r"(^|_)(utils?|commons?|helpers?|managers?|misc)($|_)")
MAX_MODULE_LINES = 450
MAX_BODY_LINES = 50


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name. `late`: inside a function. `typing_only`: below `if TYPE_CHECKING`."""

    importer: str
    name: str
    late: bool
    typing_only: bool

    def __str__(self) -> str:
        return f"{self.importer} imports {self.name}"


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PROJECT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def imports() -> tuple[Import, ...]:
    return tuple(found for name, tree in modules().items() for found in imports_in(tree, name, late=False, typing_only=False))


def imports_in(node: ast.AST, importer: str, *, late: bool, typing_only: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (Import(importer, alias.name, late, typing_only) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            names = (f"{child.module}.{alias.name}" for alias in child.names)
            yield from (Import(importer, name if name in modules() else child.module, late, typing_only) for name in names)
        else:
            inside = late or isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            checking = typing_only or (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test))
            yield from imports_in(child, importer, late=inside, typing_only=checking)


def part_of(name: str) -> str:
    """The part of the package that a module belongs to: `s3_catalog.storage.s3` -> `storage`."""
    return name.split(".")[1] if "." in name else ""


def top_of(name: str) -> str:
    return name.partition(".")[0]


def test_every_part_imports_only_what_it_may() -> None:
    wrong = []
    for found in imports():
        importer, imported = part_of(found.importer), part_of(found.name)
        if top_of(found.name) != "s3_catalog" or imported in ("", importer, "errors"):
            continue
        allowed = MAY_IMPORT.keys() | ENDS[importer] if importer in ENDS else MAY_IMPORT.get(importer, set())
        if imported not in allowed:
            wrong.append(str(found))
    assert wrong == []


def test_every_part_has_its_place_in_the_order() -> None:
    parts = {part_of(name) for name in modules()} - {""}
    assert parts <= MAY_IMPORT.keys() | ENDS.keys()


def test_errors_import_nothing_of_the_package() -> None:
    assert [str(i) for i in imports() if i.importer == "s3_catalog.errors" and top_of(i.name) == "s3_catalog"] == []


def test_the_model_knows_only_the_standard_library_and_arrow() -> None:
    allowed = sys.stdlib_module_names | {"pyarrow", "s3_catalog"}
    assert [str(i) for i in imports() if part_of(i.importer) == "model" and top_of(i.name) not in allowed] == []


def test_dagster_is_only_in_definitions_and_defs() -> None:
    assert [str(i) for i in imports() if top_of(i.name).startswith("dagster") and part_of(i.importer) not in ("definitions", "defs")] == []


def test_grouping_opens_no_data_file() -> None:
    # Of the formats it may know which there are, how a name ends, what first bytes mean, and what people say of files.
    allowed = {"s3_catalog.formats", *(f"s3_catalog.formats.{name}" for name in ("_detect", "_compression", "_hints", "_type_hints"))}
    found = [i for i in imports() if part_of(i.importer) == "discovery" and part_of(i.name) == "formats"]
    assert [str(i) for i in found if i.name not in allowed] == []


def test_no_import_is_relative() -> None:
    relative = [name for name, tree in modules().items() for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert relative == []


@pytest.mark.parametrize(
    "name", sorted(name for name in modules() if part_of(name) not in ("definitions", "defs") and name.count(".") == 1)
)
def test_an_import_loads_nothing_heavy(name: str) -> None:
    code = f"import sys, {name}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout.split() == []


def test_no_import_reads_the_environment() -> None:
    reads = re.compile(r"os\.(environ|getenv)|Path\.(home|cwd)\(")
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        for node in statements_run_at_import(tree)
        if reads.search(ast.unparse(node))
    ]
    assert found == []


def statements_run_at_import(tree: ast.AST) -> Iterator[ast.stmt]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from statements_run_at_import(node)
        elif isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def requirement_names(requirements: list[str]) -> set[str]:
    return {normalized(re.split(r"[\s\[<>=!~;]", requirement, maxsplit=1)[0]) for requirement in requirements}


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def third_party_imports() -> dict[str, list[Import]]:
    """Distribution -> the imports that need it."""
    known = importlib.metadata.packages_distributions()
    found: dict[str, list[Import]] = {}
    for one in imports():
        top = top_of(one.name)
        if top not in sys.stdlib_module_names and top not in ("s3_catalog", "__future__") and not one.typing_only:
            distributions = {normalized(name) for name in known.get(top, [top])}
            for distribution in distributions:
                found.setdefault(distribution, []).append(one)
    return found


@cache
def declared() -> tuple[set[str], set[str]]:
    """What pyproject.toml declares: the base dependencies, and those of the extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = set().union(*(requirement_names(extra) for extra in project["optional-dependencies"].values()))
    return requirement_names(project["dependencies"]), extras


def test_every_imported_package_is_declared() -> None:
    base, extras = declared()
    assert {name: [str(i) for i in found] for name, found in third_party_imports().items() if name not in base | extras} == {}


def test_every_base_dependency_is_imported() -> None:
    base, _ = declared()
    assert base - third_party_imports().keys() == set()


def test_packages_of_extras_are_imported_where_they_are_used() -> None:
    base, extras = declared()
    found = [(name, i) for name, imported in third_party_imports().items() for i in imported if i.importer != BUILT_ON_AN_EXTRA]
    early = [str(i) for name, i in found if name in extras - base and not i.late]
    assert early == []


def test_nothing_imports_what_is_built_on_an_extra_early() -> None:
    assert [str(i) for i in imports() if i.name.startswith(BUILT_ON_AN_EXTRA) and not i.late] == []


def test_names_say_what_a_module_is_for() -> None:
    names = [name for name in modules() if name != "s3_catalog.defs.io_managers"]  # Dagster's own word
    assert [name for name in names if FORBIDDEN_NAMES.search(name.rpartition(".")[2])] == []


def test_modules_stay_readable() -> None:
    long = {}
    for path in [*PACKAGE.rglob("*.py"), *(PROJECT / "s3_catalog_tests").rglob("*.py"), *(PROJECT / "examples").glob("*.py")]:
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > MAX_MODULE_LINES:
            long[path.relative_to(PROJECT).as_posix()] = lines
    assert long == {}


def test_functions_stay_readable() -> None:
    long = {}
    for name, tree in modules().items():
        if ".migrations." in name:  # a list of tables, read from top to bottom
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and body_lines(node) > MAX_BODY_LINES:
                long[f"{name}.{node.name}"] = body_lines(node)
    assert long == {}


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_repository_names_no_package_index() -> None:
    hosts = re.compile(r"https?://[\w.-]*(py[p]i|python[h]osted|registry|prox[y]\.golang)[\w.-]*|--(extra-)?index-url|--find-links")
    names = ["requirements.lock", "requirements-dev.lock", "Makefile", "pyproject.toml", "setup.cfg", ".ci/run"]
    found = [f"{name}: {match[0]}" for name in names for match in [hosts.search((PROJECT / name).read_text(encoding="utf-8"))] if match]
    assert found == []


def test_the_command_is_installed() -> None:
    assert os.access(Path(sys.executable).with_name("s3-catalog"), os.X_OK)
