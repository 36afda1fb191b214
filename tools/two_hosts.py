"""Tries training and extraction on two hosts, made of network namespaces on this machine:

sudo python -m tools.two_hosts --output_dir=DIR

Each host has a network and a processor core of its own, and shares the files; a cable of 1 Gbit/s
and 1 ms joins them. Trains AMH-7 on random numbers as long as IEMOCAP's utterances by one process,
by two workers on one machine and by two hosts; kills a worker, and cuts the cable, for ten seconds
and for good. Measures from how many workers on reading takes longer than training. Extracts the
features of a small corpus by Apache Beam on Dask, of which a worker is killed. Writes
`two_hosts.md`, and what the workers print, to DIR. Nothing of the hosts stays, even if the tool is
killed. Ends with exit code 1 if anything is not as on one machine.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from absl import flags

from amh_tf import errors, files, folders, progress
from amh_tf.commands import flag_kit
from tools import shared
from tools.hosts import extraction, network, training
from tools.speed import data

FLAGS = flags.FLAGS
PARTS = ("disturbances", "reading", "extraction")
TOLERANCE, RARELY = 1e-6, 1e-4  # between weights, and the share of those beyond it


class _Trial:
    """One call of the tool: what was measured, and what was to be seen."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.findings = []  # (what, whether it is so)
        self.tables = []
        first, second = map(str, network.cores())
        self.one_core = network.Cores(first)
        self.two_cores = network.Cores(f"{first},{second}")
        self.two_workers = [network.Cores(first), network.Cores(second)]

    def check(self, what, is_so):
        """Notes whether something is as it should be."""
        self.findings.append((what, bool(is_so)))
        progress.console.print(f"{'yes' if is_so else 'NO':>4}  {what}")

    def train(self, name, machines, disturb=None):
        """Trains in a folder of that name."""
        progress.console.print(f"Training: {name}")
        settings = FLAGS.steps, FLAGS.batch_size, disturb
        return training.train(machines, self.folder / name, self.data, *settings)

    def teams(self):
        """Compares one process, two workers and two hosts."""
        results = {
            "one process, one core": self.train("one", [self.one_core]),
            "one process, two cores": self.train("two_cores", [self.two_cores]),
            "two workers, one machine": self.train("workers", self.two_workers),
        }
        with network.pair() as (hosts, cable):
            rate, delay = network.measure(hosts)
            start = cable.num_bytes[0]
            results["two hosts"] = self.train("hosts", hosts)
            sent = (cable.num_bytes[0] - start) / FLAGS.steps / 1e6
        one, _, workers, two = results.values()
        self.check("all end by themselves", not any(sum(r.statuses) for r in results.values()))
        if self.findings[-1][1]:
            self._compare(one, workers, two)
        rows = [
            [name, *(f"{value:.0f}" for value in result.milliseconds())]
            for name, result in results.items()
        ]
        header = ["AMH-7, a step", "ms", "ms of processor time, of a worker"]
        note = (
            f"Batches of {FLAGS.batch_size}. The cable carries {rate / 1e6:.0f} Mbit/s, there and "
            f"back takes {1000 * delay:.1f} ms. A host sends {sent:.1f} MB a step."
        )
        self.tables += [shared.markdown(header, rows), note + "\n"]
        return one, two

    def _compare(self, one, workers, two):
        self.check(
            "two hosts end with the same bits as two workers on one machine",
            training.same(two.weights(), workers.weights()),
        )
        self.check("both hosts have the same bits", training.same(two.weights(0), two.weights(1)))
        # Adam divides a gradient by itself: where it is rounding alone, so is the step.
        differences = training.differences(two.weights(), one.weights())
        beyond = int((differences > TOLERANCE).sum())
        self.check(
            f"{len(differences) - beyond:,} of {len(differences):,} weights are within "
            f"{TOLERANCE:g} of one process, the others within {differences.max():.1e}",
            beyond <= RARELY * len(differences) and differences.max() <= 10 * TOLERANCE,
        )

    def disturb(self, undisturbed):
        """Kills a worker, and cuts the cable; compares the ends with that of `undisturbed`."""
        with network.pair() as (hosts, cable):
            ended = self.train("killed", hosts, lambda processes: processes[1].kill())
            self.check(
                f"a worker is killed: the other ends after {ended.seconds:.1f} s, says what to do",
                ended.statuses[0] == 1 and training.says_what_to_do(ended.output(0)),
            )
            again = self.train("killed", hosts)
            self.check(
                "both started again continue to the same bits",
                not any(again.statuses)
                and "Continuing at step" in again.output(0)
                and training.same(again.weights(), undisturbed.weights()),
            )
        with network.pair() as (hosts, cable):
            cut = self.train("cut", hosts, lambda _: cable.cut(training.CUT))
            longest = cut.steps()[:, 0].max()
            self.check(
                f"the cable is cut for {training.CUT} s: training waits, goes on after "
                f"{longest:.1f} s and ends with the same bits",
                not any(cut.statuses)
                and longest >= training.CUT
                and training.same(cut.weights(), undisturbed.weights()),
            )
        with network.pair() as (hosts, cable):
            lost = self.train("cut_for_good", hosts, lambda _: cable.cut())
            self.check(
                f"the cable is cut for good: both end after {lost.seconds:.0f} s, say what to do",
                lost.statuses == (1, 1)
                and all(training.says_what_to_do(lost.output(index)) for index in (0, 1)),
            )

    def read(self, step):
        """Measures what reading costs beside a step of one process of `step` processor ms."""
        command = self.one_core.command(
            sys.executable, "-m", "tools.hosts.reading", self.data, FLAGS.batch_size
        )
        read = subprocess.run(command, cwd=shared.ROOT, check=True, stdout=subprocess.PIPE)
        costs = {int(count): value for count, value in json.loads(read.stdout).items()}
        whole = costs.pop(0)
        rows = [["1", f"{whole:.1f}", f"{whole:.1f}", f"{step:.0f}"]]
        rows += [
            [f"{count}", f"{whole:.1f}", f"{own:.1f}", f"{step / count:.1f}"]
            for count, own in costs.items()
        ]
        header = ["workers", "whole batches", "its share", "training its share"]
        # What a share costs is what it holds and, of every batch, the same: shuffling its numbers.
        (few, cost_of_few), (many, cost_of_many) = min(costs.items()), max(costs.items())
        held = (cost_of_few - cost_of_many) / (1 / few - 1 / many)
        fixed = max(cost_of_many - held / many, 1e-3)
        self.tables += [
            "Processor milliseconds of a worker for each batch:\n\n"
            + shared.markdown(header, rows),
            f"Reading takes as long as training at {step / whole:.0f} workers that read whole "
            f"batches, and at {(step - held) / fixed:.0f} that read their shares.\n",
        ]

    def extract(self):
        """Extracts on one machine and by Beam on Dask."""
        if not extraction.is_available():
            self.tables.append(
                "Extraction was not tried. It needs pip install 'apache-beam[dask]'.\n"
            )
            return
        start = time.monotonic()
        one = extraction.extract(self.two_cores, self.folder / "one_set", extraction.CORPUS).wait()
        middle = time.monotonic()
        with network.pair() as (hosts, _):
            status, done = extraction.by_dask(hosts, self.folder / "dask_set", extraction.CORPUS)
        seconds = middle - start, time.monotonic() - middle
        self.check("features are extracted on one machine, and by Beam on Dask", one == status == 0)
        self.check(
            f"a worker of Dask is killed, {done} groups done: the data folders are the same bytes",
            done
            and extraction.contents(self.folder / "one_set")
            == extraction.contents(self.folder / "dask_set"),
        )
        self.tables.append(
            "Extraction of the demo corpus took {:.0f} s on one machine, and {:.0f} s on two hosts "
            "of which one was lost.\n".format(*seconds)
        )


