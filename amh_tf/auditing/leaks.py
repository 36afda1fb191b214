"""Audits splits: what is on both sides of them, and which claims their scores can bear."""

import itertools

import numpy as np

from amh_tf import schema
from amh_tf.auditing import duplicates
from amh_tf.data import text_folds

FORMAT = 1
# Test speakers from which on an interval by speaker says something.
ENOUGH_SPEAKERS = 5
# What two splits can share, and the claim that it refutes.
LEAKS = {
    "speakers": "speaker_independent",
    "sentences": "sentence_independent",
    "recordings": "free_of_duplicates",
}
CLAIMS = {
    "speaker_independent": "speaker-independent",
    "sentence_independent": "sentence-independent",
    "free_of_duplicates": "free of duplicated recordings",
    "every_class_in_test": "every class in test",
    "enough_test_speakers": f"at least {ENOUGH_SPEAKERS} test speakers, for an interval by speaker",
}
_EXAMPLES = 5
_PAIRS = tuple(itertools.combinations(schema.SPLITS, 2))
YES, NO, UNKNOWN = "yes", "no", "unknown"


def report(subject, advance=lambda: None):
    """Audits splits.

    Args:
        subject: `amh_tf.auditing.audit_subject.Subject`.
        advance: Function that is called after each utterance whose recording is compared.

    Returns:
        Dict that JSON can hold. Of each protocol: `claims`, over all folds, and `folds`, each with
        the utterances, classes and speakers of its splits, `shared` (speakers, sentences,
        recordings, near_recordings) and its own `claims`. `recordings` lists those that appear
        twice anywhere, or is None where none could be compared. `leaks` names those of `LEAKS` that
        stand in a test part and in the train or dev part of the same fold.
    """
    compared = _Compared(subject, advance)
    protocols = [_protocol(compared, protocol) for protocol in subject.protocols]
    leaks = [
        leak
        for leak, claim in LEAKS.items()
        if any(protocol["claims"][claim]["answer"] == NO for protocol in protocols)
    ]
    return {
        "format": FORMAT,
        "data": subject.name,
        "utterances": len(subject.ids),
        "near_duplicates": {
            "concordance": duplicates.CONCORDANCE,
            "shortest": duplicates.SHORTEST,
        },
        "leaks": leaks,
        "recordings": compared.twice(),
        "protocols": protocols,
    }


class _Compared:
    """A subject whose utterances have been compared with each other."""

    def __init__(self, subject, advance):
        self.subject = subject
        self.labels = np.array(subject.labels, object)
        self.classes = sorted(set(subject.labels) - {""})
        sentences = [text_folds.key(sentence) if sentence else "" for sentence in subject.sentences]
        self.groups = {
            "speakers": np.array(subject.speakers, object),
            "sentences": np.array(sentences, object),
            "recordings": np.full(len(subject.ids), "", object),
        }
        self.near = []
        self.are_heard = np.zeros(len(subject.ids), bool)
        self.have_frames = self.are_heard
        if subject.sounds is not None:
            for group in subject.sounds.same():
                self.groups["recordings"][group] = subject.ids[group[0]]
            self.near = subject.sounds.near(advance)
            self.are_heard = np.array(subject.sounds.present)
            self.have_frames = np.array(subject.sounds.have_frames)

    def twice(self):
        """Says which recordings are in the data set more than once, in whatever splits."""
        ids = self.subject.ids
        if self.subject.sounds is None:
            return None
        identical = [[ids[number] for number in group] for group in self.subject.sounds.same()]
        near = [
            {"ids": [ids[first], ids[second]], "concordance": round(concordance, 4)}
            for first, second, concordance in self.near
        ]
        return {
            "compared": int(self.are_heard.sum()),
            "near_compared": int(self.have_frames.sum()),
            "identical": identical,
            "near": near,
        }


def _protocol(compared, protocol):
    folds = [
        _fold(compared, name, protocol.splits[:, number])
        for number, name in enumerate(protocol.names)
    ]
    tested = (protocol.splits == "test").any(axis=1)
    claims = {}
    for claim in CLAIMS:
        answers = [fold["claims"][claim]["answer"] for fold in folds]
        wrong = answers.count(NO)
        if wrong:
            reason = f"{wrong} of {len(folds)} folds: {_first(folds, claim, NO)}"
            claims[claim] = {"answer": NO, "reason": reason}
        elif UNKNOWN in answers:
            claims[claim] = {"answer": UNKNOWN, "reason": _first(folds, claim, UNKNOWN)}
        else:
            claims[claim] = {"answer": YES, "reason": ""}
    # Whoever pools the folds' predictions pools their speakers.
    claims["enough_test_speakers"] = _enough(compared, tested, "in all folds together")
    return {
        "name": protocol.name,
        "description": protocol.description,
        "claims": claims,
        "folds": folds,
    }


