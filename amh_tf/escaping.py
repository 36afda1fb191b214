"""Names of others, made harmless for where they are shown: a page, a sheet, a terminal."""

import html as pages
import re

# What a spreadsheet takes for the start of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "−": r"$-$",  # noqa: RUF001 (the minus sign of our tables)
    "–": "--",  # noqa: RUF001
    # In a tabular, a bracket after a line break is read as its argument.
    "[": "{[}",
    "]": "{]}",
}


def terminal(text: str) -> str:
    """Shows what cannot be printed as its code: a terminal would obey it.

    Line breaks and tabs stay.
    """
    if text.isprintable():
        return text
    return "".join(
        letter
        if letter.isprintable() or letter in "\n\t"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )


def _line(text):
    return " ".join(terminal(text).split())


def html(text: str) -> str:
    """Escapes a text for a page, an attribute in quotes among its places."""
    return pages.escape(terminal(text), quote=True)


def markdown(text: str) -> str:
    """Escapes a text for a line of Markdown, a cell of a table among them."""
    return re.sub(r"([\\`*_{}\[\]<>|$~#&])", r"\\\1", _line(text))


def latex(text: str) -> str:
    """Escapes a text for a line of LaTeX."""
    return "".join(_LATEX.get(letter, letter) for letter in _line(text))


def cell(text: str) -> str:
    """Marks a text that a spreadsheet would compute, with an apostrophe, as a text.

    A text that begins with an apostrophe gets another one, so that `from_cell` can tell.
    """
    return f"'{text}" if text.startswith((*_FORMULA, "'")) else text


def from_cell(text: str) -> str:
    """Returns the text that `cell` was given."""
    return text.removeprefix("'")
