"""The proxy of docs/operations.md: nginx with exactly that configuration, in front of a server."""

import datetime
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from server.graphql.websocket import PROTOCOL
from tests.support.api import CLIENT_ID, CLIENT_SECRET
from tests.support.browser import require_tool
from tests.support.builders import event_input
from tests.support.command_line import ROOT, CommandLineServer, serve
from tests.support.graphql_queries import AVAILABILITY_CHANGED, CALENDARS, UPSERT_EVENT
from tests.support.waiting import TIMEOUT, wait_until

NGINX = shutil.which("nginx") or next(iter(map(str, Path("/usr/sbin").glob("nginx"))), None)

#: what is changed in the documented configuration: addresses and paths
MAIN = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {documented}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def client(self, **headers: str) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, verify=trusting(self.folder), timeout=TIMEOUT, headers=headers)


def trusting(folder: Path) -> ssl.SSLContext:
    """Trust in the certificate that was made for the test."""
    return ssl.create_default_context(cafile=str(folder / "fullchain.pem"))


def documented(port: int, upstream: int, folder: Path) -> str:
    """Both files of the page, with the addresses and paths of the test."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    main, included = re.findall(r"^```nginx\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    (folder / "openings-proxy.conf").write_text(included)
    for written, here in (
        ("server 127.0.0.1:8000;", f"server 127.0.0.1:{upstream};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/openings/", f"{folder}/"),
        ("/etc/nginx/openings-proxy.conf", f"{folder}/openings-proxy.conf"),
    ):
        assert written in main
        main = main.replace(written, here)
    return main


def write_certificate(folder: Path) -> None:
    """A certificate for this machine, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@contextmanager
def nginx(folder: Path, port: int, upstream: int) -> Generator[Proxy]:
    """nginx on a port of this machine, in front of a server on another one."""
    require_tool(NGINX, "no nginx: install Debian's nginx-light")
    write_certificate(folder)
    user = "user root;" if os.name == "posix" and os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(
        MAIN.format(folder=folder, user=user, documented=documented(port, upstream, folder))
    )
    process = subprocess.Popen([str(NGINX), "-c", folder / "nginx.conf", "-e", folder / "error.log"])
    try:
        wait_until(lambda: process.poll() is not None or is_open(port))
        assert process.poll() is None, (folder / "error.log").read_text()
        yield Proxy(port, folder)
    finally:
        process.terminate()
        process.wait(TIMEOUT)
    log = (folder / "error.log").read_text()
    assert "[warn]" not in log, log
    assert "[emerg]" not in log, log


def is_open(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    """A port below those that the system gives to others, who might get it before nginx does."""
    return next(port for _ in range(1000) if not is_open(port := random.randrange(10_000, 32_000)))


@pytest.fixture(scope="module")
def port() -> int:
    """The port of the proxy, which the server must know: pages come from there."""
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, port: int) -> Generator[CommandLineServer]:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, folder / "openings.db")
    public = {"OPENINGS_PUBLIC_URL": f"https://127.0.0.1:{port}"}
    with serve(folder, f"sqlite:///{folder / 'openings.db'}", **public) as running:
        yield running
        running.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, server: CommandLineServer, port: int) -> Generator[Proxy]:
    with nginx(tmp_path_factory.mktemp("nginx"), port, int(server.url.rpartition(":")[2])) as running:
        yield running


def test_a_query_is_answered_over_kept_connections(proxy: Proxy) -> None:
    with proxy.client() as client:
        for number in range(20):
            headers = {"X-Request-ID": f"test-{number}"}
            response = client.post("/graphql", json={"query": "{ __typename }"}, headers=headers)
            assert response.json() == {"data": {"__typename": "Query"}}
            assert response.headers["x-request-id"] == f"test-{number}"


def test_only_what_is_for_everybody_is_passed_on(proxy: Proxy, server: CommandLineServer) -> None:
    """And nothing is redirected by the Host header: a slash at the end is not found, the home page is relative."""
    with proxy.client(Host="evil.example") as client:
        for path in ("/metrics", "/healthz", "/readyz", "/graphql/", "/book", "/graphiql", "/book/a-token/", "/no"):
            response = client.get(path, headers={"Accept": "text/html"})
            assert response.status_code == 404, path
            assert "evil.example" not in str(response.headers)
        assert client.get("/").headers["location"] == "/graphql"
    assert httpx2.get(f"{server.url}/metrics", timeout=TIMEOUT).status_code == 200


def test_the_rest_api_is_passed_on_and_its_queries_are_not_logged(proxy: Proxy) -> None:
    """With the address of the proxy in next pages; a slash at the end makes no difference."""
    with proxy.client() as client:
        given = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "application_calendar_id": "rest"}
        made = client.post("/v1/application_calendars", json=given).json()
        token = {"Authorization": f"Bearer {made['access_token']}"}
        for path in ("/v1/userinfo", "/v1/userinfo/"):
            assert client.get(path, headers=token).json()["sub"] == made["sub"]
        [calendar] = client.get("/v1/calendars", headers=token).json()["calendars"]
        for number in range(101):
            event = {"event_id": str(number), "summary": "s", "start": "2033-05-02", "end": "2033-05-03"}
            path = f"/v1/calendars/{calendar['calendar_id']}/events"
            assert client.post(path, json=event, headers=token).status_code == 202
        listed = client.get("/v1/events?tzid=Etc/UTC&include_managed=true", headers=token).json()
        assert listed["pages"]["next_page"].startswith(f"{proxy.url}/v1/events/pages/")
        assert len(client.get(listed["pages"]["next_page"], headers=token).json()["events"]) == 1
        asked = {"permissions": ["agenda"], "subs": [made["sub"]], "origin": "https://app.example.com"}
        key = {"Authorization": f"Bearer {CLIENT_SECRET}"}
        et = client.post("/v1/element_tokens", json=asked, headers=key).json()["element_token"]["token"]
        page = {"Origin": "https://app.example.com", "Cronofy-Element": "v1.67.7, agenda"}
        response = client.get(f"/v1/events?et={et}&tzid=Etc/UTC&include_managed=true", headers=page)
        assert len(response.json()["events"]) == 101
        assert response.headers["access-control-allow-origin"] == "https://app.example.com"
    assert et not in (proxy.folder / "access.log").read_text()


