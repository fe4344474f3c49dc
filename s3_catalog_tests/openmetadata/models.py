"""OpenMetadata's published request and entity models, which judge every body that the double receives, and every entity that it answers.

They come with the package `openmetadata-ingestion`. Importing that costs seconds and its whole profiler, so only the generated modules are
loaded: a bare package stands in for its `__init__`, and the client's rewriting of names is left out, as a server does not do it either.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

_PACKAGE = "metadata"
_REWRITING = "metadata.ingestion.models.custom_basemodel_validation"
_MODELS = {
    "service": "api.services.createDatabaseService.CreateDatabaseServiceRequest",
    "database": "api.data.createDatabase.CreateDatabaseRequest",
    "schema": "api.data.createDatabaseSchema.CreateDatabaseSchemaRequest",
    "table": "api.data.createTable.CreateTableRequest",
    "classification": "api.classification.createClassification.CreateClassificationRequest",
    "tag": "api.classification.createTag.CreateTagRequest",
    "team": "api.teams.createTeam.CreateTeamRequest",
    "user": "api.teams.createUser.CreateUserRequest",
    "storage": "api.services.createStorageService.CreateStorageServiceRequest",
    "container": "api.data.createContainer.CreateContainerRequest",
    "profile": "api.data.createTableProfile.CreateTableProfileRequest",
    "sample": "entity.data.table.TableData",
    "lineage": "api.lineage.addLineage.AddLineageRequest",
    "stale": "type.bulkDeleteStaleRequest.BulkDeleteStaleRequest",
    "bulk result": "type.bulkOperationResult.BulkOperationResult",
    "permission": "entity.policies.accessControl.resourcePermission.ResourcePermission",
    "user entity": "entity.teams.user.User",
    "table entity": "entity.data.table.Table",
}


class InvalidBodyError(ValueError):
    """A body that the published model refuses; the message says where."""


def validate(kind: str, body: Any) -> None:
    """Judge a body.

    Raises:
        InvalidBodyError: the model refuses it.
    """
    try:
        _model(kind).model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidBodyError(f"{'.'.join(map(str, first['loc']))} {first['msg']}") from error


@cache
def _model(kind: str) -> type[BaseModel]:
    _stand_in()
    module, _, name = _MODELS[kind].rpartition(".")
    model: type[BaseModel] = getattr(importlib.import_module(f"{_PACKAGE}.generated.schema.{module}"), name)
    return model


@cache
def _stand_in() -> None:
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError("the double of OpenMetadata needs the package openmetadata-ingestion")
    package = types.ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    rewriting = types.ModuleType(_REWRITING)
    leave: Callable[..., Any] = lambda entity, model: entity  # noqa: E731
    rewriting.transform_entity_names = leave  # type: ignore[attr-defined]
    sys.modules |= {_PACKAGE: package, _REWRITING: rewriting}
