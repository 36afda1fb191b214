"""Colours of emotions that people with any colour vision tell apart.

Reference:
 - Okabe and Ito, Color Universal Design, 2008; further ones from Tol's "muted" scheme, 2021
"""

# For the first letters of a class's name, in any corpus' spelling, the colours it may have.
_OF_EMOTIONS = {
    "neu": "#8b93a1",
    "ang": "#d55e00",
    "hap": "#e69f00",
    "joy": "#e69f00",
    "exc": "#f0e442",
    "sad": "#0072b2",
    "fru": "#cc79a7",
    "sur": "#56b4e9",
    "fea": "#6a45b0",
    "dis": "#009e73",
    "cal": "#ddcc77",
    "bor": "#999933",
}
_OTHERS = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#332288"),
    *("#88ccee", "#999933", "#882255", "#44aa99", "#ddcc77", "#117733", "#aa4499", "#8b93a1"),
)


def colors(classes):
    """Returns a colour for each class, such as "#0072b2": no two the same while there are enough.

    Args:
        classes: Class names.
    """
    chosen = {}
    for name in classes:
        color = _OF_EMOTIONS.get(name.lower()[:3])
        if color and color not in chosen.values():
            chosen[name] = color
    free = [color for color in _OTHERS if color not in chosen.values()]
    for number, name in enumerate(name for name in classes if name not in chosen):
        chosen[name] = free[number % len(free)] if free else _OTHERS[number % len(_OTHERS)]
    return [chosen[name] for name in classes]


def is_light(color):
    """Returns whether dark text is easier to read on a colour than white text."""
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return luminance > 0.18
