"""The account's calls a minute."""

from datetime import timedelta
from pathlib import Path

from tests.deploy.demo.helpdesk.account import open_account


async def test_headers_are_decimals_and_includes_cost_credits(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan="enterprise") as account:
        costs = {
            "/tickets/1": "1.0",
            "/tickets/2?include=conversations": "2.0",
            "/tickets/2?include=conversations,stats,requester,company": "5.0",
            "/tickets?include=stats": "3.0",
            "/tickets?include=stats,requester": "5.0",
            "/nowhere": "1.0",
        }
        for path, cost in costs.items():
            answer = await account.agent.get(path)
            assert answer.headers["x-ratelimit-used-currentrequest"] == cost, path
        assert answer.headers["X-RateLimit-Total"] == "700.0"
        assert answer.headers["X-RateLimit-Remaining"] == "683.0"
        assert answer.headers["X-Freshdesk-Api-Version"] == "latest=v2; requested=v2"


async def test_over_the_limit_every_key_waits_for_the_next_minute(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan=3) as account:
        await account.agent.get("/tickets/1")
        account.clock.advance(seconds=20)
        await account.agent.get("/tickets/abc")
        await account.agent.get("/agents/me", auth=("wrong", "X"))
        refused = await account.admin.get("/agents/me")
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "40"
        assert "limit" in refused.json()["message"]
        account.clock.advance(seconds=40)
        assert (await account.admin.get("/agents/me")).status_code == 200


async def test_the_ticket_list_has_its_own_limit_below_the_total(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan="growth") as account:
        for _ in range(20):
            assert (await account.agent.get("/tickets")).status_code == 200
        refused = await account.agent.get("/tickets")
        assert refused.status_code == 429
        assert refused.headers["x-ratelimit-remaining"] == "180.0"
        assert (await account.agent.get("/tickets/1")).status_code == 200


async def test_an_old_account_counts_by_the_hour(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan=3, window=timedelta(hours=1)) as account:
        for _ in range(3):
            await account.agent.get("/tickets/1")
        account.clock.advance(minutes=10)
        assert (await account.agent.get("/tickets/1")).headers["retry-after"] == "3000"


async def test_windows_may_begin_with_the_clocks(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan=3, counting="clock") as account:
        account.clock.advance(seconds=50)
        for _ in range(3):
            await account.agent.get("/tickets/1")
        assert (await account.agent.get("/tickets/1")).headers["retry-after"] == "10"
        account.clock.advance(seconds=10)
        assert (await account.agent.get("/tickets/1")).status_code == 200


async def test_any_sixty_seconds_may_count(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan=3, counting="any") as account:
        for _ in range(3):
            await account.agent.get("/tickets/1")
            account.clock.advance(seconds=15)
        assert (await account.agent.get("/tickets/1")).headers["retry-after"] == "15"
        account.clock.advance(seconds=15)
        assert (await account.agent.get("/tickets/1")).headers["X-RateLimit-Remaining"] == "0.0"
        account.clock.advance(seconds=14)
        assert (await account.agent.get("/tickets/1")).headers["retry-after"] == "1"


async def test_an_unlimited_account_says_nothing_about_limits(seed_folder: Path) -> None:
    async with open_account(seed_folder, plan=None) as account:
        assert "x-ratelimit-total" not in (await account.agent.get("/tickets")).headers
