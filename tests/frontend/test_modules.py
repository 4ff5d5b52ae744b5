"""The frontend's modules: their own tests in Node, what they may never do, and the words they share with serve."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.run_log import Event

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "frontend" / "app" / "scripts"
DESK = ROOT / "deploy" / "demo" / "desk"
MODULES = sorted([*SCRIPTS.glob("*.js"), *DESK.glob("*.js")])
NODE_TESTS = sorted(Path(__file__).parent.glob("*.test.mjs"))
FORBIDDEN = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|DOMParser|srcdoc"
    r"|\beval\s*\(|new Function|setHTMLUnsafe|javascript:"
)
NODE = shutil.which("node")


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that says its files are modules: older Node asks a package.json for that, the browser does not."""
    folder = tmp_path_factory.mktemp("checkout")
    for part in (SCRIPTS, DESK, Path(__file__).parent):
        shutil.copytree(part, folder / part.relative_to(ROOT))
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


@pytest.mark.skipif(NODE is None, reason="Node is not installed: the frontend's own tests are left out")
@pytest.mark.parametrize("file", NODE_TESTS, ids=lambda path: path.name)
def test_the_modules_pass_their_own_tests(file: Path, checkout: Path) -> None:
    assert NODE is not None
    command = [NODE, "--test", str(checkout / file.relative_to(ROOT))]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_turns_text_into_markup_or_code(module: Path) -> None:
    assert not FORBIDDEN.findall(module.read_text("utf-8"))


@pytest.mark.parametrize("page", [*DESK.glob("*.html")], ids=lambda path: path.name)
def test_pages_have_no_inline_script_or_style(page: Path) -> None:
    html = page.read_text("utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)


@pytest.mark.parametrize("event", [*Event], ids=lambda event: event.value)
def test_the_sidebar_knows_every_event_of_a_run(event: Event) -> None:
    code = "".join((SCRIPTS / name).read_text("utf-8") for name in ("sidebar.js", "stream.js"))
    assert f'"{event.value}"' in code


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_modules_stay_short(module: Path) -> None:
    assert len(module.read_text("utf-8").splitlines()) <= 300
