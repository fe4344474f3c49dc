"""How to reach a store: endpoint, credentials, patience. Nothing here is read from the environment; the stores do that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Options of `open_store`; what is left out comes from the standard places (`AWS_*` variables, profiles, instance roles).

    Secrets are left out of the text of this value. Times are seconds.

    Attributes:
        sts_endpoint_url: where roles are assumed; by default AWS, or `endpoint_url` when that is not an AWS host (MinIO, Ceph).
        path_style: the bucket in the path (True) or in the host name (False); None lets botocore choose.
        anonymous: send unsigned requests.
        client_options: settings of obstore for `gs://` and `az://`, by its own names (`account_name`, `service_account`, ...).
        max_attempts: tries per call, the first one included.
        deadline: no further try is begun after this time.
        read_timeout: silence on a connection after which a call is tried again.
        max_connections: connections kept open; at least the number of threads that use the store.
    """

    endpoint_url: str | None = None
    sts_endpoint_url: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    role_session_name: str | None = None
    path_style: bool | None = None
    verify_tls: bool = True
    ca_bundle: str | None = None
    anonymous: bool = False
    requester_pays: bool = False
    client_options: Mapping[str, str] = field(default_factory=dict, repr=False)
    max_attempts: int = 16
    deadline: float = 300.0
    connect_timeout: float = 5.0
    read_timeout: float = 20.0
    max_connections: int = 32
