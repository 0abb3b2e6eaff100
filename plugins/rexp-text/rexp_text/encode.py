"""``python -m rexp_text.encode MODEL TEXTS.json VECTORS.npy``: sentence vectors, in a process that imports what it
takes; nothing of it stays in the one that trains."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

BATCH = 64
"""Texts that are encoded together."""


def main(model: str, texts: str, vectors: str) -> None:
    """Encode the list of texts in a JSON file.

    Args:
        model: the folder of a model of sentence-transformers; no code in it is run, and only weights in safetensors
            are read.
        texts, vectors: paths of what is read, and written.
    """
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", WANDB_DISABLED="true", TOKENIZERS_PARALLELISM="false"
    )
    import numpy as np
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(
        model,
        device="cpu",
        local_files_only=True,
        trust_remote_code=False,
        model_kwargs={"use_safetensors": True},
    )
    found = encoder.encode(
        json.loads(Path(texts).read_text(encoding="utf-8")),
        batch_size=BATCH,
        show_progress_bar=False,
        convert_to_numpy=True,
    )
    np.save(vectors, np.asarray(found, np.float32), allow_pickle=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
