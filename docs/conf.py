"""Sphinx's configuration of the documentation site; ``scripts/docs`` builds it. Nothing in it asks a network."""

from __future__ import annotations

import sys
from pathlib import Path

import rexp

sys.path.insert(0, str(Path(__file__).with_name("_ext")))

project, author, copyright = "rexp", "the authors of rexp", "the authors of rexp; Apache-2.0"
version = release = rexp.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "notebook_pages", "rexp_docs"]

# The root of the sources is the checkout, so that pages and records link to one another as they lie there.
root_doc = "docs/index"
include_patterns = ["docs/**", "results/**", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = [".*", "build", "dist", "runs", "docs/_*", "docs/python.ipynb"]  # python.md says the same

myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
python_use_unqualified_type_names = True
smartquotes = False  # options begin with two dashes

html_theme = "pydata_sphinx_theme"
html_title = "rexp"
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_toc_level": 2,
}
html_show_sourcelink = False
html_copy_source = False
html_additional_pages = {"index": "to_docs.html"}  # the folder's own address leads to the first page
templates_path = ["_templates"]
