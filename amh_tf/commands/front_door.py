"""The front door of all commands, `amh`: amh train --hops=7 is python -m amh_tf.train --hops=7."""

import difflib
import runpy
import sys

import amh_tf
from amh_tf import escaping
from amh_tf.commands import cli, completion

# Every command, a module of the package, by what it is for.
COMMANDS = {
    "Data": {
        "prepare": "Write a data folder from a corpus, a table of recordings, or folds",
        "verify": "Check every byte of a data folder, or a corpus as released",
        "audit": "Find what train and test share: speakers, sentences, recordings",
    },
    "Training": {
        "train": "Train a model and score it",
        "crossval": "Train and test on every fold",
    },
    "Scores": {
        "evaluate": "Score a trained run again, also without a modality",
        "report": "Make tables, tests and a page of cross-validations",
    },
    "Use": {
        "predict": "Say which emotion a clip shows",
        "timeline": "Show the emotions of a whole recording over time",
        "export": "Write a run for servers and devices",
    },
}
NAMES = [name for group in COMMANDS.values() for name in group]
_COMPLETION = "--completion=bash"


def overview(program):
    """Returns the text that lists all commands.

    Args:
        program: What the user starts, such as "amh".
    """
    lines = [f"Emotion recognition from audio, text and video. amh_tf {amh_tf.__version__}", ""]
    lines.append(f"Usage: {program} COMMAND [FLAGS]")
    for group, commands in COMMANDS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:<10}{purpose}" for name, purpose in commands.items()]
    return "\n".join(
        [
            *lines,
            "",
            f"{program} COMMAND --help lists a command's flags, {program} --version the version,",
            f"{program} {_COMPLETION} a script that completes commands and flags.",
        ]
    )


def _refuse(argument):
    choices = [*NAMES, "--help", "--version", _COMPLETION]
    nearest = difflib.get_close_matches(argument, choices, n=1, cutoff=0)
    received = escaping.terminal(argument)
    print(
        f"error: There is no such command. Expected one of {', '.join(NAMES)}. Received: "
        f"{received}. Did you mean {nearest[0]}?",
        file=sys.stderr,
    )
    return 1


def main(program="amh"):
    """Runs the command that the first argument names, as `python -m` would.

    Args:
        program: What the user has started.
    """
    arguments = sys.argv[1:]
    first = arguments[0] if arguments else "--help"
    if first in NAMES:
        cli.use_front_door(program)
        sys.argv = [sys.argv[0], *arguments[1:]]
        runpy.run_module(f"amh_tf.{first}", run_name="__main__", alter_sys=True)
    elif first in ("-h", "--help", "help"):
        print(overview(program))
    elif first == "--version":
        print(f"amh_tf {amh_tf.__version__}")
    elif first == _COMPLETION:
        print(completion.BASH)
    elif first == completion.COMPLETE:
        print("\n".join(completion.candidates(COMMANDS, " ".join(arguments[1:]))))
    else:
        sys.exit(_refuse(first))
