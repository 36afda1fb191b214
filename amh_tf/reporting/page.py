"""The report as one HTML page that needs nothing else: no network, no script."""

import base64
import dataclasses
from pathlib import Path

from amh_tf import templates
from amh_tf.reporting import formats, gather, report_tables


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture of the page.

    Attributes:
        path: The PNG file.
        caption: Text below it.
        alternative: What it shows, for those who do not see it.
    """

    path: Path
    caption: str
    alternative: str

    @property
    def base64(self):
        """The file as text: the page contains its pictures."""
        return base64.b64encode(self.path.read_bytes()).decode("ascii")


@dataclasses.dataclass(frozen=True)
class Section:
    """What the page shows of a group.

    Attributes:
        group: `gather.Group`.
        tables: List of `report_tables.Table`.
        beside: Dict from the slug of a table to the `Picture` below it.
        confusions: List of `Picture`, one for each row of the group.
    """

    group: gather.Group
    tables: list[report_tables.Table]
    beside: dict[str, Picture]
    confusions: list[Picture]

    def for_page(self):
        """Leaves out what the section has said already: names of columns, repeated notes."""
        earlier_notes: set[str] = set()
        tables = []
        for table in self.tables:
            notes = tuple(note for note in table.notes if note not in earlier_notes)
            earlier_notes.update(notes)
            tables.append(dataclasses.replace(table.without("named"), notes=notes))
        return dataclasses.replace(self, tables=tables)


def page(sections: list[Section]) -> str:
    """Returns the whole page, HTML text."""
    return templates.render(
        "reporting/report.html",
        sections=[section.for_page() for section in sections],
        cell_text=formats.cell_text,
        data_name=gather.data_name,
    )
