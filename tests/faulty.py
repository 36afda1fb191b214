"""Runs a command that meets a fault at the first training step; started by the tests:

python -m tests.faulty signal|NAME MODULE [FLAGS]

The fault is a SIGTERM, or what the function of that name raises.
"""

import os
import runpy
import signal
import sys

import tensorflow as tf

from amh_tf.training import trainer


def bug():
    raise TypeError("a bug")


def value():
    int("no number")


def graph():
    tf.debugging.assert_equal(tf.constant(1), 2)


def disk():
    raise OSError(28, "No space left on device", "file")


def be_faulty(fault):
    make = trainer.step.make_train_step

    def make_faulty(*arguments, **settings):
        train_step = make(*arguments, **settings)

        def faulty(*batch):
            if fault != "signal":
                globals()[fault]()
            os.kill(os.getpid(), signal.SIGTERM)
            return train_step(*batch)

        return faulty

    trainer.step.make_train_step = make_faulty


if __name__ == "__main__":
    _, asked, *sys.argv = sys.argv
    be_faulty(asked)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
