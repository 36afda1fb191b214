"""Whole runs: configure, train, score."""

import contextlib
import dataclasses

import keras

from amh_tf import config, errors, files, models, progress
from amh_tf.data import folds, integrity, moments, utterances
from amh_tf.data import manifest as manifests
from amh_tf.layers.kernels import choice
from amh_tf.models import ensemble
from amh_tf.runs import run_folder, run_inputs
from amh_tf.scores import score_tables
from amh_tf.training import distribution, environment, evaluation, scoring, trainer


def configure(data, training, model, seeds=()):
    """Completes a run's configuration with what the data set says of itself.

    Args:
        data: `DataConfig`.
        training: `TrainingConfig`.
        model: `ModelConfig`; its sizes of vocabulary, classes and features are replaced by
            the data set's.
        seeds: Seeds of an ensemble's members; empty for one model.

    Returns:
        `RunConfig`, and the `Fold` that it trains on.

    Raises:
        ValueError: If the data folder cannot be read or has no such protocol or fold.
    """
    manifest = manifests.load(data.data_dir)
    fold = folds.choose(manifest, data.protocol, data.fold, data.verify)
    if manifest.utterances_file is not None:
        utterances.read(manifest)  # what scoring needs is refused now, not after hours
    for split in ("train", *scored_splits(fold)):
        fold.check_split(split)
    if not fold.count("dev") and (training.weights == "best" or training.schedule == "plateau"):
        raise errors.refusal(
            f"The protocol {fold.protocol!r} leaves nothing to select by",
            "weights that need no dev part",
            f"weights={training.weights!r}, schedule={training.schedule!r}",
            "Set --weights=last and another --schedule.",
        )
    model = dataclasses.replace(
        model,
        vocabulary_size=manifest.vocabulary_size,
        num_classes=len(manifest.classes),
        audio_width=manifest.widths["audio"],
        video_width=manifest.widths["video"],
        text_width=manifest.widths.get("text", 0),
        embedding_width=manifest.embedding_width,
        audio_stride=model.audio_stride or _stride(fold),
    )
    for modality in model.standardized:  # refused now, not when batches are read
        find = moments.of_speakers if model.by_speaker else moments.of_cells
        find(manifest, modality)
    data = dataclasses.replace(data, protocol=fold.protocol)
    return config.RunConfig(data, model, training, manifest.fingerprint, seeds), fold


def _stride(fold):
    """Chooses how many steps of audio become one: no more than leave enough of an utterance."""
    steps = moments.of_train(fold, "audio").count / fold.count("train")
    return max(1, min(config.WIDEST_STRIDE, int(steps / config.LONG_ENOUGH)))


def scored_splits(fold):
    """Lists the splits that a run is scored on: none where all is trained on."""
    return [
        split for split in run_folder.SCORED_SPLITS if fold.count(split) or fold.protocol != "all"
    ]


def train_and_evaluate(run_config, fold, run_dir, team=None, data_service=None):
    """Trains a model and scores it on the dev and test splits.

    A run that was stopped continues where it stopped; a finished one is not repeated.

    Args:
        run_config: `RunConfig`.
        fold: `Fold` to train on.
        run_dir: The run's folder; the team's chief alone writes it.
        team: `amh_tf.training.distribution.Team`, or None for one device.
        data_service: Address of a tf.data service that makes the training batches, or None.

    Returns:
        Dict from split to report, as in `metrics.json`; empty on workers that are not the
        chief.

    Raises:
        ValueError: If the folder belongs to another run, another process is at work in it, or
            the data cannot be read.
        ConnectionError: If another worker is lost.
    """
    team = team or distribution.make_team()
    folder = run_folder.RunFolder(run_dir)
    model = run_config.model
    kernel = choice.of_process(model.kernel, model.dtype)
    run_config = dataclasses.replace(run_config, kernel=kernel)
    folder.check(run_config)  # before a lock is put into what may be somebody else's folder
    lock = folder.locked() if team.is_chief else contextlib.nullcontext()
    with lock, team.naming_losses():
        if team.is_chief:
            folder.start(run_config)
            run_inputs.save(folder.path, fold)
        team.wait()
        scoring.introduce(fold, run_config.model)
        finished = bool(team.from_chief([team.is_chief and folder.is_finished()])[0])
        if finished and team.is_chief:
            progress.console.print(f"This run is finished; its scores are in {folder.metrics}.\n")
            reports = folder.load_metrics()
        else:
            if team.is_chief:
                _record_environment(folder, run_config)
            train = _train_ensemble if run_config.seeds else _train
            reports = {} if finished else train(run_config, fold, folder, team, data_service)
    if not team.is_chief:
        return {}
    if reports:
        score_tables.print_reports({split: reports[split] for split in run_folder.SCORED_SPLITS})
    else:
        progress.console.print(
            "Nothing is left to score: all utterances were trained on. What such a model is worth "
            "shows a cross-validation with the same settings."
        )
    return reports