def main():
    """Tries what the flags choose; returns the exit code."""
    network.check()
    folder = Path(FLAGS.output_dir).resolve()
    if not folders.is_vacant(folder):
        raise errors.refusal(
            f"{str(folder)!r} cannot be used",
            "a new folder, or an empty one",
            "files of another trial",
            "Set another one with --output_dir.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    trial = _Trial(folder)
    data.write(trial.data, FLAGS.utterances, progress=progress.bar)
    one, two = trial.teams()
    if "disturbances" in FLAGS.parts:
        trial.disturb(two)
    if "reading" in FLAGS.parts:
        trial.read(one.milliseconds()[1])
    if "extraction" in FLAGS.parts:
        trial.extract()
    rows = [[what, "yes" if is_so else "NO"] for what, is_so in trial.findings]
    text = "\n".join([shared.markdown(["as it should be", ""], rows), *trial.tables])
    files.write_text(folder / "two_hosts.md", text)
    progress.console.print(text)
    return int(not all(is_so for _, is_so in trial.findings))


if __name__ == "__main__":
    flag_kit.define(
        "path", "output_dir", None, "New folder for all that is written.", required=True
    )
    flags.DEFINE_multi_enum("parts", PARTS, PARTS, "What to try beside the teams.")
    flags.DEFINE_integer(
        "steps", 24, "Steps of each training.", lower_bound=2 * training.DISTURBED_AT
    )
    flags.DEFINE_integer("batch_size", 128, "Utterances of a batch.", lower_bound=2)
    flags.DEFINE_integer("utterances", 768, "Utterances of the training part.", lower_bound=128)
    cli.run(main)
