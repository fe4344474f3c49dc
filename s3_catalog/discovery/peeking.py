"""The only bytes grouping ever sees: first bytes where a name says nothing, and the manifest people put into the bucket."""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.compute as pc

from s3_catalog.discovery.pins import MANIFEST_NAME, Pin, read_openmetadata_manifest
from s3_catalog.errors import AccessDeniedError, ConfigError, ObjectNotFoundError
from s3_catalog.formats._detect import detect_format
from s3_catalog.storage import ObjectStore
from s3_catalog.storage.files import ObjectFile, OpenedFiles

logger = logging.getLogger(__name__)

_MAX_MANIFEST_BYTES = 4 * 1024 * 1024


class Peeker:
    """Tells the format of an object by its first `head_bytes`; keeps the opened files so that inference need not fetch them again."""

    def __init__(self, store: ObjectStore, manifest: pa.Table, head_bytes: int) -> None:
        self._store, self._manifest, self._head_bytes = store, manifest, head_bytes
        self.opened = OpenedFiles()

    def __call__(self, key: str) -> str | None:
        """Name the format, or None.

        Raises:
            StoreError: the object could not be read.
        """
        row = self._manifest.slice(pc.index(self._manifest.column("key"), key).as_py(), 1).to_pylist()[0]
        file = ObjectFile(self._store, key, row["size"], row["etag"])
        found = detect_format(file.head(self._head_bytes))
        if found is not None:
            self.opened.add(file)
        return found[0] if found else None


def read_manifest_pins(store: ObjectStore, manifest: pa.Table, *, always: bool) -> tuple[tuple[Pin, ...], tuple[str, str] | None]:
    """Read the `openmetadata.json` at the top of the location.

    Args:
        always: look for it although the manifest does not list it (a run over one scope does not list the top).

    Returns: its pins; (key, error) when it cannot be understood, which stops nothing else.
    """
    key = store.location.prefix + MANIFEST_NAME
    listed = pc.index(manifest.column("key"), key).as_py() >= 0
    if not listed and not always:
        return (), None
    try:
        return tuple(read_openmetadata_manifest(store.read_range(key, 0, _MAX_MANIFEST_BYTES))), None
    except (ObjectNotFoundError, AccessDeniedError) as error:
        # without the right to list, S3 answers 403 for what is not there
        return (), ((key, str(error)) if listed else None)
    except ConfigError as error:
        logger.warning("manifest not understood key=%s reason=%s", key, error)
        return (), (key, str(error))
