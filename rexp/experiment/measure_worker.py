"""The process in which stored runs are measured; started by :mod:`rexp.experiment.measure_client`.

It imports torch once and then reads tasks, one a line; each is done in a fork of its own, which no other model has
touched, and answered by one line. See :mod:`rexp.experiment.measurement`.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import TextIO

import torch

from rexp.errors import RexpError
from rexp.experiment.measurement import Answer, Conditions, Measurement, MeasureTask
from rexp.experiment.restore import load_model, load_run_split
from rexp.io.messages import messages_shown
from rexp.measure.costs import model_costs, scorer_of, shown_history
from rexp.measure.latency import latencies, requests
from rexp.measure.onnx_session import onnx_scorer
from rexp.store.installed import check_installed
from rexp.store.store import Store


def main() -> None:
    """Serve tasks until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is no answer
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    with messages_shown():
        for line in sys.stdin:
            _serve(MeasureTask.from_line(line), answers)


def _serve(task: MeasureTask, answers: TextIO) -> None:
    if not hasattr(os, "fork"):  # Windows
        _say(answer(task), answers)
        return
    child = os.fork()
    if child == 0:
        try:
            _say(answer(task), answers)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status:
        _say(Answer(None, f"the process that measured ended with status {status}"), answers)


def answer(task: MeasureTask) -> Answer:
    """Result of a task; a failure is reported as a result too."""
    warnings.simplefilter("ignore")
    try:
        return Answer(_measured(task))
    except RexpError as error:
        return Answer(None, str(error))
    except Exception as error:
        return Answer(None, f"{type(error).__name__}: {error}")


def _measured(task: MeasureTask) -> Measurement:
    os.chdir(task.folder)
    store = Store(Path(task.store))
    result = store.result(task.run)
    check_installed(store, task.run)
    split = load_run_split(result, Path(task.data) if task.data else None, Path(task.cache))
    model = load_model(store, task.run, split, "the command")
    scorer = scorer_of(model, split, shown_history(result), torch.device("cpu"))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    asked = requests(scorer, task.candidates)
    if task.onnx:
        score = onnx_scorer(Path(task.onnx), torch.get_num_threads())
    else:
        score = lambda request: scorer.model.score(request.query, request.items)  # noqa: E731
    with torch.no_grad():
        cost = latencies(score, asked, task.repeats)
    conditions = Conditions(
        runtime="onnxruntime" if task.onnx else "torch",
        threads=torch.get_num_threads(),
        repeats=task.repeats,
        load=load,
        cores=os.cpu_count(),
    )
    return Measurement({**({} if task.onnx else model_costs(scorer)), **cost}, conditions)


def _say(answer: Answer, answers: TextIO) -> None:
    print(answer.to_line(), file=answers, flush=True)


if __name__ == "__main__":
    main()
