"""What several tools need: commands that are run, and tables in Markdown."""

import contextlib
import subprocess
import sys
from pathlib import Path

import numpy as np

from amh_tf import errors

ROOT = Path(__file__).resolve().parent.parent


def run(*command, log=None):
    """Runs Python with some arguments, such as `-m amh_tf.train --hops=7`.

    Args:
        *command: The arguments.
        log: File to append what the command prints to, or None to show it.

    Raises:
        InputError: If it fails.
    """
    with open(log, "a", encoding="utf-8") if log else contextlib.nullcontext() as output:
        streams = {"stdout": output, "stderr": output}
        arguments = [sys.executable, *map(str, command)]
        status = subprocess.run(arguments, **streams, check=False).returncode
    if status:
        message = f"See {log}" if log else "Its message is above"
        raise errors.refusal(
            "A command has failed",
            "exit code 0",
            f"{status} of `{' '.join(map(str, command[:2]))}`",
            f"{message}; the same command continues from the last save.",
        )


def markdown(header, rows):
    """Returns a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def share(value):
    """Returns a number from 0 to 1 as text, such as ".583"."""
    return f"{value:.3f}".removeprefix("0")


def spread(values):
    """Returns mean and standard deviation of the scores of some seeds, as text."""
    deviation = f" ± {share(np.std(values, ddof=1))}" if len(values) > 1 else ""
    return f"{share(np.mean(values))}{deviation}"


def interval(score):
    """Returns a score of a report with its 95 % interval, as text."""
    value, low, high = map(share, (score["value"], *score["interval_95"]))
    return f"{value} [{low}, {high}]"


def median_interval(values):
    """Returns the median of some rounds, and the middle 95 % of those of rounds drawn anew."""
    samples = np.random.default_rng(0).choice(values, (2000, len(values)))
    low, high = np.quantile(np.median(samples, axis=1), (0.025, 0.975))
    return [float(np.median(values)), float(low), float(high)]
