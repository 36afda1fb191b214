"""A prediction as a page's table, for notebooks: all that comes from users is escaped."""

import html

from amh_tf import escaping

_CELL = "padding:2px 10px;text-align:left;border:none"
_BAR = "background:#1f5fa8;height:0.8em;border-radius:2px"


def _text(value):
    return html.escape(escaping.terminal(str(value)))


def of_prediction(predicted):
    """Returns a prediction as HTML that needs nothing beside it.

    Args:
        predicted: `amh_tf.prediction.clip.Prediction`.
    """
    ordered = sorted(predicted.probabilities.items(), key=lambda item: -item[1])
    rows = "".join(
        f'<tr><td style="{_CELL}">{_text(name)}</td>'
        f'<td style="{_CELL};font-variant-numeric:tabular-nums">{probability:.3f}</td>'
        f'<td style="{_CELL};width:12em"><div style="{_BAR};width:{100 * probability:.1f}%">'
        "</div></td></tr>"
        for name, probability in ordered
    )
    lines = [f"Text: {predicted.text}"] if predicted.text else []
    lines += [f"Trained on: {predicted.data}", *predicted.notes]
    return (
        f"<div><strong>{_text(predicted.best)}</strong>"
        f'<table style="border-collapse:collapse">{rows}</table>'
        + "".join(f"<div><small>{_text(line)}</small></div>" for line in lines)
        + "</div>"
    )
