"""The members of an ensemble: runs of several seeds below a run's folder, as `seed_1`."""

import re
from collections.abc import Iterator

import numpy as np

from amh_tf import schema
from amh_tf.data import utterances
from amh_tf.runs import run_folder
from amh_tf.scores import metrics

_NAME = re.compile(r"seed_(\d{1,9})")


def members(folder) -> Iterator[tuple[int, run_folder.RunFolder]]:
    """Yields the finished runs of single seeds below a run's folder, by seed.

    Args:
        folder: Path of a run's folder; it need not hold such runs.

    Yields:
        The seed, and its `RunFolder`, whose test split is scored.

    Raises:
        ValueError: If the scores of one are damaged.
    """
    runs = []
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _NAME.fullmatch(path.name)
        if match and path.is_dir():
            runs.append((int(match[1]), path))
    for seed, path in sorted(runs):
        member = run_folder.RunFolder(path)
        if "test" in member.load_metrics():
            yield seed, member


def over_folds(folders, manifest, mean, pooled) -> dict | None:
    """Sums up the seeds of a cross-validation.

    Args:
        folders: Dict from a fold that is done to the path of its run.
        manifest: The data set's `Manifest`.
        mean: The ensemble's mean over the folds, by score.
        pooled: The ensemble's report on all folds' predictions together.

    Returns:
        What `crossval.json` holds as `seeds`: `members`, each of a `seed` with its `folds`,
        `mean` over them, and the `pooled` scores with `interval` and `notes`; over the seeds that
        have every fold, `mean` and `standard_deviation` of the members' means, None where there
        are none, or one; and `ensemble`, as a member. None where no fold has members.

    Raises:
        ValueError: If the files of a member are damaged.
    """
    values, rows = {}, {}
    for number, folder in folders.items():
        for seed, member in members(folder):
            values.setdefault(seed, {})[number] = member.load_metrics()["test"]
            rows.setdefault(seed, []).extend(member.load_predictions(manifest.classes))
    if not values:
        return None
    single = [_member(seed, values[seed], pool(rows[seed], manifest)) for seed in sorted(values)]
    whole = [member["mean"] for member in single if len(member["folds"]) == len(folders)]
    return {
        "members": single,
        "mean": _by_score(whole, np.mean) if whole else None,
        "standard_deviation": _by_score(whole, _deviation) if len(whole) > 1 else None,
        "ensemble": {"folds": list(folders), "mean": mean, **_pooled(pooled)},
    }


def pool(rows, manifest) -> dict:
    """Scores the predictions of several folds together.

    Args:
        rows: List of (id, label, probabilities), as `RunFolder.load_predictions` returns them.
        manifest: The data set's `Manifest`.

    Returns:
        As `metrics.report`.
    """
    names, labels, probabilities = zip(*rows)
    return metrics.report(
        np.array(labels),
        np.array(probabilities),
        manifest.classes,
        **utterances.about(manifest, names),
    )


def _member(seed, reports, pooled):
    values = [{name: r[name]["value"] for name in schema.SCORES} for r in reports.values()]
    mean = _by_score(values, np.mean)
    return {"seed": seed, "folds": list(reports), "mean": mean, **_pooled(pooled)}


def _pooled(report):
    return {
        "pooled": {name: report[name] for name in schema.SCORES},
        "interval": report["interval"],
        "notes": report["notes"],
    }


def _by_score(rows, reduce):
    return {name: float(reduce([row[name] for row in rows])) for name in schema.SCORES}


def _deviation(values):
    return np.std(values, ddof=1)
