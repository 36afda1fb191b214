"""Checks a data set, every byte of it, or a corpus before its features are made:

python -m amh_tf.verify --data_dir=DIR
python -m amh_tf.verify --source=meld --source_dir=MELD.Raw

Lists every fault with its file, and in a data set its record and offset. Of a corpus, that is what
is missing or not of it by its publishers' counts, and what cannot be read or is of another length
than the corpus says. Exit code 1 if there is any.
"""

import collections
import dataclasses
import sys

from amh_tf import errors, preparation, progress, schema
from amh_tf.commands import cli, flag_kit, preparation_flags, training_flags
from amh_tf.data import manifest
from amh_tf.storage import faults

training_flags.define_verification()
preparation_flags.define_inspection()


def _verify_data(folder):
    """Verifies a data folder; returns the exit code."""
    loaded = manifest.load(folder)
    with cli.libraries():
        from amh_tf.data import verification
    count = 0
    with progress.bar(verification.num_files(folder), "verifying", "files") as bar:
        for fault in verification.verify(folder, bar.advance):
            progress.console.print(str(fault))
            count += 1
    if count:
        print(
            f"error: {folder!r} has {count} fault{'s' * (count > 1)}, listed above. "
            f"{faults.REMEDY} If the damage came with copying, copy the files named above again.",
            file=sys.stderr,
        )
        return 1
    progress.console.print(f"{folder} is whole. {verification.summary(loaded)}.")
    return 0


def _verify_corpus(chosen):
    """Verifies a corpus as released; returns the exit code."""
    folder, letters = chosen.place(), chosen.modalities
    modalities = schema.MODALITIES if letters is None else schema.modalities_from_letters(letters)
    corpus = preparation.corpus(chosen)
    with cli.libraries():
        from amh_tf.extraction import inspection
    counts = collections.Counter()
    progress.console.print(f"Corpus: {corpus.name}")
    for note in corpus.notes:
        progress.console.print(note)
    for kind, names in (("missing", corpus.missing), ("not of the corpus", corpus.extra)):
        for name in names:
            progress.console.print(f"{kind}: {name}")
        counts[kind] += len(names)
    with progress.bar(len(corpus.recordings), "reading", "utterances") as bar:
        for problem in inspection.inspect(corpus, modalities, bar.advance):
            progress.console.print(f"{problem.kind}: {problem.id}: {problem.text}")
            counts[problem.kind] += 1
    if corpus.differences and not sum(counts.values()):
        counts["other than published"] = len(corpus.differences)
    if sum(counts.values()):
        listed = ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count)
        print(
            f"error: {folder!r} is not {corpus.name} as published. Expected every file, whole. "
            f"Received: {listed}, named above. Download those files again, or leave such "
            f"utterances out with `{cli.command('prepare')} --on_error=skip`.",
            file=sys.stderr,
        )
        return 1
    progress.console.print(
        f"{folder} is whole. {corpus.name}: {len(corpus.recordings):,} utterances can be used."
    )
    return 0


def main():
    """Verifies by the flags."""
    flags = training_flags.FLAGS
    if bool(flags.data_dir) == bool(flags.source):
        raise errors.refusal(
            "There is nothing to check",
            "a data folder, or a corpus",
            f"data_dir={flags.data_dir!r}, source={flags.source!r}",
            "Set either --data_dir, or --source and --source_dir.",
        )
    if flags.data_dir:
        return _verify_data(flags.data_dir)
    names = [field.name for field in dataclasses.fields(preparation.Preparation)]
    chosen = {name: value for name, value in flag_kit.chosen().items() if name in names}
    return _verify_corpus(preparation.Preparation(**chosen))


if __name__ == "__main__":
    cli.run(main)