def _first(folds, claim, answer):
    return next(
        fold["claims"][claim]["reason"]
        for fold in folds
        if fold["claims"][claim]["answer"] == answer
    )


def _fold(compared, name, splits):
    members = {split: splits == split for split in schema.SPLITS}
    about = {}
    for split, member in members.items():
        counts = {
            label: int((compared.labels[member] == label).sum()) for label in compared.classes
        }
        about[split] = {
            "utterances": int(member.sum()),
            "classes": counts,
            **{
                kind: len(set(compared.groups[kind][member].tolist()) - {""})
                for kind in ("speakers", "sentences")
            },
        }
    shared = {kind: _shared(compared, kind, members) for kind in LEAKS}
    shared["near_recordings"] = _near(compared, splits)
    return {
        "name": name,
        "left_out": int((splits == "").sum()),
        "splits": about,
        "shared": shared,
        "claims": _claims(compared, members, about, shared),
    }


def _shared(compared, kind, members):
    """Says what is in two splits: speakers, sentences, or identical recordings."""
    groups = compared.groups[kind]
    by_split = {split: set(groups[member].tolist()) - {""} for split, member in members.items()}
    counts = {f"{a}-{b}": len(by_split[a] & by_split[b]) for a, b in _PAIRS}
    leaked = by_split["test"] & (by_split["train"] | by_split["dev"])
    touched = members["test"] & np.isin(groups, list(leaked))
    return {**counts, "test_utterances": int(touched.sum()), "examples": sorted(leaked)[:_EXAMPLES]}


def _near(compared, splits):
    counts = dict.fromkeys((f"{a}-{b}" for a, b in _PAIRS), 0)
    touched, examples = set(), []
    for first, second, concordance in compared.near:
        sides = sorted((splits[first], splits[second]), key=(*schema.SPLITS, "").index)
        if sides[0] == sides[1] or "" in sides:
            continue
        counts["-".join(sides)] += 1
        if "test" in sides:
            touched.add(first if splits[first] == "test" else second)
            ids = [compared.subject.ids[number] for number in (first, second)]
            examples.append({"ids": ids, "concordance": round(concordance, 4)})
    return {**counts, "test_utterances": len(touched), "examples": examples[:_EXAMPLES]}


def _claims(compared, members, about, shared):
    used = members["train"] | members["dev"] | members["test"]
    absent = [name for name, count in about["test"]["classes"].items() if not count]
    claims = {
        "speaker_independent": _free(compared, "speakers", used, shared["speakers"]),
        "sentence_independent": _free(compared, "sentences", used, shared["sentences"]),
        "free_of_duplicates": _free_of_duplicates(compared, used, shared),
        "enough_test_speakers": _enough(compared, members["test"], "in the fold"),
    }
    if absent:
        claims["every_class_in_test"] = _answer(NO, f"no {', '.join(absent)}")
    elif not compared.classes or (compared.labels[members["test"]] == "").any():
        claims["every_class_in_test"] = _answer(UNKNOWN, "not every label is known")
    else:
        claims["every_class_in_test"] = _answer(YES)
    return {claim: claims[claim] for claim in CLAIMS}


def _answer(answer, reason=""):
    return {"answer": answer, "reason": reason}


def _free(compared, kind, used, shared):
    if shared["test_utterances"]:
        examples = ", ".join(map(repr, shared["examples"][:2]))
        return _answer(
            NO, f"{shared['test_utterances']:,} test utterances share {kind}, such as {examples}"
        )
    missing = int((compared.groups[kind][used] == "").sum())
    if missing:
        return _answer(UNKNOWN, f"{kind} of {missing:,} utterances are not known")
    return _answer(YES)


def _free_of_duplicates(compared, used, shared):
    same, near = shared["recordings"], shared["near_recordings"]
    if same["test_utterances"] or near["test_utterances"]:
        examples = same["examples"] or near["examples"][0]["ids"]
        counts = f"{same['test_utterances']:,} test recordings are in train or dev"
        counts += f", {near['test_utterances']:,} nearly so"
        return _answer(NO, f"{counts}, such as {examples[0]!r}")
    missing = int((~compared.are_heard[used]).sum())
    if missing:
        return _answer(UNKNOWN, f"{missing:,} utterances have no recording to compare")
    bytes_alone = int((~compared.have_frames[used]).sum())
    if bytes_alone:
        return _answer(
            UNKNOWN,
            f"{bytes_alone:,} utterances have no MFCC, by which changed copies are found; none is "
            "identical",
        )
    return _answer(YES)


def _enough(compared, tested, where):
    speakers = set(compared.groups["speakers"][tested].tolist())
    count = len(speakers - {""})
    if count >= ENOUGH_SPEAKERS:
        return _answer(YES, f"{count} {where}")
    if "" in speakers:
        return _answer(UNKNOWN, "not every test speaker is known")
    return _answer(NO, f"{count} {where}")
