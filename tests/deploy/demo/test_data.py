"""The contract of the demo's seed files: whoever edits them, or loads them, can rely on what stands here."""

import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import deploy.demo

DATA = Path(deploy.demo.__file__).parent / "data"
TICKET_FILES = ("tickets.en.jsonl", "tickets.ko.jsonl")
ADDRESS = re.compile(r"[\w.+-]+@(?:[\w-]+\.)+[\w-]+")
EXAMPLE_ADDRESS = re.compile(r"[\w.+-]+@(?:[\w-]+\.)*example\.(?:com|co\.kr)")
ACTIVE_HTML = re.compile(r"<(?:script|style|iframe|img|form)\b|\son\w+\s*=|javascript:", re.IGNORECASE)
AGENTS_ONLY, PUBLISHED, DRAFT = 3, 2, 1


def read(name: str) -> str:
    return (DATA / name).read_text(encoding="utf-8")


def tickets() -> list[dict[str, Any]]:
    return [json.loads(line) for name in TICKET_FILES for line in read(name).splitlines()]


def agents() -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = json.loads(read("agents.json"))
    return result


def articles() -> list[tuple[int, str, dict[str, Any]]]:
    """Every article with the visibility of its folder and the language of its category."""

    def walk(folders: list[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        for folder in folders:
            yield from ((folder["visibility"], article) for article in folder["articles"])
            yield from walk(folder.get("folders", []))

    categories = json.loads(read("articles.json"))["categories"]
    return [
        (visibility, category["language"], article)
        for category in categories
        for visibility, article in walk(category["folders"])
    ]


def test_there_are_300_tickets_and_at_least_80_are_korean() -> None:
    languages = Counter(ticket["language"] for ticket in tickets())
    assert languages.total() == 300
    assert languages["ko"] >= 80
    assert set(languages) == {"en", "ko"}


def test_no_two_tickets_share_a_key_or_an_age() -> None:
    assert len({ticket["key"] for ticket in tickets()}) == 300
    assert len({ticket["age_hours"] for ticket in tickets()}) == 300


def test_a_ticket_has_the_fields_and_values_that_freshdesk_knows() -> None:
    for ticket in tickets():
        assert ticket["status"] in (2, 3, 4, 5), ticket["key"]
        assert ticket["priority"] in (1, 2, 3, 4), ticket["key"]
        assert ticket["source"] in (1, 2, 3, 7), ticket["key"]
        assert ticket["type"] in ("Question", "Incident", "Problem", "Feature Request", None), ticket["key"]
        assert ticket["product"], ticket["key"]
        assert 0 < len(ticket["subject"]) <= 255, ticket["key"]
        assert ticket["description_html"].strip(), ticket["key"]
        assert all(0 < len(tag) <= 32 for tag in ticket["tags"]), ticket["key"]


def test_most_tickets_are_done_and_the_rest_wait() -> None:
    statuses = Counter(ticket["status"] for ticket in tickets())
    assert 0.5 <= (statuses[4] + statuses[5]) / 300 <= 0.75
    assert statuses[2] >= 40
    assert statuses[3] >= 20


def test_a_conversation_ascends_and_is_younger_than_its_ticket() -> None:
    for ticket in tickets():
        times = [0, *(entry["after_hours"] for entry in ticket["conversations"]), ticket["age_hours"]]
        assert all(earlier < later for earlier, later in itertools.pairwise(times)), ticket["key"]


def test_agents_write_replies_and_notes_and_only_the_requester_answers_as_customer() -> None:
    known = {agent["key"] for agent in agents()}
    for ticket in tickets():
        assert ticket["agent"] is None or ticket["agent"] in known, ticket["key"]
        for entry in ticket["conversations"]:
            assert entry["kind"] in ("reply", "note", "customer"), ticket["key"]
            assert (entry["author"] is None) == (entry["kind"] == "customer"), ticket["key"]
            assert entry["author"] is None or entry["author"] in known, ticket["key"]
            assert entry["body_html"].strip(), ticket["key"]


def test_agents_are_unique_and_one_of_them_is_an_admin() -> None:
    keys = [agent["key"] for agent in agents()]
    emails = [agent["email"] for agent in agents()]
    assert len(set(keys)) == len(keys)
    assert len(set(emails)) == len(emails)
    assert any(agent["admin"] for agent in agents())
    assert any(not agent["admin"] for agent in agents())


def test_an_address_belongs_to_one_person() -> None:
    people: dict[str, set[str]] = {}
    for ticket in tickets():
        people.setdefault(ticket["requester"]["email"], set()).add(ticket["requester"]["name"])
    assert [email for email, named in people.items() if len(named) > 1] == []
    assert not people.keys() & {agent["email"] for agent in agents()}


def test_mail_addresses_are_at_example_domains_only() -> None:
    for name in (*TICKET_FILES, "agents.json", "articles.json"):
        foreign = [found for found in ADDRESS.findall(read(name)) if not EXAMPLE_ADDRESS.fullmatch(found)]
        assert foreign == [], name
    for ticket in tickets():
        assert EXAMPLE_ADDRESS.fullmatch(ticket["requester"]["email"]), ticket["key"]


def test_english_tickets_and_articles_hold_no_active_html() -> None:
    assert not ACTIVE_HTML.search(read("tickets.en.jsonl"))
    assert not ACTIVE_HTML.search(read("articles.json"))


def test_a_related_tag_names_an_older_ticket_of_the_file() -> None:
    ages = {ticket["key"]: ticket["age_hours"] for ticket in tickets()}
    links = [
        (ticket["key"], tag.removeprefix("rel:"))
        for ticket in tickets()
        for tag in ticket["tags"]
        if tag.startswith("rel:")
    ]
    assert len(links) >= 50
    assert [link for link in links if ages[link[1]] <= ages[link[0]]] == []


def test_40_articles_are_published_in_both_languages_and_one_is_a_draft() -> None:
    published = Counter(article["language"] for _, _, article in articles() if article["status"] == PUBLISHED)
    assert published == {"ko": 22, "en": 18}
    assert len([article for _, _, article in articles() if article["status"] == DRAFT]) == 1


def test_some_articles_of_each_language_are_for_agents_only() -> None:
    internal = Counter(article["language"] for visible, _, article in articles() if visible == AGENTS_ONLY)
    assert internal.total() >= 8
    assert internal["ko"] >= 3
    assert internal["en"] >= 3


def test_an_article_is_unique_complete_and_in_a_category_of_its_language() -> None:
    keys = [article["key"] for _, _, article in articles()]
    assert len(set(keys)) == len(keys)
    for visibility, language, article in articles():
        assert visibility in (1, 2, 3), article["key"]
        assert article["language"] == language, article["key"]
        assert article["type"] in (1, 2), article["key"]
        assert article["title"], article["key"]
        assert "<ol>" in article["description_html"], article["key"]
        assert article["tags"], article["key"]


def test_the_readme_names_every_file_with_its_licence() -> None:
    rows = [line for line in read("README.md").splitlines() if line.startswith("| `")]
    named = {re.findall(r"`([^`]+)`", row)[0] for row in rows}
    assert named == {path.name for path in DATA.iterdir()}
    assert all("Apache-2.0" in row or "MPL-2.0" in row for row in rows)


def test_the_english_tickets_stay_small() -> None:
    assert (DATA / "tickets.en.jsonl").stat().st_size < 1_200_000
