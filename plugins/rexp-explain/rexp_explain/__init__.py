"""Why an item is recommended."""

from rexp_explain.explain import explain, explain_model
from rexp_explain.explainer import FieldsAndHistory

__all__ = ["FieldsAndHistory", "explain", "explain_model"]
