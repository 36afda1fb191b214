"""The folds that a table of the user's own names, in the column `fold`."""

import re
from pathlib import Path

from amh_tf import errors

MAX_FOLDS = 1000


class Folds:
    """The folds that the column `fold` names; a table has either it or `split`."""

    def __init__(self):
        self._tested_in = {}
        self._columns = {}

    def add(self, line, name: str) -> None:
        """Notes which fold tests on an utterance.

        Args:
            line: The line of the table, with `text` and `error`.
            name: The utterance's id.

        Raises:
            ValueError: If the table has splits too.
        """
        for column in ("split", "fold"):
            if line.text(column):
                self._columns[column] = True
        if len(self._columns) == 2:
            expected = "one of them in a table"
            received = [line.text("fold"), line.text("split")]
            raise line.error("fold and split are both set", expected, received)
        self._tested_in[name] = line.text("fold")

    def apply(self, path: Path, labelled: list) -> dict:
        """Fills in the splits of all utterances.

        Args:
            path: The table.
            labelled: List of pairs of label and the dict of a `Recording`'s fields.

        Returns:
            The fields of a `Corpus` that say what the folds are; none where there are none.

        Raises:
            ValueError: If a fold would have nothing to train on, or there are far too many.
        """
        if "fold" not in self._columns:
            return {}
        names = set(self._tested_in.values())
        if not 2 <= len(names) <= MAX_FOLDS:
            raise errors.refusal(
                f"{str(path)!r} does not hold folds",
                f"2 to {MAX_FOLDS:,} different ones, an empty one counted",
                f"{len(names):,}",
                "Set them in the column fold.",
            )
        names = sorted(names - {""}, key=_in_order)
        tests = {
            name: tuple("test" if name == other else "train" for other in names)
            for name in {"", *names}
        }
        for _, fields in labelled:
            fields["splits"] = tests[self._tested_in[fields["id"]]]
        published = f"{len(names)} folds that the table names"
        return {"fold_names": tuple(names), "published": published}


def _in_order(name):
    """Sorts folds by the numbers in their names, so that fold 10 follows fold 9."""
    parts = re.split(r"([0-9]+)", name)
    return [(part.isdecimal(), len(part) * part.isdecimal(), part) for part in parts]
