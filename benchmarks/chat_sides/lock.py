"""transformers' `generate` with its streamer, one visitor after the other."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chat_sides.asking import Answer, base_of


@contextmanager
def open_side(shape: str, folder: Path) -> Iterator[tuple[Answer, Callable[[], float]]]:
    import torch
    from peft import PeftModel
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        BitsAndBytesConfig,
        TextIteratorStreamer,
    )

    base = base_of(shape, folder)
    tokenizer = AutoTokenizer.from_pretrained(base)
    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    where = {"": 0} if torch.cuda.is_available() else {"": "cpu"}
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.bfloat16, quantization_config=config, device_map=where
    )
    model = PeftModel.from_pretrained(model, folder / "adapter").eval()
    lock = threading.Lock()

    def answer(text: str, tokens: int) -> int:
        messages = [{"role": "user", "content": text}]
        inputs = tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        with lock:
            streamer = TextIteratorStreamer(tokenizer, skip_prompt=True)
            made: list[int] = []

            def generate() -> None:
                output = model.generate(
                    **inputs,
                    streamer=streamer,
                    max_new_tokens=tokens,
                    min_new_tokens=tokens,
                    do_sample=False,
                )
                made.append(output.shape[1] - inputs["input_ids"].shape[1])

            thread = threading.Thread(target=generate)
            thread.start()
            for _ in streamer:
                pass
            thread.join()
        return made[0]

    yield answer, time.process_time
