"""The knowledge base: categories, folders, subfolders, articles.

Without a language everything is served in the language it was written in; with `/{lang}` only what exists in that
language is. Visibility stands on the folder, never on the article.
"""

from typing import Any, TypeVar

from litestar import Response, get
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from deploy.demo.helpdesk.call import Call
from deploy.demo.helpdesk.errors import Invalid, NotFound, problem
from deploy.demo.helpdesk.helpdesk import Helpdesk
from deploy.demo.helpdesk.models import Article, Category, Folder

LANGUAGES = ("en", "ko")

Thing = TypeVar("Thing", Category, Folder, Article)


def in_language(things: list[Thing], lang: str | None) -> list[Thing]:
    """What exists in a language; everything where none is asked for."""
    return [thing for thing in things if lang is None or thing.language == lang]


def find(things: dict[int, Thing], number: int, lang: str | None) -> Thing:
    """Return one thing.

    Raises:
        NotFound: unknown, or not in that language.

    """
    thing = things.get(number)
    if thing is None or lang not in (None, thing.language):
        raise NotFound
    return thing


def category_json(category: Category) -> dict[str, Any]:
    """One category."""
    return {
        "id": category.id,
        "name": category.name,
        "description": category.description,
        "visible_in_portals": [1],
        "created_at": category.created_at,
        "updated_at": category.created_at,
    }


def folder_json(desk: Helpdesk, folder: Folder) -> dict[str, Any]:
    """One folder."""
    state = desk.state
    return {
        "id": folder.id,
        "name": folder.name,
        "description": folder.description,
        "parent_folder_id": folder.parent_folder_id,
        "hierarchy": hierarchy(desk, folder)[:-1],
        "articles_count": sum(article.folder_id == folder.id for article in state.articles.values()),
        "sub_folders_count": sum(other.parent_folder_id == folder.id for other in state.folders.values()),
        "visibility": folder.visibility,
        "created_at": folder.created_at,
        "updated_at": folder.created_at,
    }


def hierarchy(desk: Helpdesk, folder: Folder) -> list[dict[str, Any]]:
    """Path from the category to the folder itself."""
    above: list[tuple[str, Category | Folder]] = []
    current: Folder | None = folder
    while current is not None:
        above.append(("folder", current))
        current = desk.state.folders.get(current.parent_folder_id or 0)
    above.append(("category", desk.state.categories[folder.category_id]))
    return [
        {"level": level, "type": kind, "data": {"id": thing.id, "name": thing.name, "language": thing.language}}
        for level, (kind, thing) in enumerate(reversed(above))
    ]


def article_json(desk: Helpdesk, article: Article) -> dict[str, Any]:
    """One article; the folder's visibility is not part of it."""
    return {
        "id": article.id,
        "type": article.type,
        "category_id": article.category_id,
        "folder_id": article.folder_id,
        "hierarchy": hierarchy(desk, desk.state.folders[article.folder_id]),
        "thumbs_up": article.thumbs_up,
        "thumbs_down": article.thumbs_down,
        "hits": article.hits,
        "suggested": 0,
        "feedback_count": 0,
        "tags": article.tags,
        "seo_data": {},
        "title": article.title,
        "description": article.description,
        "description_text": article.description_text,
        "status": article.status,
        "agent_id": article.agent_id,
        "attachments": [],
        "cloud_files": [],
        "created_at": article.created_at,
        "updated_at": article.updated_at,
    }


def lang_of(request: Call) -> str | None:
    """The language at the end of the path, if there is one."""
    lang = request.path_params.get("lang")
    return str(lang) if lang else None


def category_list(request: Call, lang: str | None) -> Response[Any]:
    """Answer with the categories of a language."""
    rows = in_language(list(request.desk.state.categories.values()), lang)
    return request.paged([category_json(category) for category in rows], request.query())


@get("/solutions/categories")
async def list_categories(request: Call) -> Response[Any]:
    """List categories."""
    return category_list(request, None)


