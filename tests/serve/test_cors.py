"""Pages of the configured origins may call every endpoint, with a token and without cookies; others none."""

import pytest
from pydantic import ValidationError

from serve.settings import ServeSettings
from tests.parts import Desks, Serving, credentials, serving, store
from tests.world import ACME

ORIGIN = "https://sidebar.example.com"
FOREIGN = ["null", "https://sidebar.example.com:444", "http://sidebar.example.com", "https://SIDEBAR.example.com", "*"]
SENT = "authorization, content-type, if-none-match, last-event-id"


def only(origin: str) -> ServeSettings:
    return ServeSettings.model_validate({"cors_origins": [origin]})


def preflight(origin: str, method: str) -> dict[str, str]:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": SENT}
    return {"Origin": origin, **asked}


async def test_every_endpoint_answers_a_preflight(accounts: Desks) -> None:
    async with serving(accounts.settings, serve=only(ORIGIN)) as mine:
        paths = (await mine.nobody.get("/schema")).json()["paths"]
        asked = [(path, method.upper()) for path, found in paths.items() for method in found]
        assert len(asked) >= 5
        for path, method in asked:
            url = path.replace("{", "").replace("}", "")
            answer = await mine.nobody.options(url, headers=preflight(ORIGIN, method))
            assert answer.status_code in {200, 204}, (path, answer.status_code)
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert method in answer.headers["access-control-allow-methods"]
            allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
            assert set(SENT.split(", ")) <= allowed
            assert "access-control-allow-credentials" not in answer.headers
            assert "origin" in answer.headers["vary"].lower()
            for foreign in FOREIGN:
                refused = await mine.nobody.options(url, headers=preflight(foreign, method))
                assert "access-control-allow-origin" not in refused.headers, (path, foreign)


async def test_a_page_reads_hits_problems_and_tokens_with_their_headers(accounts: Desks, number: int) -> None:
    async with serving(accounts.settings, serve=only(ORIGIN)) as mine:
        await store(mine.context, ACME, number)
        token = (await mine.nobody.post("/session", headers=credentials(ACME))).json()["token"]
        page = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
        for path, status in ((f"/init/{number}", 200), ("/runs/nothing", 404), ("/init/x", 400)):
            answer = await mine.nobody.get(path, headers=page)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == ORIGIN
            assert "access-control-allow-credentials" not in answer.headers
            assert "origin" in answer.headers["vary"].lower()
            exposed = answer.headers["access-control-expose-headers"].lower()
            assert all(name in exposed for name in ("etag", "retry-after", "canvas-run", "ratelimit", "location"))
            for foreign in FOREIGN:
                answer = await mine.nobody.get(path, headers=page | {"Origin": foreign})
                assert "access-control-allow-origin" not in answer.headers


async def test_a_cookie_is_no_credential(served: Serving) -> None:
    token = (await served.nobody.post("/session", headers=credentials(ACME))).json()["token"]
    answer = await served.nobody.get("/init/1", headers={"Cookie": f"token={token}; Authorization=Bearer {token}"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "https://*.example.com", "https://example.com/", "example.com", "https://Example.com", ""],
)
def test_only_exact_origins_can_be_set(origin: str) -> None:
    with pytest.raises(ValidationError, match="exact origin"):
        only(origin)
