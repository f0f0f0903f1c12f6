#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""test_ceiling - what no policy can pass, where it can be said by head, and on the public trace.

    test_ceiling.py FACET-BENCH TRACES

Skipped where the program cbc, which solves the linear programs, is not installed.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

BENCH, TRACES = sys.argv[1:3]
NODES = "sn,cpu_milli,memory_mib,gpu,model\n"
REQUESTS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n"


def run(nodes, requests, *options, **env):
    return subprocess.run([BENCH, "ceiling", nodes, requests, *options], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False,
                          env={**os.environ, **env})


def ceiling(nodes, requests, arrivals):
    """The ceiling in percent, where each line is a node or a request without its name."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, head, lines in (("nodes", NODES, nodes), ("requests", REQUESTS, requests)):
            files.append(os.path.join(folder, name))
            with open(files[-1], "w", encoding="utf-8") as f:
                f.write(head + "".join(f"{name}-{i},{x}\n" for i, x in enumerate(lines)))
        r = run(*files, "--arrivals", str(arrivals), TMPDIR=folder)
        left = sorted(os.listdir(folder))
    if r.returncode != 0 or left != ["nodes", "requests"]:
        raise AssertionError(f"{r.stderr} left {left}")
    return list(json.loads(r.stdout.splitlines()[-1])["mean"].values())[0]


@unittest.skipUnless(shutil.which("cbc"), "cbc is not installed")
class ByHead(unittest.TestCase):
    def test_a_gpu_is_not_cut_into_more_than_it_has(self):
        self.assertEqual(ceiling(["9000,9000,1,A"], ["1,1,1,600,"] * 2, 1.2), 60)

    def test_sizes_that_fill_a_gpu_together_are_found(self):
        self.assertEqual(ceiling(["9000,9000,1,A"] * 3,
                                 ["1,1,1,600,"] * 3 + ["1,1,1,200,"] * 6, 1), 100)
        # A GPU and a half of 600 + 200 + 200; 150 + 150 is all that fits beside the other 600.
        self.assertEqual(ceiling(["9000,9000,1,A"] * 3,
                                 ["1,1,1,600,"] * 3 + ["1,1,1,200,"] * 3 + ["1,1,1,150,"] * 4, 1),
                         95)

    def test_no_more_is_given_than_was_asked_for(self):
        self.assertEqual(ceiling(["9000,9000,2,A"], ["1,1,1,500,"] * 2, 0.5), 50)

    def test_cpus_and_memory_are_limits(self):
        self.assertEqual(ceiling(["4000,9000,1,A"], ["4000,1,1,500,"] * 2, 1), 50)
        self.assertEqual(ceiling(["4000,9000,1,A"], ["1,6000,1,500,"] * 2, 1), 75)

    def test_a_request_is_given_its_model_only(self):
        self.assertEqual(ceiling(["9000,9000,1,A", "9000,9000,3,B"], ["1,1,1,1000,A"] * 4, 1), 25)

    def test_a_request_of_two_gpus_needs_a_node_with_two(self):
        self.assertEqual(ceiling(["9000,9000,1,A"] * 2, ["1,1,2,1000,"], 1), 0)
        self.assertEqual(ceiling(["9000,9000,2,A"], ["1,1,2,1000,"], 1), 100)


@unittest.skipUnless(shutil.which("cbc"), "cbc is not installed")
class Trace(unittest.TestCase):
    def test_is_above_the_best_that_was_published(self):
        """"Beware of Fragmentation" (USENIX ATC'23) reached 95.23 % when 100 % were asked for."""
        r = run(os.path.join(TRACES, "openb_node_list_gpu_node.csv.gz"),
                os.path.join(TRACES, "openb_pod_list_default.csv.gz"), "--arrivals", "1")
        self.assertEqual(r.returncode, 0, r.stderr)
        mean = json.loads(r.stdout.splitlines()[-1])["mean"]
        self.assertAlmostEqual(mean["100"], 96.90, delta=0.02)


class Words(unittest.TestCase):
    def test_a_missing_cbc_is_named_with_its_package(self):
        r = run(os.path.join(TRACES, "openb_node_list_gpu_node.csv.gz"),
                os.path.join(TRACES, "openb_pod_list_default.csv.gz"), PATH="/nonexistent")
        self.assertNotEqual(r.returncode, 0)
        self.assertIn("coinor-cbc", r.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
