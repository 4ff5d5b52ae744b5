"""Choose the English tickets of the demo helpdesk from a dump of Thunderbird's support forum.

    python -m deploy.demo.select_tickets thunderbird-2023.jsonl.gz

A demo of similar tickets needs tickets that have neighbours. So questions which a helper linked to each
other come first, then questions on topics that recur. Texts stay as people wrote them (HTML sanitised, whole
posts left out, never words); names, addresses and ticket fields are invented from hashes, so that the same
dump gives the same file, byte for byte. Format of a line, origin and licence: `data/README.md`.
"""

import gzip
import hashlib
import html
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nh3
import rich_click as click

OUT = Path(__file__).parent / "data" / "tickets.en.jsonl"
TOTAL, LINKED, UNANSWERED = 200, 100, 8  # tickets
OPEN, PENDING = 50, 30  # of TOTAL; the other 60 % are resolved or closed
LINKERS_PER_QUESTION = 6  # one question of 2023 was linked 39 times: enough is enough
LENGTHS = range(80, 4001)  # characters of a question
LONGEST_REPLY, LONGEST_THREAD, UNPRESENTABLE_POSTS = 4000, 12, 2  # characters; posts; posts left out
HELPER_POSTS = 20  # who answered others this often is taken for a helper, not for a fellow sufferer
NEWEST, OLDEST, CLOSED_AFTER = timedelta(days=2), timedelta(days=300), timedelta(days=60)
HOUR, LONGEST_GAP = timedelta(hours=1), timedelta(days=30)
AGENTS = ("olivia", "ethan", "grace", "noah")

# Read in titles only, where people name their trouble.
TOPICS = (
    r"smtp|can(no|')t send|sending (of|fail)|unable to send|won't send",
    r"(gmail|google).*(oauth|log ?in|password|authent|sign)",
    r"folders?.*(missing|disappear|gone|lost|empty)|(missing|lost|disappeared).*folder",
    r"(new|another) (computer|laptop|pc)|migrat|transfer.*(profile|mail)",
    r"calendar.*(sync|google|caldav|event|invit|remind|import)|(sync|event|remind).*calendar",
    r"(address ?book|contacts?).*(import|export|csv|sync|vcf)|(import|export).*(address|contact)",
    r"(slow|global|quick|not|can't).*search|search.*(slow|result|not|message|body)",
    r"(not|stopped|can't|cannot) (receiv|download|get)",
    r"\b(slow|freez|hang|crash|not responding|won't (open|start))",
    r"sent (folder|mail|messages)|copy.*sent",
    r"openpgp|encrypt|s/mime|certificate",
    r"attachment",
    r"filters?\b",
    r"signature",
    r"junk|spam",
    r"\bprint",
)
TYPES = {
    "Feature Request": r"feature|suggestion|would be (nice|good)|please add|wish",
    "Incident": r"suddenly|stopped|no longer|since|lost|disappear|crash|broke|fail|after",
    "Problem": r"error|can't|cannot|unable|not|problem|issue|won't",
}
RUDE = re.compile(r"(?i)\b(f+u+c+k|sh[i1]t|crap|damn|idiot|stupid|suck|moron|wtf|bull ?sh|porn|nazi)")
# Addresses, numbers, masks, home folders, and a full name under a letter.
PRIVATE = re.compile(
    r"\w@\w|\d{3}\)?[-. ]\d{3}[-. ]\d{4}|\d{3}-\d\d-\d{4}|\[removed\]|[Uu]sers[\\/]\w|\w\.\w+ said\b"
    r"|(name is|[Bb]est|[Tt]hanks|[Aa]gain|[Rr]egards|[Ss]incerely|[Cc]heers)\W+[A-Z][a-z]+\s+[A-Z][a-z]+"
)
FOREIGN = re.compile(r"(?i)\b(und|nicht|ich|het|een|niet|les?|pas|que|para|della|sono)\b")
CONTENT = re.compile(
    r"(?i)\bthank|solved\b|\bfixed|\bwork\w* (now|fine|again)|that (did|worked)|figured|got it|success"
)
LOSS = re.compile(r"(?i)\blost all|\ball (my )?(e-?mails?|messages|folders) (are |have )?(gone|lost)|data ?loss")
FIRST = """Amara Anita Arthur Brian Camila Chloe Clara Daniel Diana Elena Emmett Fatima Felix Fiona Gloria Hugo
Irene Ivan Judith Laura Leonard Marcus Miriam Nadia Oscar Paula Priya Rafael Rosa Samuel Stella Wendy Zoe"""
LAST = """Abbott Adler Banerjee Barlow Brooks Carver Castillo Dalton Delgado Farrell Fleming Hale Holloway Jensen
Kaplan Keller Kumar Larkin Lowell Mercer Moreno Novak Okafor Osborne Quinn Reyes Sinclair Tanner Winslow Yates"""


