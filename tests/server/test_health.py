"""What a supervisor and a load balancer ask."""

from tests.support.api import Api


async def test_alive_and_ready(api: Api) -> None:
    """One says that the process runs, the other that it can do its work, and with which time zones."""
    assert (await api.http.get("/healthz")).json() == {"status": "alive"}
    response = await api.http.get("/readyz")
    assert response.status_code == 200
    assert response.json()["status"] == "ready"
    assert response.json()["tzdata"].startswith("20")


async def test_an_address_that_is_none_is_told_in_the_shape_of_every_error(api: Api) -> None:
    """404 and 405 as JSON, like everything else that is wrong."""
    for method, address, status in (("GET", "/nowhere", 404), ("POST", "/healthz", 405)):
        response = await api.http.request(method, address)
        assert response.status_code == status
        assert response.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
