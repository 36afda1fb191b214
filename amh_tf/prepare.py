"""Writes a data folder of TFRecord shards:

python -m amh_tf.prepare --source=iemocap --source_dir=DIR --resnet_weights=FILE --output_dir=DATA

Extraction from raw recordings can be stopped; the same command goes on where it was.
"""

import dataclasses

from amh_tf import feature_kinds, locations, progress, schema
from amh_tf.commands import cli, feature_flags, preparation_flags
from amh_tf.corpora import folds, planted

preparation_flags.define()


def _prepared():
    """Returns features that are there already, or can be drawn, as a `Source`."""
    flags = preparation_flags.FLAGS
    if flags.source == "planted":
        return planted.read(flags.planted_seed, preparation_flags.planted_sizes())
    read = folds.read(
        preparation_flags.source_dir(),
        classes=flags.classes,
        max_lengths=preparation_flags.max_lengths(),
        name=flags.name,
        transcripts=flags.transcripts,
        declared=feature_flags.declared(),
    )
    with cli.libraries():
        from amh_tf.features import text
    if text.share_cut(read.vocabulary) >= 0.5:
        return read
    made = {"kind": feature_kinds.OTHER, "description": "no words as they are cut here"}
    return dataclasses.replace(read, features={**read.features, "text": made})


def _write():
    flags = preparation_flags.FLAGS
    feature_flags.check_source()
    names = ("records_per_shard", "feature_dtype", *preparation_flags.FOLD_FLAGS)
    options = {name: flags[name].value for name in names}
    if flags.source not in preparation_flags.RAW_SOURCES:
        source = _prepared()
        with cli.libraries():
            from amh_tf.data import writer
        return writer.write(source, flags.output_dir, progress=progress.bar, **options)
    corpus = preparation_flags.corpus()
    settings, notes = preparation_flags.extraction_settings(corpus)
    with cli.libraries():
        from amh_tf.data import from_recordings
    return from_recordings.write(
        dataclasses.replace(corpus, notes=(*corpus.notes, *notes)),
        settings,
        flags.output_dir,
        glove=flags.glove,
        on_error=flags.on_error,
        keep_work=flags.keep_work,
        runner=flags.runner,
        beam_options=flags.beam_options,
        **options,
    )


def _model(manifest):
    """Returns the flag of a model that takes the modalities of a data set."""
    count = len(feature_kinds.present(manifest.features))
    return "--model=rnn_attn" if count == 1 else "--hops=7"


def _about_features(manifest):
    """Yields a line on the features of folds, of which the arrays themselves say nothing."""
    if preparation_flags.FLAGS.source != "folds":
        return
    if not feature_kinds.can_make(manifest.features, "text"):
        yield (
            "Mind: most words of dic.pkl are none that texts are cut into here: runs on them take "
            "no transcripts."
        )
    for modality in feature_flags.FLAG_NAMES:
        yield f"The {modality} features: {feature_kinds.describe(manifest.features, modality)}."
        if not feature_kinds.can_make(manifest.features, modality):
            meant = feature_flags.meant(modality)
            yield f"Mind: runs on them take no recordings. If they are {meant}, run this again so."


def main():
    """Prepares by the flags."""
    flags = preparation_flags.FLAGS
    locations.check_local("output_dir", flags.output_dir)
    manifest = _write()
    from amh_tf.data import fold_view

    count = sum(shard.records for shard in manifest.shards)
    progress.console.print(
        f"{flags.output_dir} holds the {manifest.name}: {count:,} utterances in "
        f"{len(manifest.shards)} shards."
    )
    for name, protocol in manifest.protocols.items():
        first = fold_view.choose(manifest, name)
        counts = ", ".join(f"{first.count(split):,} {split}" for split in schema.SPLITS)
        left = count - sum(first.count(split) for split in schema.SPLITS)
        counts += f", {left:,} left out" * (left > 0)
        progress.console.print(
            f"Protocol {name}: {protocol['description']}; folds: {len(protocol['folds'])}, the "
            f"first with {counts}"
        )
        for warning in first.warnings:
            progress.console.print(f"Mind: {warning}.")
    for line in _about_features(manifest):
        progress.console.print(line)
    progress.console.print(
        f"\nNext:\n  {cli.command('train')} {_model(manifest)} --data_dir={flags.output_dir}"
    )


if __name__ == "__main__":
    cli.run(main, on_stop="the same command goes on where it was")
