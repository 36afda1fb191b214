"""Pages, tables and cards written from the templates of a room, which escape all that they show."""

import functools
import json

import jinja2
import markupsafe

from amh_tf import escaping

_ESCAPES = {"html": escaping.html, "md": escaping.markdown, "tex": escaping.latex}
# Jinja's own marks would be confused with LaTeX's braces.
_MARKS = {
    "tex": {
        "variable_start_string": "<<",
        "variable_end_string": ">>",
        "block_start_string": "<%",
        "block_end_string": "%>",
        "comment_start_string": "<#",
        "comment_end_string": "#>",
    }
}


@functools.cache
def _environment(room, language):
    escape = _ESCAPES[language]

    def escaped(value):
        # What a macro or an included template has written is escaped already.
        return value if hasattr(value, "__html__") else markupsafe.Markup(escape(str(value)))

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("amh_tf", f"{room}/templates"),
        autoescape=True,
        finalize=escaped,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        **_MARKS.get(language, {}),
    )
    environment.filters["code"] = _code
    environment.filters["json"] = _json
    return environment


def _code(value):
    """Writes a value as a span of code in Markdown, in which nothing else has a meaning."""
    shown = " ".join(escaping.terminal(str(value)).split()).replace("`", "'")
    return markupsafe.Markup(f"`{shown}`")


def _json(value):
    """Writes a value as JSON for a script element of a page, which nothing in it can end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return markupsafe.Markup(text)


def render(name: str, **values) -> str:
    """Fills in a template.

    Args:
        name: Its room and file, such as "reporting/report.html". The ending is the language
            ("html", "md" or "tex") in which every value is escaped.
        values: What the template names.

    Returns:
        The text.
    """
    room, _, file = name.rpartition("/")
    language = file.rpartition(".")[2]
    return _environment(room, language).get_template(file).render(**values)