def _record_environment(folder, run_config):
    different = environment.record(folder.path, environment.describe(run_config.kernel))
    if different:
        progress.console.print(environment.tell(different))


def _train_ensemble(run_config, fold, folder, team, data_service):
    """Trains each seed's model as its own run inside the folder, and joins them."""
    members = []
    for number, member in enumerate(run_config.members(), start=1):
        own = folder.member(member.training.seed)
        if team.is_chief:
            own.start(member)
            run_inputs.save(own.path, fold)
        team.wait()
        is_finished = bool(team.from_chief([team.is_chief and own.is_finished()])[0])
        progress.console.print(
            f"Seed {member.training.seed}, {number} of {len(run_config.seeds)}"
            + (": done already." if is_finished else ".")
        )
        if not is_finished:
            _train(member, fold, own, team, data_service)
        members.append(own)
    if not team.is_chief:
        team.wait()
        return {}
    joined = ensemble.join(run_config.model, [own.load_model() for own in members])
    folder.save_model(joined)
    predict_step = evaluation.predict_step_of(run_config, joined)
    reports = _score_all(run_config, fold, predict_step, folder)
    team.wait()
    return reports


def _adapt(model, run_config, fold):
    """Sets what the model standardizes by to the training part's."""
    if run_config.model.standardize != "global":
        return
    for modality in run_config.model.standardized:
        statistics = moments.of_train(fold, modality)
        constant = int((statistics.deviation() == 0).sum())
        if statistics.count and constant:
            progress.console.print(
                f"Note: {constant} of {len(statistics.mean)} dimensions of {modality} do not vary "
                "in the training part; they are left out."
            )
        model.get_layer(f"{modality}_standardize").adapt(statistics.mean, statistics.deviation())


def _train(run_config, fold, folder, team, data_service):
    keras.utils.set_random_seed(run_config.training.seed)
    with team.strategy.scope():
        pretrained = run_config.training.embedding == "pretrained"
        embedding = fold.manifest.embedding() if pretrained else None
        model = models.build(run_config.model, embedding)
        _adapt(model, run_config, fold)
    progress.console.print(
        f"Training {run_config.model.title}, {model.count_params():,} parameters"
    )
    with (
        files.explaining(folder.path),
        integrity.naming_damage(fold, ("train", "dev")),
        team.naming_losses(),  # first, or all shards would be read for damage
    ):
        trained = trainer.Trainer(run_config, fold, model, folder, team, data_service)
        progress.console.print(trained.train() + "\n")
    reports = {}
    if team.is_chief:
        # Its graph is there already, and the model now holds the best weights.
        reports = _score_all(run_config, fold, trained.predict_step, folder)
    # A worker that left early would look like one that has failed.
    team.wait()
    return reports


def _score_all(run_config, fold, predict_step, folder):
    splits = scored_splits(fold)
    if not splits:
        folder.save_no_results()
    return {split: scoring.score(run_config, fold, predict_step, folder, split) for split in splits}
