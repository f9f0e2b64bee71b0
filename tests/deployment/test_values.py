"""What `make deploy` does before it asks the cloud, and the plugin that publishes the layer."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

import deploy
from deploying.names import FUNCTIONS
from deploying.resources import Resources
from deploying.role import VPC_STATEMENT
from deploying.tools import StepFailed
from deploying.values import complete_values, read_values
from layers import build
from tests.deployment import rendering
from tests.deployment.checks import check_s_yaml
from tests.deployment.rendering import ROOT
from verify_code.settings import SettingsError, load

GIVEN = {"CUST_SPACE_IDS": "cams-one,cams-two", "ALLOWED_COUNTRIES": "SG,ID"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder that is the current one, with the values that only a user knows."""
    old_mask = os.umask(0o077)
    monkeypatch.chdir(tmp_path)
    for name, value in {**GIVEN, "STORE_URL": "memory://"}.items():
        monkeypatch.setenv(name, value)
    for name in (
        "JWKS",
        "STORE_SECRET",
        "RUNTIME",
        "REGION",
        "TEST_NUMBERS",
        "OPERATIONS",
        "ALARM_EMAIL",
    ):
        monkeypatch.delenv(name, raising=False)
    yield tmp_path
    os.umask(old_mask)


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("store_url", ["memory://", "rediss://user:word@host:6380/0"])
def test_the_values_deploy(folder: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> None:
    """The values that are made fit s.yaml, stay as they are in a second run, and are secret."""
    monkeypatch.setenv("STORE_URL", store_url)
    values = complete_values()
    check_s_yaml(rendering.s_yaml(), **values)
    assert complete_values() == values == read_values()
    assert [mode(folder / name) for name in (".env", "private.pem")] == [0o600, 0o600]
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".env", "*.pem"} <= set(ignored)


@pytest.mark.parametrize(
    ("name", "value"), [("TEST_NUMBERS", ""), ("OPERATIONS", "send"), ("ALARM_EMAIL", "")]
)
def test_a_new_value_is_added_to_an_old_file(folder: Path, name: str, value: str) -> None:
    """What an older .env lacks is added to it; what it has stays."""
    complete_values()
    text = (folder / ".env").read_text()
    (folder / ".env").write_text(re.sub(rf"(?m)^{name}=.*\n", "", text))
    (folder / ".env").chmod(0o600)
    assert complete_values()[name] == value
    assert sorted((folder / ".env").read_text().splitlines()) == sorted(text.splitlines())


@pytest.mark.parametrize(
    ("before", "after", "calls"),
    [("memory://", "redis://host", "9"), ("redis://host", "memory://", "5")],
)
def test_another_store_brings_its_figures(
    folder: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, calls: str
) -> None:
    """Who changes STORE_URL in .env gets the figures of the new choice, unless they are his own."""
    monkeypatch.setenv("STORE_URL", before)
    complete_values()
    text = (folder / ".env").read_text()
    (folder / ".env").write_text(text.replace(before, after))
    assert complete_values()["HTTP_CALLS_PER_SECOND"] == calls
    assert complete_values() == read_values()
    assert len((folder / ".env").read_text().splitlines()) == len(text.splitlines())


def test_a_file_as_users_write_it(folder: Path) -> None:
    """Blanks, quotes, comments and a mode of its own: no value is made anew, and it gets secret."""
    secret = "0123456789abcdef" * 4
    text = f'# one = 1\n# one = 2\n\n STORE_SECRET = {secret} \nexport STORE_URL="memory:// "\n'
    (folder / ".env").write_text(text)
    (folder / ".env").chmod(0o644)
    values = complete_values()
    assert (values["STORE_SECRET"], values["HTTP_INSTANCES"]) == (secret, "1")
    assert values == read_values()
    assert (folder / ".env").read_text().startswith("# one = 1\n# one = 2\n\n STORE_SECRET = ")
    assert mode(folder / ".env") == 0o600
    (folder / ".env").write_text("STORE_SECRET: x\n")
    with pytest.raises(StepFailed, match="a line that is not NAME='value'"):
        complete_values()


