"""Base models and adapters of the Hugging Face Hub: what they are, and their files on this disk.

Only what is needed is fetched: weights as safetensors, the tokenizer, the configuration and the
model card. No pickle and no code is fetched or run. A token is read from the environment for each
request and kept nowhere.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatui.errors import BaseNotReachable, BaseNotUsable
from chatui.settings import DEFAULT_HUB, load_settings

BASE_FILES = re.compile(
    r"config\.json|generation_config\.json|tokenizer[\w.-]*\.json|tokenizer\.model"
    r"|special_tokens_map\.json|added_tokens\.json|vocab\.(json|txt)|merges\.txt"
    r"|chat_template\.(jinja|json)|model(-\d+-of-\d+)?\.safetensors|model\.safetensors\.index\.json"
    r"|README\.md"
)
ADAPTER_FILES = re.compile(
    r"adapter_config\.json|adapter_model\.safetensors|chat_template\.jinja|README\.md"
)
_NAME = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
_WEIGHTS = re.compile(r"(adapter_)?model(-\d+-of-\d+)?\.safetensors")
_INDEX = "model.safetensors.index.json"
_POLL_SECONDS = 0.1
_SECONDS_TO_ANSWER = 10.0  # for what is known about a model
_HIDDEN = (401, 404)  # the Hub does not say which models are private


def is_hub_name(name: str) -> bool:
    """Whether a name may be one of the Hub: `owner/name`."""
    return bool(_NAME.fullmatch(name))


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the Hub at one commit, before anything of it is downloaded."""

    name: str
    sha: str
    files: dict[str, int]  # those that are needed, with their bytes
    licence: str
    parameters: int | None
    is_gated: bool
    has_template: bool

    @property
    def size(self) -> int:
        """Bytes to download, if nothing is here yet."""
        return sum(self.files.values())


@dataclass(frozen=True, slots=True)
class Arrived:
    """How much of a download is here, in bytes."""

    done: int
    total: int


def hub_model(
    name: str, wanted: re.Pattern[str] = BASE_FILES, *, token: str | None = None
) -> HubModel:
    """Ask the Hub what a model is; raises BaseNotReachable, or BaseNotUsable without safetensors.

    `wanted` matches the files that are needed, in the uppermost folder; a `token` counts for this
    once, instead of the environment's.
    """
    from huggingface_hub import HfApi

    access = _access()
    api = HfApi(endpoint=access["endpoint"], token=token or access["token"])
    with _failures_in_words(name):
        found = api.model_info(name, files_metadata=True, timeout=_SECONDS_TO_ANSWER)
    sizes = {each.rfilename: int(each.size or 0) for each in found.siblings or []}
    files = {path: size for path, size in sizes.items() if wanted.fullmatch(path)}
    if "model.safetensors" in files:  # transformers reads no other weights then
        files = {p: n for p, n in files.items() if "-of-" not in p and p != _INDEX}
    if not any(map(_WEIGHTS.fullmatch, files)):
        reason = "it has no weights as safetensors, and pickles are never opened"
        raise BaseNotUsable(name, reason)
    card: Any = found.card_data.to_dict() if found.card_data else {}
    tokenizer = (found.config or {}).get("tokenizer_config") or {}
    return HubModel(
        name=name,
        sha=str(found.sha),
        files=files,
        licence=_licence(card),
        parameters=found.safetensors.total if found.safetensors else None,
        is_gated=bool(found.gated),
        has_template=bool(tokenizer.get("chat_template"))
        or any(path.startswith("chat_template.") for path in files),
    )


