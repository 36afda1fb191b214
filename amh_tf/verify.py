"""Checks a data set, every byte of it: python -m amh_tf.verify --data_dir=DIR

Lists every fault with its file, and its record and offset. Exit code 1 if there is any.
"""

import sys

from amh_tf import cli, flag_defs, progress
from amh_tf.data import faults, manifest, verification

flag_defs.define_verification()


def main():
    """Verifies by the flags."""
    folder = flag_defs.FLAGS.data_dir
    loaded = manifest.load(folder)
    count = 0
    with progress.bar(verification.num_files(folder), "verifying", "files") as bar:
        for fault in verification.verify(folder, bar.advance):
            progress.console.print(str(fault))
            count += 1
    if count:
        print(
            f"error: {folder!r} has {count} fault{'s' * (count > 1)}, listed above. "
            f"{faults.REMEDY} If the damage came with copying, copy the files named above again.",
            file=sys.stderr,
        )
        return 1
    progress.console.print(f"{folder} is whole. {verification.summary(loaded)}.")
    return 0


if __name__ == "__main__":
    cli.run(main)