def test_own_figures_stay(folder: Path) -> None:
    """Figures that a user wrote are left alone, whatever the store."""
    complete_values()
    text = (folder / ".env").read_text()
    text = text.replace("HTTP_CALLS_PER_SECOND='5'", "HTTP_CALLS_PER_SECOND='3'")
    (folder / ".env").write_text(text.replace("memory://", "redis://host"))
    assert complete_values()["HTTP_CALLS_PER_SECOND"] == "3"


@pytest.mark.parametrize("caller", ["shop-17", None])
def test_a_token_fits_the_key_set(
    folder: Path, caller: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """The token that is printed is verified by the key set; its caller may be left out."""
    assert deploy.main(["token"]) == 1  # it makes no values
    assert not (folder / ".env").exists()
    complete_values()
    capsys.readouterr()
    assert deploy.main(["token", *([caller] if caller else [])]) == 0
    (token,) = capsys.readouterr().out.splitlines()
    (key,) = json.loads(read_values()["JWKS"])["keys"]
    exponent, modulus = (int.from_bytes(decoded(key[name]), "big") for name in "en")
    signed, _, signature = token.rpartition(".")
    public_key = RSAPublicNumbers(exponent, modulus).public_key()
    public_key.verify(decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    header, claims = (json.loads(decoded(part)) for part in signed.split("."))
    assert header == {"alg": key["alg"], "typ": "JWT", "kid": key["kid"]}
    who = {"sub": caller} if caller else {}
    assert claims == {**who, "cust_space_id": "cams-one", "exp": claims["exp"]}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"CUST_SPACE_IDS": ""}, "CUST_SPACE_IDS is missing."),
        ({"ALLOWED_COUNTRIES": "Singapore"}, "ALLOWED_COUNTRIES"),
        ({"STORE_URL": "http://host"}, "STORE_URL"),
        ({"STORE_URL": "redis://:it's@host"}, "STORE_URL must be one line without ' and $"),
        ({"STORE_URL": "redis://:a$b@host"}, "STORE_URL must be one line without ' and $"),
        ({"HTTP_CALLS_PER_SECOND": "9"}, "add up to at most 9"),
        ({"HTTP_INSTANCES": "many"}, "RESERVED_CONCURRENCY"),
        ({"ALARM_EMAIL": "a@example.com,b@example.com"}, "ALARM_EMAIL must be one e-mail address"),
    ],
)
def test_a_wrong_value_is_a_sentence(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    wrong: dict[str, str],
    said: str,
) -> None:
    """It names the value and shows no secret, and nothing is written."""
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    assert deploy.main(["values"]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "it's@" not in told
    assert "a$b" not in told
    assert not (folder / ".env").exists()


def test_operations_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the environment are written at first; later .env is what counts."""
    monkeypatch.setenv("OPERATIONS", "send,status")
    assert complete_values()["OPERATIONS"] == "send,status"
    monkeypatch.setenv("OPERATIONS", "send,status,verify")
    assert complete_values()["OPERATIONS"] == "send,status"
    check_s_yaml(rendering.s_yaml(), **read_values())


def test_a_wrong_operation_is_refused_in_the_functions_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The function reads OPERATIONS before anything is created, and its sentence is shown."""
    monkeypatch.setenv("OPERATIONS", "send,delete")
    with pytest.raises(SettingsError) as refused:
        load(os.environ, 20)
    assert "OPERATIONS" in str(refused.value)
    assert deploy.main(["deploy"]) == 1
    told = capsys.readouterr()
    assert str(refused.value) in told.err
    assert "Nothing was changed." in told.err
    assert "1/10" not in told.out
    assert not (folder / ".env").exists()


def test_a_missing_tool_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without aliyun, or without openssl, a sentence says what to install."""
    monkeypatch.setenv("PATH", str(folder))
    assert deploy.main(["values"]) == 1
    assert "openssl is not here: install openssl" in capsys.readouterr().err
    monkeypatch.setenv("JWKS", '{"keys": [{"kid": "1"}]}')
    assert deploy.main(["deploy"]) == 1
    told = capsys.readouterr()
    assert "aliyun is not here: install the Alibaba Cloud CLI" in told.err
    assert told.out.splitlines()[-1].startswith("1/10 account: ")


@pytest.mark.parametrize(
    ("idle", "calls_of_the_idle", "used"),
    [
        ("EVENT", "0", "HTTP"),
        ("EVENT", "4", "HTTP"),
        ("EVENT", "", "HTTP"),
        ("HTTP", "", "EVENT"),
    ],
)
def test_a_function_that_never_runs_leaves_its_calls_to_the_other(
    folder: Path, idle: str, calls_of_the_idle: str, used: str
) -> None:
    """With 0 instances of one function, the other may have all 9 calls a second in memory,
    whatever stands for the calls of the first."""
    complete_values()
    text = (folder / ".env").read_text()
    for name, value in (
        (f"{idle}_INSTANCES", "0"),
        (f"{idle}_CALLS_PER_SECOND", calls_of_the_idle),
        (f"{used}_CALLS_PER_SECOND", "9"),
    ):
        text = re.sub(rf"(?m)^{name}=.*", f"{name}='{value}'", text)
    (folder / ".env").write_text(text)
    assert complete_values()[f"{used}_CALLS_PER_SECOND"] == "9"


def test_undeploying_needs_the_values(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is no .env nothing is made up, and nothing removed."""
    assert deploy.main(["undeploy"]) == 1
    assert "There is no .env here" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_only_is_one_of_the_two(capsys: pytest.CaptureFixture[str]) -> None:
    """Another word than http or events deploys nothing and says what to write."""
    assert deploy.main(["deploy", "htp"]) == 2
    assert "make deploy ONLY=http" in capsys.readouterr().out


def test_the_vpc_lets_the_role_do_what_the_stacks_role_may() -> None:
    """With a VPC the role of `make deploy` gets the statement of template.yml."""
    resources = rendering.rendered_template(rendering.template(), VpcId="vpc-1")
    policies = resources["Role"]["Properties"]["Policies"]
    assert policies[1]["PolicyDocument"]["Statement"] == [VPC_STATEMENT]


def test_queues_and_log_keep_what_the_stacks_keep() -> None:
    """Messages and lines are kept as long as those of template.yml."""
    document = rendering.template()
    queues = Resources({"REGION": "x"}, FUNCTIONS).queues
    for name in ("Requests", "DeadLetters"):
        queue = dict(document["Resources"][name]["Properties"])
        options = queues[queue.pop("QueueName")]
        assert options == tuple(word for key in queue for word in (f"--{key}", str(queue[key])))
    days = document["Parameters"]["LogDays"]["Default"]
    assert f'"--ttl", "{days}"' in (ROOT / "deploying/resources.py").read_text()


ARN = "acs:fc:ap-southeast-1:1234567890123456:layers/chatapp-verify-code/versions/7"
MASKED = ARN.replace("1234567890123456", "123**********456")
WRITES = f"""
require('fs').writeFileSync(process.argv[process.argv.indexOf('--output-file') + 1],
  JSON.stringify({{layerVersionArn: '{ARN}'}}));
"""


@pytest.mark.skipif(not shutil.which("node"), reason="there is no node here")
@pytest.mark.parametrize(
    ("script", "layers", "said"),
    [
        (f"console.log('layerVersionArn: {MASKED}');{WRITES}", [ARN], ""),
        (f"console.log('layerVersionArn: {MASKED}');", None, "The layer was not published."),
        ("console.log('Error Message: AccessDenied'); process.exit(101);", None, "AccessDenied"),
    ],
)
def test_the_layer_is_published(
    tmp_path: Path, script: str, layers: list[str] | None, said: str
) -> None:
    """The plugin runs the very `s` that runs it, and gives the function the version that `s` wrote
    into its output file, since what it prints masks the account; what `s` says of a failure is
    told."""
    tool = tmp_path / "s.js"
    tool.write_text(
        f"if (process.argv[2] === 'cli') {{ require('fs').writeFileSync('{tmp_path}/asked', "
        f"process.argv.slice(2).join(' ')); {script} }} else require('{tmp_path}/run.js');"
    )
    (tmp_path / "layer.zip").touch()
    props = {"region": "ap-southeast-1", "timeout": 20}
    inputs = {
        "props": props,
        "yaml": {"path": str(tmp_path / "s.yaml")},
        "resource": {"access": "default"},
    }
    given: dict[str, Any] = {"component": "fc3@0.1.22", "name": "chatapp-verify-code"}
    given |= {"zip": "./layer.zip", "runtime": "python3.10"}
    (tmp_path / "run.js").write_text(
        f"require('{ROOT}/layers/publish.js')({json.dumps(inputs)}, {json.dumps(given)}).then("
        "(outputs) => console.log(JSON.stringify(outputs.props)), (error) => {"
        "console.log(error.message); process.exitCode = 1; });"
    )
    environment = os.environ | {"PATH": "/nowhere"}
    node = str(shutil.which("node"))
    ended = subprocess.run(
        [node, str(tool)], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    assert (ended.returncode == 0) == (layers is not None), ended.stdout
    assert said in ended.stdout
    if layers:
        assert json.loads(ended.stdout) == {**props, "layers": layers}
    asked = (tmp_path / "asked").read_text()
    assert asked.startswith("cli fc3@0.1.22 layer publish --layer-name chatapp-verify-code ")


def test_a_release_is_what_the_template_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of a release has both zips of each Python and a template whose default names them;
    a stack's zip has code and libraries side by side, as they are deployed."""
    for name, files in {
        "function.zip": ["index.py", "verify_code/__init__.py"],
        "python3.10.zip": ["python/redis/__init__.py"],
        "python3.12.zip": ["python/redis/__init__.py"],
    }.items():
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for file in files:
                archive.writestr(file, file)
    monkeypatch.setattr(build, "DIST", tmp_path)
    made = [path.name for path in build.release("1.2.3")]
    stacks = [f"chatapp-verify-code-1.2.3-python{version}.zip" for version in ("3.10", "3.12")]
    zips = ["function.zip", "python3.10.zip", "python3.12.zip", *stacks]
    assert sorted(made) == sorted([*zips, "template.yml"])
    with zipfile.ZipFile(tmp_path / "release" / stacks[0]) as stack:
        assert stack.namelist() == ["index.py", "verify_code/__init__.py", "redis/__init__.py"]
    import yaml

    template = yaml.safe_load((tmp_path / "release" / "template.yml").read_text())
    assert template["Parameters"]["CodeVersion"]["Default"] == "1.2.3"
    function = rendering.rendered_template(template)["HttpFunction"]["Properties"]
    assert function["Code"]["OssObjectName"] == stacks[0]


def test_the_template_names_this_version() -> None:
    """The default of CodeVersion is the package's version."""
    parameter = rendering.template()["Parameters"]["CodeVersion"]
    assert parameter["Default"] == build.own_version()


def test_the_versions_of_the_tools_agree() -> None:
    """Serverless Devs has one version in the Makefile, the tools and the page."""
    pinned = re.findall(r"@serverless-devs/s@[\d.]+", (ROOT / "Makefile").read_text())
    for name in ("deploying/tools.py", "docs/deploying.md"):
        assert set(re.findall(r"@serverless-devs/s@[\d.]+", (ROOT / name).read_text())) == set(
            pinned
        )
    assert sys.version_info >= (3, 10)
