"""Runs a command that meets a fault at the first training step; started by the tests:

python -m tests.faulty signal|bug MODULE [FLAGS]

The fault is a SIGTERM, or an exception that nobody expects.
"""

import os
import runpy
import signal
import sys

from amh_tf.training import trainer


def be_faulty(fault):
    make = trainer.step.make_train_step

    def make_faulty(*arguments, **settings):
        train_step = make(*arguments, **settings)

        def faulty(*batch):
            if fault == "bug":
                raise TypeError("a bug")
            os.kill(os.getpid(), signal.SIGTERM)
            return train_step(*batch)

        return faulty

    trainer.step.make_train_step = make_faulty


if __name__ == "__main__":
    _, asked, *sys.argv = sys.argv
    be_faulty(asked)
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
