"""A tiny random translation model: the right files, and nonsense for an answer."""

import io
import json
from pathlib import Path

WORDS = ("where", "is", "it", "I", "wait", "thank", "you", "my", "order", "parcel", "please")


def make_tiny_marian(folder: Path, seed: int = 0) -> Path:
    """Write a Marian of one layer, 32 wide, with a vocabulary of its own, into a folder."""
    import sentencepiece
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder.mkdir(parents=True, exist_ok=True)
    made = io.BytesIO()
    sentences = [" ".join(WORDS[n:] + WORDS[:n]) for n in range(len(WORDS))]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences),
        model_writer=made,
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    names = [pieces.id_to_piece(n) for n in range(pieces.get_piece_size())]
    names = ["</s>", "<unk>", *(n for n in names if n not in ("</s>", "<unk>", "<s>")), "<pad>"]
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(made.getvalue())
    vocabulary = {name: number for number, name in enumerate(names)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "MarianTokenizer", "model_max_length": 512})
    )
    torch.manual_seed(seed)
    pad = vocabulary["<pad>"]
    config = MarianConfig(
        vocab_size=len(vocabulary),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=512,
        init_std=0.5,  # wide, so that different questions get different answers
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)
    return folder
