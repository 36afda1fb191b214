"""One worker of a multi-worker training, started by the tests as a process of its own.

Usage: python -m tests.training.team_worker DISTRIBUTION DATA RUN_DIR WEIGHTS STEPS [KILL_AT]
"""

import os
import signal
import sys

import numpy as np
import tensorflow as tf

from amh_tf import config
from amh_tf.training import distribution, runs, startup, trainer

NO_DROPOUT = {f"{modality}_dropout": 0.0 for modality in ("audio", "text", "video")}
MODEL = {"audio_units": 6, "text_units": 5, "video_units": 4, "num_hops": 2, **NO_DROPOUT}


def configure(data_dir, steps, batch_size=13, model=()):
    """40 train utterances in batches of 13: the last batch of an epoch holds one."""
    return runs.configure(
        config.DataConfig(str(data_dir), batch_size=batch_size),
        # The loss on dev falls at every validation: the best weights are the last ones.
        config.TrainingConfig(
            max_steps=int(steps), validation_interval=0.5, seed=2, selection_metric="loss"
        ),
        config.ModelConfig(vocabulary_size=2, **{**MODEL, **dict(model)}),
    )


def keep_weights(path):
    """Writes what a worker holds after training: model, best weights already in place."""
    train = trainer.Trainer.train

    def watched(self):
        said, best = train(self), self._early_stopping
        np.savez(path, *self._model.get_weights(), np.array([best.best, best.best_step]))
        return said

    trainer.Trainer.train = watched


def kill_at(step):
    make = trainer.step.make_train_step

    def make_killed(*arguments, **settings):
        train_step, taken = make(*arguments, **settings), []

        def killed(*batch):
            taken.append(1)
            if len(taken) > step:
                os.kill(os.getpid(), signal.SIGKILL)
            return train_step(*batch)

        return killed

    trainer.step.make_train_step = make_killed


def main(name, data_dir, run_dir, weights, steps, kill=None):
    tf.config.threading.set_intra_op_parallelism_threads(1)
    if name == "mirrored":
        devices = [tf.config.LogicalDeviceConfiguration()] * 2
        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0], devices
        )
    team = distribution.make_team(name)
    keep_weights(weights)
    if kill:
        kill_at(int(kill))
    trainer.SECONDS_BETWEEN_CHECKPOINTS = -1
    run_config, fold = configure(data_dir, steps)
    startup.load_kernel(run_config.model)
    runs.train_and_evaluate(run_config, fold, run_dir, team)


if __name__ == "__main__":
    main(*sys.argv[1:])
