"""Times a data set of an object store against its folder:

python -m tools.benchmark_store --data_dir=DATA

A server in its own process on this machine gives the files as S3 does. In turns: a plain copy
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


def _epoch(data):
    for _, labels in pipeline.batches(folds.choose(data), "train", 128, seed=1, bucketing=True):
        labels.numpy()


def _timed(times, name, function, *arguments):
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    function(*arguments)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    times.setdefault(name, []).append((wall, used))
    progress.console.print(f"{name:22}{wall:8.2f} s wall {used:8.2f} s of processor time")


def _compare(folder, url, place):
    """Returns medians of (wall, processor) seconds by name."""
    times, target = {}, place / "copy"
    for _ in range(FLAGS.turns):
        for name, function, source in (("plain copy", _copy, folder), ("cold fetch", _fetch, url)):
            _timed(times, name, function, source, target)
            shutil.rmtree(target)
    _fetch(url, place / "warm")
    sets = {"epoch of the folder": manifest.load(folder), "epoch of the cache": manifest.load(url)}
    for data in sets.values():
        _epoch(data)
    for _ in range(FLAGS.turns):
        for name, data in sets.items():
            _timed(times, name, _epoch, data)
    return {name: np.median(measured, axis=0) for name, measured in times.items()}


def main():
    """Measures by the flags."""
    folder = Path(FLAGS.data_dir).resolve()
    if FLAGS.scratch_dir:
        Path(FLAGS.scratch_dir).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FLAGS.scratch_dir) as name:
        place = Path(name)
        shutil.copytree(folder, place / "store" / "bucket" / "set")
        serve = [sys.executable, "-m", "tests.fake_store", str(place / "store")]
        server = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
        try:
            os.environ.update(fake_store.environment(server.stdout.readline().strip()))
            medians = _compare(folder, "s3://bucket/set", place)
        finally:
            server.terminate()
            server.wait()
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    progress.console.print(f"{size:,.0f} MB; ratios of the medians of {FLAGS.turns}:")
    for slow, fast in (
        ("cold fetch", "plain copy"),
        ("epoch of the cache", "epoch of the folder"),
    ):
        wall, used = medians[fast] / medians[slow]
        progress.console.print(f"{slow} to {fast}: speed {wall:.2f}, by processor time {used:.2f}")


if __name__ == "__main__":
    flag_kit.define("path", "data_dir", None, "Data folder to serve (required).", required=True)
    flag_kit.define("path", "scratch_dir", None, "Where copies go; the system's own.")
    flag_kit.define("integer", "turns", 5, "How often each is measured.", lower_bound=1)
    cli.run(main)
