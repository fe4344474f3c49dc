"""Keeps what assets hand on: one Parquet file per asset and partition, in Dagster's storage folder or below any URL of fsspec."""

# No `from __future__ import annotations`: Dagster reads the types of fields.
import hashlib
import io
import uuid
from typing import Any
from urllib.parse import quote

import dagster as dg
import pyarrow as pa
from upath import UPath

IO_MANAGER_KEY = "parquet_parts"
"""A key of its own: under Dagster's default key it would receive the small values of ops as well."""

_READABLE_LENGTH = 80


class ParquetParts(dg.UPathIOManager):
    """Assets give and take a dict of Arrow tables by partition key, whether a run covers no partition, one or many."""

    def handle_output(self, context: dg.OutputContext, obj: dict[str, pa.Table]) -> None:
        paths = self._get_paths_for_partitions(context)
        if obj.keys() != paths.keys():
            raise ValueError(f"the partitions of {context.asset_key.to_user_string()} are not those of the run")
        for key, path in paths.items():
            self.make_directory(path.parent)
            self.dump_to_path(context, obj[key], path)
        if paths:
            context.add_output_metadata({"folder": dg.MetadataValue.path(str(next(iter(paths.values())).parent))})

    def load_input(self, context: dg.InputContext) -> dict[str, pa.Table]:
        paths = self._get_paths_for_partitions(context)
        missing = [key for key, path in paths.items() if not self.path_exists(path)]
        if missing:
            asset = context.asset_key.to_user_string()
            raise dg.Failure(f"{asset} has no stored value for {missing[0]!r}: materialize {asset} first", allow_retries=False)
        return {key: self.load_from_path(context, path) for key, path in paths.items()}

    def make_safe_partition_path(self, base_path: UPath, partition: str) -> UPath:
        """One file name per key, on file systems that ignore case too: what people can read of the key, and its digest."""
        # Joining the key itself would let `../x` leave the folder, and `a`, `a/` and `./a` share a file.
        readable = quote(partition, safe=" ()=")[:_READABLE_LENGTH].lstrip(".")
        digest = hashlib.sha256(partition.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return base_path / f"{readable}-{digest}.parquet"

    def dump_to_path(self, context: dg.OutputContext, obj: pa.Table, path: UPath) -> None:
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(obj, sink, compression="zstd")
        if "file" not in _protocols(self.fs):  # an object store shows an object when it is whole
            path.write_bytes(sink.getvalue())
            return
        unfinished = path.with_name(f".{uuid.uuid4().hex}")
        try:
            unfinished.write_bytes(sink.getvalue())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    def load_from_path(self, context: dg.InputContext, path: UPath) -> pa.Table:
        import pyarrow.parquet as pq

        return pq.ParquetFile(pa.BufferReader(path.read_bytes())).read(use_threads=False)


class ParquetPartsStorage(dg.ConfigurableIOManagerFactory):  # type: ignore[type-arg]
    """Where the parts are kept: `base_url` (`s3://bucket/folder`, a path), by default the instance's own storage folder.

    Runs on several machines need one that all of them reach.
    """

    base_url: str | None = None

    def create_io_manager(self, context: dg.InitResourceContext) -> ParquetParts:
        instance = context.instance or dg.DagsterInstance.get()
        return ParquetParts(UPath(self.base_url or instance.storage_directory()))


def _protocols(file_system: Any) -> tuple[str, ...]:
    protocol = file_system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)
