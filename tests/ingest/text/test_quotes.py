"""Quoted history goes, one's own words and answers between quoted lines stay."""

import pytest

from ingest.text.html import html_to_text
from ingest.text.quotes import strip_quoted_text, strip_quotes

ATTRIBUTION = (
    "On Wed, Mar 4, 2026 at 2:11 PM Support &lt;<a href='mailto:help@example.com'>help@example.com</a>&gt; wrote:"
)
KOREAN = "2026년 3월 4일 (수) 오후 2:11, 하루마켓 고객지원팀 &lt;help@example.com&gt;님이 작성:"
BORDER = "border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm"
MARKED = {
    "freshdesk": f"""<div class="freshdesk_quote">
        <blockquote class="freshdesk_quote">{ATTRIBUTION}<br>OLD</blockquote></div>""",
    "freshdesk with a separator": """<div class="freshdesk_quote"><blockquote class="freshdesk_quote">On Wed, 4 Mar
        <span class="separator">, Support wrote:</span><div>OLD</div></blockquote></div>""",
    "freshdesk by rel": f"""<div rel="quoted-text"><p>{ATTRIBUTION}</p>OLD</div>""",
    "gmail": f"""<div class="gmail_quote"><div dir="ltr" class="gmail_attr">{ATTRIBUTION}<br></div>
        <blockquote class="gmail_quote" style="margin:0 0 0 0.8ex"><p>OLD</p></blockquote></div>""",
    "gmail, korean": f"""<div class="gmail_quote gmail_quote_container"><div class="gmail_attr">{KOREAN}</div>
        <blockquote>OLD</blockquote></div>""",
    "yahoo": """<div id="ydp17yahoo_quoted_1" class="ydp17yahoo_quoted">
        <div>On Monday, 7 August 2023, A wrote:</div>OLD</div>""",
    "thunderbird": f"""<div class="moz-cite-prefix">{ATTRIBUTION}<br></div>
        <blockquote type="cite" cite="mid:1">OLD</blockquote>""",
    "apple": f"""<div><br><blockquote type="cite"><div>{ATTRIBUTION}</div></blockquote></div>
        <blockquote type="cite">OLD</blockquote>""",
    "outlook on the web": """<div id="appendonsend"></div><hr><div id="divRplyFwdMsg"><b>From:</b> Support<br></div>
        <div>OLD</div>""",
    "outlook, sanitised": """<hr><div id="x_divRplyFwdMsg" dir="ltr"><b>From:</b> a@example.com</div></div><p>OLD</p>
        <table><tr><td>OLD</td></tr></table>""",
    "outlook": f"""<div style="{BORDER}"><p><b>From:</b> Support<br><b>Sent:</b> Wednesday</p></div><p>OLD</p>""",
    "outlook, korean": f"""<div style="{BORDER}"><p><b>보낸 사람:</b> 하루마켓<br><b>보낸 날짜:</b> 수요일</p></div>
        OLD""",
    "outlook for phones": """<div id="mail-editor-reference-message-container"><div>OLD</div></div>""",
    "proton": """<div class="protonmail_quote">On Wednesday, A wrote:<blockquote>OLD</blockquote></div>""",
    "a forum": "<p>Kim_2 said</p><blockquote>OLD</blockquote>",
}


@pytest.mark.parametrize("quote", MARKED.values(), ids=MARKED.keys())
def test_history_that_a_mail_client_marks_is_dropped(quote: str) -> None:
    assert html_to_text(strip_quotes(f"<p>My answer.</p><p>Second line.</p>{quote}")) == "My answer.\n\nSecond line."


def test_answers_between_blockquotes_stay() -> None:
    gmail = (
        f'<div>See below.</div><div class="gmail_quote"><div class="gmail_attr">{ATTRIBUTION}</div>'
        "<blockquote>Which version?</blockquote><div>It is 115.2.</div><blockquote>And the system?</blockquote>"
        "<div>Windows 11.</div></div>"
    )
    thunderbird = (
        f'<div class="moz-cite-prefix">{ATTRIBUTION}</div><blockquote type="cite">Which version?</blockquote>'
        '<p>It is 115.2.</p><blockquote type="cite">And the system?</blockquote><p>Windows 11.</p>'
    )
    assert html_to_text(strip_quotes(gmail)) == "See below.\nIt is 115.2.\nWindows 11."
    assert html_to_text(strip_quotes(thunderbird)) == "It is 115.2.\n\nWindows 11."


