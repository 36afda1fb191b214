"""Completion in the shell: what may follow what was typed."""

import importlib

from absl import flags

from amh_tf.commands import flag_kit

COMPLETE = "--complete"
# Bash takes the value after `=` for a separate word; files and folders it completes by itself.
BASH = f"""\
# Put this into ~/.bashrc: eval "$(amh --completion=bash)"
_amh() {{
  mapfile -t COMPREPLY < <("$1" {COMPLETE} "${{COMP_LINE:0:COMP_POINT}}" 2>/dev/null)
  [[ ${{COMPREPLY[0]}} == *= ]] && compopt -o nospace
}}
complete -o default -F _amh amh"""


def candidates(commands, line):
    """Lists what the last word of a line may become.

    Args:
        commands: Dict from a group's name to its commands, each the name of a module.
        line: What was typed, from the program's name to the cursor.

    Returns:
        Sorted list of commands, of flags (with `=` where a value follows), or of a flag's values.
    """
    _, *words = f"{line}|".split()  # the mark keeps an empty last word
    last = words[-1].removesuffix("|") if words else ""
    names = [name for group in commands.values() for name in group]
    if len(words) < 2:
        return sorted(name for name in names if name.startswith(last))
    if words[0] not in names or not last.startswith("-"):
        return []
    command = importlib.import_module(f"amh_tf.{words[0]}")  # which defines its flags
    if hasattr(command, "define"):  # or does so where it is run, being a function of the library
        command.define()
    defined = [f for group in flag_kit.groups() for f in flags.FLAGS.get_flags_for_module(group)]
    name, equals, value = last.lstrip("-").partition("=")
    if equals:
        values = next((_values(flag) for flag in defined if flag.name == name), ())
        return sorted(one for one in values if one.startswith(value))
    options = [f"--{flag.name}" + "=" * (not flag.boolean) for flag in defined]
    options += [f"--no{flag.name}" for flag in defined if flag.boolean]
    return sorted(flag for flag in [*options, "--help", "--flagfile="] if flag.startswith(last))


def _values(flag):
    return getattr(flag.parser, "enum_values", None) or ()
