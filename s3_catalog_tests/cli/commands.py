"""Running `s3-catalog` as its users do: through the real entry point, in this process or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from s3_catalog.cli import app

PROGRAM = str(Path(sys.executable).with_name("s3-catalog"))


def without_progress(errors: str) -> str:
    """Standard error without the lines that say how far a crawl is: they come after some seconds, so on a busy machine only."""
    return "".join(line for line in errors.splitlines(keepends=True) if " so far, the last " not in line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one command left behind."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one line of an error; asserts that it is one, that the exit code says so and that nothing else was printed."""
        lines = self.stderr.splitlines()
        assert (self.exit_code, len(lines), self.stdout) == (2, 1, ""), self
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")


def run(*arguments: str | Path, env: Mapping[str, str | None] | None = None) -> Answer:
    """Run a command in this process."""
    done = CliRunner(env=env).invoke(app, [str(argument) for argument in arguments])
    return Answer(exit_code=done.exit_code, stdout=done.stdout, stderr=without_progress(done.stderr))


def run_apart(*arguments: str | Path, env: Mapping[str, str] | None = None, stdout: Any = subprocess.PIPE) -> Answer:
    """Run a command in a process of its own."""
    environment = {**os.environ, **(env or {})}
    done = subprocess.run(command(*arguments), env=environment, stdout=stdout, stderr=subprocess.PIPE, timeout=60, check=False)
    return Answer(exit_code=done.returncode, stdout=(done.stdout or b"").decode(), stderr=without_progress(done.stderr.decode()))


def command(*arguments: str | Path) -> list[str]:
    """The command line of a process."""
    return [PROGRAM, *map(str, arguments)]
