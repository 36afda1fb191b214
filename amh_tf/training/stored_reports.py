"""Scores that were read from a file, which may be damaged."""

from amh_tf import checking, schema


def is_report(found):
    """Tells whether a JSON value is what `metrics.report` gives, as far as it is read again.

    Args:
        found: Anything.
    """
    if not isinstance(found, dict) or not isinstance(found.get("per_class"), list):
        return False
    shares = [found.get("majority_class_rate")]
    for name in schema.SCORES:
        score = found.get(name)
        interval = score.get("interval_95") if isinstance(score, dict) else None
        if not isinstance(interval, list) or len(interval) != 2:
            return False
        shares += [score.get("value"), *interval]
    for row in found["per_class"]:
        if not isinstance(row, dict) or not isinstance(row.get("class"), str):
            return False
        shares.append(row.get("recall"))
    counted = checking.is_integer(found.get("utterances"), 1, 1 << 40)
    return counted and all(map(checking.is_share, shares))
