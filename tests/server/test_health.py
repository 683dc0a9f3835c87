"""Health checks for supervisors and load balancers."""

from tests.support.api import Api


async def test_alive_and_ready(api: Api) -> None:
    """`/healthz` says that the process runs, `/readyz` that it can work, and with which version of the time zones."""
    assert (await api.http.get("/healthz")).json() == {"status": "alive"}
    response = await api.http.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["tzdata"].startswith("20")


async def test_unknown_addresses_and_methods_have_the_shape_of_every_error(api: Api) -> None:
    """404 and 405 come as JSON, like every other error."""
    for method, address, status in (("GET", "/nowhere", 404), ("POST", "/healthz", 405)):
        response = await api.http.request(method, address)
        assert response.status_code == status
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
