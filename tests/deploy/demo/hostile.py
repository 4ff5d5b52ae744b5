"""Thirty ways to make a page run what it should only show; each calls `pwned()` or another origin if it works."""

from datetime import UTC, datetime

from shared.models import Canvas, Provenance, Reply, SimilarTicket, Solution, StageReport, Summary

VECTORS = (
    "<script>pwned(1)</script>",
    "<img src=x onerror=pwned(2)>",
    "<svg onload=pwned(3)>",
    "<svg><script>pwned(4)</script></svg>",
    '<iframe src="javascript:parent.pwned(5)"></iframe>',
    '<iframe srcdoc="<script>parent.pwned(6)</script>"></iframe>',
    '<a href="javascript:pwned(7)">press</a>',
    "<body onload=pwned(8)>",
    "<input autofocus onfocus=pwned(9)>",
    "<details open ontoggle=pwned(10)>more</details>",
    "<video><source onerror=pwned(11)></video>",
    "<audio src=x onerror=pwned(12)></audio>",
    '<object data="javascript:pwned(13)"></object>',
    '<embed src="javascript:pwned(14)">',
    "<math><mtext><table><mglyph><style><img src=x onerror=pwned(15)>",
    '<noscript><p title="</noscript><img src=x onerror=pwned(16)>">',
    '"><script>pwned(17)</script>',
    '\'" onmouseover="pwned(18)" autofocus onfocus="pwned(18)',
    "</title><script>pwned(19)</script>",
    "</textarea><script>pwned(20)</script>",
    '<style>@import "https://evil.example/21.css"; * { background: url(https://evil.example/21.png) }</style>',
    '<link rel="stylesheet" href="https://evil.example/22.css">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example/23">',
    '<base href="https://evil.example/24/">',
    '<form action="javascript:pwned(25)"><button autofocus>go</button></form>',
    '<img src="https://evil.example/26.png">',
    "{{constructor.constructor('pwned(27)')()}} ${pwned(27)}",
    "&lt;img src=x onerror=pwned(28)&gt;",
    "<scr<script>ipt>pwned(29)</scr</script>ipt>",
    "[press](javascript:pwned(30)) javascript:pwned(30)",
)
SCRIPT_URLS = ("javascript:pwned('url')", "data:text/html,<script>parent.pwned('url')</script>", "JaVaScRiPt:pwned(1)")
ALL = "\n".join(VECTORS)
INTRUDERS = """() => [...document.querySelectorAll(`body :is(
    script, iframe:not(#app, .framed > iframe), object, embed, style, link, base, meta, svg, math, video, audio,
    details:not(.pc-made), img:not(.bar > img), form:not(dialog form), input:not(#search, .pc-find, dialog input),
    [style]:not(textarea, #sidebar), [autofocus],
    [href^="javascript" i], [href^="data:" i], [onerror], [onload], [onfocus], [onmouseover]
)`)].map((element) => element.outerHTML)"""
"""Elements of the page that nobody but an attacker would put there."""
INSERT_EVERY_REPLY = """() => {
    const press = (key) => document.querySelector(`[data-key="${key}"]`).click();
    for (let number = 0; number < 30; number += 1) (press(`reply-${number}`), press("insert"));
}"""


def hostile_canvas(ticket_id: int, article_id: int) -> Canvas:
    """A Canvas that says something bad wherever it can say anything; its solutions name an article of the account."""
    now = datetime.now(UTC)
    addresses = [SCRIPT_URLS[number % len(SCRIPT_URLS)] for number in range(len(VECTORS))]
    return Canvas(
        ticket_id=ticket_id,
        revision=now,
        status="partial",
        language='en"><script>pwned("lang")</script>',
        generated_at=now,
        summary=Summary(text=ALL, problem=f"problem {ALL}", tried=f"tried {ALL}", next_step=ALL, sentiment="urgent"),
        similar_tickets=[
            SimilarTicket(ticket_id=1000 + number, subject=vector, status=vector, score=0.5, resolution=vector, url=url)
            for number, (vector, url) in enumerate(zip(VECTORS, addresses, strict=True))
        ],
        solutions=[
            Solution(article_id=article_id, title=vector, url=f"https://desk.example/{number}", snippet=vector,
                     public=False)
            for number, vector in enumerate(VECTORS)
        ],
        replies=[Reply(text=vector, tone="brief", sources=[vector]) for vector in VECTORS],
        provenance=Provenance(
            models={"summary": ALL, "replies": ALL},
            tokens={"input": 1},
            cost=0.0,
            stages=[StageReport(name=ALL, ms=1.0)],
        ),
    )  # fmt: skip
