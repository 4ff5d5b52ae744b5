"""The app's package: what `fdk validate` checks holds, and each rule notices its own mistake in a broken copy."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FRONTEND = Path(__file__).parents[2] / "frontend"
PARTS = ("manifest.json", "package.json", "README.md", "app", "config")
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node is not installed: the app's package can't be checked")


def validated(folder: Path, *options: str) -> tuple[int, str]:
    """The exit code of the validation, and what it says."""
    assert NODE is not None
    command = [NODE, str(FRONTEND / "validate.mjs"), *options, str(folder)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert not ran.stderr, ran.stderr
    return ran.returncode, ran.stdout


def test_the_package_is_what_the_platform_takes() -> None:
    """ESLint has a test of its own: `npm run lint`."""
    code, said = validated(FRONTEND, "--no-lint")
    assert (code, said.count("\n")) == (0, 1), said


def changed(name: str, change: Callable[[Any], object]) -> Callable[[Path], object]:
    """A change of a JSON file."""

    def do(folder: Path) -> None:
        document = json.loads((folder / name).read_text("utf-8"))
        change(document)
        (folder / name).write_text(json.dumps(document), "utf-8")

    return do


def manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    return changed("manifest.json", change)


def template(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    return changed("config/requests.json", change)


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    def do(folder: Path) -> None:
        text = (folder / name).read_text("utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), "utf-8")

    return do


def added(name: str, text: str) -> Callable[[Path], object]:
    def do(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(text)

    return do


def gone(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


ICON, PAGE, INSTALL = "app/styles/images/icon.svg", "app/index.html", "config/iparams.html"
CODE = "app/scripts/elements/dom.js"
MISTAKES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no manifest": (gone("manifest.json"), "manifest.json: is missing"),
    "broken JSON": (added("manifest.json", "}"), "manifest.json: can't be read"),
    "old platform": (manifest(lambda m: m.update({"platform-version": "2.3"})), "is not of platform 3.0"),
    "old key": (manifest(lambda m: m.update({"whitelisted-domains": []})), '"whitelisted-domains" is of platform 2.x'),
    "no engines": (manifest(lambda m: m.pop("engines")), "engines.node is no version"),
    "unknown module": (manifest(lambda m: m["modules"].update(support_tickets={})), "support_tickets is no module"),
    "no product": (manifest(lambda m: m["modules"].pop("support_ticket")), "has no product module"),
    "empty block": (manifest(lambda m: m["modules"]["common"].update(events={})), "common.events is empty"),
    "requests of a product": (
        manifest(lambda m: m["modules"]["support_ticket"].update(requests={"x": {}})),
        "support_ticket.requests is in a product module",
    ),
    "unknown location": (
        manifest(lambda m: m["modules"]["support_ticket"]["location"].update(sidebar={"url": "index.html"})),
        "sidebar is no location",
    ),
    "page missing": (gone(PAGE), "ticket_sidebar opens app/index.html, which is not there"),
    "icon missing": (gone(ICON), "is not there"),
    "icon of another size": (replaced(ICON, 'width="64"', 'width="24"'), "is no SVG of 64 × 64"),
    "icon with a script": (replaced(ICON, "</svg>", "<script>x()</script></svg>"), "holds a script or a link"),
    "template not listed": (
        manifest(lambda m: m["modules"]["common"]["requests"].pop("session")),
        "the template session is not listed",
    ),
    "template not there": (
        manifest(lambda m: m["modules"]["common"]["requests"].update(sesion={})),
        "lists sesion, which config/requests.json does not have",
    ),
    "template not used": (template(lambda t: t.update(unused=t["init"])), "unused is used nowhere"),
    "template's name": (template(lambda t: t.update({"a b": t["init"]})), "a b: is no name"),
    "method": (template(lambda t: t["init"]["schema"].update(method="FETCH")), "init: FETCH is no method"),
    "protocol": (template(lambda t: t["init"]["schema"].update(protocol="http")), "init: is not https"),
    "host with a scheme": (
        template(lambda t: t["init"]["schema"].update(host="https://a.example.com")),
        "init: https://a.example.com is no host",
    ),
    "host with a port": (template(lambda t: t["init"]["schema"].update(host="a.example.com:8443")), "is no host"),
    "host that is an address": (template(lambda t: t["init"]["schema"].update(host="10.0.0.1")), "is no host"),
    "path": (template(lambda t: t["init"]["schema"].update(path="init")), "init: the path does not start with /"),
    "unknown field": (template(lambda t: t["init"]["schema"].update(body="x")), "init: schema.body is unknown"),
    "attempts": (template(lambda t: t["init"]["options"].update(maxAttempts=9)), "options.maxAttempts is not 1 to 5"),
    "delay": (template(lambda t: t["init"]["options"].update(retryDelay=50)), "options.retryDelay"),
    "unknown setting": (
        template(lambda t: t["init"]["schema"]["headers"].update(A="<%= iparam.api_keys %>")),
        "iparam.api_keys is no setting",
    ),
    "secret in a path": (
        template(lambda t: t["init"]["schema"].update(path="/init/<%= iparam.api_key %>")),
        "iparam.api_key is secure and stands in path",
    ),
    "host by the page": (
        template(lambda t: t["init"]["schema"].update(host="<%= context.host %>")),
        "init: context.host stands in host",
    ),
    "two kinds of settings": (lambda folder: (folder / "config/iparams.json").write_text("{}"), "and not both"),
    "secret that is not secure": (
        replaced("config/assets/page.js", '{ secure: ["api_key"] }', "{ secure: [] }"),
        "api_key looks like a secret and is not secure",
    ),
    "no validation of settings": (
        replaced("config/assets/iparams.js", "function validate(", "function validated("),
        "validate() is not defined",
    ),
    "no client": (replaced(PAGE, '<script src="{{{appclient}}}"></script>', ""), "does not load the platform's client"),
    "inline script": (replaced(PAGE, "</body>", "<script>1</script></body>"), "has an inline script"),
    "inline style": (replaced(INSTALL, "<main>", '<main style="color:red">'), "has an inline style"),
    "inline handler": (replaced(INSTALL, "<main>", '<main onclick="x()">'), "has an inline handler"),
    "file of a page": (
        replaced(PAGE, "styles/sidebar.css", "styles/side.css"),
        "styles/side.css, which is not there",
    ),
    "foreign script": (
        replaced(PAGE, "</body>", '<script src="https://cdn.example.com/x.js"></script></body>'),
        "names a foreign address: https://cdn.example.com/x.js",
    ),
    "foreign style": (
        added("app/styles/admin.css", "a{background:url(//x.example.com/a.png)}"),
        "names a foreign address",
    ),
    "foreign origin in code": (added(CODE, '\nexport const X = "https://cdn.example.com";'), "names a foreign address"),
    "syntax": (added(CODE, "\nfunction ("), "dom.js: does not parse"),
    "import": (added(CODE, '\nimport "./nowhere.js";'), "imports ./nowhere.js, which is not there"),
    "package": (added(CODE, '\nimport { x } from "lodash";'), "imports lodash"),
    "import of what is built on it": (
        added(CODE, '\nimport { CanvasView } from "../view/canvas_view.js";'),
        "imports scripts/view/canvas_view.js, which is built on it",
    ),
    "import of a page's start": (added("app/admin/cards.js", '\nimport "../scripts/app.js";'), "imports scripts/app"),
    "folder without a place": (added("app/scripts/other/x.js", "export {};"), "is in no order with the others"),
    "eval": (added(CODE, '\neval("1");'), "runs text as code"),
    "alert": (added(CODE, '\nalert("x");'), "opens a browser dialog"),
    "markup": (added(CODE, "\ndocument.body.innerHTML = x;"), "writes markup"),
    "secret": (added(CODE, '\nconst k = "sk-ant-abcdefghijklmnopqrstuvwxyz";'), "holds what looks like a secret"),
    "text without Korean": (
        replaced("app/admin/texts.js", 'ko: "불러오는 중…"', 'ko: ""'),
        "texts.js: loading is missing in Korean",
    ),
    "places of a text": (
        replaced("app/admin/texts.js", "분당 {count}회 / {limit}회", "분당 {count}회"),
        "has other places",
    ),
    "size": (lambda folder: (folder / "app/big.css").write_text("/* */\n" * 180_000), "the package has"),
    "no README": (gone("README.md"), "README.md: is missing"),
}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("package")
    for part in PARTS:
        source = FRONTEND / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    return folder


def test_each_mistake_is_found_and_says_what_to_do(package: Path, tmp_path: Path) -> None:
    """All at once: a process each would take longer than the checks."""
    folders = []
    for index, (_, (mistake, _)) in enumerate(MISTAKES.items()):
        folder = tmp_path / str(index)
        shutil.copytree(package, folder)
        mistake(folder)
        folders.append(str(folder))
    assert NODE is not None
    script = (
        f'import {{ validate }} from "{(FRONTEND / "validate.mjs").as_uri()}";'
        "const all = await Promise.all(process.argv.slice(1).map((folder) => validate(folder, { eslint: false })));"
        "console.log(JSON.stringify(all.map(({ findings }) => findings)));"
    )
    flags = ["--experimental-vm-modules", "--no-warnings", "--input-type=module"]
    command = [NODE, *flags, "--eval", script, *folders]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    clean = {finding["what"] for finding in _findings(package)}
    for name, (_, wanted), findings in zip(MISTAKES, MISTAKES.values(), json.loads(ran.stdout), strict=True):
        told = [f"{finding['file']}: {finding['what']}" for finding in findings if finding["what"] not in clean]
        assert any(wanted in each for each in told), (name, told)
        assert all(finding["remedy"] for finding in findings), name


def _findings(folder: Path) -> list[dict[str, str]]:
    """Of the unbroken copy: what others left behind must not hide what a rule finds."""
    code, said = validated(folder, "--no-lint")
    return [] if code == 0 else [{"what": line.split(": ", 1)[-1]} for line in said.splitlines()[:-1]]


def test_a_finding_names_file_and_remedy_and_the_exit_code_tells(package: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(package, broken)
    (broken / "app/index.html").unlink()
    code, said = validated(broken, "--no-lint")
    assert code == 1
    line = "manifest.json: ticket_sidebar opens app/index.html, which is not there. Name an existing page."
    assert line in said.splitlines()
    assert re.search(r"^\d+ files, \d+ KB, \d+ findings?$", said, re.MULTILINE)


def test_it_can_be_packed_without_the_admin_page(package: Path, tmp_path: Path) -> None:
    """As the README tells those whose key is an admin's: then no agent's browser has what is for admins."""
    lean = tmp_path / "lean"
    shutil.copytree(package, lean)
    shutil.rmtree(lean / "app/admin")
    (lean / "app/admin.html").unlink()
    admins = {"admin_session", "ingest_start", "ingest_progress", "ingest_steer", "settings_read", "settings_save"}
    manifest(lambda m: m["modules"]["common"].pop("location"))(lean)
    manifest(lambda m: [m["modules"]["common"]["requests"].pop(name) for name in admins])(lean)
    template(lambda t: [t.pop(name) for name in admins])(lean)
    code, said = validated(lean, "--no-lint")
    assert code == 0, said
    sent = json.loads((lean / "config/requests.json").read_text("utf-8"))
    assert [name for name, each in sent.items() if each["schema"].get("query") == {"admin": "true"}] == [
        "install_session"
    ]


def test_what_is_no_app_is_said_at_once(tmp_path: Path) -> None:
    assert NODE is not None
    command = [NODE, str(FRONTEND / "validate.mjs"), str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ran.returncode, ran.stderr) == (2, f"{tmp_path} is no app: it has no folder app/\n")
