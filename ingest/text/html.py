"""Freshdesk's HTML as the text that a person saw: lines where blocks were, lists, tables and links still readable.

Reading is `markup.parse`, what is hidden is decided by `visible.Look`; here the lines are made.
"""

import re
from dataclasses import dataclass, field

from ingest.text.markup import BLOCKS, Element, names, parse, walk
from ingest.text.visible import Look, composed, without_invisible

SKIPPED = names("head template svg math object audio video canvas select datalist map")
SPACED = names("p h1 h2 h3 h4 h5 h6 ul ol dl table blockquote pre")
LISTS = names("ul ol menu")
CELLS = names("td th")
DEEPEST_TABLE = 20
"""Tables in tables that are drawn as tables; any deeper ones are layout, and copying their lines would cost time."""

SCHEME = re.compile(r"(?i)^https?://(?:www\.)?")
BLANK_LINES = re.compile(r"\n{3,}")


def html_to_text(html: str) -> str:
    """The visible text of an HTML fragment, in NFC, at most one blank line in a row.

    List items begin with "- " or their number, the cells of a row are joined by " | ", a link is its text, with the
    address in parentheses where that says something else. Never raises, in linear time; see `markup.LONGEST`.
    """
    return render(parse(html))


def render(root: Element) -> str:
    """The visible text of a tree, as `html_to_text` describes it."""
    return _Renderer().run(root)


@dataclass(slots=True)
class _Lines:
    """Lines of a page or of a table's cell: those that are done, and the one that is being written."""

    owner: Element | None = None
    done: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    marker: str = ""

    def end_line(self) -> None:
        """Ends the current line, if there is anything on it."""
        line = " ".join("".join(self.current).split())
        self.current.clear()
        if line:
            self.done.append(self.marker + line)
            self.marker = " " * (len(self.marker) - len(self.marker.lstrip()))

    def blank_line(self) -> None:
        """Ends the current line and leaves one line blank, but never two, and none at the beginning."""
        self.end_line()
        if self.done and self.done[-1]:
            self.done.append("")

    def verbatim(self, text: str) -> None:
        """Preformatted text: its own line breaks and spaces stay."""
        first, *others = text.split("\n")
        self.current.append(first)
        for other in others:
            self.done.append(self.marker + "".join(self.current).rstrip())
            self.current[:] = [other]


class _Renderer:
    """Walks a tree once; tables and lists in progress are kept on stacks."""

    def __init__(self) -> None:
        self.pages = [_Lines()]
        self.looks = [Look()]
        self.rows: list[tuple[Element, list[list[str]]]] = []
        self.lists: list[int | None] = []  # the next number of an ordered list
        self.links: list[tuple[str, int, int]] = []
        self.pre = 0

    @property
    def page(self) -> _Lines:
        return self.pages[-1]

    def run(self, root: Element) -> str:
        """The text of the whole tree."""
        skipping: Element | None = None
        for event, node in walk(root):
            if skipping is not None:
                if node is skipping and event == "close":
                    skipping = None
            elif isinstance(node, str):
                self.text(node)
            elif event == "close":
                self.looks.pop()
                self.close(node)
            else:
                look = self.looks[-1].inside(node)
                if look.gone or node.name in SKIPPED:
                    skipping = node
                else:
                    self.looks.append(look)
                    self.open(node)
        self.page.end_line()
        return BLANK_LINES.sub("\n\n", composed("\n".join(self.page.done))).strip()

    def text(self, text: str) -> None:
        """A piece of text, if one can see it."""
        if self.looks[-1].hidden:
            return
        text = without_invisible(text)
        if self.pre:
            self.page.verbatim(text.replace("\r\n", "\n"))
        else:
            self.page.current.append(text)

    def open(self, element: Element) -> None:
        """What an element begins."""
        name = element.name
        if name == "br":
            self.page.end_line() if "".join(self.page.current).strip() else self.page.blank_line()
        elif name == "a":
            self._open_link(element)
        elif name in CELLS and self.rows and len(self.pages) < DEEPEST_TABLE:
            self.pages.append(_Lines(element))
        elif name in BLOCKS:
            self._block(element)
            if name in LISTS:
                self.lists.append(1 if name == "ol" else None)
            elif name == "li":
                self.page.marker = self._item()
            elif name == "tr" and len(self.pages) < DEEPEST_TABLE:
                self.rows.append((element, []))
            elif name == "pre":
                self.pre += 1

    def close(self, element: Element) -> None:
        """What an element ends."""
        name = element.name
        if name == "a":
            self._close_link()
        elif self.page.owner is element:
            cell = self.pages.pop()
            cell.end_line()
            self.rows[-1][1].append([line for line in cell.done if line])
        elif self.rows and self.rows[-1][0] is element:
            self._end_row(self.rows.pop()[1])
        elif name in BLOCKS:
            if name in LISTS:
                self.lists.pop()
            elif name == "pre":
                self.page.verbatim("\n")
                self.pre -= 1
            self._block(element)
            if name == "li":
                self.page.marker = ""

    def _block(self, element: Element) -> None:
        """A block begins and ends a line; paragraphs outside of lists, unless Outlook's, stand apart."""
        if element.name in SPACED and not self.lists and "mso" not in element.get("class"):
            self.page.blank_line()
        else:
            self.page.end_line()

    def _item(self) -> str:
        indent = "  " * min(max(len(self.lists) - 1, 0), 8)
        if not self.lists or self.lists[-1] is None:
            return indent + "- "
        self.lists[-1] += 1
        return f"{indent}{self.lists[-1] - 1}. "

    def _end_row(self, cells: list[list[str]]) -> None:
        """One line where every cell is one line; else the cells laid out the page, and follow each other."""
        self.page.end_line()
        filled = [cell for cell in cells if cell]
        if all(len(cell) == 1 for cell in filled):
            filled = [[" | ".join(cell[0] for cell in filled)]] if filled else []
        for cell in filled:
            self.page.done.extend(cell)

    def _open_link(self, element: Element) -> None:
        self.links.append((element.attributes.get("href", "").strip(), len(self.page.done), len(self.page.current)))

    def _close_link(self) -> None:
        address, lines, start = self.links.pop()
        if len(self.page.done) != lines or not SCHEME.match(address) or len(self.links) > DEEPEST_TABLE:
            return
        text = "".join(self.page.current[start:]).strip()
        if text and SCHEME.sub("", address).rstrip("/") not in text:
            self.page.current.append(f" ({without_invisible(address)})")
