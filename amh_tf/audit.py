"""Audits the splits of a data set, or somebody else's:

python -m amh_tf.audit --data_dir=DIR
python -m amh_tf.audit --splits=FILE

Reports which speakers, sentences and recordings are on both sides of a split, and what a score on
it may be called.
"""

import json
import sys

from amh_tf import files, progress
from amh_tf.auditing import audit_tables, leaks, split_files
from amh_tf.commands import audit_flags, cli
from amh_tf.data import manifest

audit_flags.define()


def _frames(path):
    """Returns the MFCC of a recording, `(time, width)`."""
    from amh_tf.features import audio, decoding

    return audio.mfcc_with_deltas(decoding.load_audio(path))


def _subject():
    flags = audit_flags.FLAGS
    splits = split_files.read(flags.splits, flags.encoding) if flags.splits else None
    loaded = manifest.load(flags.data_dir) if flags.data_dir else None
    with cli.libraries():
        from amh_tf.auditing import audit_subject
    if loaded is None:
        with progress.bar(len(splits.ids), "reading", "recordings") as bar:
            return audit_subject.of_splits(splits, flags.splits, _frames, bar.advance)
    count = sum(shard.records for shard in loaded.shards)
    with progress.bar(count, "reading", "utterances") as bar:
        subject = audit_subject.of_folder(loaded, bar.advance)
    return audit_subject.with_splits(subject, splits, flags.splits) if splits else subject


def main():
    """Audits by the flags."""
    flags = audit_flags.FLAGS
    audit_flags.check()
    subject = _subject()
    with progress.bar(len(subject.ids), "comparing", "recordings") as bar:
        report = leaks.report(subject, bar.advance)
    text = json.dumps(report, indent=1) + "\n"
    if flags.output_json:
        files.write_text(files.Path(flags.output_json), text)
    if flags.format == "json":
        print(text, end="")
    else:
        audit_tables.show(report)
    failures = [leak for leak in report["leaks"] if leak in flags.leaks]
    if flags.strict and failures:
        print(
            f"error: {subject.name!r} has leaks. Expected nothing of a test part in train or dev. "
            f"Received: {', '.join(failures)} on both sides, listed above. Choose which count with "
            "--leaks.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    cli.run(main)
