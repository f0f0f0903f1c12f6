#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what `facetd --openapi` prints with a validator made by others.

Usage: validate_openapi.py FACETD        exit 77: there is no validator here
"""
import json
import subprocess
import sys

try:
    import openapi_spec_validator as validator
except ImportError:
    print("SKIP: python3-openapi-spec-validator is not installed")
    sys.exit(77)

document = json.loads(subprocess.run([sys.argv[1], "--openapi"], check=True, timeout=20,
                                     stdout=subprocess.PIPE).stdout)
check = getattr(validator, "validate", None) or validator.validate_spec
check(document)
broken = json.loads(json.dumps(document))
broken["paths"]["/v1/vms/{vm}/start"]["post"]["parameters"][0]["in"] = "nowhere"
try:
    check(broken)
except Exception:
    print(f"{len(document['paths'])} paths, OpenAPI {document['openapi']}: valid")
else:
    sys.exit("the validator takes a parameter that is nowhere: it proves nothing")
