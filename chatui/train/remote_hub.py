"""What a run that is trained elsewhere asks of the Hugging Face Hub, and how it says no."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from chatui.errors import NotOnTheHub


class Hub(Protocol):
    """What is asked of the Hub: the part of `huggingface_hub.HfApi` that is used."""

    def whoami(self) -> dict[str, Any]: ...

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> Any: ...

    def upload_folder(
        self,
        *,
        repo_id: str,
        folder_path: str,
        path_in_repo: str,
        commit_message: str,
        ignore_patterns: list[str],
    ) -> Any: ...

    def snapshot_download(
        self, repo_id: str, *, local_dir: str, allow_patterns: list[str]
    ) -> str: ...

    def run_uv_job(
        self,
        script: str,
        *,
        script_args: list[str],
        dependencies: list[str],
        secrets: dict[str, str],
        flavor: str,
        timeout: str,
    ) -> Any: ...

    def inspect_job(self, *, job_id: str) -> Any: ...

    def fetch_job_logs(self, *, job_id: str) -> Iterable[str]: ...

    def cancel_job(self, *, job_id: str) -> None: ...


@contextmanager
def in_words() -> Iterator[None]:
    """Turn what the Hub's client raises into a sentence."""
    try:
        yield
    except hub_failures() as error:
        raise NotOnTheHub(str(error)) from error


def hub_failures() -> tuple[type[Exception], ...]:
    """What the Hub's client raises where a name, a right, credit or the network is missing."""
    from httpx2 import HTTPError

    return (OSError, ValueError, HTTPError)
