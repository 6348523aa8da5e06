"""What a user should know of a base model before it is chosen, and before it is downloaded."""

from dataclasses import asdict, dataclass

from chatui.errors import NoChatTemplate
from chatui.model.catalog import BaseModel, find_base
from chatui.model.hub import hub_model
from chatui.model.templates import TEMPLATES


@dataclass(frozen=True, slots=True)
class Facts:
    """A base model in figures; what is not known is None."""

    name: str
    licence: str
    parameters: int | None
    size_mb: int | None
    is_here: bool
    is_gated: bool = False

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        size = f"{self.size_mb:,} MB" if self.size_mb else "of unknown size"
        parts = [f"{self.name}: {size} {'on this disk' if self.is_here else 'to download'}"]
        if self.parameters:
            parts.append(f"{self.parameters / 1e6:,.0f} million parameters")
        parts.append(f"licence {self.licence}")
        if self.is_gated:
            parts.append("gated: accept its terms on its page, and give a token of your account")
        return f"{', '.join(parts)}."

    def as_json(self) -> dict[str, object]:
        """For programs."""
        return asdict(self)


def facts_of(name: str, token: str | None = None) -> Facts:
    """What is known of a base model; one of the Hub that is not here is asked for there.

    A `token` counts for this once, instead of the environment's. Raises what `find_base` and
    `hub_model` raise, and NoChatTemplate where the Hub shows none.
    """
    base = find_base(name)
    if base.is_local:
        return _of_this_disk(base)
    model = hub_model(base.source, token=token)
    if not model.has_template and not base.template:
        raise NoChatTemplate(base.name, [*TEMPLATES])
    return Facts(
        name=base.source,
        licence=model.licence,
        parameters=model.parameters or base.parameters,
        size_mb=max(1, round(model.size / 1e6)),
        is_here=False,
        is_gated=model.is_gated,
    )


def _of_this_disk(base: BaseModel) -> Facts:
    return Facts(base.source, base.licence, base.parameters, base.size_mb, is_here=True)
