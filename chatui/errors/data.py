"""What can go wrong with a file of conversations and with a dataset."""

from chatui.errors.base import ChatUIError


class FileMissing(ChatUIError):
    """A file was named that is not there, or that cannot be opened."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"The file {name} can't be read: {reason}. Check its name and place.")


class NotFetched(ChatUIError):
    """A file at a web address that cannot, or must not, be fetched."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.reason, self.status = reason, status  # of HTTP, where a server has answered
        super().__init__(
            f"The file at {url} can't be fetched: {reason}. Check the address, or download the "
            "file and add it from disk. Nothing was saved."
        )


class NotFromHub(ChatUIError):
    """A dataset of the Hugging Face Hub that was named and cannot be added."""

    def __init__(self, named: str, reason: str) -> None:
        super().__init__(f"{named} can't be added from the Hub: {reason}. Nothing was saved.")


class NotConversations(ChatUIError):
    """A file whose content is of a kind that holds no conversations, whatever its name says."""

    def __init__(self, name: str, what: str) -> None:
        kind, _, way_out = what.partition(": ")
        advice = (
            f"To use it, {way_out}" if way_out else "Add CSV, TSV, JSON, JSONL, Parquet or XLSX"
        )
        super().__init__(f"{name} is {kind}. {advice}. Nothing was saved.")


class NotAConversation(ChatUIError):
    """The base model's chat template refuses the turns it was given."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"This base model can't answer such a conversation: {reason}. "
            "Check the order of the turns and the system prompt, or choose another base model."
        )


class NoRows(ChatUIError):
    """A file that can be read and has nothing in it."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(
            f"{name} has no rows: {why}. Put one conversation in each row, below a header such as "
            "user,agent."
        )


class BrokenFile(ChatUIError):
    """A file of the right kind that is damaged as a whole."""

    def __init__(self, name: str, reason: str, way_out: str = "Export it again.") -> None:
        super().__init__(f"{name} can't be read: {reason}. {way_out} Nothing was saved.")


class BrokenMember(BrokenFile):
    """A file of an archive is damaged; `others` in it are not."""

    def __init__(self, name: str, member: str, reason: str, others: list[str]) -> None:
        listed = ", ".join(map(repr, others[:10])) + (", …" if len(others) > 10 else "")
        choice = f", or choose another file of the archive: {listed}" if others else ""
        damaged = f"the file {member!r} in it is damaged ({reason})"
        super().__init__(name, damaged, f"Export it again{choice}.")


class ManyFiles(ChatUIError):
    """An archive with several files of one name, of which none can be chosen."""

    def __init__(self, name: str, files: list[str]) -> None:
        listed = ", ".join(files[:10]) + (", …" if len(files) > 10 else "")
        super().__init__(
            f"{name} holds several files of one name: {listed}. Unpack it and add the one that you "
            "want. Nothing was saved."
        )


class NoSuchMember(ChatUIError):
    """A file was chosen that the archive does not have."""

    def __init__(self, name: str, member: str, files: list[str]) -> None:
        listed = ", ".join(map(repr, files[:10])) + (", …" if len(files) > 10 else "")
        super().__init__(f"{name} holds no file {member!r}. Choose one of these: {listed}.")


class NoSuchSheet(ChatUIError):
    """A sheet was chosen that the workbook does not have."""

    def __init__(self, name: str, sheet: str, sheets: list[str]) -> None:
        listed = ", ".join(map(repr, sheets[:10])) + (", …" if len(sheets) > 10 else "")
        super().__init__(f"{name} has no sheet {sheet!r}. Choose one of these: {listed}.")


class UnpacksTooLarge(ChatUIError):
    """A small file that would fill the memory."""

    def __init__(self, name: str, size: str) -> None:
        super().__init__(
            f"{name} is packed so that it comes to {size}, and was not read. If that is right, "
            "unpack it, cut it into parts and add those. Nothing was saved."
        )


class AddingStopped(ChatUIError):
    """Somebody stopped the adding of a file."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Stopped: nothing of {name[:60]} was saved. Add it again to begin anew.")


class TooLargeAtOnce(ChatUIError):
    """A large file of a kind that can only be read in one piece."""

    def __init__(self, name: str, what: str, megabytes: int) -> None:
        super().__init__(
            f"{name} is {what}, which is read in one piece and may have {megabytes:,} MB. Save it "
            "as JSON Lines, CSV or Parquet: these may have any size. Nothing was saved."
        )


class UnknownEncoding(ChatUIError):
    """An encoding was named that nobody knows."""

    def __init__(self, name: str, known: list[str]) -> None:
        listed = ", ".join(known)
        super().__init__(f"There is no encoding {name[:40]!r}. Known are, among others: {listed}.")


class NoUsableRow(ChatUIError):
    """A file of which not one row can be kept."""

    def __init__(self, name: str, rows: int, first: str) -> None:
        none = "Its only row can't" if rows == 1 else f"None of its {rows:,} rows can"
        super().__init__(
            f"{name}: {none} be used. {first} Mend the file, or choose other columns. "
            "Nothing was saved."
        )


class ColumnsUnknown(ChatUIError):
    """No column could be recognised as what the user says, or as the reply."""

    def __init__(self, name: str, columns: list[str]) -> None:
        listed = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
        super().__init__(
            f"{name}: it is not clear which column holds what the user says and which the reply. "
            f"There are: {listed}. Choose both (on the command line, --map user=COLUMN "
            "--map assistant=COLUMN)."
        )


class BadColumn(ChatUIError):
    """A column was named that the file does not have."""

    def __init__(self, name: str, column: str, columns: list[str]) -> None:
        listed = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")
        super().__init__(f"{name} has no column {column[:40]!r}. Choose among: {listed}.")


class BadMapping(ChatUIError):
    """Columns were chosen in a way that makes no conversation."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"The columns can't be used so: {problem}. Choose one column for user and another "
            "for assistant."
        )


class UnknownStep(ChatUIError):
    """A cleaning step was named that does not exist."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"There is no cleaning step {name[:40]!r}. Known: {', '.join(known)}.")


class DatasetInUse(ChatUIError):
    """A version cannot be deleted while a run learns from it."""

    def __init__(self, name: str, run: str) -> None:
        super().__init__(f"{name} can't be deleted now: {run} learns from it. Stop {run} first.")
