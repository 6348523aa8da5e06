"""Fetch a dataset of the Hugging Face Hub by its name, as one file.

Asks the Hub for what a dataset is made of, and fetches that like any file of the web
(`fetching.py`). Where nobody named a revision, the parts are those that the Hub shows, config by
config and split by split; else, and where it shows none, they are the data files. Files of one part
are read in their order; of several parts none is guessed.
"""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from chatui.data.fetching import Permit, fetched, is_same_site
from chatui.data.records import shortened
from chatui.data.shards import can_be_joined, joined
from chatui.errors import NotFetched, NotFromHub
from chatui.settings import Settings

_LISTING = 16 * 2**20  # bytes of an answer that lists files
_MOST_FILES = 1000
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}", re.ASCII)
_PAGE = re.compile(r"([^/?#]+/[^/?#]+?)(?:/viewer/([^/?#]+(?:/[^/?#]+)?))?/?(?:[?#].*)?")
_DATA = re.compile(r"\.(csv|tsv|json|jsonl|ndjson|parquet|xlsx)(\.gz)?$|\.zip$", re.IGNORECASE)
_ABOUT = frozenset(("dataset_infos.json", "dataset_dict.json", "state.json", "config.json"))
# train-00003-of-00010.parquet, in older ones with a hash behind the numbers
_SHARD = re.compile(r"-(\d+)-of-(\d+)(-[0-9a-f]{16})?(?=\.)")
_HOW = "write hf:OWNER/NAME, hf:OWNER/NAME/CONFIG/SPLIT or hf:OWNER/NAME@REVISION"
_ELSE = "try again later, or download its files and add them from disk"
_UNKNOWN = (401, 404)  # the Hub does not say which datasets are private
_GATED = (
    "it is gated or private: accept its terms on its page if there are some, then set "
    "CHATUI_HUB_TOKEN to a token of your account"
)


@dataclass(frozen=True, slots=True)
class Hub:
    """Where datasets are, and who asks."""

    address: str = "https://huggingface.co"
    token: str | None = None

    def name_in(self, text: str) -> str | None:
        """The name in what a user typed: `hf:OWNER/NAME`, or the address of the dataset's page."""
        text = text.strip()
        if text.lower().startswith("hf:"):
            return text[3:].removeprefix("//datasets/").strip("/")
        page = _PAGE.fullmatch(text.partition(f"{self.address.rstrip('/')}/datasets/")[2])
        if page is None or text.partition("/datasets/")[0] != self.address.rstrip("/"):
            return None
        return "/".join(unquote(part) for part in page.groups() if part)


