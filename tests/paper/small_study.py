"""A small study: sixty users of two tastes, two sizes of a model, a teacher."""

from __future__ import annotations

from pathlib import Path

import numpy as np

STUDY = """
title: A small study
source: none
tolerance: 0
seeds: [0, 1]
shown: [ndcg@10, recall@20]
search: {trials: 2, metric: ndcg@10, prune: null}
parts:
  mine: [data=csv, "data.path=FILE", evaluate=full, "evaluate.k=[10,20]", "evaluate.metrics=[ndcg,recall]"]
  small:
    run: [model=mf, "model.factors={factors}", train.max_epochs=2, train.batch_size=64]
    tune: {train.lr: {float: [0.01, 0.1], log: true}}
rows:
  - for: {factors: [4, 8]}
    group: "mf {factors}"
    plain: plain
    control: control
    teacher: teachers · best
    within: 0.05
    run: [mine]
    rows:
      - {name: plain, run: [small]}
      - name: kd
        run: [small, compress=kd, "teacher.from=<teachers · best>"]
        values: plain
        tune: {compress.stages.distill.weight: {choice: [0.5, 2.0]}}
      - {name: control, run: [small, compress=kd, compress.control_run=true], values: kd}
      - {name: puresvd, run: [model=puresvd, "model.factors={factors}"], seeds: [0]}
      - {name: only here, only: {factors: [8]}, run: [model=pop], seeds: [0]}
  - group: teachers
    ranked: false
    run: [mine]
    rows:
      - {name: ease, run: [model=ease], seeds: [0], tune: {model.l2: {choice: [1.0, 10.0]}}}
      - {name: puresvd, run: [model=puresvd], seeds: [0], tune: {model.factors: {choice: [2, 8]}}}
      - {name: best, best_of: [ease, puresvd]}
quick: {rows: ["mf 4 · kd"], overrides: [train.max_epochs=1]}
notes: None.
"""
QUIET = ["track=none", "measure.latency=false", "train.progress=none"]


def written(folder: Path) -> Path:
    """A study of sixty users of two tastes."""
    random = np.random.default_rng(0)
    taken = [random.permutation(20)[:9] + 20 * (user % 2) for user in range(60)]
    lines = [f"u{user},{item},{when}" for user, items in enumerate(taken) for when, item in enumerate(items)]
    (folder / "mine.csv").write_text("\n".join(["user,item,time", *lines]) + "\n")
    file = folder / "small.yaml"
    file.write_text(STUDY.replace("FILE", str(folder / "mine.csv")))
    return file
