"""Scores that were read from a file, which may be damaged."""

from amh_tf import checking, schema


def is_report(found):
    """Tells whether a JSON value is what `metrics.report` gives, as far as it is read again.

    What reports of former versions lack may be absent.

    Args:
        found: Anything.
    """
    if not isinstance(found, dict) or not isinstance(found.get("per_class"), list):
        return False
    shares = [found.get("majority_class_rate")]
    if not all(has_interval(found.get(name)) for name in schema.SCORES):
        return False
    for row in found["per_class"]:
        if not isinstance(row, dict) or not isinstance(row.get("class"), str):
            return False
        shares.append(row.get("recall"))
    counted = checking.is_integer(found.get("utterances"), 1, 1 << 40)
    return counted and is_told(found) and all(map(checking.is_share, shares))


def has_interval(score):
    """Tells whether a JSON value is a score with its interval.

    Args:
        score: Anything.
    """
    interval = score.get("interval_95") if isinstance(score, dict) else None
    if not isinstance(interval, list) or len(interval) != 2:
        return False
    return all(map(checking.is_share, (score.get("value"), *interval)))


def is_told(found):
    """Tells whether what a report says beyond its scores is what `metrics.report` gives.

    Args:
        found: Dict of JSON values; what is absent is right, as former versions lack it.
    """
    added = (
        ("interval", lambda value: isinstance(value, str)),
        ("notes", _are_texts),
        ("controls", are_controls),
        ("per_speaker", lambda value: _are_groups(value, "speaker")),
        ("per_sex", _is_per_sex),
    )
    return all(name not in found or right(found[name]) for name, right in added)


def _are_texts(found):
    return isinstance(found, list) and all(isinstance(text, str) for text in found)


def are_controls(found):
    """Tells whether a JSON value is what `controls.all_controls` gives, as far as it is read.

    Args:
        found: Anything.
    """
    if not isinstance(found, dict):
        return False
    majority, shuffled = found.get("majority_class"), found.get("shuffled_labels")
    if not isinstance(majority, dict) or not isinstance(shuffled, dict):
        return False
    shares = []
    for name in ("weighted_accuracy", "unweighted_accuracy"):
        chance = shuffled.get(name)
        bounds = chance.get("range_95") if isinstance(chance, dict) else None
        if not isinstance(bounds, list) or len(bounds) != 2:
            return False
        shares += [majority.get(name), chance.get("mean"), *bounds]
    ceiling = found.get("text_ceiling")
    return (ceiling is None or is_ceiling(ceiling)) and all(map(checking.is_share, shares))


def is_ceiling(found):
    """Tells whether a JSON value is what `controls.text_ceiling` gives.

    Args:
        found: Anything.
    """
    if not isinstance(found, dict):
        return False
    told = found.get("explanation", 0)  # absent is not null
    names = ("weighted_accuracy", "unweighted_accuracy", "chance")
    return (
        (told is None or isinstance(told, str))
        and checking.is_integer(found.get("sentences"), 1, 1 << 40)
        and all(checking.is_share(found.get(name)) for name in names)
    )


def _are_groups(found, key):
    return isinstance(found, list) and all(
        isinstance(row, dict)
        and isinstance(row.get(key), str)
        and checking.is_integer(row.get("utterances"), 1, 1 << 40)
        and checking.is_share(row.get("weighted_accuracy"))
        and checking.is_share(row.get("unweighted_accuracy"))
        for row in found
    )


def _is_per_sex(found):
    if not isinstance(found, dict) or not _are_groups(found.get("groups"), "sex"):
        return False
    gap = found.get("gap", 0)  # absent is not null
    if gap is None:
        return True
    if not isinstance(gap, dict):
        return False
    between, interval = gap.get("between"), gap.get("interval_95", 0)
    named = isinstance(between, list) and len(between) == 2
    named = named and all(isinstance(name, str) for name in between)
    bounded = interval is None or (
        isinstance(interval, list)
        and len(interval) == 2
        # A difference of shares is from -1 to 1.
        and all(
            isinstance(bound, int | float) and not isinstance(bound, bool) and -1 <= bound <= 1
            for bound in interval
        )
    )
    known = isinstance(gap.get("score"), str) and gap["score"] in schema.SCORES
    return named and bounded and known and checking.is_share(gap.get("value"))
