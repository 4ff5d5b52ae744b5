"""Solutions in two languages, canned responses, and what the account says about itself."""

from typing import Any

from tests.deploy.demo.helpdesk.account import Account


async def names(account: Account, path: str) -> list[str]:
    answer = await account.agent.get(path)
    assert answer.status_code == 200, answer.text
    return [thing.get("name") or thing["title"] for thing in answer.json()]


async def test_the_knowledge_base_is_a_tree_with_nested_folders(reading: Account) -> None:
    categories = (await reading.agent.get("/solutions/categories")).json()
    assert [category["name"] for category in categories] == ["Kettles", "주전자"]
    kettles = categories[0]["id"]
    assert (await reading.agent.get(f"/solutions/categories/{kettles}")).json() == categories[0]
    folders = (await reading.agent.get(f"/solutions/categories/{kettles}/folders")).json()
    assert [(f["name"], f["visibility"], f["sub_folders_count"]) for f in folders] == [
        ("Care", 1, 1),
        ("Internal", 3, 0),
    ]
    care = folders[0]["id"]
    assert await names(reading, f"/solutions/folders/{care}/articles") == ["About descale", "About draft"]
    deep = (await reading.agent.get(f"/solutions/folders/{care}/subfolders")).json()[0]
    assert (deep["name"], deep["parent_folder_id"]) == ("Deep care", care)
    article = (await reading.agent.get(f"/solutions/folders/{deep['id']}/articles")).json()[0]
    assert [step["data"]["name"] for step in article["hierarchy"]] == ["Kettles", "Care", "Deep care"]
    assert article["description_text"] == "Text of gasket"
    assert "visibility" not in article
    assert (await reading.agent.get(f"/solutions/articles/{article['id']}")).json() == article


async def test_a_language_in_the_path_shows_that_language_only(reading: Account) -> None:
    korean = (await reading.agent.get("/solutions/categories/ko")).json()
    assert [category["name"] for category in korean] == ["주전자"]
    number = korean[0]["id"]
    folder = (await reading.agent.get(f"/solutions/categories/{number}/folders/ko")).json()[0]["id"]
    assert await names(reading, f"/solutions/folders/{folder}/articles/ko") == ["물때 제거"]
    assert (await reading.agent.get(f"/solutions/folders/{folder}/en")).status_code == 404
    assert (await reading.agent.get("/solutions/categories/xx")).status_code == 404


async def test_articles_are_found_by_a_word(reading: Account) -> None:
    found = (await reading.agent.get("/search/solutions?term=refunds")).json()
    assert [(hit["title"], hit["folder_visibility"]) for hit in found] == [("About refunds", 3)]


async def test_canned_responses_come_unrendered(reading: Account) -> None:
    folder = (await reading.admin.get("/canned_response_folders")).json()[0]
    assert (folder["name"], folder["responses_count"]) == ("Greetings", 1)
    responses = (await reading.admin.get(f"/canned_response_folders/{folder['id']}/responses")).json()
    assert responses[0]["content_html"] == "<p>Hi {{ticket.url}}</p>"
    assert (await reading.admin.get(f"/canned_responses/{responses[0]['id']}")).json() == responses[0]


async def test_the_account_describes_itself(reading: Account) -> None:
    account = (await reading.agent.get("/account")).json()
    assert (account["account_domain"], account["data_center"]) == ("demo.freshdesk.com", "US")
    settings = (await reading.agent.get("/settings/helpdesk")).json()
    assert (settings["primary_language"], settings["supported_languages"]) == ("en", ["ko"])
    fields: dict[str, Any] = {f["name"]: f for f in (await reading.agent.get("/ticket_fields")).json()}
    assert fields["status"]["choices"]["2"] == ["Open", "Being Processed"]
    assert fields["priority"]["choices"]["Urgent"] == 4
    assert fields["cf_product"]["choices"] == ["Kettle", "주전자"]
