"""HTML becomes the text that a person saw, whatever it is made of."""

import pytest

from ingest.text.html import html_to_text
from ingest.text.markup import LONGEST, parse, to_html


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("One<br><br><br><br>Two", "One\n\nTwo"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("<p class='MsoNormal'>One</p><p class='MsoNormal'>Two</p>", "One\nTwo"),
        ("<h2>Title</h2>Text", "Title\n\nText"),
        ("a <b>bold</b>\n   and <i>slanted</i>   word", "a bold and slanted word"),
        ("<pre>line 1\n  line 2</pre>", "line 1\n  line 2"),
        ("안녕하세요&nbsp;&nbsp;고객님\u3000!", "안녕하세요 고객님 !"),
        ("a &lt;tag&gt; &amp; &quot;more&quot; &#39;x&#39; &#xAC00;", "a <tag> & \"more\" 'x' 가"),
        ("", ""),
        ("<p>&nbsp;</p><div> <br> </div>", ""),
        ("plain text, no markup", "plain text, no markup"),
    ],
)
def test_blocks_become_lines_and_white_space_is_folded(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>One</li><li>Two</li></ul>", "- One\n- Two"),
        ("<ul><li>One<li>Two</ul>", "- One\n- Two"),
        ("<ol><li>One</li><li>Two</li></ol>", "1. One\n2. Two"),
        ("<ul><li>One<ul><li>Inner</li></ul></li><li>Two</li></ul>", "- One\n  - Inner\n- Two"),
        ("<ul><li><p>One</p></li><li><p>Two</p></li></ul>", "- One\n- Two"),
        ("Do:<ul><li>One</li></ul>then wait", "Do:\n\n- One\n\nthen wait"),
    ],
)
def test_lists_keep_their_items_apart(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<table><tr><th>Order</th><th>State</th></tr><tr><td>17</td><td>sent</td></tr></table>",
            "Order | State\n17 | sent",
        ),
        ("<table><tr><td><p>A</p></td><td><p>B</p></td></tr></table>", "A | B"),
        ("<table><tr><td>A<td>B<tr><td>C</table>", "A | B\nC"),
        ("<table><tr><td></td><td>only</td></tr></table>", "only"),
        ("<table><tr><td><p>One</p><p>Two</p></td><td>Side</td></tr></table>", "One\nTwo\nSide"),
        ("<table><tr><td><table><tr><td>x</td><td>y</td></tr></table></td></tr></table>", "x | y"),
    ],
)
def test_a_tables_rows_become_lines_and_layout_tables_stay_readable(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ('<a href="https://example.com/a">the guide</a>', "the guide (https://example.com/a)"),
        ('<a href="https://example.com/a">https://example.com/a</a>', "https://example.com/a"),
        ('<a href="https://www.example.com/">example.com</a>', "example.com"),
        ('<a href="mailto:a@example.com">a@example.com</a>', "a@example.com"),
        ('<a href="javascript:alert(1)">click</a>', "click"),
        ('<a href="https://example.com/pixel"><img src="x.png"></a>after', "after"),
        ('<a href="https://example.com?a=1&amp;b=2">it</a>', "it (https://example.com?a=1&b=2)"),
    ],
)
def test_a_link_shows_its_address_only_where_that_says_more(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    "hidden",
    [
        "<!-- SECRET -->",
        "<!--[if mso]><p>SECRET</p><![endif]-->",
        "<style>.a{content:'SECRET'}</style>",
        "<script>SECRET</script>",
        "<head><title>SECRET</title></head>",
        '<div style="display:none">SECRET</div>',
        '<div style="DISPLAY : NONE !important">SECRET <b>SECRET</b></div>',
        '<made-up style="display:none">SECRET</made-up>',
        '<span style="visibility:hidden">SECRET</span>',
        '<span style="font-size:0">SECRET</span>',
        '<span style="font-size: 0px; line-height:0">SECRET</span>',
        '<span style="opacity:0">SECRET</span>',
        '<div style="max-height:0;overflow:hidden">SECRET</div>',
        '<div style="position:absolute;left:-9999px">SECRET</div>',
        "<p hidden>SECRET</p>",
        '<p aria-hidden="true">SECRET</p>',
        '<font color="#FFFFFF">SECRET</font>',
        '<span style="color:white">SECRET</span>',
        '<span style="color:rgb(254, 254, 254)">SECRET</span>',
        '<span style="color:transparent">SECRET</span>',
        '<td bgcolor="#000"><span style="color:#000000">SECRET</span></td>',
        '<div style="background:#336699"><span style="color:#336699">SECRET</span></div>',
        "<template>SECRET</template>",
        '<style>p{margin:0} .x, div.y {display:none}</style><div class="a X">SECRET</div><div class="y">SECRET</div>',
        '<p id="gone">SECRET</p><style>#gone{font-size:0}</style>',
        '<span style="font-size:1px">SECRET</span>',
        '<span style="font-size:.1em">SECRET</span>',
        '<span style="font:0/0 a">SECRET</span>',
        '<span style="opacity:.01">SECRET</span>',
        '<span style="color:hsl(0,0%,100%)">SECRET</span>',
        '<span style="color:rgba(10,20,30,0)">SECRET</span>',
        '<div style="height:0;overflow:hidden">SECRET</div>',
        '<div style="overflow:hidden;width:0px">SECRET</div>',
        '<div style="position:absolute;left:-999em">SECRET</div>',
        '<div style="clip-path:inset(100%)">SECRET</div>',
        '<div style="transform:scale(0)">SECRET</div>',
        '<div style="position:absolute;left:-999px">SECRET</div>',
        '<span style="display:/**/none">SECRET</span>',
        '<span style="dis\\70lay:none">SECRET</span>',
        '<span style="opacity:1%">SECRET</span>',
        '<span style="filter: opacity(0)">SECRET</span>',
        '<span style="-webkit-text-fill-color:transparent">SECRET</span>',
        '<span style="font-size:calc(0px)">SECRET</span>',
        '<span style="color:#ffffff00">SECRET</span>',
        '<span style="color:#0000">SECRET</span>',
        '<span style="color:whitesmoke">SECRET</span>',
        '<span style="color:rgb(100%, 100%, 100%)">SECRET</span>',
        '<span style="background:red;color:red">SECRET</span>',
        '<span style="position:absolute;clip:rect(1px,1px,1px,1px)">SECRET</span>',
        '<div style="height:1px;overflow:hidden">SECRET</div>',
        "<style>i{display:none}</style><i>SECRET</i>",
        '<style>.a.b{visibility:hidden}</style><b class="b a">SECRET</b>',
        "<dialog>SECRET</dialog>",
        "<progress>SECRET</progress>",
    ],
)
def test_what_nobody_can_see_is_left_out(hidden: str) -> None:
    assert html_to_text(f"<p>before</p>{hidden}<p>after</p>").split() == ["before", "after"]