def downloaded(model: HubModel) -> Iterator[Arrived]:
    """Download what is needed of a model; says several times a second how much has arrived.

    Whoever stops asking leaves it at once: what has arrived stays, and is not fetched again. Raises
    BaseNotReachable.
    """
    from huggingface_hub import hf_hub_download

    count = _Count()
    problems: list[BaseException] = []
    access = _access()

    def fetch() -> None:
        # The last one at the branch's name, so that the model is found again without the network.
        for path in sorted(model.files):
            revision = None if path == max(model.files) else model.sha
            try:
                hf_hub_download(
                    model.name, path, revision=revision, tqdm_class=count.bar(), **access
                )
            except BaseException as error:  # noqa: BLE001 - told by the thread that waits
                problems.append(error)
                return
            count.finished(model.files[path])

    # A daemon, because a read that hangs must not keep a worker that was stopped from ending.
    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    while thread.is_alive():
        yield Arrived(min(count.bytes, model.size), model.size)
        thread.join(_POLL_SECONDS)
    with _failures_in_words(model.name):
        for problem in problems:
            raise problem
    yield Arrived(model.size, model.size)


def folder_of(name: str) -> Path:
    """The folder with what was downloaded of a model last; raises OSError where nothing was."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(name, local_files_only=True))


def on_this_disk(name: str) -> Path | None:
    """The folder of a base model of the Hub if it is here whole; asks no network."""
    try:
        folder = folder_of(name)
    except (ValueError, OSError):
        return None
    return folder if _is_whole(folder) else None


def fetched(name: str, files: list[str]) -> Path:
    """The folder of a model of the Hub with the files of some patterns, fetched if need be.

    Raises BaseNotReachable.
    """
    from huggingface_hub import snapshot_download

    with _failures_in_words(name):
        return Path(
            snapshot_download(name, allow_patterns=files, ignore_patterns=["*/*"], **_access())
        )


class _Count:
    """Bytes that have come, summed over files; `bar` stands in for a progress bar of the Hub's."""

    def __init__(self) -> None:
        self._whole = 0
        self._part = 0

    @property
    def bytes(self) -> int:
        return self._whole + self._part

    def finished(self, size: int) -> None:
        """A file is here, be it that it was before."""
        self._whole, self._part = self._whole + size, 0

    def bar(self) -> Any:
        """A class that the Hub's client makes a progress bar of."""
        from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

        count = self

        class Bar(tqdm):
            def __init__(self, *given: Any, **named: Any) -> None:
                count._part += int(named.get("initial") or 0)
                super().__init__(*given, **{**named, "disable": True})

            def update(self, n: float | None = 1) -> bool | None:
                count._part += int(n or 0)
                return super().update(n)

        return Bar


def _is_whole(folder: Path) -> bool:
    has_tokenizer = any(folder.glob("tokenizer*"))
    if not (folder / "config.json").exists() or not has_tokenizer:
        return False
    if not (folder / _INDEX).exists():
        return (folder / "model.safetensors").exists()
    try:
        parts = json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values()
        return all((folder / str(part)).exists() for part in parts)
    except (OSError, ValueError, KeyError, AttributeError):
        return False


def _licence(card: dict[str, Any]) -> str:
    licence = card.get("license_name") or card.get("license") or "unknown"
    return ", ".join(map(str, licence)) if isinstance(licence, list) else str(licence)[:60]


def _access() -> dict[str, Any]:
    """Where the Hub is and who asks; unset, its own client's settings count."""
    settings = load_settings()
    token = settings.hub_token.get_secret_value() if settings.hub_token else None
    endpoint = settings.hub.rstrip("/") if settings.hub != DEFAULT_HUB else None
    return {"token": token, "endpoint": endpoint}


@contextmanager
def _failures_in_words(name: str) -> Iterator[None]:
    """Turn the client's errors into BaseNotReachable."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )
    from huggingface_hub.errors import HTTPError as NoAnswer  # type: ignore[attr-defined]

    try:
        yield
    except GatedRepoError as error:
        told = "it is gated: accept its terms on its page, and give a token of your account"
        raise BaseNotReachable(name, told) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled) as error:
        raise BaseNotReachable(name, "the Hub can't be reached and it is not here") from error
    except HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        hidden = "there is no such model, or it is private and needs a token"
        told = hidden if status in _HIDDEN else f"the Hub answered {status or 'an error'}"
        raise BaseNotReachable(name, told) from error
    except (NoAnswer, OSError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise BaseNotReachable(name, f"the Hub can't be reached ({first})") from error
