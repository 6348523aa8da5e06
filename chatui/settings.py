"""What the surroundings decide: the only reader of environment variables.

Every field is a variable `CHATUI_<FIELD>`; the table in the README is held equal to this file.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from chatui.errors import BadEnvironment

# Set before Gradio, the Hub client or torch are imported. Nothing phones home, and the Hub is asked
# only for what the user names. Threads that wait for each other sleep instead of spinning: when two
# processes (a training and a chat) share two cores, a token takes 13 ms so, and 1.4 s otherwise.
# oneDNN keeps what it prepared for each of the last 1,024 shapes of a product; texts have so many
# lengths that a training grew by megabytes with every step, and was no faster for it.
QUIET_ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64",
}


SPACE_STORAGE = Path("/data")
DEFAULT_HUB = "https://huggingface.co"


class Settings(BaseSettings):
    """Where chatui keeps its things and who may reach it."""

    model_config = SettingsConfigDict(env_prefix="CHATUI_", frozen=True, extra="forbid")

    workspace: Path = Field(
        Path("workspace"),
        description="Folder that holds everything; on a Space with storage, `/data`.",
    )
    cache: Path = Field(
        Path("~/.cache/chatui"),
        description="Folder of what can be made again: quantised copies of base models.",
    )
    host: str = Field("127.0.0.1", description="Address to serve on; on a Space, `0.0.0.0`.")
    port: int = Field(7860, ge=1, le=65535, description="Port to serve on.")
    password: SecretStr | None = Field(
        None,
        description="Password of the owner's page. Beyond loopback one is generated if unset.",
    )
    database_url: str | None = Field(
        None, description="SQLAlchemy address; by default a SQLite file in the workspace."
    )
    hub: str = Field(
        DEFAULT_HUB, description="Hub that `hf:OWNER/NAME` and base models are fetched from."
    )
    hub_token: SecretStr | None = Field(
        None,
        description="Token for gated or private datasets and models of it, and for `--on hf:`; "
        "never stored.",
    )
    engine_url: str | None = Field(
        None,
        description="API of an OpenAI-compatible server that answers in Chat instead of this "
        "machine, as in `http://127.0.0.1:8000/v1`.",
    )
    engine_key: SecretStr | None = Field(None, description="Key of that server; never stored.")
    paraphrase_key: SecretStr | None = Field(
        None, description="Key of the server that writes paraphrases; never stored."
    )
    max_upload_mb: int = Field(200, ge=1, description="Largest file that may be uploaded, in MB.")

    @model_validator(mode="before")
    @classmethod
    def _on_a_space(cls, given: dict[str, Any]) -> dict[str, Any]:
        """A Space has to be reached from outside, and keeps only what lies on its storage."""
        if "SPACE_ID" not in os.environ:
            return given
        storage = {"workspace": SPACE_STORAGE} if os.access(SPACE_STORAGE, os.W_OK) else {}
        return {"host": "0.0.0.0", **storage, **given}

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Place:
    """Which of the processes that share a job this one is, as torchrun says."""

    rank: int = 0
    processes: int = 1
    on_machine: int = 0  # its number among those of this machine
    is_launched: bool = False  # by torchrun, which is then the parent of this process


def this_place() -> Place:
    """The place of this process; one that was started alone is the first of one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return Place()
    rank, processes, here = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    return Place(rank, processes, here, is_launched=True)


def load_settings(**chosen: object) -> Settings:
    """The settings, some of them chosen here; raises BadEnvironment with the first problem."""
    try:
        return Settings(**chosen)  # type: ignore[arg-type]
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadEnvironment(str(problem["loc"][0]), str(problem["msg"])) from error


def environment_with(secrets: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that is to know some secrets more."""
    return {**os.environ, **secrets}


def quiet_environment() -> None:
    """Make the libraries quiet and considerate, unless the user has set the variables."""
    for name, value in QUIET_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # It warns that an optional package, which would fetch code from the network, is not installed.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