@pytest.mark.parametrize(
    "html",
    [
        '<p>It shows:</p><blockquote style="margin:0 0 0 40px">Error 0x80070005</blockquote>',
        "<p>The window said</p><blockquote>Disk full</blockquote>",
        '<div style="border-top:1px solid #ccc">My second thought.</div>',
        '<div class="gmail_quote"><div>---------- Forwarded message ---------<br>From: A</div>The bill</div>',
        '<div class="freshdesk_quote"><blockquote>Nothing but a quote</blockquote></div>',
    ],
)
def test_what_only_looks_like_history_or_is_all_there_is_stays(html: str) -> None:
    assert html_to_text(strip_quotes(html)) == html_to_text(html)


OLD_LINES = "Dear customer,\nwe are sorry.\n\nSupport"


@pytest.mark.parametrize(
    "heading",
    [
        "On Wed, Mar 4, 2026 at 2:11 PM, Support <help@example.com> wrote:",
        "On Wed, Mar 4, 2026 at 2:11 PM, Support\n<help@example.com> wrote:",
        "On Mar 4, 2026, at 14:11, Support wrote:",
        "2026-03-04 14:11, Support wrote:",
        "2026년 3월 4일 (수) 오후 2:11, 하루마켓 고객지원팀 <help@example.com> 작성:",
        "2026년 3월 4일 (수) 오후 2:11, 하루마켓 <help@example.com>님이 작성:",
        "2026. 3. 4. 오후 2:11, 홍길동 <a@example.com> 작성:",
        "2026년 3월 4일 14:11, 홍길동님이 작성하였습니다:",
        "-----Original Message-----",
        "----- 원본 메시지 -----",
        "-----원본 메일-----\n보낸사람: 하루마켓",
        "From: Support <help@example.com>\nSent: Wednesday, March 4, 2026 2:11 PM\nTo: Ada\nSubject: RE: it",
        "*From:* Support\n*Date:* Wed\n*To:* Ada",
        "보낸 사람: 하루마켓 <help@example.com>\n보낸 날짜: 2026년 3월 4일\n받는 사람: 윤미경\n제목: RE: 문의",
    ],
)
def test_history_below_a_heading_is_cut(heading: str) -> None:
    assert strip_quoted_text(f"It works now.\n\n{heading}\n\n{OLD_LINES}") == "It works now."


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Yes.\n> Is it on?\n> Or off?", "Yes."),
        ("> Is it on?\n> Or off?\nYes.", "Yes."),
        ("On Mar 4, 2026, A wrote:\n> Is it on?\nYes.\n> Since when?\nSunday.", "Yes.\nSunday."),
        ("Hello\nOn Mar 4, 2026, A wrote:\n> Is it on?\n>\n> A\n\nYes, it is.", "Hello\n\nYes, it is."),
        ("I type\n> npm install\nand it fails", "I type\n> npm install\nand it fails"),
        ("Thanks for the help\nOn Mon, Sep 30, 2026 at 9:00 AM Kim\nwrote:\n> x", "Thanks for the help"),
    ],
)
def test_quoted_lines_go_and_answers_between_them_stay(text: str, rest: str) -> None:
    assert strip_quoted_text(text) == rest


@pytest.mark.parametrize(
    "text",
    [
        "On Wed, Mar 4, 2026, A wrote:\n> everything is quoted\n> here",
        "-----Original Message-----\nFrom: A\nSent: B\nTo: C\n\nonly this",
        "From: A\nDate: B\nTo: C\n\nonly this",
        "> only\n> quoted",
        "On Friday he wrote:\nplease call",
        "I wrote this on 2026-03-04: it failed",
        "From: the settings page I went to Account.\nThen it hung.",
        "The mail's source:\nReceived: from x\nFrom: a@example.com\nTo: b@example.com\nSubject: y\nMessage-ID: z",
        "---------- Forwarded message ---------\nFrom: A\nDate: B\nSubject: C\n\nThe bill is wrong.",
    ],
)
def test_a_text_that_is_nothing_but_quote_or_no_quote_at_all_stays(text: str) -> None:
    assert strip_quoted_text(text) == text
