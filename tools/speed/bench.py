"""What all measures share: engines, data folders, and processes that are asked in turn."""

import contextlib
import dataclasses
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from amh_tf import errors
from tools.speed import data, processes

# Engine of each candidate and its options; `Bench.engine` adds those that all have.
ENGINES = {
    "ours-float32": ("ours", {}),
    "ours-bfloat16": ("ours", {"dtype": "bfloat16"}),
    "packed-float32": ("ours", {"kernel": "packed"}),
    "packed-bfloat16": ("ours", {"kernel": "packed", "dtype": "bfloat16"}),
    "ours-keras": ("ours", {"kernel": "keras"}),
    "keras": ("stock_keras", {}),
    "pytorch": ("pytorch", {}),
    "pytorch-compiled": ("pytorch", {"compiled": True}),
    "jax": ("jax", {}),
}
TITLES = {
    "ours-float32": "this package, float32",
    "ours-bfloat16": "this package, bfloat16",
    "packed-float32": "this package without a compiler, float32",
    "packed-bfloat16": "this package without a compiler, bfloat16",
    "ours-keras": "this package, `--kernel=keras` (Keras' layers)",
    "keras": "stock Keras 3 under `fit`",
    "pytorch": "PyTorch `nn.GRU`, batches in memory",
    "pytorch-compiled": "PyTorch `nn.GRU` under `torch.compile`, batches in memory",
    "jax": "JAX `lax.scan` under `jit`, batches in memory",
}
# Engines that run without this package's libraries, and the distribution that each needs.
PEERS = {"pytorch": "torch", "jax": "jax"}
# A candidate is an engine and how its batches are made.
CANDIDATES = tuple(f"{engine}-{kind}" for engine in ENGINES for kind in ("bucketed", "random"))
# Share of the cores that others may use before the figures are not to be trusted.
BUSY_SHARE = 0.15
VERSIONS = """
import importlib.metadata, json, platform, sys
names = {item.metadata["Name"].lower(): item.version for item in importlib.metadata.distributions()}
names["python"] = platform.python_version()
print(json.dumps({name: names.get(name) for name in sys.argv[1:]}))
"""


