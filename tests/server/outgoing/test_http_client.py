"""Outgoing requests: what is sent, which responses count as received, and which addresses are refused."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core.urls import Address, is_public
from server.outgoing.http_client import HTTPClient, OutgoingError, allow_all, redacted
from server.outgoing.resolver import Resolver
from tests.support.callback_receiver import Response, running_receiver
from tests.support.waiting import TIMEOUT, until

OPEN, GUARDED = HTTPClient(allow_all, patience=5), HTTPClient(is_public, patience=5)

#: stands for a public address: a loopback address that can be connected to
PUBLIC = IPv4Address("127.0.0.2")


def is_stand_in(address: Address) -> bool:
    return address == PUBLIC


async def refusal(outgoing: HTTPClient, url: str) -> str:
    """Why a request failed."""
    with pytest.raises(OutgoingError) as caught:
        await outgoing.post(None, url, {}, b"{}")
    return str(caught.value)


class Names:
    """A resolver that returns one prepared answer after the other, for any name."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> list[Address]:
        self.asked.append((host, port))
        return [ip_address(address) for address in self.answers.pop(0)]


async def test_a_request_contains_only_what_was_given() -> None:
    """All of the URL but its fragment; no cookies, no credentials, no Accept-Encoding, as the body is not read."""
    async with running_receiver() as receiver:
        await OPEN.post(None, f"{receiver.url}/a/b;c=d?e=f;g#h", {"X-Ours": "1"}, b"the body")
        port = urlsplit(receiver.url).port
        [request] = receiver.requests
    assert request.request_line == "POST /a/b;c=d?e=f;g HTTP/1.1"
    expected = {"host": f"127.0.0.1:{port}", "connection": "close", "x-ours": "1", "content-length": "8"}
    assert request.headers == expected
    assert request.body == b"the body"


async def test_a_url_without_a_path_requests_the_root() -> None:
    async with running_receiver() as receiver:
        await OPEN.post(None, receiver.url, {}, b"")
        await OPEN.post(None, f"{receiver.url}?a=b", {}, b"")
    assert [request.request_line.split()[1] for request in receiver.requests] == ["/", "/?a=b"]


#: a response with a head that acknowledges the request, and a body that never ends
ENDLESS = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000


