#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What must hold of every measurement of churn, whatever the policies are worth.

Usage: test_churn.py FACET_BENCH
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

BENCH = os.path.abspath(sys.argv[1])
SMALL = ["--gpus", "30", "--window", "4", "--seeds", "1-2"]
MODES = ["equal-80", "mixed-80", "mixed-80-even", "mig-80"]


def run(*arguments):
    return subprocess.run([BENCH, *arguments], capture_output=True, text=True, timeout=100,
                          check=False)


def cells(*arguments):
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def requests(folder, *milli):
    """A request list, each of MILLI once, with lifetimes of 10 to 10 times their number."""
    name = os.path.join(folder, "requests.csv")
    with open(name, "w", encoding="ascii") as file:
        file.write("name,num_gpu,gpu_milli,creation_time,deletion_time\n")
        for i, size in enumerate(milli):
            file.write(f"r{i},1,{size},0,{10 * (i + 1)}\n")
    return name


class Churn(unittest.TestCase):
    def test_the_same_seeds_give_the_same_lines(self):
        self.assertEqual(run("churn", *SMALL).stdout, run("churn", *SMALL).stdout)

    def test_each_mode_is_measured_with_each_mix_and_load(self):
        lines = cells("churn", *SMALL, "--load", "0.5", "--load", "0.9")
        self.assertEqual([(x["mode"], x["mix"], x["load"]) for x in lines],
                         [(m, x, l) for m in MODES for x in ("inverse", "uniform")
                          for l in (0.5, 0.9)])

    def test_all_policies_see_the_same_requests(self):
        """Whole GPUs leave no choice, so even luck accepts what the ceiling does, exactly."""
        with tempfile.TemporaryDirectory() as folder:
            whole = requests(folder, 900, 950, 999)
            for lifetimes in ([], ["--list-lifetimes"]):
                by_policy = [[{k: v for k, v in x.items() if k != "policy"}
                              for x in cells("churn", whole, *SMALL, *lifetimes, "--mix", "list",
                                             "--load", "1.2", "--policy", policy)]
                             for policy in ("pool", "random", "spread", "fragmentation")]
                self.assertEqual(len(by_policy[0]), len(MODES))
                self.assertLess(by_policy[0][0]["accepted"], 95)
                for lines in by_policy[1:]:
                    self.assertEqual(lines, by_policy[0])

    def test_geometry_only_costs(self):
        """In a large pool: in a small one refusing a large request may pay."""
        large = ["--gpus", "400", "--window", "4", "--seeds", "1-2"]
        ceiling = cells("churn", *large, "--policy", "pool")
        for policy in ("fragmentation", "first-fit"):
            for x, most in zip(cells("churn", *large, "--policy", policy), ceiling):
                self.assertLess(x["accepted"], most["accepted"] + 1, x)
                self.assertGreater(x["accepted"], 50, x)

    def test_what_little_is_asked_for_is_all_given(self):
        for x in cells("churn", *SMALL, "--load", "0.3"):
            self.assertEqual((x["accepted"], x["refused_fragmented"]), (100, 0), x)

    def test_occupied_is_what_was_asked_for_when_all_is_given(self):
        x = cells("churn", "--gpus", "400", "--window", "20", "--seeds", "1-3", "--load", "0.4",
                  "--policy", "pool", "--mode", "mixed-80", "--mix", "inverse")[0]
        self.assertAlmostEqual(x["occupied"], 40, delta=1.5)

    def test_spreading_strands_most_of_what_it_refuses(self):
        x = cells("churn", *SMALL, "--policy", "spread", "--mode", "mixed-80",
                  "--mix", "inverse")[0]
        best = cells("churn", *SMALL, "--mode", "mixed-80", "--mix", "inverse")[0]
        self.assertLess(x["accepted"], best["accepted"] - 5)
        self.assertAlmostEqual(x["accepted"] + x["refused_fragmented"], 100, delta=2)

    def test_moves_make_room_and_are_paid_for(self):
        lines = cells("defrag", *SMALL, "--mode", "mig-80", "--policy", "first-fit")
        self.assertEqual(len(lines), 4)
        for without, moved in zip(lines[::2], lines[1::2]):
            self.assertGreater(moved["moves_per_100"], 0)
            self.assertAlmostEqual(moved["gained"], moved["accepted"] - without["accepted"],
                                   delta=0.011)
            self.assertGreater(moved["gained"], 0)
            self.assertGreaterEqual(moved["moved_gib_per_100"], 9.9 * moved["moves_per_100"])
            self.assertLessEqual(moved["moved_gib_per_100"], 40.1 * moved["moves_per_100"])
            self.assertAlmostEqual(moved["stun_s_per_100"], 1.2 * moved["moved_gib_per_100"],
                                   delta=0.2)

    def test_refuses_what_it_does_not_know(self):
        for wrong, word in ((["--mode", "mixed"], "mixed"), (["--mix", "list"], "list"),
                            (["--load", "-1"], "--load"), (["--policy", "best"], "best"),
                            (["--gpus", "0"], "--gpus"), (["a.csv", "b.csv"], "b.csv"),
                            (["--seeds", "3-1"], "3-1"), (["no-such-file"], "no-such-file")):
            done = run("churn", *wrong)
            self.assertNotEqual(done.returncode, 0, wrong)
            self.assertIn(word, done.stderr)
            self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
