"""Between schemas and publication: samples, profiles and tags of every table, masked before they leave.

In: results of inference. Out: the same results, whose tables have a `Description`. Raw rows live in here alone, for one table at a time
and worker. A table that cannot be described is published all the same, with the reason in its description.
"""

from s3_catalog.describing.full import FullRules
from s3_catalog.describing.tables import DescribeRules, describe_tables

__all__ = ["DescribeRules", "FullRules", "describe_tables"]
