"""Contexts of lists and rows, against values counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from rexp.api import Capability, FeatureSpec, Query
from rexp.data.interactions import Interactions
from rexp.data.split import Split
from rexp.errors import ConfigError
from rexp.evaluate.config import CandidatesConfig, EvaluateConfig
from rexp.evaluate.evaluator import evaluate
from rexp.evaluate.list_contexts import mean_by_owner
from rexp.evaluate.top_items import top_items

from .helpers import fixed

SKY = "context.sky"


def rows(users, items, sky, ratings=None) -> Interactions:
    return Interactions(
        np.array(users, np.int32),
        np.array(items, np.int32),
        None if ratings is None else np.array(ratings, np.float32),
        context={SKY: np.array(sky, np.int64)},
    )


def split(test: Interactions) -> Split:
    # Everybody knows every item from somebody; the last rows of the users 0, 1, 2 have the skies 1, 2, 1.
    train = rows([0, 0, 1, 1, 2, 2], [4, 5, 5, 4, 0, 1], [2, 1, 1, 2, 2, 1])
    more = rows([3, 3], [2, 3], [1, 1])
    train = Interactions(
        np.concatenate([train.users, more.users]),
        np.concatenate([train.items, more.items]),
        context={SKY: np.concatenate([train.context[SKY], more.context[SKY]])},
    )
    empty = test.take(np.zeros(len(test), bool))
    specs = {SKY: FeatureSpec("context", "category", 3)}
    return Split("toy", train, empty, test, 4, 6, "fingerprint", feature_specs=specs)


class BySky(nn.Module):
    """Scores from a table by sky, whoever asks: (3, n_items), of an unknown one too."""

    def __init__(self, table) -> None:
        super().__init__()
        self.register_buffer("table", torch.as_tensor(table, dtype=torch.float32))

    def capabilities(self):
        return frozenset({Capability.READS_CONTEXT})

    def score(self, query: Query, items):
        sky = query.features[SKY]
        return self.table[sky if items.dim() == 1 else sky.unsqueeze(1), items]


# In the sky 1 the items 0, 1, 2, 3 come in this order, in the sky 2 backwards; an unknown sky likes 4 and 5.
TABLE = [[0, 0, 0, 0, 9, 9], [5, 4, 3, 2, 1, 0], [2, 3, 4, 5, 1, 0]]
TEST = rows([0, 0, 0, 1], [0, 3, 1, 0], [1, 2, 1, 1])


def rules(**options) -> EvaluateConfig:
    return EvaluateConfig(**({"protocol": "full", "metrics": ["mrr", "recall", "coverage"], "k": [1, 2]} | options))


def test_each_context_of_a_user_has_a_list_and_each_user_one_value():
    found = evaluate(BySky(TABLE), split(TEST), rules())
    # User 0: in the sky 1 the items 0 and 1 stand at 1 and 2, in the sky 2 the item 3 stands first. User 1: first.
    assert found.per_user["user"].tolist() == [0, 1]
    assert found.per_user["recall@1"].tolist() == [(0.5 + 1) / 2, 1]
    assert found.per_user["recall@2"].tolist() == [1, 1]
    assert found.metrics["recall@1"] == pytest.approx((0.75 + 1) / 2)
    assert found.metrics["mrr@1"] == 1
    facts = found.facts
    assert (facts["n_lists"], facts["n_users_evaluated"], facts["n_targets"]) == (3, 2, 4)
    assert facts["context"] == "target"
    # Three lists of two: 0 1, 3 2, 0 1.
    assert found.metrics["coverage@2"] == pytest.approx(4 / 6)


def test_the_latest_context_is_that_of_the_last_training_row():
    found = evaluate(BySky(TABLE), split(TEST), rules(context="latest"))
    # One list a user: 0 1 2 3 of user 0 (targets 0, 1, 3), 3 2 1 0 of user 1 (target 0).
    assert found.per_user["recall@2"].tolist() == pytest.approx([2 / 3, 0])
    assert "n_lists" not in found.facts
    items, _ = top_items(BySky(TABLE), split(TEST), torch.tensor([0, 1, 2]), 2, ["train"])
    assert items.tolist() == [[0, 1], [3, 2], [2, 3]]


def test_an_unknown_user_is_served_in_an_unknown_context():
    data = split(TEST)
    nobody = replace(data, train=data.train.take(data.train.users != 0))
    items, _ = top_items(BySky(TABLE), nobody, torch.tensor([0]), 2, ["train"])
    assert items.tolist() == [[4, 5]]


def test_no_context_is_refused_for_a_model_that_reads_one_alone():
    with pytest.raises(ConfigError, match=r"BySky reads the context .* evaluate\.context=none ranks without one"):
        evaluate(BySky(TABLE), split(TEST), rules(context="none"))
    scores = np.arange(24).reshape(4, 6)
    ranked = evaluate(fixed(scores), split(TEST), rules(context="none"))
    assert ranked.per_user["recall@2"].tolist() == pytest.approx([1 / 3, 0])
    # The same model by lists in context: the same list for each, 3 2 and 3 2 of user 0.
    in_context = evaluate(fixed(scores), split(TEST), rules())
    assert in_context.per_user["recall@2"].tolist() == pytest.approx([(0 + 1) / 2, 0])


def test_the_rule_is_part_of_the_protocol_where_the_data_has_contexts():
    names = {}
    for context in ("auto", "target", "latest"):
        names[context] = evaluate(BySky(TABLE), split(TEST), rules(context=context)).facts["protocol_id"]
    assert names["auto"] == names["target"] != names["latest"]
    plain = replace(split(TEST), feature_specs={})
    known = [
        evaluate(fixed(np.zeros((4, 6))), plain, rules(context=context)).facts["protocol_id"]
        for context in ("auto", "none")
    ]
    assert known[0] == known[1] not in names.values()
    with pytest.raises(ConfigError, match=r"evaluate\.context=latest: 'toy' has no contexts"):
        evaluate(fixed(np.zeros((4, 6))), plain, rules(context="latest"))


@pytest.mark.parametrize("block_bytes", [1, 2**20])
def test_candidates_are_ranked_in_context_against_the_same_negatives(block_bytes):
    config = rules(protocol="sampled", candidates=CandidatesConfig(n=1), block_bytes=block_bytes)
    found = evaluate(BySky(TABLE), split(TEST), config)
    # Only the item 2 is left to draw for user 0, who takes 0, 1 and 3 in the test part; it stands between them.
    name = "recall@1|uniform-1-s0"
    assert found.per_user[name][0] == (0.5 + 1) / 2
    assert found.facts["n_lists"] == 3


def test_rows_are_scored_in_their_own_context():
    test = rows([0, 0, 1, 1], [0, 0, 0, 3], [1, 2, 2, 1], [1, 0, 0, 1])
    config = EvaluateConfig(protocol="pointwise", row_metrics=["auc", "rmse"])
    for block_bytes in (1, 2**20):
        found = evaluate(BySky(TABLE), split(test), replace(config, block_bytes=block_bytes))
        # Scores 5, 2, 2, 2 of labels 1, 0, 0, 1: one of four pairs is told apart twice, two are ties.
        assert found.metrics["auc"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
        assert found.metrics["rmse"] == pytest.approx(np.sqrt((16 + 4 + 4 + 1) / 4))
    without = evaluate(fixed(np.array([TABLE[1]] * 4)), split(test), config)
    assert without.metrics["auc"] == pytest.approx((0.5 + 0.5 + 0 + 0) / 4)


def test_a_users_mean_leaves_out_lists_without_a_value():
    values = torch.tensor([1.0, float("nan"), 3.0, float("nan")], dtype=torch.float64)
    means = mean_by_owner(values, torch.tensor([0, 0, 0, 5]))
    assert means[0] == 2
    assert means[1].isnan()


def test_facts_of_some_targets_are_over_users_too():
    """Every target is warm and of one popularity: what is said of those is what is said of all."""
    flat = split(TEST)
    found = evaluate(BySky(TABLE), flat, rules())
    popular = found.facts["by_popularity"]
    (bucket,) = (popular[name] for name in ("cold", "cool", "warm") if popular[name]["n_users"])
    assert bucket["n_users"] == 2
    assert bucket["metrics"]["recall@1"] == pytest.approx(found.metrics["recall@1"]) == pytest.approx(0.875)
    # An item that is only asked for: of what is left user 0 has the sky 1 with the item 0 alone.
    unknown = replace(flat, train=flat.train.take(~np.isin(flat.train.items, [1, 3])))
    warm = evaluate(BySky(TABLE), unknown, rules(catalogue="all")).facts["warm_only"]
    assert (warm["n_users"], warm["recall@1"]) == (2, 1)


def test_a_sample_of_users_has_all_of_their_lists():
    data = split(TEST)
    whole = evaluate(BySky(TABLE), data, rules())
    part = evaluate(BySky(TABLE), data, rules(users=1))
    (user,) = part.per_user["user"]
    place = whole.per_user["user"].tolist().index(user)
    assert part.facts["n_users_evaluated"] == 1
    assert part.per_user["recall@1"].tolist() == [whole.per_user["recall@1"][place]]
