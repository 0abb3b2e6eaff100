"""Lists along one line: views that hold what copies would."""

from __future__ import annotations

import torch

from rexp.nn.sliding import line_of, sliding, with_first


def test_only_views_of_a_line_have_one() -> None:
    line = torch.arange(7)
    lists = sliding(line, 4)
    found = line_of(lists[1:, 1:])
    assert found is not None
    assert found.tolist() == line[2:].tolist()
    assert line_of(lists.contiguous()) is None
    assert line_of(lists.T[:, :0]) is None
    assert line_of(torch.zeros(3, 4, 2)) is None


def test_the_first_column_is_joined_by_a_view_only_where_it_lies_before_the_lists() -> None:
    line = torch.tensor([4, 1, 3, 4, 1])
    lists = sliding(line, 3)[:, 1:]
    for first in (line[:3], torch.tensor([4, 1, 9])):
        joined = with_first(first, lists)
        assert joined.tolist() == torch.cat([first.unsqueeze(1), lists], 1).tolist()
        assert (joined.data_ptr() == line.data_ptr()) == (first.tolist() == [4, 1, 3])
    at_the_start = sliding(line, 3)
    assert with_first(line[:3], at_the_start).tolist() == [[4, 4, 1, 3], [1, 1, 3, 4], [3, 3, 4, 1]]
