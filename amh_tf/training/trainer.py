"""The training loop: epochs, validations, early stopping, checkpoints."""

import dataclasses
import time

import tensorflow as tf

from amh_tf import errors, progress, schema
from amh_tf.data import pipeline
from amh_tf.scores import metrics
from amh_tf.training import (
    batch_stream,
    checkpoints,
    early_stopping,
    evaluation,
    halves,
    interruption,
    losses,
    step,
)

# A run that is killed loses no more than this, besides the time since the last validation.
SECONDS_BETWEEN_CHECKPOINTS = 30
# Validations without gain after which the schedule "plateau" halves the step size.
PLATEAU = 3
# Fewer steps an epoch than this leave a model little to learn by.
FEW_STEPS = 20


@dataclasses.dataclass
class _Position:
    """Where the loop is."""

    epoch: int = 0
    step_in_epoch: int = 0
    step: int = 0
    averaged: int = 0  # epochs whose weights are in the average


class Trainer:
    """Trains a model on a fold's train split, selecting weights on its dev split.

    Args:
        run_config: `amh_tf.config.RunConfig`.
        fold: `amh_tf.data.folds.Fold` to train on.
        model: `keras.Model`.
        folder: `amh_tf.runs.run_folder.RunFolder`, started.
        team: `amh_tf.training.distribution.Team`; the model is built under its strategy.
        data_service: Address of a tf.data service that makes the training batches, or None.

    Attributes:
        predict_step: From `evaluation.make_predict_step`, of the model as it is.
    """

    def __init__(self, run_config, fold, model, folder, team, data_service=None):
        self._data = run_config.data
        self._config = run_config.training
        self._modalities = run_config.model.modalities
        self._by_speaker = run_config.model.by_speaker
        self._fold = fold
        against = halves.reason_against(
            self._config.batch_split,
            run_config.model,
            team.strategy.num_replicas_in_sync,
        )
        split = against is None
        if not split and self._config.batch_split == "on":  # which somebody asked for
            progress.console.print(f"A batch is not computed as two halves: {against}.")
        self._model = model
        self._folder = folder
        self._team = team
        self._batches = batch_stream.BatchStream(run_config, fold, data_service, team.share)
        count = fold.count("train")
        self.steps_per_epoch = -(-count // self._data.batch_size)
        self.max_steps = min(
            self._config.max_epochs * self.steps_per_epoch, self._config.max_steps or 2**62
        )
        with team.strategy.scope():
            self._optimizer = optimizer = step.make_optimizer(
                step.step_size(self._config, self.max_steps),
                run_config.model.dtype,
                self._config.weight_decay,
            )
            self._train_step = step.make_train_step(
                model,
                optimizer,
                team.strategy,
                self._config.clip_norm,
                losses.of_training(self._config, fold.label_counts("train")),
                split,
                self._config.seed,
                team.share,
            )
        self.predict_step = evaluation.predict_step_of(run_config, model)
        self._checkpoints = checkpoints.Checkpoints(
            folder.checkpoints, model, optimizer, self._config.weights == "average"
        )
        self._early_stopping = early_stopping.EarlyStopping(
            self._config.selection_metric, self._config.patience
        )
        self._position = _Position()
        self._validation_steps = max(
            1, int(self._config.validation_interval * self.steps_per_epoch)
        )

    def train(self):
        """Trains until patience or the limit of epochs or steps runs out.

        A run that was stopped continues at its last checkpoint. Afterwards the model holds
        the weights that its settings name, and so does the run's `model.keras`: until then
        there is none.

        Returns:
            Which weights these are, in words.
        """
        self._restore()
        if self.steps_per_epoch < FEW_STEPS:
            progress.console.print(
                f"Note: an epoch is {self.steps_per_epoch} steps of {self._data.batch_size} "
                "utterances. Smaller batches may learn more from so few: --batch_size."
            )
        saved_at = time.monotonic()
        if self._team.is_chief:
            writer = tf.summary.create_file_writer(str(self._folder.logs))
        else:
            writer = tf.summary.create_noop_writer()
        with (
            writer.as_default(),
            progress.bar(self.max_steps, "training", "steps at most") as bar,
            interruption.watch() as asked_to_stop,
        ):
            while not self._finished():
                bar.move_to(self._position.step)
                loss = self._train_until_validation(bar, asked_to_stop)
                self._validate(loss, bar)
                self._stop_if(asked_to_stop)
                if time.monotonic() - saved_at > SECONDS_BETWEEN_CHECKPOINTS:
                    self._save()
                    saved_at = time.monotonic()
        if self._config.weights == "average" and not self._position.averaged:
            self._average_in()
        self._save()
        if self._config.weights == "best":
            self._checkpoints.exchange_best()
        elif self._config.weights == "average":
            self._checkpoints.exchange_average()
        if self._team.is_chief:
            self._folder.save_model(self._model)
        return self._weights_in_words()

    def _weights_in_words(self):
        best, step = self._early_stopping, self._position.step
        if self._config.weights == "last":
            return f"The last weights, of step {step}."
        if self._config.weights == "average":
            return f"The average of the weights after {self._position.averaged} epochs."
        return f"Best dev {best.metric.replace('_', ' ')} {best.best:.3f} at step {best.best_step}."

    def _average_in(self):
        self._position.averaged += 1
        self._checkpoints.average_in(self._position.averaged)

    def _stop_if(self, asked_to_stop):
        if asked_to_stop:
            self._save()
            progress.console.print(f"Saved at step {self._position.step}.")
            asked_to_stop.leave()

    def _finished(self):
        return self._early_stopping.exhausted or self._position.step >= self.max_steps

    def _train_until_validation(self, bar, asked_to_stop):
        """Takes the steps up to the next validation and returns their mean loss."""
        position = self._position
        until = min(
            self.max_steps,
            (position.step // self._validation_steps + 1) * self._validation_steps,
        )
        mean = tf.zeros([])
        steps = until - position.step
        while position.step < until:
            remaining = min(until - position.step, self.steps_per_epoch - position.step_in_epoch)
            for batch in self._batches.take(remaining, position.epoch, position.step_in_epoch):
                mean += self._train_step(*batch) / steps
                position.step += 1
                position.step_in_epoch += 1
                bar.advance()
                # At `until` the validation comes first: a continued run would pass it over.
                if position.step < until:
                    self._stop_if(asked_to_stop)
            if position.step_in_epoch == self.steps_per_epoch:
                position.epoch += 1
                position.step_in_epoch = 0
                first = (1 - self._config.average_share) * self.max_steps
                if self._config.weights == "average" and position.step > first:
                    self._average_in()
        mean = float(mean)
        tf.summary.scalar("loss/train", mean, step=position.step)
        if not mean < float("inf"):
            raise errors.refusal(
                "Training has diverged",
                "a finite loss",
                f"{mean} at step {position.step}",
                "Train with a smaller --learning_rate.",
            )
        return mean

    def _validate(self, train_loss, bar):
        position = self._position
        if not self._fold.count("dev"):
            epochs = position.step / self.steps_per_epoch
            progress.console.print(
                f"epoch {epochs:6.2f}  step {position.step:5d}  loss {train_loss:.4f}"
            )
            return
        names = (*schema.SCORES, "loss")
        # One worker decides for all: others might round otherwise.
        own = self._dev_scores() if self._team.is_chief else dict.fromkeys(names, 0.0)
        values = self._team.from_chief([own[name] for name in names])
        scores = dict(zip(names, map(float, values)))
        for name, value in scores.items():
            tf.summary.scalar(f"{name}/dev", value, step=position.step)
        best = self._early_stopping.update(scores[self._early_stopping.metric], position.step)
        waited = self._early_stopping.without_gain
        if self._config.schedule == "plateau" and waited and waited % PLATEAU == 0:
            self._optimizer.learning_rate = self._optimizer.learning_rate * 0.5
        if best:
            self._checkpoints.keep_best()
        epochs = position.step / self.steps_per_epoch
        progress.console.print(
            f"epoch {epochs:6.2f}  step {position.step:5d}  loss {train_loss:.4f}  "
            f"dev loss {scores['loss']:.4f}  WA {scores['weighted_accuracy']:.3f}  "
            f"UA {scores['unweighted_accuracy']:.3f}" + ("  best so far" if best else "")
        )
        bar.note(
            f"no gain for {self._early_stopping.without_gain} of {self._early_stopping.patience}"
        )

    def _dev_scores(self):
        predictions = evaluation.predict(self.predict_step, self._evaluation_batches("dev"))
        confusion = metrics.confusion_matrix(
            predictions.labels,
            predictions.probabilities.argmax(axis=1),
            len(self._fold.manifest.classes),
        )
        scores = {name: float(value) for name, value in metrics.scores(confusion).items()}
        scores["loss"] = metrics.cross_entropy(predictions.labels, predictions.probabilities)
        return scores

    def _evaluation_batches(self, split):
        return pipeline.batches(
            self._fold,
            split,
            self._data.batch_size,
            modalities=self._modalities,
            with_ids=True,
            by_speaker=self._by_speaker,
        )

    def _save(self):
        if not self._team.is_chief:
            return
        self._checkpoints.save(
            {
                "position": dataclasses.asdict(self._position),
                "selection": dataclasses.asdict(self._early_stopping),
            }
        )

    def _restore(self):
        counters = self._checkpoints.restore()
        if counters is not None:
            self._position = _Position(**counters["position"])
            self._early_stopping = early_stopping.EarlyStopping(**counters["selection"])
            progress.console.print(f"Continuing at step {self._position.step}.")
        chief = int(self._team.from_chief([self._position.step])[0])
        if chief != self._position.step:
            raise errors.refusal(
                "The workers do not continue the same run",
                f"the chief's checkpoint, at step {chief}",
                f"step {self._position.step} in {str(self._folder.path)!r}",
                "Set --run_dir to a folder that all workers share.",
            )
