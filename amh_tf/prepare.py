"""Writes a data folder of TFRecord shards:

python -m amh_tf.prepare --source=iemocap --source_dir=DIR --resnet_weights=FILE --output_dir=DATA

Extraction from raw recordings can be stopped; the same command continues where it stopped.
"""

from amh_tf import feature_kinds, progress, schema
from amh_tf.api import entry, preparing
from amh_tf.commands import cli, feature_flags, preparation_flags


def define():
    """Defines the command's flags."""
    preparation_flags.define()


def _model(manifest):
    """Returns the flag of a model that takes the modalities of a data set."""
    count = len(feature_kinds.present(manifest.features))
    return "--model=rnn_attn" if count == 1 else "--hops=7"


def _about_features(source, manifest):
    """Yields a line on the features of folds, of which the arrays themselves say nothing."""
    if source != "folds":
        return
    if "text" in manifest.widths:
        yield f"The text is vectors: {feature_kinds.describe(manifest.features, 'text')}."
        yield "Note: runs on them accept no transcripts."
        if feature_kinds.record(manifest.features, "text")["kind"] == feature_kinds.UNKNOWN:
            described = f"--text_features={feature_kinds.EXAMPLES['text']!r}"
            yield f"Run this command again with a description, such as {described}."
    elif not feature_kinds.can_make(manifest.features, "text"):
        yield (
            "Note: most entries of dic.pkl are not words as this package splits texts: runs on "
            "them accept no transcripts."
        )
    for modality in ("audio", "video"):
        yield f"The {modality} features: {feature_kinds.describe(manifest.features, modality)}."
        if not feature_kinds.can_make(manifest.features, modality):
            expected = feature_flags.declaration(modality)
            yield (
                f"Note: runs on them accept no recordings. If they are {expected}, run this "
                "command again with that flag."
            )


def main():
    """Prepares by the flags."""
    settled, manifest = preparing.write(preparation_flags.chosen())
    from amh_tf.data import folds

    count = sum(shard.records for shard in manifest.shards)
    progress.console.print(
        f"{settled.output_dir} holds the {manifest.name}: {count:,} utterances in "
        f"{len(manifest.shards)} shards."
    )
    for name, protocol in manifest.protocols.items():
        first = folds.choose(manifest, name)
        counts = ", ".join(f"{first.count(split):,} {split}" for split in schema.SPLITS)
        num_left = count - sum(first.count(split) for split in schema.SPLITS)
        counts += f", {num_left:,} left out" * (num_left > 0)
        progress.console.print(
            f"Protocol {name}: {protocol['description']}; folds: {len(protocol['folds'])}, the "
            f"first with {counts}"
        )
        for warning in first.warnings:
            progress.console.print(f"Note: {warning}.")
    for line in _about_features(settled.source, manifest):
        progress.console.print(line)
    progress.console.print(
        f"\nNext:\n  {cli.command('train')} {_model(manifest)} --data_dir={settled.output_dir}"
    )


if __name__ == "__main__":
    define()
    cli.run(main, on_stop="the same command continues where it stopped")
else:
    entry.make_callable(__name__, preparing.prepare)
