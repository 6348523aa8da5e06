"""How many bits a base model's weights are loaded in, chosen behind its name: `NAME#fp4`.

NF4 (Dettmers et al. 2023) is what stands nowhere: four bits whose steps suit weights that are
spread normally. FP4 takes as little and rounds more; 16 bits round nothing and take four times as
much. What is chosen is a part of the name, like a chat template, so that whoever asks for the model
by what a run has recorded gets the weights that the run had.
"""

NF4 = "nf4"
FP4 = "fp4"
SIXTEEN = "16bit"
QUANTIZATIONS = {
    NF4: "4 bits, NF4",
    FP4: "4 bits, FP4",
    SIXTEEN: "16 bits, as they are",
}
_SIGN = "#"


def split_quantization(name: str) -> tuple[str, str]:
    """A name without its last part, if that is a quantization, and which one it is."""
    base, sign, choice = name.rpartition(_SIGN)
    return (base, choice) if sign and choice in QUANTIZATIONS else (name, NF4)


def quantized_as(name: str, choice: str) -> str:
    """A name without a chosen template, with another quantization."""
    base = split_quantization(name)[0]
    return base if choice == NF4 else f"{base}{_SIGN}{choice}"
