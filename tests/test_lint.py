"""The linters, the type checker and the import contracts as tests, and the rules of the house that no linter knows."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SIDES = ("shared", "ingest", "serve", "deploy")
MODULE_LINES = 300
FUNCTION_LINES = 40

# Written with brackets so that this file doesn't hold what it looks for.
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.-])/wor[k]/|(?<![\w.-])/roo[t]/|\.\./share[d]\b|pypi\.or[g]|files\.pythonhosted\.or[g]|registry\.npmjs\.or[g]"
)
DATA_OF_OTHERS = ("deploy/demo/data/", "tests/deploy/schemas/")
"""Not ours to write; what stands in them was said by others."""


def run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{Path(command[0]).name} {' '.join(command[1:])}\n{done.stdout}{done.stderr}", pytrace=False)


def project_files() -> list[Path]:
    """Every file that is in git or would be: nothing that git ignores."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    names = [name for name in done.stdout.decode().split("\0") if name]
    return [path for name in sorted(set(names)) if (path := ROOT / name).is_file()]


def modules() -> list[Path]:
    return [path for side in SIDES for path in sorted((ROOT / side).rglob("*.py"))]


@pytest.mark.parametrize("arguments", [("check",), ("format", "--check")], ids=" ".join)
def test_ruff_finds_nothing(arguments: tuple[str, ...]) -> None:
    run(str(BIN / "ruff"), *arguments, ".")


@pytest.mark.timeout(300)
def test_every_type_fits() -> None:
    run(str(BIN / "mypy"))


@pytest.mark.timeout(120)
def test_imports_keep_the_contracts_between_the_sides() -> None:
    run(str(BIN / "lint-imports"))


def test_a_module_can_be_read_in_one_go() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in modules()}

    assert {name: lines for name, lines in lengths.items() if lines >= MODULE_LINES} == {}


def test_a_function_fits_on_a_screen() -> None:
    long = {}
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines >= FUNCTION_LINES:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = lines

    assert long == {}


def test_a_module_opens_with_its_idea() -> None:
    silent = [path for path in modules() if path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))]

    assert silent == []


def test_no_module_is_named_for_what_it_is_not() -> None:
    vague = re.compile(r"(utils?|helpers?|misc|common)(\.\w+)?")
    names = [path.relative_to(ROOT) for path in project_files()]

    assert [str(name) for name in names if any(vague.fullmatch(part) for part in name.parts)] == []


def test_nothing_names_a_path_of_one_machine_or_a_package_registry() -> None:
    found = []
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(DATA_OF_OTHERS):
            text = path.read_bytes().decode("utf-8", "replace")
            found += [f"{name}: {match[0]}" for match in OF_ONE_MACHINE.finditer(text)]

    assert found == []
