"""One schema per table, from a few of its files: the newest, the first, the last and some between them.

In: layouts and their objects. Out: `Table`s, and for every file that could not be read the reason. A file that fails is replaced by
another; a table fails only when none of the files tried can be read. Where a log says what the table is (Delta, Iceberg, Hudi), the log
is read and no data file.
"""

from s3_catalog.inference.results import InferenceRules, TableResult
from s3_catalog.inference.tables import Progress, infer_schema, infer_tables

__all__ = ["InferenceRules", "Progress", "TableResult", "infer_schema", "infer_tables"]
