"""Where a table comes from, as the details of a table say it: the folder it was cloned from, and folders of files that are not its own."""

from __future__ import annotations

import json
from collections.abc import Mapping

CLONED_FROM = "cloned_from"
"""Detail: the URL of a folder, ending in `/`."""
FILES_FROM = "files_from"
"""Detail: a JSON list of URLs of folders."""


def read_origins(details: Mapping[str, str]) -> list[str]:
    """The URLs of the folders that a table's details name as its origins.

    >>> read_origins({"cloned_from": "s3://lake/a/", "files_from": '["s3://lake/a/", "s3://lake/b/"]'})
    ['s3://lake/a/', 's3://lake/b/']
    """
    cloned = [details[CLONED_FROM]] if CLONED_FROM in details else []
    return list(dict.fromkeys([*cloned, *json.loads(details.get(FILES_FROM, "[]"))]))
