"""Classes that break the contract, one fault each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Options:
    """No options."""


class NewAPI:
    Config = Options
    rexp_api = (99, 0)

    def capabilities(self) -> frozenset[str]:
        return frozenset()

    def score(self, query: object, items: object) -> object:
        return items


class OddAPI(NewAPI):
    rexp_api = "1.0"


class NoConfig:
    def capabilities(self) -> frozenset[str]:
        return frozenset()

    def score(self, query: object, items: object) -> object:
        return items


class NoScore:
    Config = Options

    def capabilities(self) -> frozenset[str]:
        return frozenset()


class MSE:
    """Sound in itself, but its name is taken."""

    Config = Options

    def __call__(self, scores: object, batch: object) -> object:
        return scores
