"""Explanations of stored runs, and what is printed."""

from __future__ import annotations

import random
from io import StringIO
from pathlib import Path

import pytest
from rexp_explain import explain
from rexp_explain.__main__ import BAR, WIDTH, main, show
from rich.console import Console

import rexp
from rexp.api import Explanation, Reason
from rexp.testing import Case, checks_of


@pytest.mark.parametrize("case", checks_of("rexp-explain"), ids=str)
def test_it_keeps_its_contract(case: Case) -> None:
    case.verify()


def printed(found: Explanation, k: int = 5) -> str:
    stream = StringIO()
    show(found, k, Console(width=100, file=stream, color_system=None))
    return stream.getvalue()


def test_what_the_data_says_is_text() -> None:
    reasons = (Reason("7", 0.5, "[bold]A[/bold]\x1b[31m"), Reason("8", 0.25), Reason("9", 0.125))
    text = printed(Explanation("u", "3", "[red]B", 1.0, "history", "leave-one-out", None, reasons), k=1)
    assert "user u, item 3 ([red]B): score 1.0000, leave-one-out" in text
    assert "[bold]A[/bold]\\x1b[31m" in text
    assert "2 more" in text
    assert "+0.3750" in text
    assert "without them" not in text


def test_fields_stand_with_the_score_without_them() -> None:
    found = Explanation(
        "u", "3", "", 1.0, "fields", "integrated gradients", 0.25, (Reason("item.genres", 0.75, "A | B"),)
    )
    assert found.gap == 0
    lines = [" ".join(line.split()) for line in printed(found).splitlines()]
    assert f"item.genres A | B +0.7500 {BAR * WIDTH}" in lines
    assert "without them +0.2500" in lines


@pytest.mark.slow
def test_a_stored_run_is_explained_by_own_ids_and_titles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(f"u{user}", f"i{item}") for user in range(30) for item in range(20) if (user + item) % 3]
    random.Random(0).shuffle(rows)
    (tmp_path / "rows.csv").write_text("user,item\n" + "".join(f"{user},{item}\n" for user, item in rows))
    (tmp_path / "items.csv").write_text("item,title\n" + "".join(f"i{item},The {item}\n" for item in range(20)))
    data = ["data=csv", "data.path=rows.csv", "data.items=items.csv"]
    run = rexp.run(["model=itemknn", *data, "track=none", "measure.latency=false", "paths.store=runs"])
    found = explain(run.run_id, "u3")
    best = rexp.recommend(run.run_id, ["u3"], 1)
    assert (found.item, found.title) == (best["item"][0], best["title"][0])
    assert found.method == "exact contributions"
    assert {reason.text for reason in found.reasons} < {f"The {item}" for item in range(20)}
    capsys.readouterr()
    assert main([run.run_id, "--user", "u3", "--item", found.item, "-k", "2"]) == 0
    shown = capsys.readouterr().out
    assert f"user u3, item {found.item} ({found.title}): score {found.score:.4f}" in shown
    assert found.reasons[0].text in shown
    why = rexp.recommend(run.run_id, ["u3"], 1, explain=True)["why"][0]
    assert why.startswith(f"{found.reasons[0].label} {found.reasons[0].value:+.4f}; ")
    assert main([run.run_id, "--user", "nobody"]) == 2
    assert "has no user 'nobody'" in capsys.readouterr().err
    assert main([run.run_id, "--user", "u3", "--item", "none"]) == 2
