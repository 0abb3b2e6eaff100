"""Every rexp command that stands in README, documentation or configuration: what is composed, what is run, and why not.

python -m tests.doc_commands      counts them, and lists those that are not run with the reason
"""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rexp.__main__ import VERBS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
YAML = sorted((ROOT / "conf").rglob("*.yaml"))
BEGINS = re.compile(r"(?:\$ )?(?:\w+=\S+ )?(?:python -m )?rexp(?= |$)")

INSTALLED = "its plugin is installed by tests/test_plugin_pages.py or tests/test_readme.py, which run it"
WRITTEN = "it names a file or a run that other commands make"
LAUNCHER = "its launcher is of a package that is not among the extras"
FOREIGN = "its data may not be redistributed, or is the reader's own"
LONG = "it takes more than a minute, also small"
SENDS = "it sends something"
ELSEWHERE = "the tests of its verb, launcher or stages run it"
SHOWS = "it shows a configuration, as composing it does"

SMALL = ("references=[]", "track=none", "train.progress=none")
NOT_INSTALLED = r"\b(biased_mf|top1|head|jsonl|gap_cut|arp|shortened|margin_mse|track=epochs|bias_only|my_loss|rbp)\b"
EMBEDDED = r"^(?!.*\bdata=)|\bdata=(online-retail|movietweetings)\b"
SLOW = r"lightgcn|ncf_large|sasrec|compress=(fitnet|de|ftd|htd)\b|=ftd\b|compress_grid"


@dataclass(frozen=True, order=True)
class Command:
    """A command as a page has it, without its program.

    Args:
        page: where it stands, from the root of the checkout.
        text: its words.
    """

    page: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}: rexp {self.text}"

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)

    @property
    def verb(self) -> str:
        """Empty for a run."""
        return self.words[0] if self.words and self.words[0] in VERBS else ""

    @property
    def settings(self) -> list[str]:
        """KEY=VALUE of a run, and ~KEY."""
        given = [word for word in self.words if word.startswith("~") or ("=" in word and not word.startswith("-"))]
        return [] if self.verb else given

    @property
    def not_composed(self) -> str:
        """Why it is not composed, or its verb's arguments not read; empty where it is."""
        if re.search(NOT_INSTALLED, self.text):
            return INSTALLED
        if re.search(r"experiment=(mf_ml-100k|mf_bpr|s)\b", self.text):
            return WRITTEN
        return LAUNCHER if "hydra/launcher=ray" in self.text else ""

    @property
    def not_run(self) -> str:
        """Why it is not run; empty where it is, small: one epoch, the first values of a sweep."""
        if self.not_composed or self.page.startswith("conf/") or "launcher=" in self.text:
            return self.not_composed or ELSEWHERE
        if self.verb:
            return self._verb_not_run
        if re.search(r"--(cfg|info|help|version)|-sc", self.text):
            return SHOWS
        if not re.search(EMBEDDED, self.text) or "experiment=" in self.text:
            return FOREIGN
        if re.search(r"\bRUN\b|\.scores=", self.text):
            return WRITTEN
        return LONG if re.search(SLOW, self.text) else ""

    @property
    def _verb_not_run(self) -> str:
        if self.verb in ("export", "measure") or "--check" in self.text or "--explain" in self.text:
            return ELSEWHERE
        if self.text.startswith(("paper run", "paper record")):
            return LONG if "run" in self.text else WRITTEN
        if "two_stage" in self.text:
            return WRITTEN
        return FOREIGN if self.verb == "tune" else SENDS if "--wandb" in self.text else ""


def commands() -> list[Command]:
    """All of them, each once a page."""
    found = {Command(str(page.relative_to(ROOT)), text) for page, line in _lines() for text in _commands(line)}
    return sorted(found)


def _lines() -> Iterator[tuple[Path, str]]:
    """Lines of blocks of pages, fenced or indented, and of comments of the configuration."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fences = re.findall(r"^```(\S*)[^\n]*\n(.*?)^```$", text, re.M | re.S)
        fenced = [block for language, block in fences if language in ("", "text", "sh", "bash", "console")]
        indented = re.findall(r"^(?: {4}\S.*\n)+", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S), re.M)
        for block in [*fenced, *indented]:
            yield from ((page, line) for line in _whole(block))
    for file in YAML:
        comments = "\n".join(line[1:].strip() for line in file.read_text().splitlines() if line.startswith("#"))
        yield from ((file, line) for line in _whole(comments))


def _whole(text: str) -> list[str]:
    """Lines, those that go on behind a backslash in one."""
    return re.sub(r"\s*\\\n\s*", " ", text).splitlines()


def _commands(line: str) -> Iterator[str]:
    """Commands of a line: without a comment, and without what explains it behind two spaces or more."""
    for part in re.split(r" ; ", re.split(r"\s#\s|\s{2,}(?=\S)", line.strip())[0]):
        if begin := BEGINS.match(part.strip()):
            yield part.strip()[begin.end() :].strip()


def counted(found: list[Command]) -> str:
    """How many are composed and run, and the others by their reasons."""
    composed = [command for command in found if not command.not_composed]
    run = [command for command in found if not command.not_run]
    reasons = Counter(command.not_run for command in found if command.not_run)
    lines = [f"{number:4} not run: {reason}" for reason, number in reasons.most_common()]
    return "\n".join([f"{len(found)} commands: {len(composed)} composed, {len(run)} of them run small", *lines])


def small(command: Command) -> list[str]:
    """A run's words: of a sweep the first values, for one epoch where there are any."""
    settings = [one_value(word, 0) for word in command.settings]
    fits = not {"model=pop", "model=bias"} & set(settings)
    epochs = ["train.max_epochs=1", "compress.finetune.max_epochs=1"] if fits else []
    # Latencies, which some tables ask for, are taken of a model that answers at once.
    latency = "measure.repeats=3" if "model=pop" in settings else "measure.latency=false"
    given = {word.partition("=")[0] for word in settings}
    flags = ["-m"] if "-m" in command.words else []
    return flags + settings + [word for word in (*epochs, *SMALL, latency) if word.partition("=")[0] not in given]


def one_value(word: str, which: int) -> str:
    """One value of a sweep: commas within brackets belong to a value."""
    if word.startswith("~"):
        return word
    key, _, value = word.partition("=")
    choices, depth = [""], 0
    for letter in value:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and not depth:
            choices.append("")
        else:
            choices[-1] += letter
    return f"{key}={choices[which]}"


if __name__ == "__main__":
    everything = commands()
    for command in everything:
        if command.not_run:
            print(f"{command}\n    {command.not_run}")
    print(counted(everything))