@dataclasses.dataclass
class Bench:
    """Settings of a run.

    Attributes:
        output: Output folder.
        utterances: Size of the synthetic set.
        rounds: How often everything is measured.
        candidates: Names among `CANDIDATES`.
        quick: Whether tiny data and few points do, for a test.
        busy: Number of other processes that compute.
        python: Another interpreter, or None.
        peers_python: Interpreter in whose environment PyTorch and JAX are.
        progress: Factory of a progress bar for the writing of data, or None.
        notes: What the reader of the figures should know.
    """

    output: Path
    utterances: int = 1280
    rounds: int = 3
    candidates: tuple = CANDIDATES
    quick: bool = False
    busy: int = 0
    python: str | None = None
    peers_python: str = sys.executable
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
        folder = self.output / "data" / f"{count}-{longest}-{feature_dtype}"
        data.write(folder, count, longest, feature_dtype, self.progress)
        return str(folder)

    def batches(self):
        """Returns a folder of the set's batches as arrays, written at the first call."""
        folder = Path(self.folder())
        batches = folder.with_name(f"{folder.name}-batches-{self.batch_size}")
        data.write_batches(folder, batches, self.batch_size)
        return str(batches)

    def counted(self, values, unit):
        """Yields values and shows a progress bar."""
        with self.progress(len(values), "measuring", unit) as bar:
            for value in values:
                bar.note(str(value))
                yield value
                bar.advance()

    def engine(self, name, **options):
        """Returns an engine of `ENGINES` with its options."""
        kind, fixed = ENGINES[name]
        shared = {} if kind == "ours" else {"pilot": not self.quick}
        if kind in PEERS:
            shared |= {"folder": self.batches(), "python": self.peers_python}
        else:
            folder = options.pop("folder", None) or self.folder()
            shared |= {"folder": folder, "batch_size": self.batch_size}
        return kind, {**shared, **fixed, **options}

    def in_turn(self, engines, tasks, rounds=None, optional=None):
        """Asks engines in turn, one at a time, each in its own process.

        The first round is not counted: it builds graphs, fills the page cache and takes a gigabyte
        or two from the system, page by page. Whoever comes first changes from round to round, so
        that nobody always follows the same one's heat.

        Args:
            engines: Dict from name to engine and options, as `engine` returns; the option "python"
                is the interpreter to run it, by default this one.
            tasks: Dict from name to (name of the engine, request, arguments).
            rounds: Number of rounds, or None for the usual one.
            optional: Dict from the name of an engine to its title. These are left out, with a
                note, where they fail in the first round.

        Returns:
            Dict from the name of a task to the answers; dict from the name of an engine to notes.
        """
        logs = self.output / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        answers = {name: [] for name in tasks}
        optional = optional or {}
        with contextlib.ExitStack() as stack:
            running = {}
            for name, (engine, options) in engines.items():
                options = dict(options)
                python = options.pop("python", sys.executable)
                process = processes.Process(engine, options, logs / f"{name}.log", python)
                stack.callback(process.close)
                running[name] = process
            for number in range((rounds or self.rounds) + 1):
                if number == 1:
                    self._note_load("before")
                for name in list(tasks)[:: -1 if number % 2 else 1]:
                    engine, request, arguments = tasks[name]
                    if engine not in running:
                        continue
                    try:
                        answer = running[engine].ask(request, **arguments)
                    except errors.InputError as error:
                        if number or engine not in optional:
                            raise
                        self.note(f"{optional[engine]} was left out. {error}")
                        running.pop(engine).close()
                        continue
                    if number:
                        answers[name].append(answer)
            self._note_load("after")
            notes = {
                name: process.ask("notes")
                for name, process in running.items()
                if engines[name][0] != "limit"
            }
        return {name: values for name, values in answers.items() if values}, notes

    def note(self, text):
        """Notes what the reader of the figures should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _note_load(self, when):
        """Notes where the machine is not idle before or after a measure."""
        busy, cores = busy_cores(0.1 if self.quick else 1.0), len(os.sched_getaffinity(0))
        if busy > BUSY_SHARE * cores + self.busy:
            self.note(f"{busy:.1f} of {cores} cores were busy {when} the measure.")

    def can_run(self, name, model="amh"):
        """Returns whether an engine has a model and is installed; notes it where it is not."""
        library = PEERS.get(ENGINES[name][0])
        if library is None:
            return True
        if model != "amh":  # peers have AMH alone
            return False
        if versions(self.peers_python, library)[library]:
            return True
        self.note(
            f"{TITLES[name]} was skipped: {library} is not in the environment of --peers_python."
        )
        return False


def engine_of(candidate):
    """Returns the engine of a candidate of `CANDIDATES`."""
    return candidate.rsplit("-", 1)[0]


def busy_cores(seconds):
    """Measures how many cores are busy right now; the load average lags by minutes."""

    def read():
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(value) for value in file.readline().split()[1:9]]
        return sum(fields), fields[3] + fields[4]

    total, idle = read()
    time.sleep(seconds)
    total_after, idle_after = read()
    share = (idle_after - idle) / max(total_after - total, 1)
    return len(os.sched_getaffinity(0)) * (1 - share)


@functools.cache
def versions(python, *libraries, flag="peers_python"):
    """Returns the versions of an interpreter's libraries by name, None of those that it lacks.

    Args:
        python: Its path.
        *libraries: Names of distributions, or "python" for its own version.
        flag: Flag that the path came from.

    Raises:
        InputError: If it does not run.
    """
    try:
        command = [python, "-c", VERSIONS, *libraries]
        printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except OSError as error:
        reason = error.strerror
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["nothing"])[-1]
    else:
        return json.loads(printed)
    raise errors.refusal(
        f"{python!r} cannot be run", "a Python interpreter", reason, f"Set it with --{flag}."
    )


def machine(peers_python):
    """Describes processor and software, without names that tell machines apart."""
    text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "").split()
    instructions = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "instructions": [name for name in instructions if name in flags],
        **versions(sys.executable, "python", "tensorflow", "keras", "numpy"),
        **versions(peers_python, *PEERS.values()),
    }


def summary(values, unit=1.0):
    """Returns median, smallest and largest of the rounds, in a unit."""
    rounds = [value / unit for value in values]
    return {
        "median": statistics.median(rounds),
        "least": min(rounds),
        "most": max(rounds),
        "rounds": [float(f"{value:.5g}") for value in rounds],
    }


def ratio(numerators, denominators):
    """Returns the median over the rounds of a ratio: drift of the machine cancels out."""
    return statistics.median(a / b for a, b in zip(numerators, denominators))