@pytest.mark.parametrize(
    "shown",
    [
        '<a style="color:#fff;background-color:#0a7">SEEN</a>',
        '<td bgcolor="#003366"><font color="white">SEEN</font></td>',
        '<div style="background:url(sky.png)"><b style="color:#fff">SEEN</b></div>',
        '<td style="font-size:0"><span style="font-size:14px">SEEN</span></td>',
        '<div style="visibility:hidden"><b style="visibility:visible">SEEN</b></div>',
        '<div style="color:#fff"><span style="color:#333">SEEN</span></div>',
        '<p style="font-size:0.9em">SEEN</p>',
        '<p style="opacity:0.8">SEEN</p>',
        '<p style="font-size:medium;opacity:.9">SEEN</p>',
        '<p style="font:bold 12px/1.5 Arial;line-height:0">SEEN</p>',
        '<p style="color:rgba(10,20,30,.9)">SEEN</p>',
        '<div style="min-height:0;overflow:hidden">SEEN</div>',
        '<style>@media print {.x{display:none}} .z{display:none}</style><p class="x">SEEN</p>',
        '<p aria-hidden="false">SEEN</p>',
        "<dialog open>SEEN</dialog>",
        "<style>p{color:#fff} b{font-weight:600}</style><p>SEEN</p>",
        '<p style="opacity:100%;filter:opacity(0.9)">SEEN</p>',
        '<p style="color:#336699ff">SEEN</p>',
        '<p style="color:#ddd">SEEN</p>',
        '<p style="zoom:0.9;left:-10px;letter-spacing:-1px">SEEN</p>',
        '<div style="height:10px;overflow:hidden">SEEN</div>',
    ],
)
def test_what_one_can_see_stays(shown: str) -> None:
    assert html_to_text(shown) == "SEEN"


def test_characters_without_shape_are_removed_and_text_is_composed() -> None:
    smuggled = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore")
    assert html_to_text(f"pay\u200bment{smuggled} \u202eabc\u202c &#8203;&shy;x") == "payment abc x"
    assert html_to_text("\u1112\u1161\u11ab\u1100\u1173\u11af") == "한글"
    assert html_to_text("👍 ❤\ufe0f") == "👍 ❤\ufe0f"


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<b>open <i>more</b> end", "open more end"),
        ("text </div></p></table> more", "text more"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("I <3 you <", "I <3 you <"),
        ("<p data=don't>it's here</p>", "it's here"),
        ('<a href="broken>text</a> after', "text after"),
        ("end <a href='x", "end <a href='x"),
        ("<![CDATA[x]]>y", "y"),
        ("&#99999999999999999999999999; &#xFFFFFFFFFF; &bogus;", "� � &bogus;"),
        ("before<!-- never closed", "before"),
        ("<table><tr><td>in</div>side</td></tr></table>after", "inside\n\nafter"),
    ],
)
def test_broken_markup_is_read_as_far_as_it_makes_sense(html: str, text: str) -> None:
    assert html_to_text(html) == text


def test_an_inline_image_does_not_use_up_what_is_read() -> None:
    image = "A" * (LONGEST * 3)
    assert html_to_text(f'<img src="data:image/png;base64,{image}"><p>It fails.</p>') == "It fails."


def test_markup_that_is_cut_does_not_end_in_half_a_tag() -> None:
    html = "x" * (LONGEST - 5) + '<a href="https://example.com">link</a>'
    assert html_to_text(html) == "x" * (LONGEST - 5)


def test_a_tree_that_is_written_is_read_as_the_same_tree() -> None:
    html = '<p class="a&quot;b">1 &lt; 2<br><b>x</b></p><ul><li>y</li></ul>'
    assert to_html(parse(html)) == html
    assert to_html(parse(to_html(parse("<p>a<p>b<li>c")))) == to_html(parse("<p>a<p>b<li>c"))
