"""Times a data set of an object store against its folder:

python tools/benchmark_store.py --data_dir=DATA

A server in a process of its own on this machine gives the files as S3 does. In turns: a plain copy
of the folder to the disk, and fetching it into an empty cache; then an epoch of batches from the
folder, and one from the cache. Both copies wait for the disk, and read what the system's memory
holds. Prints processor and wall time of each, and the ratios of the medians. For an idle machine.
"""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from amh_tf.commands import cli  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np
from absl import flags

from amh_tf import files, progress
from amh_tf.commands import flag_kit
from amh_tf.data import folds, manifest, pipeline
from amh_tf.storage import cache, cache_folders
from tests import fake_store

FLAGS = flags.FLAGS
ROOT = Path(__file__).parent.parent


def _copy(folder, target):
    target.mkdir()
    for path in folder.iterdir():
        shutil.copyfile(path, target / path.name)
        files.sync(target / path.name)
    files.sync(target)


def _fetch(url, target):
    cache_folders.release()
    cache.use(str(target))
    loaded = manifest.load(url)
    cache.fetch(loaded, loaded.shards)


def _epoch(loaded):
    fold = folds.choose(loaded)
    count = 0
    for _, labels in pipeline.batches(fold, "train", 128, seed=1, bucketing=True):
        count += len(labels)
    assert count == fold.count("train")


def _timed(times, name, function, *arguments):
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    function(*arguments)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    times.setdefault(name, []).append((wall, used))
    progress.console.print(f"{name:22}{wall:8.2f} s wall {used:8.2f} s of processor time")


def _compare(folder, url, place):
    times = {}
    for turn in range(FLAGS.turns):
        for name, function, source in (("plain copy", _copy, folder), ("cold fetch", _fetch, url)):
            target = place / f"{turn}"
            _timed(times, name, function, source, target)
            shutil.rmtree(target)
    _fetch(url, place / "warm")
    sets = {"epoch of the folder": manifest.load(folder), "epoch of the cache": manifest.load(url)}
    for loaded in sets.values():
        _epoch(loaded)
    for _ in range(FLAGS.turns):
        for name, loaded in sets.items():
            _timed(times, name, _epoch, loaded)
    return {name: np.median(measured, axis=0) for name, measured in times.items()}


def main():
    """Measures by the flags."""
    folder = Path(FLAGS.data_dir).resolve()
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    with tempfile.TemporaryDirectory(dir=FLAGS.scratch_dir) as place:
        place = Path(place)
        (place / "store" / "bucket").mkdir(parents=True)
        shutil.copytree(folder, place / "store" / "bucket" / "set")
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.fake_store", str(place / "store")],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            os.environ.update(fake_store.environment(server.stdout.readline().strip()))
            medians = _compare(folder, "s3://bucket/set", place)
        finally:
            server.terminate()
            server.wait()
    progress.console.print(f"{size:,.0f} MB; ratios of the medians of {FLAGS.turns}, wall time:")
    for name, slow, fast, wanted in (
        ("cold fetch to plain copy", "cold fetch", "plain copy", 0.6),
        ("warm epoch to local epoch", "epoch of the cache", "epoch of the folder", 0.95),
    ):
        ratio, used = medians[fast] / medians[slow]
        progress.console.print(
            f"{name:26} speed {ratio:.2f} (wanted: {wanted}), by processor time {used:.2f}"
        )


if __name__ == "__main__":
    flag_kit.define("path", "data_dir", None, "Data folder to serve (required).", required=True)
    flag_kit.define("path", "scratch_dir", None, "Where copies go; the system's own.")
    flag_kit.define("integer", "turns", 5, "How often each is measured.", lower_bound=1)
    cli.run(main)
