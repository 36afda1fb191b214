"""Templates: no value reaches a page, a table or a card unescaped."""

import re
from pathlib import Path

import jinja2
import pytest

import amh_tf
from amh_tf import templates

TEMPLATES = sorted(Path(amh_tf.__file__).parent.glob("*/templates/*"))
HOSTILE = 'a_b & $c$ % <script>alert("1")</script> | \x1b[2J \u202e'


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        (
            "html",
            "a_b &amp; $c$ % &lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; | \\x1b[2J \\u202e",
        ),
        (
            "md",
            'a\\_b \\& \\$c\\$ % \\<script\\>alert("1")\\</script\\> \\| \\\\x1b\\[2J \\\\u202e',
        ),
        (
            "tex",
            r"a\_b \& \$c\$ \% \textless{}script\textgreater{}alert(\textquotedbl{}1"
            r"\textquotedbl{})\textless{}/script\textgreater{} \textbar{} "
            r"\textbackslash{}x1b{[}2J \textbackslash{}u202e",
        ),
    ],
)
def test_every_value_is_escaped_once(language, shown):
    environment = templates._environment("reporting", language)
    start, end = environment.variable_start_string, environment.variable_end_string
    block, close = environment.block_start_string, environment.block_end_string
    text = (
        f"{block} macro twice(value) {close}{start} value {end}{block} endmacro {close}"
        f"{start} name {end} {start} twice(name) {end}"
    )
    assert environment.from_string(text).render(name=HOSTILE) == f"{shown} {shown}"


def test_value_that_a_template_lacks_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="prediction"):
        templates.render("prediction/prediction.html")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_turns_escaping_off(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\b(safe|autoescape|Markup)\b", text)


def test_templates_are_there():
    assert {path.suffix for path in TEMPLATES} == {".html", ".md", ".tex", ".css", ".js"}


def test_span_of_code_in_markdown_cannot_be_left():
    environment = templates._environment("deploy", "md")
    shown = environment.from_string("{{ name | code }} {{ name }}").render(name="a_b` *c*\n# d")
    assert shown == r"`a_b' *c* # d` a\_b\` \*c\* \# d"