@pytest.mark.parametrize("size", [300_000, 9_000_000])
@pytest.mark.parametrize("connection", ["close", "keep-alive"])
def test_a_body_that_is_too_large_is_413(proxy: Proxy, size: int, connection: str) -> None:
    """Without a token, or with more than the proxy allows: the client can read the response while it still sends."""
    for _ in range(5):
        with proxy.client(Connection=connection) as client:
            response = client.post("/graphql", content=b" " * size, headers={"Content-Type": "application/json"})
        assert response.status_code == 413
        if size < 8 * 1024 * 1024:
            assert "without a valid token" in response.json()["errors"][0]["message"]


def test_a_large_body_with_a_token_is_read(proxy: Proxy) -> None:
    body = b'{"query": "{ __typename }"}'.ljust(8 * 1024 * 1024)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {CLIENT_SECRET}"}
    with proxy.client() as client:
        assert client.post("/graphql", content=body, headers=headers).json() == {"data": {"__typename": "Query"}}


def test_a_websocket_of_the_same_origin_is_opened(proxy: Proxy) -> None:
    """That is the origin of OPENINGS_PUBLIC_URL; another one is refused as without the proxy."""
    address = f"wss://127.0.0.1:{proxy.port}/graphql"
    more = {"subprotocols": [PROTOCOL], "ssl": trusting(proxy.folder), "proxy": None}
    with connect(address, origin=f"https://127.0.0.1:{proxy.port}", **more) as ws:  # pyright: ignore
        ws.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {CLIENT_SECRET}"}}))
        assert json.loads(ws.recv(10)) == {"type": "connection_ack"}
        ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": {"query": "{ __typename }"}}))
        assert json.loads(ws.recv(10))["payload"] == {"data": {"__typename": "Query"}}
    with connect(address, origin="https://evil.example", **more) as ws:  # pyright: ignore
        ws.send(json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {CLIENT_SECRET}"}}))
        with pytest.raises(ConnectionClosedError, match="4403"):
            ws.recv(10)


def test_events_are_not_buffered(proxy: Proxy) -> None:
    """The answer to a subscription comes at once, and the next one after a write."""
    given = {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET, "applicationCalendarId": "a"}
    make = "mutation ($input: ApplicationCalendarInput!) { applicationCalendar(input: $input) { sub accessToken } }"
    with proxy.client() as client:
        made = client.post("/graphql", json={"query": make, "variables": {"input": given}}).json()["data"]
        sub, token = made["applicationCalendar"]["sub"], made["applicationCalendar"]["accessToken"]
        client.headers["Authorization"] = f"Bearer {token}"
        calendars = client.post("/graphql", json={"query": CALENDARS}).json()["data"]["calendars"]
        window = {
            "participants": [{"required": 1, "members": [{"sub": sub}]}],
            "requiredDuration": {"minutes": 60},
            "queryPeriods": [{"start": "2099-01-19T09:00:00Z", "end": "2099-01-19T17:00:00Z"}],
        }
        body = {"query": AVAILABILITY_CHANGED, "variables": {"input": window}}
        with client.stream("POST", "/graphql", json=body, headers={"Accept": "text/event-stream"}) as events:
            lines = events.iter_lines()
            assert next(line for line in lines if line.startswith("data: {"))
            event = event_input("e", "2099-01-19T10:00:00Z", "2099-01-19T11:00:00Z")
            write = {"calendarId": calendars[0]["calendarId"], "event": event}
            client.post("/graphql", json={"query": UPSERT_EVENT, "variables": {"input": write}})
            assert "2099-01-19T11:00:00Z" in next(line for line in lines if line.startswith("data: {"))


def test_what_the_server_is_told_of_the_caller(tmp_path: Path) -> None:
    """The address and the scheme are the proxy's words, whatever the caller claims."""
    heads: list[bytes] = []

    def answer_one(door: socket.socket) -> None:
        connection, _ = door.accept()
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(10_000)
            heads.append(head)
            connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as door, nginx(tmp_path, free_port(), door.getsockname()[1]) as proxy:
        thread = Thread(target=answer_one, args=[door], daemon=True)
        thread.start()
        claimed = {"X-Forwarded-For": "203.0.113.1", "X-Forwarded-Proto": "http", "X-Request-ID": ""}
        with proxy.client(**claimed) as client:
            assert client.get("/graphql").status_code == 204
        thread.join(20)
    lines = heads[0].lower().decode().split("\r\n")
    named = [line.split(": ", 1) for line in lines if line.startswith(("x-", "host: ", "connection: ", "upgrade: "))]
    found = dict(named)
    assert len(named) == len(found)
    assert re.fullmatch("[0-9a-f]{32}", found.pop("x-request-id"))
    assert found == {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "host": f"127.0.0.1:{proxy.port}"}
