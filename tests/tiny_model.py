"""A tiny random model with the starter's tokenizer: loads in a moment, answers nonsense."""

import shutil
from pathlib import Path

from chatui.model.catalog import STARTER_FOLDER

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def make_tiny_base(folder: Path, seed: int = 0, **changes: object) -> Path:
    """Write a Llama of two layers, 64 wide, into a folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    for name in TOKENIZER_FILES:
        shutil.copy(STARTER_FOLDER / name, folder / name)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    shape = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 256,
        "tie_word_embeddings": True,
        "initializer_range": 0.2,  # wide, so that different prompts get different replies
    }
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **{**shape, **changes},
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    return folder


def make_adapter(base: Path, folder: Path, seed: int = 1, rank: int = 4, **changes: object) -> Path:
    """Write a random LoRA adapter for a base model into a folder."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_pretrained(base)
    shape = {"r": rank, "target_modules": "all-linear", "init_lora_weights": False, **changes}
    config = LoraConfig(**shape)
    get_peft_model(model, config).save_pretrained(folder)
    return folder