@pytest.mark.parametrize("answer", [200, 201, 204, 299, ENDLESS])
async def test_any_2xx_status_acknowledges_the_request(answer: Response) -> None:
    """The rest of the response does not matter."""
    async with running_receiver() as receiver:
        receiver.responses = [answer]
        await OPEN.post(None, receiver.url, {}, b"{}")


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503])
async def test_any_other_status_is_a_failure(status: int) -> None:
    async with running_receiver() as receiver:
        receiver.responses = [status]
        assert await refusal(OPEN, receiver.url) == f"status {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    """A redirect could lead to a private address, which the application never named."""
    async with running_receiver() as receiver, running_receiver() as other:
        head = f"HTTP/1.1 {status} Elsewhere\r\nLocation: {other.url}/\r\nContent-Length: 0\r\n\r\n"
        receiver.responses = [head.encode()]
        assert await refusal(OPEN, receiver.url) == f"status {status}"
        assert other.requests == []


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-Other\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000])
async def test_an_invalid_response_is_a_failure(answer: bytes) -> None:
    """The connection is closed, another protocol is spoken, or the head never ends."""
    async with running_receiver() as receiver:
        receiver.responses = [answer]
        assert (await refusal(OPEN, receiver.url)).startswith("RemoteProtocolError: ")


async def test_a_request_has_a_timeout() -> None:
    impatient = HTTPClient(allow_all, patience=0.1)
    async with running_receiver() as receiver:
        receiver.responses = [None]
        async with asyncio.timeout(TIMEOUT):
            assert await refusal(impatient, receiver.url) == "took longer than 0.1 s"


async def test_a_refused_connection_is_a_failure() -> None:
    async with running_receiver() as receiver:
        pass
    assert (await refusal(OPEN, receiver.url)).startswith("ConnectionRefusedError: ")


@pytest.mark.parametrize("host", [f"{'a' * 64}.test", "a..test"])
async def test_an_invalid_host_name_is_a_failure(host: str) -> None:
    """It is not resolved."""
    assert await refusal(GUARDED, f"http://{host}/")


async def test_error_messages_are_escaped_and_cut() -> None:
    """The text of an error may come from another server."""

    def unable(_host: str, _port: int) -> Sequence[Address]:
        raise OSError("no\nERROR all is lost" + 1000 * "!")

    words = await refusal(HTTPClient(allow_all, resolver=Resolver(unable)), "http://hooks.test/")
    assert words.startswith(r"'OSError: no\nERROR all is lost!!!")
    assert len(words) == 200


LOOPBACK = [
    *("127.0.0.1", "127.255.255.254", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST", "0"),
    *("0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
]
"""Spellings of addresses of this machine."""


@pytest.mark.parametrize("host", [*LOOPBACK, "10.0.0.1", "169.254.169.254", "192.168.1.1", "[fd00::1]", "[fe80::1]"])
async def test_private_addresses_are_refused(host: str) -> None:
    """In every spelling."""
    async with running_receiver() as receiver:
        port = urlsplit(receiver.url).port
        assert "OPENINGS_PRIVATE_CALLBACKS" in await refusal(GUARDED, f"http://{host}:{port}/")
        assert "OPENINGS_PRIVATE_CALLBACKS" in await refusal(GUARDED, f"https://{host}:{port}/")
    assert receiver.requests == []


@pytest.mark.parametrize("addresses", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["::1", "2606:4700::1111"]])
async def test_a_name_with_a_public_and_a_private_address_is_refused(addresses: list[str]) -> None:
    """In either order: if the first did not answer, the other would be tried."""
    names = Names(addresses)
    assert "private" in await refusal(HTTPClient(is_public, resolver=Resolver(names)), "http://hooks.test/")
    assert names.asked == [("hooks.test", 80)]


async def test_a_name_is_resolved_only_once() -> None:
    """So DNS rebinding is in vain: the connection goes to the address that was checked, with the name as its Host."""
    names = Names([str(PUBLIC)], ["127.0.0.1"])
    async with running_receiver(str(PUBLIC)) as receiver:
        port = urlsplit(receiver.url).port or 0
        async with running_receiver(port=port) as inside:
            await HTTPClient(is_stand_in, resolver=Resolver(names)).post(None, f"http://hooks.test:{port}/", {}, b"{}")
    assert names.asked == [("hooks.test", port)]
    assert [request.headers["host"] for request in receiver.requests] == [f"hooks.test:{port}"]
    assert inside.requests == []


async def test_the_first_three_addresses_are_tried_in_turn() -> None:
    """The first one is often unreachable, IPv6 for example; but a name with a hundred must not get a hundred tries."""
    async with running_receiver() as receiver:
        port = urlsplit(receiver.url).port
        for nowhere in range(4):
            addresses = [*(f"127.9.9.{number}" for number in range(1, nowhere + 1)), "127.0.0.1"]
            outgoing = HTTPClient(allow_all, resolver=Resolver(Names(addresses)))
            if nowhere < 3:
                await outgoing.post(None, f"http://hooks.test:{port}/", {}, b"{}")
            else:
                assert await refusal(outgoing, f"http://hooks.test:{port}/")
    assert len(receiver.requests) == 3


async def test_a_name_without_addresses_is_a_failure() -> None:
    assert (
        await refusal(HTTPClient(allow_all, resolver=Resolver(Names([]))), "http://hooks.test/")
        == "its host name has no address"
    )


async def test_proxies_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy could connect to a private address."""
    async with running_receiver() as proxy, running_receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await HTTPClient(allow_all).post(None, receiver.url, {}, b"{}")
    assert (len(proxy.requests), len(receiver.requests)) == (0, 1)


def certified(name: str, folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A self-signed certificate for a name: contexts for its server, and for a client that trusts it."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    named = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    dated = named.serial_number(1).not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
    made = (
        dated.not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "its.pem").write_bytes(private + made.public_bytes(pem))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "its.pem")
    return server, ssl.create_default_context(cadata=made.public_bytes(pem).decode())


async def test_the_certificate_is_verified_against_the_name(tmp_path: Path) -> None:
    """Not against the address of the connection. One for another name, or from an unknown issuer, is refused."""
    server, believed = certified("hooks.test", tmp_path)

    def knowing(certificates: ssl.SSLContext, names: Names) -> HTTPClient:
        return HTTPClient(allow_all, resolver=Resolver(names), certificates=lambda: certificates)

    async with running_receiver(certificate=server) as receiver:
        port = urlsplit(receiver.url).port
        here = ["127.0.0.1"]
        await knowing(believed, Names(here)).post(None, f"https://hooks.test:{port}/", {}, b"{}")
        other = await refusal(knowing(believed, Names(here)), f"https://other.test:{port}/")
        unknown = await refusal(knowing(ssl.create_default_context(), Names(here)), f"https://hooks.test:{port}/")
    assert len(receiver.requests) == 1
    assert "CERTIFICATE_VERIFY_FAILED" in other
    assert "other.test" in other
    assert "CERTIFICATE_VERIFY_FAILED" in unknown


async def test_cancelling_a_request_closes_its_connection() -> None:
    async with running_receiver() as receiver:
        receiver.responses = [None]
        posting = asyncio.create_task(OPEN.post(None, receiver.url, {}, b"{}"))
        await receiver.next_request()
        posting.cancel()
        await until(lambda: not receiver.in_progress)


def test_a_redacted_url_is_only_its_origin() -> None:
    """The path or the query may contain a secret of the application."""
    assert redacted("https://hooks.test:8443/a-secret?key=another#third") == "https://hooks.test:8443"
