"""Damages data sets at random and counts what is detected: python -m tools.soak_damage

A longer version of what the tests do. Every damaged set must be refused by name, within ten
seconds, before or while its split is read, and be listed by `amh_tf.verify`.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from amh_tf.corpora import planted
from amh_tf.data import folds, integrity, manifest, pipeline, verification, writer
from tests.data import damages


def _read(folder, split, verify):
    fold = folds.choose(manifest.load(folder), verify=verify)
    with integrity.naming_damage(fold, (split,)):
        for _ in pipeline.batches(fold, split, 32):
            pass


def _problem(folder, shard, kind, rng):
    """Damages a data folder once; returns what was not as it must be, or nothing."""
    damage, level = damages.DAMAGES[kind]
    record, is_full = damage(folder, shard.file, rng), level == damages.FULL
    start, problem = time.monotonic(), "not detected"
    try:
        _read(folder, shard.part, "full" if is_full else "sizes")
    except ValueError as error:
        is_named = is_full or record is None or f"record {record} at byte" in str(error)
        problem = "" if is_named and shard.file in str(error) else f"not named: {error}"
    if time.monotonic() - start > 10:
        problem += " too slow"
    faults = [fault for fault in verification.verify(folder) if fault.path.name == shard.file]
    if not any(record in (None, fault.record) for fault in faults):
        problem += " not listed"
    return problem


def main():
    """Damages by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, num_missed = random.Random(arguments.seed), 0
    with tempfile.TemporaryDirectory() as temporary:
        source = planted.read(seed=4, sizes={"train": 60, "dev": 20, "test": 20})
        whole = writer.write(source, Path(temporary) / "whole", records_per_shard=16)
        folder = Path(temporary) / "damaged"
        for _ in range(arguments.damages):
            shutil.copytree(whole.folder, folder)
            kind, shard = rng.choice(list(damages.DAMAGES)), rng.choice(whole.shards)
            if problem := _problem(folder, shard, kind, rng):
                num_missed += 1
                print(f"{kind}, {shard.file}: {problem}", flush=True)
            shutil.rmtree(folder)
    detected = arguments.damages - num_missed
    print(f"{arguments.damages} damaged sets, {detected} detected and named, {num_missed} not")
    return 1 if num_missed else 0


if __name__ == "__main__":
    sys.exit(main())
