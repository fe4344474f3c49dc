"""ORC's own messages, as far as they are used here; fields that are not named are skipped.

Names and numbers are those of `orc_proto.proto` (orc.apache.org/specification/ORCv1).
"""

from __future__ import annotations

from functools import cache
from typing import Any

_SCALARS = {"double": 1, "uint64": 4, "int32": 5, "bool": 8, "string": 9, "bytes": 12, "uint32": 13, "sint32": 17, "sint64": 18}
_FIELDS: dict[str, str] = {
    "PostScript": "footerLength=1 uint64, compression=2 int32, compressionBlockSize=3 uint64, writerVersion=6 uint32",
    "Footer": """stripes=3 StripeInformation*, types=4 Type*, numberOfRows=6 uint64, statistics=7 ColumnStatistics*, writer=9 uint32,
        encryption=10 bytes, softwareVersion=12 bytes""",
    "StripeInformation": "offset=1 uint64, indexLength=2 uint64, dataLength=3 uint64, footerLength=4 uint64, numberOfRows=5 uint64",
    "StripeFooter": "streams=1 Stream*",
    "Stream": "kind=1 int32, column=2 uint32, length=3 uint64",
    "Type": "kind=1 int32, subtypes=2 uint32*, fieldNames=3 string*, maximumLength=4 uint32",
    "ColumnStatistics": """numberOfValues=1 uint64, intStatistics=2 IntegerStatistics, doubleStatistics=3 DoubleStatistics,
        stringStatistics=4 StringStatistics, decimalStatistics=6 DecimalStatistics, dateStatistics=7 DateStatistics,
        timestampStatistics=9 TimestampStatistics, hasNull=10 bool, bytesOnDisk=11 uint64""",
    "IntegerStatistics": "minimum=1 sint64, maximum=2 sint64",
    "DoubleStatistics": "minimum=1 double, maximum=2 double, sum=3 double",
    "StringStatistics": "minimum=1 bytes, maximum=2 bytes, lowerBound=4 bytes, upperBound=5 bytes",
    "DecimalStatistics": "minimum=1 bytes, maximum=2 bytes",
    "DateStatistics": "minimum=1 sint32, maximum=2 sint32",
    "TimestampStatistics": "minimumUtc=3 sint64, maximumUtc=4 sint64, minimumNanos=5 int32, maximumNanos=6 int32",
}
"""Message -> `name=number type`, a repeated field with a star. Text of statistics is taken as bytes: a writer may have cut it anywhere."""


@cache
def messages() -> dict[str, Any]:
    """Message classes by their names in the specification."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    package = "s3_catalog.orc"
    file = descriptor_pb2.FileDescriptorProto(name="s3_catalog/orc.proto", package=package, syntax="proto2")
    for name, members in _FIELDS.items():
        described = file.message_type.add(name=name)
        for member in members.split(","):
            numbered, kind = member.split()
            field, number = numbered.split("=")
            element = kind.rstrip("*")
            added = described.field.add(name=field, number=int(number), type=_SCALARS.get(element, 11), label=3 if kind != element else 1)
            if element not in _SCALARS:
                added.type_name = f".{package}.{element}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in _FIELDS}
