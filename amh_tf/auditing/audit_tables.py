"""What an audit of splits has found, as tables for people."""

from rich import box
from rich import table as rich_table
from rich import text as rich_text

from amh_tf import escaping, progress
from amh_tf.auditing import leaks


def _text(name):
    return rich_text.Text(escaping.terminal(name))


def show(report):
    """Prints what an audit of splits has found, a table of folds and one of claims a protocol.

    Args:
        report: Dict as `amh_tf.auditing.leaks.report` makes it.
    """
    progress.console.print(f"{report['data']}: {report['utterances']:,} utterances")
    for line in _twice(report["recordings"]):
        progress.console.print(_text(line))
    for protocol in report["protocols"]:
        progress.console.print(_text(f"\nProtocol {protocol['name']}: {protocol['description']}"))
        progress.console.print(_audited_folds(protocol["folds"]))
        progress.console.print(_audited_classes(protocol["folds"]))
        claims = rich_table.Table(box=box.SIMPLE)
        claims.add_column("a score on it may be called")
        claims.add_column("")
        for claim, title in leaks.CLAIMS.items():
            verdict = protocol["claims"][claim]
            reason = f": {verdict['reason']}" if verdict["reason"] else ""
            claims.add_row(title, _text(verdict["answer"] + reason))
        progress.console.print(claims)


def _twice(recordings):
    """Yields a line on recordings that appear twice, whether or not a split parts them."""
    if recordings is None:
        yield "No recordings to compare."
        return
    if recordings["identical"]:
        groups = recordings["identical"]
        yield f"Identical recordings: {len(groups):,}, such as {', '.join(groups[0])}"
    if recordings["near"]:
        near = recordings["near"]
        yield f"Near-duplicates: {len(near):,} pairs, such as {', '.join(near[0]['ids'])}"
    if not recordings["identical"] and not recordings["near"]:
        yield f"None of {recordings['compared']:,} recordings appears twice."
    alone = recordings["compared"] - recordings["near_compared"]
    if alone:
        yield f"Of {alone:,} there are no MFCC: changed copies of them cannot be found."


def _audited_folds(folds):
    table = rich_table.Table(
        box=box.SIMPLE, title="shared: test with train / test with dev", title_justify="left"
    )
    table.add_column("fold")
    for title in ("train", "dev", "test", "left out", "test speakers"):
        table.add_column(title, justify="right")
    for kind in folds[0]["shared"]:
        table.add_column("nearly" if kind == "near_recordings" else kind, justify="right")
    for fold in folds:
        counts = [f"{split['utterances']:,}" for split in fold["splits"].values()]
        shared = [
            f"{pairs['train-test']:,} / {pairs['dev-test']:,}" for pairs in fold["shared"].values()
        ]
        speakers = f"{fold['splits']['test']['speakers']:,}"
        left_out = f"{fold['left_out']:,}"
        table.add_row(_text(fold["name"]), *counts, left_out, speakers, *shared)
    return table


def _audited_classes(folds):
    """Shows how many utterances of each class the splits have, from the fewest to the most."""
    table = rich_table.Table(box=box.SIMPLE)
    table.add_column("class")
    for split in folds[0]["splits"]:
        table.add_column(split, justify="right")
    for name in folds[0]["splits"]["test"]["classes"]:
        counts = [
            [fold["splits"][split]["classes"][name] for fold in folds]
            for split in folds[0]["splits"]
        ]
        cells = [f"{min(c):,}" + f" to {max(c):,}" * (min(c) < max(c)) for c in counts]
        table.add_row(_text(name), *cells)
    return table
