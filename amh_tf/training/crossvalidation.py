"""Cross-validation: every fold of a protocol, and what comes of all together."""

import concurrent.futures
import contextlib
import dataclasses
import json
import multiprocessing
import os
import signal
import sys
from pathlib import Path

import numpy as np

from amh_tf import errors, files, folders, progress, schema
from amh_tf.data import folds, utterances
from amh_tf.runs import predictions as prediction_files
from amh_tf.runs import run_folder
from amh_tf.scores import confusion_plot, score_tables
from amh_tf.training import runs, scoring, seeds, startup

SUMMARY_FILE = "crossval.json"
# Each fold leaves some 40 MB of graphs behind in its process.
FOLDS_PER_PROCESS = 5


def run(run_config, manifest, output_dir, chosen=None, jobs=1):
    """Trains and tests folds, a few after each other in a process, and sums them up.

    Folds that are done are not repeated; a fold that was stopped goes on where it was.

    Args:
        run_config: `RunConfig` of any fold; its fold number is replaced.
        manifest: The data set's `Manifest`.
        output_dir: Where runs, as `fold_00` and so on, and summary go.
        chosen: Numbers of the folds to train, or None for all.
        jobs: How many folds to train side by side.

    Returns:
        The summary, as in `crossval.json`.

    Raises:
        ValueError: If a folder belongs to a run with other settings, or a fold fails.
    """
    output_dir = Path(output_dir)
    protocol = run_config.data.protocol
    num_folds = len(manifest.protocols[protocol]["folds"])
    chosen = list(range(num_folds)) if chosen is None else chosen
    verify = run_config.data.verify
    selected = {number: folds.choose(manifest, protocol, number, verify) for number in chosen}
    todo, begun = [], None
    for number in range(num_folds):
        folder = run_folder.RunFolder(_run_dir(output_dir, number))
        configured = _of_fold(run_config, number)
        if folder.check(configured):
            begun = begun or folder.begun_kernel()
        if number in selected and not folder.is_finished():
            todo.append((configured, selected[number], folder.path))
    scoring.introduce(selected[chosen[0]], run_config.model)
    if todo:
        # All folds with the same kernel, whatever comes or goes meanwhile.
        kernel = startup.compile_kernel(run_config.model, begun)
        todo = [(dataclasses.replace(each, kernel=kernel), *rest) for each, *rest in todo]
    with folders.locked(output_dir, "output_dir"):
        _train(todo, num_folds, len(chosen), jobs)
        return _sum_up(run_config, manifest, output_dir, num_folds)


def _run_dir(output_dir, number):
    return output_dir / f"fold_{number:02d}"


def _of_fold(run_config, number):
    return dataclasses.replace(run_config, data=dataclasses.replace(run_config.data, fold=number))


def _train(todo, num_folds, num_chosen, jobs):
    """Trains folds in processes that are replaced now and then, and one by one into `jobs`."""
    title = todo[0][0].model.title if todo else "folds"
    pool = concurrent.futures.ProcessPoolExecutor(
        max_workers=jobs, mp_context=_processes(), max_tasks_per_child=FOLDS_PER_PROCESS
    )
    waiting, running, failed = list(todo), {}, []
    with progress.bar(num_chosen, title, "folds") as bar, pool, _stopping_children():
        bar.advance(num_chosen - len(todo))
        while waiting or running:
            # No more than can run: a fold in the pool's queue would start after Ctrl-C.
            while waiting and len(running) < jobs:
                task = waiting.pop(0)
                running[pool.submit(_train_one, *task, jobs)] = task
            finished, _ = concurrent.futures.wait(
                running, return_when=concurrent.futures.FIRST_COMPLETED
            )
            for future in finished:
                run_config, _, run_dir = running.pop(future)
                number = run_config.data.fold
                try:
                    scores = future.result()
                except concurrent.futures.process.BrokenProcessPool as error:
                    raise errors.refusal(
                        "A fold's process was ended from outside",
                        "it to run to its end",
                        f"the end of that of fold {number}, or of one beside it",
                        "Often the system ran out of memory: the same command goes on, with "
                        "fewer --jobs.",
                    ) from error
                except Exception as error:  # whatever it is, the other folds go on
                    failed.append(number)
                    message = f"failed: {error} See {run_dir / 'log.txt'}."
                else:
                    message = ", ".join(f"{name} {value:.3f}" for name, value in scores.items())
                progress.console.print(f"fold {number} of {num_folds}: {message}")
                bar.advance()
    if failed:
        raise errors.refusal(
            "Folds have failed",
            "all to end",
            f"errors in {sorted(failed)}, named above",
            "The same command goes on with the folds that are not done.",
        )


