"""Reads articles.json: categories, folders (which may nest) and their articles."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.demo.helpdesk.models import Article, Category, Folder, State
from deploy.demo.helpdesk.text import html_to_text

# The knowledge base is older than any ticket.
AGE = timedelta(days=400)


def load_articles(state: State, file: Path, now: datetime) -> None:
    """Add the file's knowledge base to the state; no file, no knowledge base.

    Raises:
        ValueError: an unusable article; its key is named.

    """
    if not file.exists():
        return
    created = now - AGE
    for data in json.loads(file.read_text("utf-8"))["categories"]:
        category = Category(state.next_id("category"), data["name"], data["language"], created, data.get("description"))
        state.categories[category.id] = category
        for folder in data["folders"]:
            _add_folder(state, category, folder, None, created)


def _add_folder(state: State, category: Category, data: dict[str, Any], parent: int | None, created: datetime) -> None:
    folder = Folder(
        id=state.next_id("folder"),
        name=data["name"],
        category_id=category.id,
        language=data.get("language", category.language),
        visibility=data.get("visibility", 1),
        created_at=created,
        parent_folder_id=parent,
        description=data.get("description"),
    )
    state.folders[folder.id] = folder
    for entry in data.get("articles", []):
        try:
            _add_article(state, folder, entry, created)
        except (KeyError, TypeError) as error:
            raise ValueError(f"articles.json: article {entry.get('key')!r} is unusable: {error!r}") from error
    for nested in data.get("folders", []):
        _add_folder(state, category, nested, folder.id, created)


def _add_article(state: State, folder: Folder, data: dict[str, Any], created: datetime) -> None:
    article = Article(
        id=state.next_id("article"),
        key=data["key"],
        title=data["title"],
        description=data["description_html"],
        description_text=html_to_text(data["description_html"]),
        folder_id=folder.id,
        category_id=folder.category_id,
        language=data.get("language", folder.language),
        status=data.get("status", 2),
        type=data.get("type", 1),
        agent_id=next(iter(state.agents), None),
        tags=data.get("tags", []),
        created_at=created,
        updated_at=created,
    )
    state.articles[article.id] = article
