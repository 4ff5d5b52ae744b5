"""The README's tables of settings and Redis keys are what the code says. `python -m tests.test_readme` prints them."""

import re
import sys
from pathlib import Path

import pytest

from shared import keys, lifetimes
from tests import documented

README = Path(__file__).parents[1] / "README.md"
TABLES = {"settings": documented.settings_table, "keys": documented.keys_table}


@pytest.mark.parametrize("name", TABLES)
def test_the_readme_has_the_table_that_the_code_says(name: str) -> None:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README.read_text("utf-8"), re.DOTALL)

    assert found, f"README.md lacks <!-- {name} --> … <!-- /{name} -->"
    assert found[1].strip() == TABLES[name]().strip(), "print the right one with `python -m tests.test_readme`"


def test_each_setting_says_what_it_does_under_a_name_of_its_own() -> None:
    settings = documented.all_settings()

    assert all(setting.description for setting in settings)
    assert len({setting.name for setting in settings}) == len(settings)


def test_each_redis_key_has_a_lifetime_or_is_on_the_permanent_list() -> None:
    of_all = {keys.TENANTS, keys.WORKERS, keys.RECONCILE, keys.ANSWERS, keys.BACKFILLS}
    made = {pattern for pattern, _ in documented.key_functions().values()} | of_all

    assert made == set(lifetimes.LIFETIMES) | set(lifetimes.PERMANENT)
    assert not set(lifetimes.LIFETIMES) & set(lifetimes.PERMANENT)


if __name__ == "__main__":
    for name, table in TABLES.items():
        sys.stdout.write(f"<!-- {name} -->\n{table()}<!-- /{name} -->\n\n")
