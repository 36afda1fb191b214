"""Measures what reading costs a worker: python -m tools.hosts.reading DATA BATCH_SIZE

Prints a JSON object from the number of workers to the processor milliseconds that one of them takes
for each batch, all reading whole batches (0) or each its share.
"""

import json
import sys
import time

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np

from amh_tf.data import folds, manifest, pipeline, shares
from amh_tf.training import startup

TEAMS = (1, 2, 4, 8, 16, 32, 64)
EPOCHS, ROUNDS = 8, 3


def _pass(fold, source, batch_size, share, seed):
    """Returns the processor milliseconds of a batch."""
    batches = pipeline.batches(
        fold,
        "train",
        batch_size,
        seed=seed,
        epochs=EPOCHS,
        bucketing=True,
        source=source,
        share=share,
    )
    iterator, count = iter(batches), 1
    next(iterator)  # opens the stream
    start = time.process_time()
    for _ in iterator:
        count += 1
    return 1000 * (time.process_time() - start) / count


def main():
    """Measures by the arguments."""
    data, batch_size = sys.argv[1], int(sys.argv[2])
    startup.keep_memory()
    fold = folds.choose(manifest.load(data))
    source = pipeline.open_split(fold, "train")
    teams = {0: None, **{count: shares.Share(count // 2, 1, count) for count in TEAMS[1:]}}
    times = {count: [] for count in teams}
    for seed in range(ROUNDS):
        for count, share in teams.items():
            times[count].append(_pass(fold, source, batch_size, share, seed))
    print(json.dumps({count: float(np.median(values)) for count, values in times.items()}))


if __name__ == "__main__":
    main()