@get("/solutions/categories/{which:str}")
async def list_or_view_category(request: Call, which: FromPath[str]) -> Response[Any]:
    """View a category by its number, or list the categories of a language: the path has the same form."""
    if which.isdecimal():
        return Response(category_json(find(request.desk.state.categories, int(which), None)))
    if which not in LANGUAGES:
        raise NotFound
    return category_list(request, which)


@get("/solutions/categories/{number:int}/{lang:str}")
async def view_category(request: Call, number: FromPath[int]) -> dict[str, Any]:
    """View a category in a language."""
    return category_json(find(request.desk.state.categories, number, lang_of(request)))


@get(["/solutions/categories/{number:int}/folders", "/solutions/categories/{number:int}/folders/{lang:str}"])
async def list_folders(request: Call, number: FromPath[int]) -> Response[Any]:
    """List a category's own folders; nested ones hang below them."""
    desk, lang = request.desk, lang_of(request)
    find(desk.state.categories, number, lang)
    rows = in_language(
        [f for f in desk.state.folders.values() if f.category_id == number and f.parent_folder_id is None], lang
    )
    return request.paged([folder_json(desk, folder) for folder in rows], request.query())


@get(["/solutions/folders/{number:int}", "/solutions/folders/{number:int}/{lang:str}"])
async def view_folder(request: Call, number: FromPath[int]) -> dict[str, Any]:
    """View a folder."""
    return folder_json(request.desk, find(request.desk.state.folders, number, lang_of(request)))


@get(["/solutions/folders/{number:int}/subfolders", "/solutions/folders/{number:int}/subfolders/{lang:str}"])
async def list_subfolders(request: Call, number: FromPath[int]) -> Response[Any]:
    """List the folders right below a folder."""
    desk, lang = request.desk, lang_of(request)
    find(desk.state.folders, number, lang)
    rows = in_language([f for f in desk.state.folders.values() if f.parent_folder_id == number], lang)
    return request.paged([folder_json(desk, folder) for folder in rows], request.query())


@get(["/solutions/folders/{number:int}/articles", "/solutions/folders/{number:int}/articles/{lang:str}"])
async def list_articles(request: Call, number: FromPath[int]) -> Response[Any]:
    """List a folder's articles, drafts included."""
    desk, lang = request.desk, lang_of(request)
    find(desk.state.folders, number, lang)
    rows = in_language([a for a in desk.state.articles.values() if a.folder_id == number], lang)
    return request.paged([article_json(desk, article) for article in rows], request.query())


@get(["/solutions/articles/{number:int}", "/solutions/articles/{number:int}/{lang:str}"])
async def view_article(request: Call, number: FromPath[int]) -> dict[str, Any]:
    """View an article."""
    return article_json(request.desk, find(request.desk.state.articles, number, lang_of(request)))


@get("/search/solutions")
async def search_articles(request: Call) -> Response[Any]:
    """Find articles that contain a term."""
    query = request.query("term")
    term = query.get("term", "").strip().lower()
    if not term:
        raise Invalid(problem("term", "It should be a/an String", "missing_field"))
    desk = request.desk
    found = [
        article_json(desk, article)
        | {
            "folder_visibility": desk.state.folders[article.folder_id].visibility,
            "folder_name": desk.state.folders[article.folder_id].name,
            "category_name": desk.state.categories[article.category_id].name,
            "path": f"{article.id}-{article.key}",
            "modified_at": article.updated_at,
            "language_id": 6 if article.language == "en" else 26,
        }
        for article in desk.state.articles.values()
        if term in f"{article.title}\n{article.description_text}".lower()
    ]
    return request.paged(found, query)


ROUTES: list[ControllerRouterHandler] = [
    list_categories,
    list_or_view_category,
    view_category,
    list_folders,
    view_folder,
    list_subfolders,
    list_articles,
    view_article,
    search_articles,
]
