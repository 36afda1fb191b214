"""Runs on the tiny data set, and what stops them."""

import itertools

from amh_tf import config
from amh_tf.training import runs, trainer

MODEL = {"audio_units": 6, "text_units": 5, "video_units": 4, "num_hops": 2}
TRAINING = {"max_steps": 9, "validation_interval": 0.5, "seed": 2}


def configure(data, batch_size=10, model=(), **training):
    return runs.configure(
        config.DataConfig(str(data.folder), batch_size=batch_size),
        config.TrainingConfig(**{**TRAINING, **training}),
        config.ModelConfig(vocabulary_size=2, **{**MODEL, **dict(model)}),
    )


def train(data, run_dir, **settings):
    return runs.train_and_evaluate(*configure(data, **settings), run_dir)


class Killed(BaseException):
    """Stands for a signal: nothing in the package may catch it."""


def kill():
    raise Killed


def watch_steps(monkeypatch, before):
    """Calls `before(number)` ahead of every training step, counted from 1."""
    make = trainer.step.make_train_step

    def make_watched(*arguments, **settings):
        train_step = make(*arguments, **settings)
        numbers = itertools.count(1)

        def watched(*batch):
            before(next(numbers))
            return train_step(*batch)

        return watched

    monkeypatch.setattr(trainer.step, "make_train_step", make_watched)