@dataclass(frozen=True, slots=True)
class Thread:
    """A question with the posts that are kept: its author's and the helpers'."""

    id: int
    created: datetime
    raw: dict[str, Any]
    text: str
    posts: list[dict[str, Any]]

    @property
    def answers(self) -> int:
        """How many posts are helpers'."""
        return sum(not self.by_author(post) for post in self.posts)

    @property
    def turn(self) -> str:
        """Who must act: "ours" while the customer waits, "theirs" after a question of ours, else "nobody"."""
        last = self.posts[-1] if self.answers else self.raw
        words = plain(last["content_html"])
        if self.by_author(last):
            return "nobody" if self.answers and CONTENT.search(f"{self.raw['title']} {words}") else "ours"
        return "theirs" if "?" in words else "nobody"

    def by_author(self, post: dict[str, Any]) -> bool:
        """Whether the questioner wrote this post."""
        return bool(post["author"] == self.raw["author"])

    def titled(self, rule: str) -> bool:
        """Whether the title matches a regular expression, in any case."""
        return re.search(rule, self.raw["title"], re.IGNORECASE) is not None

    def fitness(self) -> tuple[int, str]:
        """Sort key, best first: threads in which something happens; a hash among equals mixes the months."""
        came_back = len(self.posts) > self.answers
        good_length = 200 <= len(self.text) <= 1800
        return -(min(3, self.answers) + came_back + 2 * good_length), digest(str(self.id))


def moment(stamp: str) -> datetime:
    """The dump's time stamps: `2023-01-01 02:21:46 +0000`."""
    return datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S %z")


def digest(text: str) -> str:
    """A hash that is the same in every process, unlike `hash()`."""
    return hashlib.sha256(text.encode()).hexdigest()


def pick(text: str, choices: Sequence[Any]) -> Any:
    """One of the choices, always the same for the same text."""
    return choices[int(digest(text)[:8], 16) % len(choices)]


def plain(markup: str) -> str:
    """Text of an HTML fragment, white space collapsed."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())


def clean(markup: str) -> str:
    """HTML without scripts, styles and images (an image would call home when an agent opens the ticket)."""
    return nh3.clean(markup, tags=nh3.ALLOWED_TAGS - {"img", "map", "area"}).strip()


def usable(rows: list[dict[str, Any]]) -> Iterator[Thread]:
    """English threads, less the posts of passers-by and what is not presentable."""
    answers = Counter(p["author"] for row in rows for p in row["replies"] if p["author"] != row["author"])
    helpers = {author for author, number in answers.items() if number >= HELPER_POSTS}
    for row in rows:
        known = [p for p in row["replies"] if p["author"] == row["author"] or p["author"] in helpers]
        posts = [p for p in known if presentable(plain(p["content_html"]), range(1, LONGEST_REPLY))]
        text = plain(row["content_html"])
        if (
            row["locale"].startswith("en")
            and presentable(text, LENGTHS)
            and presentable(row["title"], range(9, 300))
            and len(posts) <= LONGEST_THREAD
            and len(known) - len(posts) <= UNPRESENTABLE_POSTS
        ):
            yield Thread(row["id"], moment(row["created"]), row, text, posts)


def presentable(text: str, lengths: range) -> bool:
    """Whether a text is of these lengths, English, polite, and says nothing about a person."""
    foreign = len(FOREIGN.findall(text)) > 2 or text.count("[mail]") > 3
    return len(text) in lengths and not (foreign or RUDE.search(text) or PRIVATE.search(text))


def linked(threads: dict[int, Thread]) -> set[int]:
    """Questions that helpers linked, the most linked first, each with the fittest of those that link it."""
    linkers: dict[int, list[Thread]] = {}
    answered = {i: thread for i, thread in threads.items() if thread.answers}
    for thread in sorted(answered.values(), key=Thread.fitness):
        for older in set(thread.raw["related"]) & answered.keys():
            linkers.setdefault(older, []).append(thread)
    chosen: set[int] = set()
    for older, newer in sorted(linkers.items(), key=lambda item: (-len(item[1]), item[0])):
        if len(chosen) < LINKED:
            chosen |= {older, *(thread.id for thread in newer[:LINKERS_PER_QUESTION])}
    return chosen


def select(rows: list[dict[str, Any]]) -> list[Thread]:
    """TOTAL threads, oldest first: linked ones, new ones in which someone must act, recurring topics."""
    threads = {thread.id: thread for thread in usable(rows)}
    chosen = linked(threads)
    newest = sorted(threads.values(), key=lambda t: -t.id)
    topical = [t for t in newest if t.answers and any(map(t.titled, TOPICS))]
    # Linked questions are mostly of the second half, when the interface was new; here each topic in turn.
    early = sorted((t for t in topical if t.created.month <= 6), key=Thread.fitness)
    turns = itertools.zip_longest(*([t for t in early if t.titled(rule)] for rule in TOPICS))
    for candidates, number in (
        ((t for t in newest if not t.raw["replies"] and len(t.text) > 2 * LENGTHS.start), UNANSWERED),
        ((t for t in topical if t.turn == "ours"), OPEN - UNANSWERED),
        ((t for t in topical if t.turn == "theirs"), PENDING),
        ((t for turn in turns for t in turn if t is not None), TOTAL),
    ):
        for thread in itertools.islice(candidates, number):
            if len(chosen) < TOTAL:
                chosen.add(thread.id)
    return sorted((threads[i] for i in chosen), key=lambda t: (t.created, t.id))


def ages(threads: list[Thread]) -> list[float]:
    """Hours before the seeding moment: the dump's time line drawn onto OLDEST..NEWEST, no two equal."""
    start, end = threads[0].created, threads[-1].created
    steps: list[int] = []
    for thread in threads:
        age = NEWEST + (OLDEST - NEWEST) * ((end - thread.created) / (end - start))
        step = round(age / HOUR * 50)
        steps.append(min(step, steps[-1] - 1) if steps else step)
    return [(2 * step + 1) / 100 for step in steps]


