"""A detector that fails, or that takes too long: its tables are published, without samples; it is told, and nothing leaks on the way.

The detectors come from a package of their own, by its entry points, as other people's do.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from s3_catalog.tagging import detectors
from s3_catalog_tests.cli.commands import PROGRAM, run
from s3_catalog_tests.defs.harness import Deployment
from s3_catalog_tests.privacy.conftest import run_in
from s3_catalog_tests.privacy.planting import Planter, as_rows, meaningless, telling, texts, typed
from s3_catalog_tests.privacy.search import Search

DETECTORS = """
import time
from s3_catalog.tagging import Certainty


class Failing:
    name = label = looks_for = "{name}"
    tags = ("Test.Kind",)
    certainty = Certainty.CHECKED
    min_share = min_share_named = 0.5

    def detect(self, column, values):
        for value in values:
            self.find(column, value)
        return None

    def find(self, column, text):
        {body}
        return []


DETECTOR = Failing()
"""
BODIES = {
    "raises": 'raise ValueError(f"not what I expected in {column.path}: {text!r}")',
    "raises late": 'if "@" in text: raise LookupError(text)',
    "too slow": 'if "@" in text: time.sleep(0.5)',
}
WARNINGS = {"raises": "ValueError", "raises late": "LookupError", "too slow": "TooSlow"}


@pytest.fixture(scope="module")
def planter() -> Planter:
    return Planter()


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, planter: Planter) -> Path:
    """A few tables, all of which hold e-mail addresses."""
    root = tmp_path_factory.mktemp("lake")
    for name in ("people", "plain", "notes", "misfit"):
        (root / name).mkdir()
    pq.write_table(pa.table(typed(telling(planter, "parquet"))), root / "people" / "part.parquet")
    (root / "plain" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in as_rows(meaningless(planter, "jsonl"))))
    pq.write_table(pa.table(texts(planter, "texts")), root / "notes" / "part.parquet")
    (root / "misfit" / "rows.csv").write_text(f"n,email\n1,{planter.plant('email', 'misfit')}\n")
    return root


def write_package(folder: Path, body: str) -> str:
    """A package with a detector, as installed; returns its folder for the path of modules."""
    site = folder / "site"
    about = site / "failing_detector-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: failing-detector\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[s3_catalog.detectors]\nfailing = failing_detector:DETECTOR\n")
    (site / "failing_detector.py").write_text(DETECTORS.format(name="failing", body=body))
    return str(site)


def configure(home: Path, lake: Path) -> None:
    hints = [{"path": "misfit/*.csv", "columns": {"email": "bigint"}}]
    (home / "s3_catalog.yaml").write_text(
        json.dumps({"location": str(lake), "catalog": f"sqlite:///{home / 'catalog.db'}", "hints": hints})
    )


@pytest.fixture(scope="module", params=BODIES)
def crawled(request: pytest.FixtureRequest, lake: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """How the detector fails, and the folder of a crawl with it."""
    home = tmp_path_factory.mktemp("crawled")
    configure(home, lake)
    site = write_package(tmp_path_factory.mktemp("package"), BODIES[request.param])
    assert run_in(home, PROGRAM, "--debug", "crawl", "--json", PYTHONPATH=site) == 1
    return request.param, home


def test_no_value_is_left_anywhere(crawled: tuple[str, Path], planter: Planter) -> None:
    assert Search(planter.planted.values()).in_folder(crawled[1]) == set()


def test_tables_are_published_without_samples_and_say_why(crawled: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    how, home = crawled
    monkeypatch.chdir(home)
    assert [table["name"] for table in run("tables", "--json").json] == ["notes", "people", "plain"]
    for name in ("notes", "people", "plain"):
        shown = json.dumps(run("show", name, "--json").json)
        assert "a detector failed" in shown
        assert "failed on column" in shown
        assert WARNINGS[how] in shown


@pytest.fixture
def failing_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Installs a failing detector in this process: `failing_detector(how)`."""

    def install(how: str) -> None:
        monkeypatch.syspath_prepend(write_package(tmp_path, BODIES[how]))
        invalidate_caches()
        detectors.cache_clear()

    yield install
    monkeypatch.undo()
    sys.modules.pop("failing_detector", None)
    detectors.cache_clear()


@pytest.fixture
def deployment(lake: Path, tmp_path: Path) -> Iterator[Deployment]:
    instance = dg.DagsterInstance.ephemeral(tempdir=str(tmp_path / "dagster"))
    yield Deployment(folder=tmp_path / "deployment", values={"location": str(lake)}, instance=instance)
    instance.dispose()


def findings(deployment: Deployment, check: str) -> dict[str, bool]:
    return {partition: passed for (name, partition), passed in deployment.checks().items() if name == check}


def test_both_checks_pass_where_detectors_work(deployment: Deployment) -> None:
    assert deployment.run().success
    assert set(findings(deployment, "untagged_personal_data").values()) == {True}
    assert set(findings(deployment, "sample_masked").values()) == {True}
    assert any(table.description and table.description.sample.rows for table in deployment.tables())


def test_a_failing_detector_fails_the_check_and_not_the_job(
    deployment: Deployment, failing_detector: Callable[[str], None], tmp_path: Path, planter: Planter, capfd: pytest.CaptureFixture[str]
) -> None:
    failing_detector("raises late")
    assert deployment.run().success
    assert set(findings(deployment, "untagged_personal_data").values()) == {False}
    assert {table.name for table in deployment.tables()} == {"misfit", "notes", "people", "plain"}
    assert not any(table.description and table.description.sample.rows for table in deployment.tables())
    search, output = Search(planter.planted.values()), capfd.readouterr()
    assert search.in_folder(tmp_path / "dagster") | search.in_folder(tmp_path / "deployment") == set()
    assert search.in_text(output.out + output.err, "output") == set()
    events = [entry.to_json() for one in deployment.instance.get_runs() for entry in deployment.instance.all_logs(one.run_id)]
    assert search.in_text("\n".join(events), "event log") == set()


def test_a_sample_that_was_tampered_with_fails_the_check(deployment: Deployment, tmp_path: Path) -> None:
    """Whoever puts a value into what an asset handed on: the check looks at what is there, not at what should be."""
    assert deployment.run().success
    (path,) = (tmp_path / "dagster").rglob("table_descriptions/notes*.parquet")
    rows = pq.read_table(path)
    changed = rows.to_pylist()
    changed[0]["tables"][0]["table"] = changed[0]["tables"][0]["table"].replace("<email>", "someone@example.org")
    tampered: Any = pa.Table.from_pylist(changed, rows.schema)
    pq.write_table(tampered, path)
    checks = dg.AssetSelection.checks_for_assets(dg.AssetKey("table_descriptions"))
    job = dg.define_asset_job("look_again", selection=checks | dg.AssetSelection.assets("published_tables"))
    again = dg.Definitions.merge(deployment.definitions, dg.Definitions(jobs=[job])).resolve_job_def("look_again")
    assert again.execute_in_process(instance=deployment.instance, partition_key="notes/", raise_on_error=False).success
    assert findings(deployment, "sample_masked")["notes/"] is False
    assert findings(deployment, "sample_masked")["people/"] is True
