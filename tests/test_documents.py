"""What is checked in beside the code: the deployment files and docs/openapi.json."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from chatapp_code.settings import _SETTINGS
from tests import openapi
from tests.function_under_test import FunctionUnderTest

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"
FC3_SCHEMA = SHARED / "fc3-schema.json"
ROS_PROPERTIES = SHARED / "ros-properties.json"


def s_yaml() -> dict[str, Any]:
    """s.yaml with its variables put in."""
    text = (ROOT / "s.yaml").read_text()
    variables = yaml.safe_load(text)["vars"]
    text = re.sub(r"\$\{vars\.(\w+)\}", lambda found: str(variables[found[1]]), text)
    content: dict[str, Any] = yaml.safe_load(text)
    return content


def queue_trigger() -> dict[str, Any]:
    """The trigger that s.yaml has commented out."""
    text = (ROOT / "s.yaml").read_text()
    lines = text[text.index("# - triggerName: queue") :].splitlines()
    content = yaml.safe_load("\n".join(line.strip()[2:] for line in lines))
    trigger: dict[str, Any] = content[0]
    return trigger


def function_props() -> dict[str, Any]:
    props: dict[str, Any] = s_yaml()["resources"]["verify_code"]["props"]
    return props


def template() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((ROOT / "template.yml").read_text())
    return content


def test_openapi_is_what_the_models_say() -> None:
    """docs/openapi.json is what `make openapi` writes."""
    assert (ROOT / "docs" / "openapi.json").read_text() == openapi.text()


def test_answers_are_as_openapi_says(function: FunctionUnderTest) -> None:
    """Real answers, and the examples, fit the published schema."""
    document = openapi.document()
    schema = {"$ref": "#/components/schemas/VerifyCodeResult", **document}
    answers = [function.post().result, function.post({}).result, function.post(b"x").result]
    for status, response in document["paths"]["/"]["post"]["responses"].items():
        if status == "default":
            continue
        examples = response["content"]["application/json"]["examples"]
        answers += [example["value"] for example in examples.values()]
    for answer in answers:
        jsonschema.Draft202012Validator(schema).validate(answer)


@pytest.mark.skipif(not FC3_SCHEMA.exists(), reason="the component's schema isn't here")
def test_s_yaml_fits_the_components_schema() -> None:
    """s.yaml is what the fc3 component takes, its HTTP trigger too."""
    schema = json.loads(FC3_SCHEMA.read_text())
    jsonschema.validate(function_props(), schema)
    assert function_props().keys() <= schema["properties"].keys()
    trigger = function_props()["triggers"][0]["triggerConfig"]
    jsonschema.Draft7Validator(schema["definitions"]["IHttpTriggerConfig"]).validate(trigger)
    queue = queue_trigger()["triggerConfig"]
    jsonschema.Draft7Validator(schema["definitions"]["IEventBridge"]).validate(queue)


@pytest.mark.skipif(not ROS_PROPERTIES.exists(), reason="the property tables aren't here")
def test_template_has_known_properties() -> None:
    """Each resource of template.yml has the properties that it must have, and no unknown ones."""
    known = json.loads(ROS_PROPERTIES.read_text())
    for resource in template()["Resources"].values():
        properties = known[resource["Type"]]["properties"]
        required = {name for name, content in properties.items() if content["required"]}
        assert required <= resource["Properties"].keys() <= properties.keys()


def test_both_deployments_are_alike() -> None:
    """s.yaml and template.yml deploy one function, one cap, for callers who sign."""
    props, resources = function_props(), template()["Resources"]
    function = resources["Function"]["Properties"]
    assert props["functionName"] == function["FunctionName"]
    assert props["handler"] == function["Handler"] == "index.handler"
    assert props["timeout"] == function["Timeout"] == 20
    assert (props["cpu"], props["memorySize"]) == (function["Cpu"], function["MemorySize"])
    initializer = props["instanceLifecycleConfig"]["initializer"]
    assert initializer["handler"] == "index.initialize"
    assert initializer["handler"] == function["InstanceLifecycleConfig"]["Initializer"]["Handler"]
    assert props["environmentVariables"].keys() == function["EnvironmentVariables"].keys()
    assert (
        props["triggers"][0]["triggerConfig"]
        == (resources["HttpTrigger"]["Properties"]["TriggerConfig"])
    )


def test_the_cap_is_one_figure() -> None:
    """In each file one variable is the platform's cap and the function's own setting."""
    assert (ROOT / "s.yaml").read_text().count("${vars.reservedConcurrency}") == 2
    resources = template()["Resources"]
    in_function = resources["Function"]["Properties"]["EnvironmentVariables"]
    cap = resources["Concurrency"]["Properties"]["ReservedConcurrency"]
    assert in_function["RESERVED_CONCURRENCY"] == cap == {"Ref": "ReservedConcurrency"}
    in_s_yaml = s_yaml()["vars"]["reservedConcurrency"]
    assert in_s_yaml == template()["Parameters"]["ReservedConcurrency"]["Default"] == 9


def test_a_queue_delivers_one_message_at_a_time() -> None:
    """What fails comes again alone, and ends in a dead-letter queue."""
    options = queue_trigger()["triggerConfig"]["runOptions"]
    assert options["batchWindow"]["CountBasedWindow"] == 1
    assert options["deadLetterQueue"]["Arn"]
    assert options["errorsTolerance"] == "ALL"


def test_readme_names_every_setting() -> None:
    """The README's table has each setting that the function reads."""
    readme = (ROOT / "README.md").read_text()
    for name in _SETTINGS:
        assert f"`{name}`" in readme, name
