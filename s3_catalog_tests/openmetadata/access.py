"""Who a token is, and what the server says that it may do. It only says so: what is refused in a test is refused by a fault."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from s3_catalog_tests.openmetadata.entities import Actor
from s3_catalog_tests.openmetadata.models import validate
from s3_catalog_tests.openmetadata.rules import Body, bad

_EVERYWHERE = ("Create", "Delete", "ViewAll", "ViewBasic", "EditAll", "EditDescription", "EditTags", "EditOwners")
_OPERATIONS = {
    **dict.fromkeys(("databaseService", "storageService", "database", "databaseSchema", "container", "classification", "tag"), _EVERYWHERE),
    "table": (*_EVERYWHERE, "EditSampleData", "EditDataProfile", "ViewSampleData", "ViewDataProfile"),
    "lineage": ("ViewAll", "ViewBasic", "EditAll", "EditLineage"),
}


def show_user(actor: Actor) -> Body:
    user = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, actor.name)),
        "name": actor.name,
        "fullyQualifiedName": actor.name,
        "email": f"{actor.name}@example.org",
        "isBot": actor.is_bot,
        "isAdmin": not actor.is_bot,
    }
    validate("user entity", user)
    return user


def show_permissions(resource: str, access: Mapping[tuple[str, str], str | None]) -> Body:
    if resource not in _OPERATIONS:
        raise bad(f"Resource type {resource} not found")
    decided = {operation: access.get((resource, operation), "allow") for operation in _OPERATIONS[resource]}
    said = [{"operation": operation, "access": word} for operation, word in decided.items() if word is not None]
    answer = {"resource": resource, "permissions": said}
    validate("permission", answer)
    return answer