def _processes():
    """Returns how folds' processes are started.

    One process imports the libraries, computes nothing, and is forked for each of them, which saves
    four to five seconds of processor time. Where there is no such server, each imports.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


@contextlib.contextmanager
def _stopping_children():
    """Passes SIGTERM and Ctrl-C on to the folds' processes, which save and end."""

    def stop(number, _):
        raise SystemExit(128 + number)

    previous = signal.signal(signal.SIGTERM, stop)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # they are about to end
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        signal.signal(signal.SIGTERM, previous)
        signal.signal(signal.SIGINT, interrupt)


def _train_one(run_config, fold, run_dir, jobs):
    """Runs one fold, its output in the run's `log.txt`; returns the test accuracies."""
    folder = run_folder.RunFolder(run_dir)
    folder.start(run_config)
    with _printing_to(folder.path / "log.txt"):
        startup.prepare(
            run_config.training.batch_split, run_config.model, jobs, begun=run_config.kernel
        )
        try:
            reports = runs.train_and_evaluate(run_config, fold, run_dir)
        except (KeyboardInterrupt, SystemExit) as stopped:
            raise errors.InputError("stopped; what it did is saved.") from stopped
    test = reports["test"]
    return {
        "WA": test["weighted_accuracy"]["value"],
        "UA": test["unweighted_accuracy"]["value"],
    }


@contextlib.contextmanager
def _printing_to(path):
    """Lets all that the process prints go to a file; TensorFlow writes past Python's streams."""
    streams = (sys.stdout, sys.stderr)
    originals = [os.dup(stream.fileno()) for stream in streams]
    with open(path, "a", encoding="utf-8") as log:
        try:
            for stream in streams:
                os.dup2(log.fileno(), stream.fileno())
            yield
        finally:
            for stream, original in zip(streams, originals):
                stream.flush()
                os.dup2(original, stream.fileno())
                os.close(original)


def _sum_up(run_config, manifest, output_dir, num_folds):
    """Writes the summary of the folds that are done."""
    model = run_config.model
    done, rows = [], []
    for number in range(num_folds):
        folder = run_folder.RunFolder(_run_dir(output_dir, number))
        if folder.is_finished():
            report = folder.load_metrics()["test"]
            scores = {name: report[name]["value"] for name in schema.SCORES}
            done.append({"fold": number, "utterances": report["utterances"], "scores": scores})
            rows += [(number, *row) for row in folder.load_predictions(manifest.classes)]
    values = {name: [fold["scores"][name] for fold in done] for name in schema.SCORES}
    mean = {name: float(np.mean(scores)) for name, scores in values.items()}
    pooled = seeds.pool([row for _, *row in rows], manifest)
    folders = {fold["fold"]: _run_dir(output_dir, fold["fold"]) for fold in done}
    by_seed = seeds.over_folds(folders, manifest, mean, pooled)
    protocol = manifest.protocols[run_config.data.protocol]
    warnings = set(scoring.model_warnings(manifest, model)) | {
        f"fold {number}: {text}"
        for number in (fold["fold"] for fold in done)
        for text in protocol["folds"][number]["warnings"]
    }
    summary = {
        "title": model.title,
        "model": model.model,
        "num_hops": model.num_hops,
        "modalities": list(model.modalities),
        "transcripts": manifest.transcripts,
        "variant": run_config.variant,
        "data": manifest.name,
        "synthetic": manifest.synthetic,
        "protocol": run_config.data.protocol,
        "protocol_description": protocol["description"],
        "num_folds": num_folds,
        "warnings": sorted(warnings),
        "classes": list(manifest.classes),
        "folds": done,
        "mean": mean,
        "standard_deviation": {
            name: float(np.std(scores, ddof=1)) if len(scores) > 1 else None
            for name, scores in values.items()
        },
        "pooled": pooled,
        **({} if by_seed is None else {"seeds": by_seed}),
    }
    _write(output_dir, summary, rows, manifest)
    score_tables.print_cross_validation(summary)
    if by_seed is not None:
        score_tables.print_seeds(summary)
    return summary


def _write(output_dir, summary, rows, manifest):
    # Whoever compares models later has these files alone, without the data folder.
    speakers = utterances.about(manifest, [name for _, name, *_ in rows]).get("speakers", [])
    numbers, answers = [number for number, *_ in rows], [answer for _, *answer in rows]
    path = output_dir / "predictions.csv"
    prediction_files.write(path, answers, manifest.classes, numbers, speakers)
    accuracy, recall = (
        summary["pooled"][name]["value"] for name in ("weighted_accuracy", "unweighted_accuracy")
    )
    done = f"{len(summary['folds'])} of {summary['num_folds']} folds pooled"
    confusion_plot.confusion_matrix(
        summary["pooled"]["confusion_matrix"],
        manifest.classes,
        f"{summary['title']}, test, {done}\nWA (WAR) {accuracy:.3f}, UA (UAR) {recall:.3f}\n"
        f"{manifest.name}",
        output_dir / "confusion_matrix.png",
    )
    files.write_text(output_dir / SUMMARY_FILE, json.dumps(summary, indent=1) + "\n")
