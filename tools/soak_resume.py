"""Kills a training again and again and compares its end: python -m tools.soak_resume

The command is started, killed with SIGKILL after a random time, and started again, until it has
been killed so often as asked; then it may end. Weights, optimizer, dropout seeds, scores and
predictions must be those of an undisturbed run, bit by bit. Logs for TensorBoard may differ:
steps that were taken twice stand in them twice.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import amh_tf  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
from tests.training import run_state

ROOT = Path(__file__).resolve().parent.parent
# As `python -m amh_tf.train`, but saving after every validation instead of twice a minute.
START = (
    "import runpy; from amh_tf.training import trainer; trainer.SECONDS_BETWEEN_CHECKPOINTS = 0; "
    "runpy.run_module('amh_tf.train', run_name='__main__')"
)

assert amh_tf.__version__


def _command(data_dir, run_dir, steps):
    units = [f"--{modality}_units=6" for modality in ("audio", "text", "video")]
    return [
        *(sys.executable, "-c", START, *units),
        *("--hops=3", "--batch_size=10", f"--max_steps={steps}", "--validation_interval=0.2"),
        *(f"--data_dir={data_dir}", f"--run_dir={run_dir}"),
    ]


def _start(command):
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.DEVNULL
    )


def _undisturbed(command):
    """Runs the command to its end; returns the seconds that it took."""
    started = time.monotonic()
    process = _start(command)
    if process.wait():
        raise RuntimeError(f"the undisturbed run ended with {process.returncode}")
    return time.monotonic() - started


def main():
    """Kills by the arguments; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    killed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        prepare = [sys.executable, "-m", "amh_tf.prepare", "--source=planted"]
        prepare += ["--planted_sizes=60,20,20", f"--output_dir={folder / 'data'}"]
        subprocess.run(prepare, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        whole = folder / "whole"
        seconds = _undisturbed(_command(folder / "data", whole, arguments.steps))
        number = 0
        while killed < arguments.kills:
            run_dir = folder / f"run_{number}"
            command = _command(folder / "data", run_dir, arguments.steps)
            # A few kills in each run, then it ends.
            for _ in range(rng.randrange(2, 6)):
                process = _start(command)
                try:
                    process.wait(rng.uniform(0.2, 1.1) * seconds)
                    break
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    killed += 1
            _undisturbed(command)
            run_state.assert_same(run_dir, whole)
            number += 1
            print(f"{killed} kills, {number} runs the same", flush=True)
    print(f"{killed} kills in {number} runs; all ended as the undisturbed run, bit by bit")
    return 0


if __name__ == "__main__":
    sys.exit(main())
