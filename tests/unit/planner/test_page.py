#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_page.py FACET SAMPLES - the report of every sample is well-formed, whole, and alone."""
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

FACET, SAMPLES = sys.argv[1:3]
XHTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"


def run(folder, fleet, demand, *more):
    page, picture = os.path.join(folder, "page.html"), os.path.join(folder, "picture.svg")
    r = subprocess.run([FACET, "plan", fleet, demand, "-o", "json", "--html", page, "--picture",
                        picture, *more], stdout=subprocess.PIPE, timeout=60)
    assert r.returncode in (0, 1), r.returncode
    with open(page, encoding="utf-8") as f, open(picture, encoding="utf-8") as g:
        return json.loads(r.stdout), f.read(), g.read(), r.returncode


def check_alone(text):
    """Nothing is fetched and nothing runs."""
    left = re.sub(r'xmlns="http://www\.w3\.org/[0-9a-z/]+"', "", text)
    for word in ("http:", "https:", "<script", "src=", "href=", "url(", "@import", "onload"):
        assert word not in left, word


def check_map(root, plan):
    strips = [r for r in root.iter(SVG + "rect") if r.get("width") == "136"
              and r.get("class") == "gpu"]
    assert len(strips) == plan["fleet"]["gpus"], len(strips)
    assert root.find(f".//{SVG}title") is not None and root.find(f".//{SVG}desc") is not None
    for r in root.iter(SVG + "rect"):
        assert float(r.get("width")) > 0 and float(r.get("x")) >= 0


def check_page(text, plan):
    root = ET.fromstring(text.removeprefix("<!DOCTYPE html>"))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)), ids
    for e in root.iter():
        for name in (e.get("aria-labelledby") or "").split():
            assert name in ids, name
    check_map(root, plan)
    tables = list(root.iter(XHTML + "table"))
    policies = [r[0].text for r in tables[0].find(XHTML + "tbody")]
    assert policies == [p["policy"] for p in plan["policies"]], policies
    gpus = [t for t in tables if t[0][0][1].text == "GPU"][0].find(XHTML + "tbody")
    assert len(gpus) == plan["fleet"]["gpus"], len(gpus)
    check_alone(text)
    return root


def check_sample(folder, name):
    fleet, demand = (os.path.join(SAMPLES, name + end) for end in (".ini", ".csv"))
    plan, page, picture, status = run(folder, fleet, demand)
    assert status == (0 if plan["fits"] else 1)
    check_page(page, plan)
    check_map(ET.fromstring(picture), plan)
    check_alone(picture)
    again = run(folder, fleet, demand)
    assert again == (plan, page, picture, status), "two runs differ"


def check_names(folder):
    """What is written in the files is text on the page, not markup."""
    nasty = '<b x="1">&amp;\'</b>'
    fleet, demand = os.path.join(folder, "f&<.ini"), os.path.join(folder, "d.csv")
    with open(fleet, "w", encoding="utf-8") as f:
        f.write("[host a]\ncount = 2\ngpus = 2 x L40S\n")
    with open(demand, "w", encoding="utf-8") as f:
        f.write('vm,profile,tenant\n"{0}",compute:8,"{0}"\n'.format(nasty.replace('"', '""')))
    plan, page, picture, _ = run(folder, fleet, demand)
    root = check_page(page, plan)
    assert nasty not in page
    assert [c.text for c in root.iter(XHTML + "td")].count(nasty) == 2
    titles = [t.text for t in ET.fromstring(picture).iter(SVG + "title")]
    assert f"8 GiB: {nasty}" in titles, titles


def main():
    samples = sorted(n[:-4] for n in os.listdir(SAMPLES) if n.endswith(".ini"))
    assert len(samples) >= 3, samples
    with tempfile.TemporaryDirectory() as folder:
        for name in samples:
            check_sample(folder, name)
        check_names(folder)
    print(f"{len(samples)} samples")


main()
