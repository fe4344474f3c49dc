"""Find a Java that is new enough for Trino, on machines whose `java` is an older one. Standard library alone.

`python s3_catalog_tests/glue/java.py` prints its path, or says what is missing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MIN_JAVA = 24
MISSING = f"Trino needs Java {MIN_JAVA} or newer: install one (Temurin) below /usr/lib/jvm or /opt, or name it in JAVA_HOME"
_FOLDERS = ("/usr/lib/jvm/*", "/usr/java/*", "/opt/*", "/opt/*/*", "/opt/hostedtoolcache/Java_*/*/*")


def find_java() -> str | None:
    """The first of: `JAVA_HOME`, `JAVA_HOME_25` and the like, the one on the path, the newest in the usual folders."""
    return next((java for java in _candidates() if _version(java) >= MIN_JAVA), None)


def _candidates() -> Iterator[str]:
    named = sorted((name for name in os.environ if name.startswith("JAVA_HOME_")), reverse=True)
    homes = [os.environ[name] for name in ("JAVA_HOME", *named) if os.environ.get(name)]
    on_path = shutil.which("java")
    yield from filter(os.path.isfile, [f"{home}/bin/java" for home in homes] + [on_path or ""])
    found = {java.resolve() for folder in _FOLDERS for java in Path("/").glob(f"{folder[1:]}/bin/java") if java.is_file()}
    yield from map(str, sorted(found, key=lambda java: _version(str(java)), reverse=True))


def _version(java: str) -> int:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', told)
    return int(match[1]) if match else 0


if __name__ == "__main__":
    found = find_java()
    sys.stdout.write(f"{found or MISSING}\n")
    sys.exit(found is None)
