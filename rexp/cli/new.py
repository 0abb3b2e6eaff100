"""``rexp new``: a distribution with one plugin, its test and its metadata, to start one's own from."""

from __future__ import annotations

import keyword
import re
from pathlib import Path
from string import Template

from rexp.api import REXP_API
from rexp.cli.new_bodies import BODIES
from rexp.cli.verbs import Arguments
from rexp.errors import ConfigError
from rexp.plugins.registry import KINDS

MODULE = Template('''"""$title of the distribution $dist."""

from __future__ import annotations

$imports


@dataclass(frozen=True)
class ${cls}Config:
    """Options of :class:`$cls`.

    Args:
        $option: $meaning
    """

    $field


class $cls$bases:
    """What it computes, and where that is from."""

    Config: ClassVar[type] = ${cls}Config
    rexp_api: ClassVar[tuple[int, int]] = $api
$code
''')
TEST = Template('''"""The rules of rexp's contracts, tried on what this distribution has."""

from __future__ import annotations

import pytest
from rexp.testing import Case, checks_of


@pytest.mark.parametrize("case", checks_of("$dist"), ids=str)
def test_it_keeps_its_contract(case: Case) -> None:
    case.verify()
''')
PYPROJECT = Template("""[build-system]
requires = ["hatchling>=1.27"]
build-backend = "hatchling.build"

[project]
name = "$dist"
version = "0.1.0"
description = "The $kind $name for rexp."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["rexp-recsys"]

[project.entry-points."$points"]
$name = "$package.$name:$cls"

[tool.hatch.build]
only-include = ["$package"]

[tool.ruff]
line-length = 120
""")
README = Template("""# $dist

The $kind `$name` for rexp.

    pip install -e .
    rexp plugins $name              # what it is, and its options
    rexp plugins --check --deep $name
    pytest
""")


def main(argv: list[str]) -> int:
    """Write the distribution and say what comes next."""
    options = arguments().parse_args(argv)
    dist = options.dist or f"rexp-{options.name.replace('_', '-')}"
    folder = options.into or Path(dist)
    write(options.kind, options.name, dist, folder)
    print(f"{folder} is written; cd there, pip install -e . and pytest")
    return 0


def arguments() -> Arguments:
    """What the verb takes."""
    parser = Arguments(prog="rexp new", description="Write a distribution with one plugin, to start one's own from.")
    parser.add_argument("kind", choices=sorted(BODIES), help="of the plugin")
    parser.add_argument("name", help="of the plugin, as it is chosen in a configuration: letters, digits and _")
    parser.add_argument("--dist", help="name of the distribution (default: rexp-NAME)")
    parser.add_argument("--into", type=Path, help="folder, which must not be there (default: the distribution's name)")
    return parser


def write(kind: str, name: str, dist: str, folder: Path) -> None:
    """Write a distribution.

    Args:
        kind, name: of its plugin.
        dist: its own name.
        folder: is made.

    Raises:
        ConfigError: a name that cannot be one, or a folder that is there or cannot be written.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*(?<!_)", name):
        raise ConfigError(
            f"'{name}' is no name for a plugin; take small letters, digits and _, a letter first and no _ at the end"
        )
    if (cls := _class_name(name)) in keyword.kwlist or re.search(rf"\b{cls}\b", BODIES[kind].imports):
        raise ConfigError(f"a plugin '{name}' would be the class {cls}, which has another meaning; take another name")
    if not re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", dist):
        raise ConfigError(f"'{dist}' is no name for a distribution; take small letters, digits and -, a letter first")
    if folder.exists():
        raise ConfigError(f"{folder} is there already; name another folder with --into")
    try:
        for path, text in _files(kind, name, dist).items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}); name another folder with --into") from error


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _files(kind: str, name: str, dist: str) -> dict[str, str]:
    """Contents by path."""
    body, cls, package = BODIES[kind], _class_name(name), dist.replace("-", "_")
    field, meaning = body.option
    names = {"kind": kind, "name": name, "dist": dist, "cls": cls, "package": package}
    module = {
        "title": f"The {kind} {name}",
        "imports": body.imports,
        "option": field.partition(":")[0],
        "meaning": meaning,
        "field": field,
        "bases": body.bases,
        "api": str(REXP_API),
        # ruff wants a line between what is stated and a method
        "code": "\n" * body.code.startswith("    def") + body.code.replace("$cls", cls),
    }
    return {
        "pyproject.toml": PYPROJECT.substitute(names, points=KINDS[kind].entry_points),
        "README.md": README.substitute(names),
        f"{package}/__init__.py": f'"""The {kind} {name} for rexp."""\n',
        f"{package}/{name}.py": MODULE.substitute(names, **module),
        f"tests/test_{name}.py": TEST.substitute(names),
    }
