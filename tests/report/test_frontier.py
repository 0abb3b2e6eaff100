"""The picture of accuracy against cost."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rexp.__main__ import main
from rexp.report.frontier import pareto_front

POINTS = st.lists(st.tuples(st.integers(0, 9).map(float), st.integers(0, 9).map(float)), min_size=1, max_size=30)


@given(POINTS)
def test_what_no_other_beats_is_on_the_line(points: list[tuple[float, float]]) -> None:
    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one != other and one[0] <= other[0] and one[1] >= other[1]

    line = [points[place] for place in pareto_front(points)]
    assert set(line) == {point for point in points if not any(beats(other, point) for other in points)}
    assert line == sorted(set(line))


def store_of(folder: Path) -> Path:
    """Two models, each plain and in bits, over two seeds."""
    for place, (model, recipe, size) in enumerate(
        [("mf", "none", 4000), ("mf", "quantize", 1000), ("ncf", "none", 9000), ("ncf", "quantize", 2000)]
    ):
        for seed in (0, 1):
            run = f"{place:011d}{seed}"
            (folder / run).mkdir(parents=True)
            body = {
                "run_id": run, "status": "done", "seed": seed, "labels": {"model": model, "compress": recipe},
                "config": {"seed": seed, "model": {"name": model}, "compress": {"order": [recipe]}},
                "data": {"name": "toy", "fingerprint": "f"}, "facts": {"protocol": "full", "protocol_id": "p"},
                "metrics": {"ndcg@10": 0.1 + place / 100 + seed / 1000}, "cost": {"weight_bytes": size},
            }  # fmt: skip
            (folder / run / "result.json").write_text(json.dumps(body))
    return folder


@pytest.mark.parametrize("form", ["png", "svg", "pdf"])
def test_the_command_draws_the_same_bytes_again(form: str, tmp_path: Path) -> None:
    store = store_of(tmp_path / "runs")
    pictures = [tmp_path / f"{name}.{form}" for name in ("first", "second")]
    for picture in pictures:
        assert main(["report", str(store), "--cols", "ndcg@10,weight_bytes", "--frontier", str(picture)]) == 0
    first, second = (picture.read_bytes() for picture in pictures)
    assert first == second
    if form == "svg":
        texts = " ".join(ElementTree.fromstring(first).itertext())
        assert "toy" in texts


def test_what_cannot_be_drawn_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(store_of(tmp_path / "runs"))
    assert main(["report", store, "--frontier", str(tmp_path / "f.gif")]) == 2
    assert "take .png, .svg, .pdf" in capsys.readouterr().err
    assert main(["report", store, "--cols", "weight_bytes", "--frontier", str(tmp_path / "f.png")]) == 2
    assert "names no metric" in capsys.readouterr().err
    assert main(["report", store, "--cols", "ndcg@10", "--frontier", str(tmp_path / "f.png")]) == 2
    assert "a cost" in capsys.readouterr().err
    assert not (tmp_path / "f.png").exists()
