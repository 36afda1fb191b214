"""Damages data sets at random and counts what is found: python -m tools.soak_damage

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
from tools import damages


def _read(folder, split, verify):
    fold = folds.choose(manifest.load(folder), verify=verify)
    with integrity.naming_damage(fold, (split,)):
        for _ in pipeline.batches(fold, split, 32):
            pass


def _one(whole, folder, rng):
    """Damages a copy once; returns the kind, and what was not as it must be."""
    shutil.copytree(whole.folder, folder)
    kind = rng.choice(list(damages.DAMAGES))
    damage, found = damages.DAMAGES[kind]
    shard = rng.choice(whole.shards)
    record = damage(folder, shard.file, rng)
    started = time.monotonic()
    try:
        _read(folder, shard.part, "full" if found == damages.FULL else "sizes")
        problem = "not found"
    except ValueError as error:
        named = found == damages.FULL or record is None or f"record {record} at byte" in str(error)
        problem = "" if named and shard.file in str(error) else f"not named: {error}"
    if time.monotonic() - started > 10:
        problem += " too slow"
    listed = [fault for fault in verification.verify(folder) if fault.path.name == shard.file]
    if not [fault for fault in listed if record in (None, fault.record)]:
        problem += " not listed"
    return f"{kind}, {shard.file}", problem


def main():
    """Damages by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    lost = 0
    with tempfile.TemporaryDirectory() as temporary:
        source = planted.read(seed=4, sizes={"train": 60, "dev": 20, "test": 20})
        whole = writer.write(source, Path(temporary) / "whole", records_per_shard=16)
        for number in range(arguments.damages):
            folder = Path(temporary) / f"damaged_{number}"
            name, problem = _one(whole, folder, rng)
            shutil.rmtree(folder)
            if problem:
                lost += 1
                print(f"{name}: {problem}", flush=True)
    print(
        f"{arguments.damages} damaged sets, {arguments.damages - lost} found and named, {lost} not"
    )
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