def hub_of(settings: Settings) -> Hub:
    """The Hub that the owner has set."""
    token = settings.hub_token
    return Hub(settings.hub, token.get_secret_value() if token else None)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A dataset, and what is wanted of it."""

    repo: str
    part: str  # a config, a split, a file, or all of these in a row
    revision: str | None

    @property
    def shown(self) -> str:
        return self.named(self.part)

    def named(self, part: str) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return shortened(f"hf:{self.repo}{'/' if part else ''}{part}{revision}", 160)


class _File(BaseModel):
    rfilename: str


class _About(BaseModel):
    """What the Hub says about a dataset at a revision."""

    sha: str
    siblings: list[_File] = []


_Listing = TypeAdapter(dict[str, dict[str, list[str]]])  # addresses by config and split


@contextmanager
def fetched_dataset(
    name: str,
    hub: Hub,
    max_bytes: int,
    permit: Permit | None = None,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[Path]:
    """The dataset as one file on disk, for as long as the block lasts; raises NotFromHub.

    `max_bytes` is for all of its files together, of which `progress` is told how many have come.
    """
    asked = _parsed(name)
    client = _Client(hub, asked, permit)
    parts = client.parts()
    part = _chosen(asked, parts)
    with tempfile.TemporaryDirectory(prefix="chatui-") as folder:
        found: list[Path] = []
        size = 0
        for url in parts[part]:
            before = size

            def came(count: int, before: int = before) -> None:
                if before + count > max_bytes:
                    reason = f"it is larger than {max_bytes / 2**20:,.0f} MB"
                    raise NotFromHub(asked.shown, reason)
                progress(before + count)

            with client.file(url, max_bytes, came) as path:
                place = Path(folder) / f"{len(found)}{_ending(path.name)}"
                shutil.move(path, place)
            found.append(place)
            size += place.stat().st_size
        words = _file_name(asked, part if len(parts) > 1 else "")
        yield joined(found, Path(folder) / f"{words}{_ending(found[0].name)}", asked.shown)


class _Client:
    """Asks the Hub about one dataset."""

    def __init__(self, hub: Hub, asked: _Asked, permit: Permit | None) -> None:
        self._hub, self._asked, self._permit = hub, asked, permit
        self._base = hub.address.rstrip("/")

    def parts(self) -> dict[str, list[str]]:
        """The addresses of the files of each part."""
        at = f"{self._base}/api/datasets/{self._asked.repo}"
        revision = self._asked.revision
        about = self._json(f"{at}/revision/{quote(revision, safe='')}" if revision else at)
        try:
            if revision is None and (shown := self._converted(at)):
                return shown
            found = _About.model_validate_json(about)
        except ValidationError as error:
            raise self._failed("its answer can't be understood") from error
        files = [f.rfilename for f in found.siblings if _is_data(f.rfilename)]
        if not files:
            count = f"none of its {len(found.siblings):,} files"
            raise self._failed(f"{count} is CSV, TSV, JSON, JSONL, Parquet, XLSX or a zip of these")
        place = f"{self._base}/datasets/{self._asked.repo}/resolve/{quote(found.sha, safe='')}"
        parts = _by_part(files)
        if self._asked.part in files:  # a file that is named is that file, be it one of many
            parts = {self._asked.part: [self._asked.part]}
        return {part: [f"{place}/{quote(f)}" for f in named] for part, named in parts.items()}

    @contextmanager
    def file(self, url: str, max_bytes: int, progress: Callable[[int], None]) -> Iterator[Path]:
        """One file; raises NotFromHub."""
        try:
            is_home = is_same_site(httpx.URL(url), httpx.URL(self._base))
            token = self._hub.token if is_home else None
            with fetched(url, max_bytes, self._permit, progress=progress, token=token) as path:
                yield path
        except httpx.InvalidURL as error:
            raise self._failed("its answer can't be understood") from error
        except NotFetched as error:
            reason = _GATED if error.status in (401, 403) else f"{error.reason}; {_ELSE}"
            raise self._failed(reason) from error

    def _converted(self, at: str) -> dict[str, list[str]]:
        """The parts as the Hub shows them; none where it does not."""
        try:
            listing = _Listing.validate_json(self._json(f"{at}/parquet"))
        except NotFromHub:
            return {}
        named = ((c, s, urls) for c, splits in listing.items() for s, urls in splits.items())
        return {f"{config}/{split}": urls for config, split, urls in named if urls}

    def _json(self, url: str) -> bytes:
        try:
            with fetched(url, _LISTING, self._permit, token=self._hub.token) as path:
                return path.read_bytes()
        except NotFetched as error:
            if error.status == 403:
                raise self._failed(_GATED) from error
            if error.status not in _UNKNOWN:
                raise self._failed(f"{error.reason}; {_ELSE}") from error
            what = "dataset or revision" if self._asked.revision else "dataset"
            reason = f"there is no such {what}, or it is private and needs CHATUI_HUB_TOKEN"
            raise self._failed(reason) from error

    def _failed(self, reason: str) -> NotFromHub:
        return NotFromHub(self._asked.shown, reason)


def _parsed(name: str) -> _Asked:
    place, at, revision = name.partition("@")
    owner, _, rest = place.partition("/")
    title, _, part = rest.partition("/")
    repo = f"{owner}/{title}"
    if not _REPO.fullmatch(repo) or (at and not revision):
        raise NotFromHub(f"hf:{shortened(name, 100)}", f"that is no name of a dataset; {_HOW}")
    return _Asked(repo, part.strip("/"), revision or None)


def _chosen(asked: _Asked, parts: Mapping[str, list[str]]) -> str:
    """The part that is wanted; raises NotFromHub where that is none or several."""
    fitting = [part for part in parts if part == asked.part] or [
        part for part in parts if not asked.part or _is_within(asked.part, part)
    ]
    if len(fitting) != 1:
        what = "it has several parts" if fitting else "it has no such part"
        offered = fitting or list(parts)
        listed = ", ".join(asked.named(part) for part in offered[:10])
        more = ", …" if len(offered) > 10 else ""
        raise NotFromHub(asked.shown, f"{what}: choose one of {listed}{more}")
    files = parts[fitting[0]]
    if len(files) > _MOST_FILES:
        raise NotFromHub(asked.shown, f"it is {len(files):,} files; {_MOST_FILES:,} can be read")
    told = {int(found[2]) for file in files if (found := _SHARD.search(file))}
    if told and told != {len(files)} and not _SHARD.search(fitting[0]):
        raise NotFromHub(asked.shown, f"{len(files)} of its {max(told):,} files are there")
    if len(files) > 1 and not can_be_joined(files):
        listed = ", ".join(unquote(file.rpartition("/")[2]) for file in files[:10])
        reason = (
            f"it is {len(files)} files that can't be read as one ({listed}): choose one of them"
        )
        raise NotFromHub(asked.shown, f"{reason} by its path")
    return fitting[0]


def _is_within(wanted: str, part: str) -> bool:
    return any(f"/{wanted}/" in f"/{name}/" for name in (part, _DATA.sub("", part)))


def _is_data(file: str) -> bool:
    name = file.rpartition("/")[2]
    return bool(_DATA.search(name)) and name not in _ABOUT and not name.startswith(".")


def _by_part(files: list[str]) -> dict[str, list[str]]:
    """Files, in their order, by what they are called without their numbers."""
    parts: dict[str, list[str]] = {}
    for file in sorted(files):
        parts.setdefault(_SHARD.sub("", file), []).append(file)
    return parts


def _ending(name: str) -> str:
    return found[0].lower() if (found := _DATA.search(name)) else ""


def _file_name(asked: _Asked, part: str) -> str:
    """What the file is called, and so the dataset: by its name, and by its part if it has more."""
    words = re.sub(r"[^\w.-]+", "-", f"{asked.repo.partition('/')[2]} {_DATA.sub('', part)}")
    return words[:50].strip("-.")
