"""A training as `python -m amh_tf.train`, which notes what it does:

python -m tools.hosts.worker NOTES --hops=7 and any other flags

At the end of each step, appends a line to NOTES.txt: seconds of wall and of processor time so far.
Writes the weights at the end to NOTES.npz. Saves a checkpoint at every validation.
"""

import runpy
import sys
import time

import amh_tf  # noqa: F401  # isort: skip  (before TensorFlow: it quiets TensorFlow's start)
import numpy as np

from amh_tf.training import trainer


def _note_steps(notes):
    make = trainer.step.make_train_step

    def make_noted(*arguments, **settings):
        train_step = make(*arguments, **settings)

        def noted(*batch):
            loss = train_step(*batch)
            loss.numpy()
            print(f"{time.monotonic():.4f} {time.process_time():.4f}", file=notes, flush=True)
            return loss

        return noted

    trainer.step.make_train_step = make_noted


def _keep_weights(path):
    train = trainer.Trainer.train

    def watched(self):
        said = train(self)
        np.savez(f"{path}.npz", *self._model.get_weights())
        return said

    trainer.Trainer.train = watched


def main():
    """Trains by the arguments."""
    path = sys.argv.pop(1)
    with open(f"{path}.txt", "a", encoding="utf-8") as notes:
        _note_steps(notes)
        _keep_weights(path)
        trainer.SECONDS_BETWEEN_CHECKPOINTS = -1
        runpy.run_module("amh_tf.train", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
