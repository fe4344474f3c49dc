"""A lake in a bucket, published to OpenMetadata and AWS Glue by a configuration in the current folder."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa

from s3_catalog_tests.lakes import write_parquet
from s3_catalog_tests.openmetadata.server import Double
from s3_catalog_tests.servers import S3Server

STATE = "sqlite:///state.db"


@dataclass
class Lake:
    """A bucket, the catalogs it is published to, and what they hold; `catalog` is the embedded one."""

    server: S3Server
    double: Double
    folder: Path
    catalog: str = STATE
    bucket: str = ""
    database: str = field(default_factory=lambda: f"prune_{secrets.token_hex(6)}")

    def __post_init__(self) -> None:
        self.bucket = self.bucket or self.server.make_bucket()

    def put(self, *names: str) -> None:
        """Write tables `raw_<name>`."""
        client = self.server.client()
        for name in names:
            write_parquet(self.folder / f"{name}.parquet", id=pa.array([1, 2]))
            client.put_object(Bucket=self.bucket, Key=f"raw/{name}/part-0.parquet", Body=(self.folder / f"{name}.parquet").read_bytes())

    def drop(self, name: str) -> None:
        self.server.client().delete_object(Bucket=self.bucket, Key=f"raw/{name}/part-0.parquet")

    @property
    def glue_url(self) -> str:
        return f"glue://{self.database}?region=us-east-1&column_statistics=false&endpoint_url={quote(self.server.endpoint_url)}"

    def configure(self, *publish_to: dict[str, str], **settings: Any) -> None:
        """Write the configuration; without catalogs both."""
        s3 = {"endpoint_url": self.server.endpoint_url, "region": "us-east-1"}
        targets = publish_to or ({"url": self.double.url(), "name": "om"}, {"url": self.glue_url, "name": "athena"})
        given = {"location": f"s3://{self.bucket}/", "catalog": self.catalog, "s3": s3, "publish_to": list(targets), **settings}
        Path("s3_catalog.yaml").write_text(json.dumps(given), encoding="utf-8")

    def tables(self, catalog: str) -> list[str]:
        """The tables in a catalog by their names there, of whoever they are."""
        if catalog == "om":
            found = self.double.entities.list("tables", include="all", within=None)
            return sorted(str(table["name"]) for table in found)
        client = self.server.client("glue")
        try:
            tables = client.get_tables(DatabaseName=self.database)["TableList"]
        except client.exceptions.EntityNotFoundException:
            return []
        return sorted(str(table["Name"]) for table in tables)

    def has_service(self, catalog: str) -> bool:
        if catalog == "om":
            return "lake_service" in [one["name"] for one in self.double.person("GET", "/services/databaseServices")["data"]]
        return self.database in [one["Name"] for one in self.server.client("glue").get_databases()["DatabaseList"]]

    def put_foreign_table(self, catalog: str) -> None:
        """What another tool makes in our service."""
        if catalog == "om":
            schema = f"lake_service.{self.bucket}.raw"
            self.double.person(
                "PUT", "/tables", {"name": "foreign", "databaseSchema": schema, "columns": [{"name": "x", "dataType": "INT"}]}
            )
        else:
            self.server.client("glue").create_table(DatabaseName=self.database, TableInput={"Name": "foreign"})

    def edit_by_hand(self, catalog: str, name: str) -> None:
        """What a person does to a table of ours."""
        if catalog == "om":
            (table,) = (t for t in self.double.entities.list("tables", include="all", within=None) if t["name"] == name)
            self.double.by_hand(str(table["fullyQualifiedName"]), {"op": "add", "path": "/description", "value": "By hand."})
        else:
            glue = self.server.client("glue")
            found = glue.get_table(DatabaseName=self.database, Name=name)["Table"]
            read_only = ("DatabaseName", "CreateTime", "UpdateTime", "VersionId", "CatalogId")
            body = {key: value for key, value in found.items() if key not in read_only}
            glue.update_table(DatabaseName=self.database, TableInput={**body, "Description": "By hand."})
