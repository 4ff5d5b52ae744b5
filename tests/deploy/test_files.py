"""The files of `deploy/` and their neighbours, which no engine runs here: checked by schemas, linters and the code."""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import rich_click as click
import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from deploy.cli import canvas
from tests import documented

ROOT = Path(__file__).parents[2]
SCHEMAS = Path(__file__).parent / "schemas"
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
OURS = ("serve", "ingest", "worker-live", "worker-backfill")
STORES = ("redis", "qdrant")


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
    return found


def workflow() -> dict[str, Any]:
    found: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    # YAML 1.1, which PyYAML speaks, reads the word `on` as true.
    return {"on": found.pop(True), **found}


def schema_errors(name: str, document: Any) -> list[str]:
    schema = json.loads((SCHEMAS / name).read_text("utf-8"))
    validator = validator_for(schema, Draft202012Validator)(schema)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, as (word, arguments), with continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text("utf-8")))
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in text.splitlines() if line.strip()]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(index for index, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def names_of(words: list[str]) -> set[str]:
    return {word.lstrip("#").partition("=")[0] for word in words if re.match(r"#?[A-Z_]+=", word)}


# --- .env.example ---


def test_the_environment_example_is_what_the_settings_say() -> None:
    text = (ROOT / ".env.example").read_text("utf-8")

    assert names_of(text.splitlines()) == {setting.name for setting in documented.all_settings()}
    assert text == documented.env_example(), "write it anew with `python -m tests.deploy.test_files`"


def test_the_environment_example_uncommented_is_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    text = (ROOT / ".env.example").read_text("utf-8")
    file.write_text(re.sub(r"(?m)^#(?=[A-Z_]+=)", "", text), "utf-8")

    for group in documented.GROUPS:
        assert group(_env_file=file) == group(_env_file=None)


# --- compose.yaml ---


def test_compose_is_valid_by_the_compose_specification() -> None:
    assert schema_errors("compose-spec.json", compose()) == []


def test_compose_runs_every_part_and_every_queue_once() -> None:
    commands = [compose()["services"][name]["command"] for name in OURS]

    assert set(compose()["services"]) == {*OURS, *STORES}
    assert [command[0] for command in commands] == ["serve", "ingest", "worker", "worker"]
    queues = [word for command in commands for word in command if word in {"interactive", "live", "backfill"}]
    assert sorted(queues) == ["backfill", "interactive", "live"]


@pytest.mark.parametrize("name", OURS)
def test_our_services_start_with_a_command_and_variables_that_exist(name: str) -> None:
    service = compose()["services"][name]
    known = {setting.name for setting in documented.all_settings()}

    assert isinstance(canvas, click.Group)
    command = canvas.commands[service["command"][0]]
    command.make_context(name, list(service["command"][1:]))  # raises where an option or its value is unknown
    assert set(service["environment"]) <= known
    assert set(re.findall(r"\$\{([A-Z_]+)", yaml.safe_dump(service))) <= known


def test_every_part_wants_the_same_master_key_and_compose_stops_without_one() -> None:
    for name in OURS:
        value = compose()["services"][name]["environment"]["CANVAS_MASTER_KEYS"]
        assert value.startswith("${CANVAS_MASTER_KEYS:?"), f"{name} would start without a key"


@pytest.mark.parametrize("name", [*OURS, *STORES])
def test_a_container_can_do_little_besides_its_work(name: str) -> None:
    service = compose()["services"][name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)
    assert name in OURS or service["user"].split(":")[0] not in {"0", "root"}
    assert "healthcheck" in service or name == "serve"  # serve has the image's


def test_only_serve_and_ingest_are_published_and_on_the_loopback() -> None:
    services = compose()["services"]
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert set(published) == {"serve", "ingest"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert compose()["networks"]["stores"] == {"internal": True}
    assert all(services[name]["networks"] == ["stores"] for name in STORES)


def test_redis_keeps_what_must_not_be_lost() -> None:
    service = compose()["services"]["redis"]
    options = dict(zip(service["command"][1::2], service["command"][2::2], strict=True))

    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"
    assert service["volumes"] == ["redis:/data"]


def test_images_have_versions_and_ours_is_the_projects() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    images = {service["image"] for service in compose()["services"].values()}
    images |= {argument.split()[0] for word, argument in instructions() if word == "FROM"}

    assert f"prompt-canvas:{version}" in images
    assert all(re.fullmatch(r"[a-z/-]+:v?\d[\w.-]*", image) for image in images), images


# --- Dockerfile ---


def test_the_dockerfile_passes_hadolint() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")

    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_runs_canvas_as_a_user_that_is_not_root() -> None:
    stage = last_stage()
    said = dict(stage)

    assert said["USER"].split(":")[0].isdecimal()
    assert said["USER"].split(":")[0] != "0"
    assert [word for word, _ in stage if word in {"USER", "RUN"}] == ["RUN", "USER"], "nothing runs after USER"
    assert json.loads(said["ENTRYPOINT"]) == ["canvas"]
    assert isinstance(canvas, click.Group)
    assert json.loads(said["CMD"])[0] in canvas.commands
    assert said["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(said["VOLUME"]) == ["/data"]


def test_the_image_is_built_from_the_lock_and_ships_no_compiler() -> None:
    build = [
        argument for word, argument in instructions() if word == "RUN" and "pip" in argument and "install" in argument
    ]
    shipped = " ".join(argument for word, argument in last_stage() if word == "RUN")

    assert all("--require-hashes" in command or "--no-index" in command for command in build)
    assert not re.search(r"\b(apt-get|apk|pip|gcc|curl)\b", shipped)
    assert "ADD" not in {word for word, _ in instructions()}


def test_the_images_variables_are_settings() -> None:
    known = {setting.name for setting in documented.all_settings()}
    said = {word for line in instructions() if line[0] == "ENV" for word in shlex.split(line[1])}
    values = dict(word.split("=", 1) for word in said if word.startswith("CANVAS_"))

    assert values == {"CANVAS_HOST": "0.0.0.0", "CANVAS_DATA_DIR": "/data"}
    assert set(values) <= known


def test_what_the_dockerfile_copies_is_there_and_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    copied = [
        source
        for word, argument in instructions()
        if word == "COPY" and "--from" not in argument
        for source in argument.split()[:-1]
    ]

    assert "*" in ignored, "what is not named must not be sent"
    assert {source.split("/")[0] for source in copied} == sent
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_the_images_lock_is_a_part_of_the_developers_lock() -> None:
    shipped, ours = locked(ROOT / "deploy" / "requirements.lock"), locked(ROOT / "requirements.lock")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = {re.split(r"[\[<>=]", line)[0] for line in project["dependencies"]}

    assert shipped.items() <= ours.items(), "run `make lock`"
    assert wanted <= {name for name, _ in shipped}


def locked(file: Path) -> dict[tuple[str, str], frozenset[str]]:
    """Of a lock file: the hashes of each pinned version, by name and version."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for entry in re.split(r"\n(?=\S)", file.read_text("utf-8")):
        pinned = re.match(r"([a-z0-9._-]+)(?:\[[a-z,-]+\])?==([^\s;]+)", entry)
        if pinned:
            found[pinned[1], pinned[2]] = frozenset(re.findall(r"sha256:[0-9a-f]{64}", entry))
            assert found[pinned[1], pinned[2]], f"{pinned[1]} has no hash"
    return found


# --- Hosted CI and the developers' tools ---


def test_the_workflow_is_valid_and_calls_what_anybody_can_call() -> None:
    test = workflow()["jobs"]["test"]

    assert schema_errors("github-workflow.json", workflow()) == []
    assert [step["run"] for step in test["steps"] if "run" in step] == [".ci/run"]
    assert test["strategy"]["matrix"]["python"] == ["3.11", "3.13"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o100, ".ci/run can't be executed"


def test_the_workflow_trusts_little() -> None:
    uses = [step["uses"] for job in workflow()["jobs"].values() for step in job["steps"] if "uses" in step]

    assert workflow()["permissions"] == {"contents": "read"}
    assert all(re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", name) for name in uses)
    assert all("timeout-minutes" in job for job in workflow()["jobs"].values())


def test_the_hooks_before_a_commit_fetch_nothing_and_call_the_projects_tools() -> None:
    repos = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))["repos"]
    hooks = [hook for repo in repos for hook in repo["hooks"]]

    assert [repo["repo"] for repo in repos] == ["local"]
    assert {hook["entry"].split()[0] for hook in hooks} == {
        f".venv/bin/{name}" for name in ("ruff", "mypy", "lint-imports")
    }
    assert {hook["language"] for hook in hooks} == {"system"}


def test_schemas_of_others_keep_their_origin_and_licence() -> None:
    said = (SCHEMAS / "README.md").read_text("utf-8")

    for file in SCHEMAS.glob("*.json"):
        assert f"`{file.name}`" in said
        assert hashlib.sha256(file.read_bytes()).hexdigest() in said
    assert all((SCHEMAS / name).exists() for name in re.findall(r"`(LICENSE\.[a-z-]+)`", said))


if __name__ == "__main__":
    (ROOT / ".env.example").write_text(documented.env_example(), "utf-8")
