"""Writes a data folder of TFRecord shards:

python -m amh_tf.prepare --source=folds --source_dir=fold01 --output_dir=data/fold01
"""

from amh_tf import cli, flag_defs, locations, progress, schema
from amh_tf.corpora import folds, planted
from amh_tf.data import fold_view, writer

flag_defs.define_preparation()


def _source():
    flags = flag_defs.FLAGS
    if flags.source == "planted":
        return planted.read(flags.planted_seed, flag_defs.planted_sizes())
    if not flags.source_dir:
        raise ValueError(
            "`source_dir` is missing. Expected the folder of one preprocessed fold. "
            "Received: none. Set it with --source_dir."
        )
    return folds.read(
        flags.source_dir,
        classes=flags.classes,
        max_lengths={name: flags[f"max_{name}_length"].value for name in schema.MODALITIES},
        name=flags.name,
        transcripts=flags.transcripts,
    )


def main():
    """Prepares by the flags."""
    flags = flag_defs.FLAGS
    locations.check_local("output_dir", flags.output_dir)
    source = _source()
    manifest = writer.write(
        source,
        flags.output_dir,
        flags.records_per_shard,
        protocols=flags.protocols,
        num_folds=flags.num_folds,
        fold_seed=flags.fold_seed,
        progress=progress.bar,
    )
    progress.console.print(
        f"{flags.output_dir} holds the {manifest.name}: {len(source.index):,} utterances in "
        f"{len(manifest.shards)} shards."
    )
    for name, protocol in manifest.protocols.items():
        first = fold_view.choose(manifest, name)
        counts = ", ".join(f"{first.count(split):,} {split}" for split in schema.SPLITS)
        progress.console.print(
            f"Protocol {name}: {protocol['description']}; folds: {len(protocol['folds'])}, the "
            f"first with {counts}"
        )
    progress.console.print(
        f"\nNext:\n  python -m amh_tf.train --hops=7 --data_dir={flags.output_dir}"
    )


if __name__ == "__main__":
    cli.run(main)
