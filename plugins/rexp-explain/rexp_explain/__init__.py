"""Why an item is recommended."""

from rexp_explain.explain import explain, explain_model
from rexp_explain.explanation import Explanation, Reason

__all__ = ["Explanation", "Reason", "explain", "explain_model"]
