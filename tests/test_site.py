"""The documentation site: built without a warning, whole, and without a link that leads nowhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from rexp.__main__ import VERBS
from rexp.plugins import registry
from rexp.plugins.code_version import OWN

ROOT = Path(__file__).parents[1]


class Page(HTMLParser):
    """What a page names and links to.

    Args:
        text: of the page.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids |= {value for key in ("id", "name") if (value := found.get(key))}
        target = found.get("href") or found.get("src") or ""
        (self.links if tag == "a" else self.loaded).append(target)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-b", "html", "-c", "docs", "-d", folder / "doctrees"]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ".", folder / "html"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file.resolve(): Page(file.read_text(encoding="utf-8")) for file in site.rglob("*.html")}


def test_every_page_is_there(site: Path) -> None:
    for source in (ROOT / "docs").rglob("*.md"):
        assert (site / source.relative_to(ROOT)).with_suffix(".html").is_file(), source
    assert 'url=docs/index.html"' in (site / "index.html").read_text()


def test_every_link_within_the_site_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    seen = 0
    for file, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            assert target.exists(), (file, link)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, (file, link)
            seen += 1
    assert seen > 1000


def test_a_page_loads_nothing_from_a_network_and_fits_a_phone(pages: dict[Path, Page]) -> None:
    for file, page in pages.items():
        assert [target for target in page.loaded if urlsplit(target).netloc] == [], file
        if file.parent.name == "docs":
            assert 'name="viewport"' in file.read_text(encoding="utf-8"), file


def test_every_metric_stands_there_with_its_formula(site: Path) -> None:
    text = (site / "docs" / "metrics.html").read_text(encoding="utf-8")
    formulas = dict(_sections(text))
    for plugin in registry.plugins("metric"):
        if plugin.distribution == OWN:
            assert re.search(rf"{plugin.name}(@k)?\s*=", formulas[plugin.name]), plugin.name


def _sections(text: str) -> Iterator[tuple[str, str]]:
    """Names of the sections of a page, and what is in their ``code``, as text."""
    for name, content in re.findall(r"<h3>([\w]+)<.*?</h3>(.*?)</section>", text, re.S):
        codes = re.findall(r"<code.*?</code>", content, re.S)
        yield name, unescape(" ".join(re.sub(r"<[^>]*>", "", code) for code in codes))


def test_every_verb_and_its_options_stand_there(site: Path) -> None:
    text = re.sub(r"<[^>]*>", "", (site / "docs" / "reference" / "commands.html").read_text(encoding="utf-8"))
    for verb in VERBS:
        assert f"rexp {verb}" in text
    assert {"--deep", "--frontier FILE", "--trials N", "--strict"} <= set(re.findall(r"--[a-z-]+(?: [A-Z]+\b)?", text))


def test_every_built_in_plugin_but_metrics_stands_there(site: Path) -> None:
    text = (site / "docs" / "reference" / "plugins.html").read_text(encoding="utf-8")
    names = set(re.findall(r"<td><p><code[^>]*><span class=\"pre\">([\w-]+)</span></code></p></td>", text))
    assert names == {p.name for p in registry.plugins() if p.distribution == OWN and p.kind != "metric"}