def names(threads: list[Thread]) -> dict[str, str]:
    """An invented name for each questioner, no two the same."""
    people = [" ".join(pair) for pair in itertools.product(FIRST.split(), LAST.split())]
    result: dict[str, str] = {}
    for author in sorted({t.raw["author"] for t in threads}):
        result[author] = pick(author, people)
        people.remove(result[author])
    return result


def statuses(threads: list[Thread], age: list[float]) -> list[int]:
    """2: the newest that wait for us; 3: the newest that wait for the customer; else 4, and 5 when old."""
    newest_first = range(len(threads) - 1, -1, -1)
    opened = {*[i for i in newest_first if threads[i].turn == "ours"][:OPEN]}
    pending = {*[i for i in newest_first if threads[i].turn == "theirs"][:PENDING]}
    done = [5 if hours_old > CLOSED_AFTER / HOUR else 4 for hours_old in age]
    return [2 if i in opened else 3 if i in pending else done[i] for i in range(len(threads))]


def conversations(thread: Thread, age: float) -> list[dict[str, Any]]:
    """The posts at their own times, gaps cut to LONGEST_GAP, drawn together where the ticket is young."""
    after, previous, times = timedelta(), thread.created, []
    for post in thread.posts:
        written = moment(post["created"])
        after += min(LONGEST_GAP, max(timedelta(minutes=1), written - previous))
        previous = max(previous, written)
        times.append(after / HOUR)
    scale = min(1.0, age * 0.95 / times[-1]) if times else 1.0
    return [
        {
            "kind": "customer" if thread.by_author(post) else "reply",
            "author": None if thread.by_author(post) else pick(f"{thread.id} {post['author']}", AGENTS),
            "after_hours": round(time * scale, 3),
            "body_html": f"<div>{clean(post['content_html'])}</div>",
        }
        for post, time in zip(thread.posts, times, strict=True)
    ]


def kind_of(thread: Thread) -> str | None:
    """The first type that the title speaks of, else any."""
    named = (kind for kind, rule in TYPES.items() if thread.titled(rule))
    return next(named, pick(f"type tb-{thread.id}", ("Question", "Question", None)))


def ticket(thread: Thread, name: str, age: float, selected: set[int]) -> dict[str, Any]:
    """One line of the seed file, without its status."""
    key, talk = f"tb-{thread.id}", conversations(thread, age)
    assigned = Counter(post["author"] for post in talk if post["author"]).most_common(1)
    related = [f"rel:tb-{i}" for i in thread.raw["related"] if i in selected]
    lost = LOSS.search(f"{thread.raw['title']} {thread.text}")
    return {
        "key": key,
        "language": "en",
        "product": "Thunderbird",
        "subject": " ".join(html.unescape(thread.raw["title"]).split()),
        "description_html": clean(thread.raw["content_html"]),
        "requester": {"name": name, "email": f"{name.lower().replace(' ', '.')}@example.com"},
        "agent": assigned[0][0] if assigned else None,
        "priority": 4 if lost else pick(f"priority {key}", (1, 1, 2, 2, 2, 3)),
        "type": kind_of(thread),
        "source": pick(f"source {key}", (1, 1, 1, 1, 1, 2, 2, 2, 2, 7)),
        "tags": [*thread.raw["tags"], *related],
        "age_hours": age,
        "conversations": talk,
    }


@click.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=OUT, help="File to write.")
def main(source: Path, out: Path) -> None:
    """Write the demo's English tickets, selected from SOURCE (one question a line, JSON, gzipped)."""
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    threads = select(rows)
    age, called, selected = ages(threads), names(threads), {t.id for t in threads}
    with out.open("w", encoding="utf-8") as file:
        for thread, hours_old, status in zip(threads, age, statuses(threads, age), strict=True):
            line = ticket(thread, called[thread.raw["author"]], hours_old, selected) | {"status": status}
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    click.echo(f"{len(threads)} tickets, {out.stat().st_size / 1e6:.2f} MB: {out}")


if __name__ == "__main__":
    main()
