"""What is printed of reports, of this and of former versions."""

import numpy as np

from amh_tf import progress
from amh_tf.scores import metrics, score_tables

ADDED = ("interval", "notes", "controls", "per_speaker", "per_sex")


def report(speakers=10, **told):
    labels = np.arange(120) % 3
    told = {"sexes": ["female" if i % 2 else "male" for i in range(120)], **told}
    return metrics.report(
        labels,
        np.eye(3)[np.where(np.arange(120) % 4, labels, 0)],
        ("ang", "hap", "sad"),
        speakers=[f"s{i % speakers}" for i in range(120)],
        **told,
    )


def printed(reports):
    with progress.console.capture() as captured:
        score_tables.print_reports(reports)
    return " ".join(captured.get().split())


def test_scores_stand_under_both_names_beside_chance():
    found = report(sentences=["kids", "dogs"] * 60)
    text = printed({"test": found})
    for name in ("WA (WAR)", "UA (UAR, macro recall)", "weighted F1", "macro F1"):
        assert name in text
    value, (low, high) = (found["unweighted_accuracy"][k] for k in ("value", "interval_95"))
    assert f"{value:.3f} [{low:.3f}, {high:.3f}]" in text
    assert "always the largest class: UA (UAR) 0.333" in text
    chance = found["controls"]["shuffled_labels"]["weighted_accuracy"]
    assert f"labels shuffled: WA (WAR) {chance['mean']:.3f} [" in text
    assert "the sentence alone, at best: UA (UAR) 0.333" in text
    assert "Intervals: speakers resampled." in text
    assert "WA and UA by sex: female" in text and "Largest gap by sex: " in text
    assert "the words hardly tell the class" in text


def test_interval_of_few_speakers_is_not_shown_without_a_word():
    text = printed({"test": report(speakers=1)})
    assert "1 speaker: no interval by speaker" in text
    assert "no interval: it takes 5 speakers of each" in text


def test_sentences_that_hardly_repeat_are_not_shown():
    assert "the sentence alone" not in printed(
        {"test": report(sentences=[str(i) for i in range(120)])}
    )


def test_reports_of_a_former_version_are_printed():
    found = report()
    for name in ADDED:
        del found[name]
    text = printed({"dev": found, "test": report()})
    assert "always the largest class: WA 0.333 0.333" in text
    assert "test: Intervals" in text and "dev: " not in text
    assert score_tables.remarks(found) == []


def test_text_of_a_file_is_no_markup():
    found = report()
    found["notes"] = ["[/red] [bold]note"]
    assert "[/red] [bold]note" in printed({"test": found})
