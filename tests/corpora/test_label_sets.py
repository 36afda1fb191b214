import pytest

from amh_tf import schema
from amh_tf.corpora import label_sets


@pytest.mark.parametrize(
    ("text", "classes", "members"),
    [
        ("paper", schema.PAPER_CLASSES, [(name,) for name in schema.PAPER_CLASSES]),
        ("four", ("ang", "hap", "sad", "neu"), [("ang",), ("hap", "exc"), ("sad",), ("neu",)]),
        ("six", ("ang", "hap", "exc", "sad", "fru", "neu"), None),
        ("meld", ("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"), None),
        ("ang, hap+exc ,neu", ("ang", "hap+exc", "neu"), [("ang",), ("hap", "exc"), ("neu",)]),
        ("joy=hap + exc,sad", ("joy", "sad"), [("hap", "exc"), ("sad",)]),
        ("very happy,not so", ("very happy", "not so"), [("very happy",), ("not so",)]),
    ],
)
def test_label_set_is_read(text, classes, members):
    parsed = label_sets.parse(text)
    assert parsed.classes == classes
    assert list(parsed.members) == (members or [(name,) for name in classes])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a class without a label"),
        ("ang", "too few classes"),
        ("ang,,sad", "a class without a label"),
        ("ang,hap+,sad", "a class without a label"),
        ("=ang,sad", "a class without a label"),
        ("ang,joy=", "a class without a label"),
        ("ang,joy=hap+ang", "a label twice"),
        ("x=ang,x=sad", "a class twice"),
        (",".join(f"c{i}" for i in range(257)), "too many classes"),
        ("a\x1b[2J,b", "cannot be shown"),
    ],
)
def test_wrong_label_set_is_refused(text, message):
    with pytest.raises(ValueError, match=rf"`labels`.*{message}.*--labels"):
        label_sets.parse(text)


def found(*labels):
    return [(label, {"id": f"u{i}", "group": "g"}) for i, label in enumerate(labels)]


def test_utterances_of_no_class_are_left_out_and_counted():
    kept, notes = label_sets.choose(
        found("sad", "xxx", "exc", "hap", "oth", "xxx"), label_sets.parse("sad,hap+exc")
    )
    assert [(r.id, r.label) for r in kept] == [("u0", 0), ("u2", 1), ("u3", 1)]
    assert notes == [
        "The class hap+exc joins hap and exc.",
        "Left out, without a class: 3 (oth 1, xxx 2).",
    ]


def test_class_without_utterances_is_noted_in_a_named_set_and_refused_in_the_users_own():
    _, notes = label_sets.choose(found("ang", "sad"), label_sets.parse("four"))
    assert "No utterance is labelled hap, neu." in notes
    with pytest.raises(
        ValueError, match=r"labels that occur: ang 2, sad 1\. Received: none for ha"
    ):
        label_sets.choose(found("ang", "ang", "sad"), label_sets.parse("ang,happy"))
    with pytest.raises(ValueError, match="none for ang, hap, sad, neu"):
        label_sets.choose(found("joy"), label_sets.parse("four"))


def test_all_labels_are_sorted():
    assert label_sets.of_all(["b", "a", "c", "a"]).classes == ("a", "b", "c")
    with pytest.raises(ValueError, match="2 to 256"):
        label_sets.of_all(["a", "a"])
    with pytest.raises(ValueError, match="Received: 300"):
        label_sets.of_all(map(str, range(300)))
