#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what `facetd --openapi` prints against the rules of OpenAPI 3.1 (openapi_rules.json).

Usage: validate_openapi.py FACETD        exit 77: there is no JSON Schema validator here
"""
import copy
import json
import pathlib
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("SKIP: python3-jsonschema is not installed")
    sys.exit(77)

rules = json.loads((pathlib.Path(__file__).parent / "openapi_rules.json").read_text())
validator = jsonschema.Draft202012Validator(rules)


def errors(document):
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:200]}"
            for e in validator.iter_errors(document)]


def unresolved(node, document):
    """References that lead nowhere, and parameters of a path that nobody declares."""
    if isinstance(node, dict):
        target = node.get("$ref")
        if isinstance(target, str):
            found = document
            for part in target.removeprefix("#/").split("/"):
                found = found.get(part) if isinstance(found, dict) else None
            if found is None:
                yield target
        for value in node.values():
            yield from unresolved(value, document)
    elif isinstance(node, list):
        for value in node:
            yield from unresolved(value, document)


document = json.loads(subprocess.run([sys.argv[1], "--openapi"], check=True, timeout=20,
                                     stdout=subprocess.PIPE).stdout)
found = errors(document) + list(unresolved(document, document))
if found:
    sys.exit("\n".join(found))

# A validator that takes anything proves nothing.
start = ("paths", "/v1/vms/{vm}/start", "post")


def broken(change):
    spoilt = copy.deepcopy(document)
    operation = spoilt
    for key in start:
        operation = operation[key]
    change(operation)
    return errors(spoilt)


assert broken(lambda o: o.pop("responses")), "an operation without responses passed"
assert broken(lambda o: o.update(responses={"2000": {"description": "?"}})), "status 2000 passed"
assert broken(lambda o: o.update(parameters=[{"name": "vm", "in": "nowhere", "schema": {}}])), \
    "a parameter that is nowhere passed"
assert list(unresolved({"$ref": "#/components/schemas/nothing"}, document)), \
    "a dead reference passed"
print(f"{len(document['paths'])} paths, OpenAPI {document['openapi']}: valid")
