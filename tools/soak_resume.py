"""Kills a training again and again and compares its end: python -m tools.soak_resume

The command is started, killed with SIGKILL after a random time, and started again, until it has
been killed as often as asked; then it may end. Weights, optimizer, dropout seeds, scores and
predictions must be those of an undisturbed run, bit by bit. Logs for TensorBoard may differ: steps
that were taken twice are in them twice.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from tests.training import run_state
from tools import shared

# As `python -m amh_tf.train`, but saving after every validation instead of twice a minute.
TRAIN = (
    "import runpy; from amh_tf.training import trainer; trainer.SECONDS_BETWEEN_CHECKPOINTS = 0; "
    "runpy.run_module('amh_tf.train', run_name='__main__')"
)


def main():
    """Kills by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng, kills, runs = random.Random(arguments.seed), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        data, log = f"{folder / 'data'}", folder / "log"
        sizes = ["--source=planted", "--planted_sizes=60,20,20"]
        shared.run("-m", "amh_tf.prepare", *sizes, f"--output_dir={data}", log=log)
        train = ["-c", TRAIN, "--hops=3", "--batch_size=10", f"--max_steps={arguments.steps}"]
        train += [f"--{modality}_units=6" for modality in ("audio", "text", "video")]
        train += ["--validation_interval=0.2", f"--data_dir={data}"]
        start = time.monotonic()
        shared.run(*train, f"--run_dir={folder / 'whole'}", log=log)
        seconds = time.monotonic() - start
        while kills < arguments.kills:
            command = [*train, f"--run_dir={folder / str(runs)}"]
            for _ in range(rng.randrange(2, 6)):  # a few kills in each run, then it ends
                try:
                    subprocess.run(  # kills it with SIGKILL when the time is over
                        [sys.executable, *command],
                        stdout=subprocess.DEVNULL,
                        timeout=rng.uniform(0.2, 1.1) * seconds,
                        check=True,
                    )
                    break
                except subprocess.TimeoutExpired:
                    kills += 1
            shared.run(*command, log=log)
            run_state.assert_same(folder / str(runs), folder / "whole")
            runs += 1
            print(f"{kills} kills, {runs} runs the same", flush=True)
    print(f"{kills} kills in {runs} runs; all ended as the undisturbed run, bit by bit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
