"""Gathers cross-validations: python -m amh_tf.report --runs=DIR --output_dir=DIR

Finds every crossval.json below --runs and writes the paper's tables (Markdown, CSV, LaTeX),
confusion matrices, paired tests and a page, report.html, that opens without a network. Each
data set and protocol has its own tables.
"""

import itertools

from amh_tf import progress
from amh_tf.commands import cli, training_flags
from amh_tf.reporting import gather

training_flags.define_report()


def main():
    """Reports by the flags."""
    flags = training_flags.FLAGS
    if flags.runs:
        gather.find(flags.runs)
    with cli.libraries():
        from amh_tf.reporting import formats, write
    report = write.report(flags.runs, flags.output_dir)
    for table in report.tables:
        progress.console.print(formats.for_terminal(table, progress.console))
    progress.console.print("Wrote:")
    for folder, paths in itertools.groupby(report.paths, key=lambda path: path.parent):
        progress.console.print(f"  {folder}/: {', '.join(path.name for path in paths)}")
    progress.console.print(f"\nOpen {report.page.resolve()} in a browser.")


if __name__ == "__main__":
    cli.run(main)
