"""What all measures share: data folders, engines, rounds."""

import contextlib
import dataclasses
import importlib.util
import statistics
import sys
from pathlib import Path

from tools.speed import data, machine, processes, work

# Engine of each candidate and its options; "folder" and "batch_size" are added.
ENGINES = {
    "ours-float32": ("ours", {}),
    "ours-bfloat16": ("ours", {"dtype": "bfloat16"}),
    "packed-float32": ("ours", {"kernel": "packed"}),
    "packed-bfloat16": ("ours", {"kernel": "packed", "dtype": "bfloat16"}),
    "ours-split": ("ours", {"batch_split": "on"}),
    "ours-twin": ("ours", {"kernel": "keras"}),
    "keras": ("stock_keras", {}),
    "pytorch": ("pytorch", {}),
}
# A candidate is an engine and how its batches are made.
CANDIDATES = {
    f"{engine}-{kind}": (engine, kind == "bucketed")
    for engine in ENGINES
    for kind in ("bucketed", "random")
}


@dataclasses.dataclass
class Bench:
    """Settings of a run, and what the measures share.

    Attributes:
        output: Output folder.
        utterances: Size of the synthetic set.
        rounds: How often everything is measured.
        candidates: Names among `CANDIDATES`.
        quick: Whether tiny data and few points do, for a test.
        advance: Function called after each step of the work.
        progress: Context manager factory for the writing of data, or None.
    """

    output: Path
    utterances: int = 1280
    rounds: int = 3
    candidates: tuple = tuple(CANDIDATES)
    quick: bool = False
    advance: object = lambda: None
    progress: object = None
    notes: list = dataclasses.field(default_factory=list)

    @property
    def batch_size(self):
        return 8 if self.quick else 128

    @property
    def longest(self):
        return 60 if self.quick else 750

    def folder(self, utterances=None, feature_dtype="float32", longer=1.0):
        """Returns a data folder of the synthetic set, written at the first call.

        Args:
            utterances: Size of the set, or None for the usual one.
            feature_dtype: How features are stored.
            longer: How many times as long as usual the utterances are.
        """
        count, longest = utterances or self.utterances, int(self.longest * longer)
        name = f"{count}-{longest}-{feature_dtype}"
        folder = self.output / "data" / name
        data.fold(folder, count, longest, feature_dtype, self.progress)
        return str(folder)

    def operations(self):
        """Counts the needed operations of a mean utterance: training and forward."""
        drawn = data.lengths(self.utterances + 16, self.longest)
        means = {name: float(getattr(drawn, name)[: self.utterances].mean()) for name in work.SIZES}
        return {"training": work.training(means), "inference": work.forward(means)}

    def has_pytorch(self):
        """Tells whether PyTorch is installed; notes it where not."""
        if importlib.util.find_spec("torch") is not None:
            return True
        note = "PyTorch is not installed and was skipped; `pip install torch==2.13.0` adds it."
        if note not in self.notes:
            self.notes.append(note)
        return False

    @contextlib.contextmanager
    def opened(self, engines):
        """Starts engines, each in a process of its own.

        Args:
            engines: Dict from name to engine and options, as `ENGINES`; the option "python" is the
                interpreter to run it, by default this one.

        Yields:
            Dict from name to `processes.Process`.
        """
        logs = self.output / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            started = {}
            for name, (engine, options) in engines.items():
                python = options.get("python", sys.executable)
                options = {key: value for key, value in options.items() if key != "python"}
                process = processes.Process(engine, options, logs / f"{name}.log", python=python)
                stack.callback(process.close)
                started[name] = process
            yield started

    def engine(self, name, **options):
        """Returns an engine of `ENGINES` with its folder and batch size."""
        kind, fixed = ENGINES[name]
        made = {"folder": None, "batch_size": self.batch_size, **fixed, **options}
        made["folder"] = made["folder"] or self.folder()
        if kind in ("stock_keras", "pytorch"):
            made["pilot"] = not self.quick
        return kind, made

    @contextlib.contextmanager
    def watched(self, result):
        """Notes how busy the machine is before and after a measure."""
        for when in ("before", "after"):
            busy = machine.busy_cores(0.1 if self.quick else 1.0)
            result[f"busy_cores_{when}"] = round(busy, 2)
            warning = machine.warning(busy, f"{when} the measure")
            if warning:
                self.notes.append(warning)
            if when == "before":
                yield


def summary(values):
    """Returns median, smallest and largest of the rounds."""
    return {
        "median": statistics.median(values),
        "least": min(values),
        "most": max(values),
        "rounds": [float(f"{value:.5g}") for value in values],
    }


def ratio(numerators, denominators):
    """Returns the median over the rounds of a ratio: drift of the machine cancels out."""
    return statistics.median(a / b for a, b in zip(numerators, denominators))
