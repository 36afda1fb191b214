"""Trains a run again and again, each time killed somewhere else, and at last to its end:

python -m tests.training.killed_run DATA_DIR RUN_DIR '[["step", 3, 0], ...]'

A kill is a place, how many times it is passed before, and how many milliseconds to wait there
while work continues. Every attempt is a fork.
"""

import itertools
import json
import os
import signal
import sys
import threading
import time

from amh_tf import config
from amh_tf.training import checkpoints, evaluation, runs, startup, trainer

MODEL = {"audio_units": 6, "text_units": 5, "video_units": 4, "num_hops": 2}
TRAINING = {"max_steps": 9, "validation_interval": 0.5, "seed": 2}


def train(data_dir, run_dir):
    """Trains as the command does, saving after every validation."""
    trainer.SECONDS_BETWEEN_CHECKPOINTS = -1
    run_config, fold = runs.configure(
        config.DataConfig(data_dir, batch_size=10),
        config.TrainingConfig(**TRAINING),
        config.ModelConfig(vocabulary_size=2, **MODEL),
    )
    startup.load_kernel(run_config.model)
    runs.train_and_evaluate(run_config, fold, run_dir)


def _kill():
    os.kill(os.getpid(), signal.SIGKILL)


def _kill_later(milliseconds):
    def wait():
        time.sleep(milliseconds / 1000)
        _kill()

    threading.Thread(target=wait, daemon=True).start()


def _arm(place, passes, milliseconds):
    numbers = itertools.count()

    def passing():
        if next(numbers) == passes:
            _kill_later(milliseconds) if milliseconds else _kill()

    def watched(function):
        def call(*arguments, **settings):
            passing()
            return function(*arguments, **settings)

        return call

    def made(function):
        return lambda *arguments, **settings: watched(function(*arguments, **settings))

    if place == "step":
        trainer.step.make_train_step = made(trainer.step.make_train_step)
    elif place == "predict":
        evaluation.make_predict_step = made(evaluation.make_predict_step)
    elif place == "save":
        checkpoints.Checkpoints.save = watched(checkpoints.Checkpoints.save)
    elif place == "rename":
        sys.addaudithook(lambda event, _: passing() if event == "os.rename" else None)
    else:
        raise ValueError(place)


def main(data_dir, run_dir, kills):
    """Returns how every attempt ended: 0, or minus the signal."""
    ends = []
    for kill in [*kills, None]:
        child = os.fork()
        if not child:
            if kill:
                _arm(*kill)
            train(data_dir, run_dir)
            sys.stdout.flush()
            os._exit(0)
        ends.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return ends


if __name__ == "__main__":
    print("ends", json.dumps(main(*sys.argv[1:3], json.loads(sys.argv[3]))))
