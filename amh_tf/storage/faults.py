"""What is wrong with a file of a data set, and where."""

from amh_tf import errors

REMEDY = "Delete the folder and prepare the data set again."
OTHER_CONTENT = "its SHA-256 is not the one that was written"


class Fault(errors.InputError):
    """One fault.

    Attributes:
        path: The file.
        problem: What is wrong with it.
        record: Number of the record, from 0, or None where it is the file as a whole.
        offset: Byte at which the record starts, or None.
    """

    def __init__(self, path, problem, record=None, offset=None):
        self.path = path
        self.problem = problem
        self.record = record
        self.offset = offset
        super().__init__(path, problem, record, offset)

    def __str__(self):
        position = "" if self.record is None else f", record {self.record} at byte {self.offset}"
        return f"{str(self.path)!r}{position}: {self.problem}"

    def as_error(self, remedy=REMEDY):
        """Returns a `ValueError` that also says what to do."""
        return errors.refusal("A data set is damaged", "unchanged data", self, remedy)
