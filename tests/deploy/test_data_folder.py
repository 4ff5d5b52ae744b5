"""What a person is told of a Redis that says no, and of what only looks like one."""

import errno

import pytest
from pydantic import SecretStr
from redis.exceptions import ResponseError

from deploy.data_folder import redis_asked, redis_ready
from shared.errors import StartupError, StoreUnavailable
from shared.settings import Settings


async def test_a_redis_that_refuses_the_password_is_not_taken_for_a_stopped_one(settings: Settings) -> None:
    assert settings.redis_url is not None
    scheme, _, place = settings.redis_url.get_secret_value().partition("://")
    strange = settings.model_copy(update={"redis_url": SecretStr(f"{scheme}://nobody:wrong@{place}")})
    with pytest.raises(StartupError) as refused:
        async with redis_ready(strange):
            pass
    assert "user and password" in refused.value.detail
    assert "wrong" not in refused.value.detail


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("MISCONF Errors writing to the AOF file: No space left on device", "its disk"),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", "(WRONGTYPE)"),
        ("unknown command 'SECRET'", "(ResponseError)"),
    ],
)
async def test_a_redis_that_refuses_to_work_is_told_by_its_reason(said: str, told: str) -> None:
    with pytest.raises(StartupError) as refused:
        async with redis_asked():
            raise StoreUnavailable from ResponseError(said)
    assert told in refused.value.detail
    assert "SECRET" not in refused.value.detail
    assert "does not answer" not in refused.value.detail


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EPIPE])
async def test_a_full_disk_and_a_reader_that_has_gone_are_not_blamed_on_redis(number: int) -> None:
    with pytest.raises(OSError, match="said") as failed:
        async with redis_asked():
            raise OSError(number, "said")
    assert failed.value.errno == number
