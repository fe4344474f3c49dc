"""The command as a process: what it loads, where it writes, how it ends; and what a terminal gets to see."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from s3_catalog.config import example_settings
from s3_catalog_tests.cli.commands import command, run, run_apart, without_progress
from s3_catalog_tests.servers import Fault, FaultyProxy, S3Server

ORDERS = b"id,amount\n1,2.5\n"
HOSTILE = "\x1b[31m[red]evil[/red]\n\u202e.csv"
Fill = Callable[[dict[str, bytes]], Path]


def on_a_terminal(*arguments: str | Path, columns: int = 80) -> str:
    """What a command shows on a terminal of this width."""
    mine, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    with subprocess.Popen(command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while select.select([mine], [], [], 30)[0]:
            try:
                shown += os.read(mine, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
        process.wait(30)
    os.close(mine)
    return shown.decode()


def test_the_command_line_loads_nothing_heavy() -> None:
    heavy = {"dagster", "boto3", "botocore", "sqlalchemy", "pyarrow", "duckdb", "pydantic"}
    code = f"import sys, s3_catalog.cli; print(*sorted(set(sys.modules) & {heavy}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_version_and_help() -> None:
    assert re.fullmatch(r"s3-catalog \d+\.\d+\.\d+\S*\n", run("--version").stdout)
    listed = run("--help").stdout
    assert all(name in listed for name in ("crawl", "tables", "show", "explain", "objects", "runs", "init"))


def test_wrong_options_are_exit_code_2() -> None:
    assert [run(*arguments).exit_code for arguments in (["--nope"], ["nope"], ["crawl", "--nope"], ["show"])] == [2] * 4


def test_the_real_process_answers_as_promised(fill_folder: Fill, own_folder: Path) -> None:
    folder = fill_folder({"orders.csv": ORDERS, "broken.parquet": b"no parquet at all"})
    answer = run_apart("crawl", folder, "--json", "--objects")
    assert (answer.exit_code, answer.stderr) == (1, "")
    assert [one["key"] for one in answer.json["objects"]] == ["broken.parquet", "orders.csv"]
    assert run_apart("tables", "--json").json == answer.json["tables"]
    assert (own_folder / ".s3_catalog/s3_catalog.db").is_file()


def test_output_that_cannot_be_written_is_one_line(fill_folder: Fill) -> None:
    folder = fill_folder({"orders.csv": ORDERS})
    with Path("/dev/full").open("wb") as full:
        answer = run_apart("crawl", folder, "--json", stdout=full)
    assert (answer.exit_code, answer.stderr) == (2, "error: standard output: No space left on device\n")


def test_a_reader_that_leaves_early_gets_no_traceback(sample_catalog: str) -> None:
    with subprocess.Popen(command("objects", "--catalog", sample_catalog), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_output_without_unicode_still_gets_every_key(fill_folder: Fill) -> None:
    folder = fill_folder({"größe/größe ☃.csv": ORDERS})
    answer = run_apart("crawl", folder, env={"PYTHONIOENCODING": "ascii"})
    assert answer.exit_code == 0
    assert run_apart("objects", env={"PYTHONIOENCODING": "ascii"}).stdout.split("\t")[1] == r"gr\xf6\xdfe/gr\xf6\xdfe \u2603.csv"


def test_interrupted_it_ends_at_once_and_leaves_the_catalog(
    s3_server: S3Server, faulty: Callable[..., FaultyProxy], own_folder: Path
) -> None:
    bucket = s3_server.make_bucket({"a/orders.csv": ORDERS})
    proxy = faulty(s3_server.endpoint_url, Fault(kind="stall", match="a%2F", seconds=30))
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": proxy.endpoint_url}
    arguments = command("crawl", f"s3://{bucket}/")
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        deadline = time.monotonic() + 30
        while not proxy.faults[0].hits and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=20)  # less than the stall
    assert (process.returncode, output, without_progress(errors.decode())) == (130, b"", "interrupted\n")
    assert run("tables", "--json").json == []


def test_an_unexpected_error_is_one_line_and_debug_shows_the_rest(own_folder: Path) -> None:
    broken = {"PYTHONPATH": str(own_folder)}
    (own_folder / "duckdb.py").write_text("raise ZeroDivisionError('holds s3cret')")
    (own_folder / "lake").mkdir()
    answer = run_apart("crawl", "lake", env=broken)
    assert answer.error == "unexpected ZeroDivisionError; `s3-catalog --debug ...` shows where it arose"
    told = run_apart("--debug", "crawl", "lake", env=broken)
    assert told.exit_code == 2
    assert "Traceback" in told.stderr
    assert told.stderr.endswith(answer.stderr)


def test_hostile_keys_are_shown_harmlessly(fill_folder: Fill) -> None:
    folder = fill_folder({f"a/{HOSTILE}": b"", f"b/{HOSTILE.replace('csv', 'parquet')}": b"PAR1 but not really"})
    shown = run("crawl", folder).stdout + run("objects").stdout + run("explain", f"a/{HOSTILE}").stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert shown.count(r"b/\x1b[31m[red]evil[/red]\n\u202e.parquet") == 2
    assert r"a/\x1b[31m[red]evil[/red]\n\u202e.csv" in shown
    assert run("explain", f"no/{HOSTILE}").error.startswith(r"'no/\x1b[31m[red]evil[/red]\n\u202e.csv' is no table")
    on_screen = on_a_terminal("objects")
    assert r"a/\x1b[31m[red]evil[/red]\n\u202e.csv" in on_screen
    assert "\x1b[31m[red]" not in on_screen


@pytest.mark.parametrize("arguments", [["tables"], ["show", "sales_orders"], ["explain", "sales_orders"], ["runs"]])
def test_a_terminal_of_80_columns_is_wide_enough(arguments: list[str], sample_catalog: str) -> None:
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", on_a_terminal(*arguments, "--catalog", sample_catalog)).splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 80


def test_a_terminal_gets_progress_bars_and_others_do_not(sample_lake: Path) -> None:
    assert "listing objects" in on_a_terminal("crawl", sample_lake, "--catalog", "sqlite:///a.db")
    assert run_apart("crawl", sample_lake, "--catalog", "sqlite:///b.db").stderr == ""


def test_init_writes_every_setting_and_replaces_nothing_unasked(own_folder: Path) -> None:
    assert run("init").stdout == "wrote s3_catalog.yaml\n"
    assert (own_folder / "s3_catalog.yaml").read_text() == example_settings()
    (own_folder / "s3_catalog.yaml").write_text("mine")
    assert run("init").error == "s3_catalog.yaml is there already: --force replaces it"
    assert (own_folder / "s3_catalog.yaml").read_text() == "mine"
    assert run("init", "--force").exit_code == 0
    assert run("tables", "--json").json == []
    assert run("init", "no/such/folder.yaml").error == "no/such/folder.yaml: No such file or directory"
