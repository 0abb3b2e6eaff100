"""What a person sees."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rexp.train.progress import Bar, Left, Lines, Silent, display

ROW = {
    "epoch": 3,
    "train_loss": 0.31234,
    "samples_per_second": 812_345.0,
    "metrics": {"hr@10|full": 0.61, "ndcg@10|full": 0.37},
}


def test_a_line_is_whole_and_names_the_monitored_metric_first(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(20, "ndcg@10").epoch_ended(ROW, best=True, left=Left(72))
    assert capsys.readouterr().err == (
        "epoch 3/20  loss 0.3123  ndcg@10|full 0.3700  hr@10|full 0.6100  812k samples/s  1:12 left  best\n"
    )


def test_a_line_of_a_fit_with_patience_says_when_it_ends_without_a_gain(capsys: pytest.CaptureFixture[str]) -> None:
    Lines(1000, "ndcg@10").epoch_ended(ROW, best=False, left=Left(12, more=True))
    assert capsys.readouterr().err.endswith("812k samples/s  0:12 left without a gain\n")


def test_the_table_has_one_head_and_aligned_rows() -> None:
    stream = io.StringIO()
    bar = Bar(20, "ndcg@10", Console(file=stream, width=120, force_terminal=False))
    bar.epoch_started(3, 10)
    bar.stepped(10)
    bar.epoch_ended(ROW, best=True, left=Left(72))
    bar.epoch_ended({**ROW, "epoch": 4, "metrics": {}}, best=False, left=Left(5, more=True))
    bar.close()
    head, first, second = [line for line in stream.getvalue().splitlines() if line.strip()]
    assert head.split() == ["epoch", "loss", "ndcg@10|full", "hr@10|full", "samples/s", "left"]
    assert first.split() == ["3", "0.3123", "0.3700", "0.6100", "812k", "1:12", "best"]
    assert second.split() == ["4", "0.3123", "-", "-", "812k", "0:05+"]
    assert first.index("812k") == second.index("812k")


@pytest.mark.parametrize(("kind", "expected"), [("auto", Lines), ("bar", Bar), ("lines", Lines), ("none", Silent)])
def test_no_terminal_gets_lines_unless_told_otherwise(kind: str, expected: type) -> None:
    assert type(display(kind, 5, "ndcg@10")) is expected  # type: ignore[arg-type]
