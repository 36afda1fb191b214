"""Runs commands in processes of their own and tells their exit codes; started by the tests.

TensorFlow takes seconds to import: it is imported once, unused, and the process forked for
each command. Reads a JSON list of commands from standard input, each a dict of `module`,
`flags`, and `fault`: "signal" for a SIGTERM at the first training step, "bug" for an
unexpected exception there, or none. Writes a JSON list of [exit code, output].
"""

import json
import os
import runpy
import signal
import sys
import tempfile

import tensorflow_io  # noqa: F401

import amh_tf  # noqa: F401
from amh_tf.training import trainer

SIDE_BY_SIDE = 3


def be_faulty(fault):
    make = trainer.step.make_train_step

    def make_faulty(*arguments, **settings):
        train_step = make(*arguments, **settings)

        def faulty(*batch):
            if fault == "bug":
                raise RuntimeError("a bug")
            os.kill(os.getpid(), signal.SIGTERM)
            return train_step(*batch)

        return faulty

    trainer.step.make_train_step = make_faulty


def run(command, output):
    """Becomes the command; never returns."""
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output.fileno(), stream.fileno())
    sys.argv = [command["module"], *command["flags"]]
    if command.get("fault"):
        be_faulty(command["fault"])
    runpy.run_module(command["module"], run_name="__main__", alter_sys=True)


def main():
    commands = json.load(sys.stdin)
    ends, running = [None] * len(commands), {}
    waiting = list(enumerate(commands))
    while waiting or running:
        while waiting and len(running) < SIDE_BY_SIDE:
            number, command = waiting.pop(0)
            output = tempfile.TemporaryFile()  # noqa: SIM115  (open until the command ends)
            child = os.fork()
            if not child:
                return run(command, output)
            running[child] = number, output
        child, status = os.wait()
        number, output = running.pop(child)
        output.seek(0)
        ends[number] = os.waitstatus_to_exitcode(status), output.read().decode(errors="replace")
    json.dump(ends, sys.stdout)


if __name__ == "__main__":
    main()
