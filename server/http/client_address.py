"""The client address by which rate limits and the credential throttle count."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from starlette.requests import HTTPConnection


def address_of(connection: HTTPConnection) -> str:
    """The client's address; of IPv6 only its network."""
    client = connection.scope.get("client")
    return network(client[0]) if client is not None else ""


@lru_cache(10_000)
def network(host: str) -> str:
    """The address; of IPv6 only the network half (/64), because a client can vary the other half at will."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Address(int(address) >> 64 << 64))
    return host
