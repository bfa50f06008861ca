"""Make a Qwen2 of two layers with random weights, 1 MB; run by the Python that has vLLM.

python tiny_model.py DIRECTORY
"""

from __future__ import annotations

import sys
from pathlib import Path

TOKENS = 1280
"""bench sends ids up to 1099."""

TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"


def main(directory: Path) -> None:
    """Weights, configuration and a tokenizer that reads bytes and writes words."""
    import torch  # noqa: PLC0415  vLLM's environment has these
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM  # noqa: PLC0415

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    more = [f"Ġword{number}" for number in range(TOKENS - len(letters) - 1)]
    words = {token: number for number, token in enumerate(["<end>", *letters, *more])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    whole = PreTrainedTokenizerFast(tokenizer_object=tokenizer, **dict.fromkeys(("eos_token", "pad_token"), "<end>"))
    whole.chat_template = TEMPLATE
    whole.save_pretrained(directory)
    config = Qwen2Config(
        vocab_size=TOKENS,
        hidden_size=128,  # heads of 64, the smallest that its CPU kernels have
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=1024,
        eos_token_id=0,
        bos_token_id=0,
    )
    torch.manual_seed(1)
    Qwen2ForCausalLM(config).save_pretrained(directory)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
