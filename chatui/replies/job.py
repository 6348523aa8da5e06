"""What a worker that makes replies has to know, written to `config.json` of its folder."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel

from chatui.conversation import Conversation, Split, content_hash
from chatui.model.decoding import Decoding
from chatui.workspace import read_json


class RepliesJob(BaseModel, frozen=True):
    """Make the replies of base and tuned to some test items; all that is needed to do it again."""

    dataset: str  # version id
    split: Split = "test"
    test_hash: str  # of that split, as it was when the job was made
    base: str
    adapter: str  # folder, relative to the workspace
    adapter_hash: str
    decoding: Decoding = Decoding()
    items: tuple[str, ...] | None = None  # conversation ids; None is the whole split

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Read the job of a folder; other fields of its config are somebody else's."""
        config = read_json(folder / "config.json")
        return cls.model_validate(
            {name: config[name] for name in cls.model_fields if name in config}
        )


def in_seeded_order(conversations: list[Conversation], seed: int) -> list[Conversation]:
    """Shuffle by content, not by position: the same items come first wherever they stood."""
    return sorted(conversations, key=lambda each: content_hash([seed, each.id]))
