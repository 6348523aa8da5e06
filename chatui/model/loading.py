"""Load a base model in 4 bits: the only place with quantization settings.

NF4 or FP4 with double quantization, on CPU and GPU alike, or 16 bits where they are asked for.
Nothing here runs code that came with a model.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from bitsandbytes.functional import has_avx512bf16
from bitsandbytes.nn import Linear4bit
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig
from transformers.utils import logging as transformers_logging

from chatui.errors import BaseNotUsable
from chatui.model.catalog import BaseModel, chat_template, local_folder
from chatui.model.encoding import ChatEncoder
from chatui.model.hashes import base_hash, template_hash
from chatui.model.quantised import Copy, loaded_once
from chatui.model.quantization import SIXTEEN

_THREADS = torch.get_num_threads()  # as the machine or its owner allows, before any model
_PARAMETERS_PER_THREAD = 10_000_000
_QUANTIZATION: dict[str, object] = {"load_in_4bit": True, "bnb_4bit_use_double_quant": True}
_BROKEN = (OSError, ValueError, KeyError, RuntimeError, SafetensorError)  # of model files
_LONGEST_CONTEXT = 32_768  # what a tokenizer that knows no limit is held to


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A 4-bit base model and all that is needed to talk to it."""

    base: BaseModel
    model: Any
    encoder: ChatEncoder
    pad_id: int
    base_hash: str
    template_hash: str


def device() -> torch.device:
    """Where models run: the GPU of this process (by default the first one), or the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def compute_dtype() -> torch.dtype:
    """bfloat16 where the hardware multiplies it, else float32.

    A processor without bfloat16 instructions emulates them, which is slower than float32.
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if has_avx512bf16() else torch.float32


def load_base(
    base: BaseModel, *, decodes_only: bool = False, to_shard: bool = False
) -> LoadedModel:
    """Load a base model in 4 bits, or as its name says, in evaluation mode and without adapters.

    With `decodes_only` the CPU may use its packed kernel, five times as fast for one token at a
    time; such a model must never be trained, scored, merged or saved. With `to_shard` it is loaded
    into the machine's memory, as one that no GPU holds whole, and its 4-bit numbers are kept in the
    type that it computes in, so that they can be divided. Raises BaseNotUsable or BaseNotReachable.
    """
    template = chat_template(base)  # refuse early: without one there is nothing to load it for
    folder = local_folder(base)
    transformers_logging.disable_progress_bar()
    dtype = compute_dtype()
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        where = torch.device("cpu") if to_shard else device()
        plan = _Plan(folder, dtype, where, to_shard, base.quantization)
        tokenizer.chat_template = template
        model = (
            _model(plan, None)
            if base.quantization == SIXTEEN
            else loaded_once(Copy(base, plan.settings), partial(_model, plan), _BROKEN)
        )
    except _BROKEN as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise BaseNotUsable(base.name, f"it could not be loaded ({_first_line(error)})") from error
    allow_repacking(model, decodes_only)
    torch.set_num_threads(threads_for(model.num_parameters(), _THREADS))
    model.eval()
    return LoadedModel(
        base=base,
        model=model,
        encoder=ChatEncoder(tokenizer, _context(model, tokenizer)),
        pad_id=_pad_id(tokenizer),
        base_hash=base_hash(base),
        template_hash=template_hash(base),
    )


def threads_for(parameters: int, allowed: int) -> int:
    """How many of the allowed processor threads a model of a size is worth.

    The layers of a small model take less time than threads take to meet: on two threads the starter
    learns at two thirds of the speed of one, and writes at half of it.
    """
    return max(1, min(allowed, parameters // _PARAMETERS_PER_THREAD))


def allow_repacking(model: torch.nn.Module, allowed: bool) -> None:
    """Allow or forbid bitsandbytes to repack 4-bit layers for its CPU decoding kernel.

    The first forward pass in evaluation mode repacks them in place, and from then on gradients
    stop there without a word: a model that trains or is scored must not be repacked. The kernel
    also refuses layers whose sides are not multiples of 64 (in) and 32 (out).
    """
    for module in model.modules():
        if isinstance(module, Linear4bit):
            fits = module.in_features % 64 == 0 and module.out_features % 32 == 0
            module.support_avx512bf16_for_cpu = allowed and fits and has_avx512bf16()


@dataclass(frozen=True, slots=True)
class _Plan:
    """From where a base model is loaded, to where, and how."""

    folder: Path
    dtype: torch.dtype
    device: torch.device
    to_shard: bool
    kind: str  # of QUANTIZATIONS

    @property
    def settings(self) -> dict[str, object]:
        """What a quantised copy must have been made with to be used."""
        stored = {"stored": str(self.dtype)} if self.to_shard else {}
        how = {**_QUANTIZATION, "bnb_4bit_quant_type": self.kind, **stored}
        return {**how, "dtype": str(self.dtype), "device": self.device.type}

    @property
    def quantization(self) -> BitsAndBytesConfig:
        """The settings as transformers takes them."""
        stored = {"bnb_4bit_quant_storage": self.dtype} if self.to_shard else {}
        return BitsAndBytesConfig(
            **_QUANTIZATION,
            **stored,
            bnb_4bit_quant_type=self.kind,
            bnb_4bit_compute_dtype=self.dtype,
        )


def _model(plan: _Plan, copy: Path | None) -> Any:
    """A base model from its folder, quantised here, or from a copy that is quantised."""
    is_whole = copy is not None or plan.kind == SIXTEEN
    quantization = {} if is_whole else {"quantization_config": plan.quantization}
    return AutoModelForCausalLM.from_pretrained(
        copy or plan.folder,
        dtype=plan.dtype,
        device_map={"": plan.device},
        local_files_only=True,
        trust_remote_code=False,
        **quantization,
    )


def _context(model: Any, tokenizer: Any) -> int:
    known = [getattr(model.config, "max_position_embeddings", None), tokenizer.model_max_length]
    return min(_LONGEST_CONTEXT, *(int(n) for n in known if n))


def _pad_id(tokenizer: Any) -> int:
    """A token to fill rows with; it is masked everywhere, so any will do."""
    known = (tokenizer.pad_token_id, tokenizer.eos_token_id, 0)
    return int(next(n for n in known if n is not None))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
