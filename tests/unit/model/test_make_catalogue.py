#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A wrong row must end the build and say where: test_make_catalogue.py MAKE-CATALOGUE TYPES.csv"""
import csv
import os
import subprocess
import sys
import tempfile

# column to spoil in the third line, its new value, what the answer must say
WRONG = [
    ("pci_device", "26B9", "column pci_device: must be four lower-case hex digits, is '26B9'"),
    ("architecture", "Fermi", "column architecture: must be one of"),
    ("sr_iov", "yes", "column sr_iov: must be one of y, n, is 'yes'"),
    ("name", "", "column name: must be given"),
    ("name", "x" * 48, "column name: must be at most 47"),
    ("name", 'a"b', "column name: must be at most 47 printable ASCII"),
    ("name", "GRID M10-1A", "column name: 'GRID M10-1A' is also in line 2"),
    ("series", "M", "column series: must be one of A, B, C, Q, is 'M'"),
    ("fb_mib", "01024", "column fb_mib: must be a number"),
    ("fb_mib", "16384", "column fb_mib: 16384 is more than the board has"),
    ("max", "-1", "column max: must be a number from 1 to 64 or empty, is '-1'"),
    ("placements", "0 8 4", "column placements: must be at most 64 ascending ids"),
    ("placements", "0 4", "column placements: 2 ids, but max_mixed is 0"),
    ("mig_backed", "y", "column mig_slices: must be given for MIG-backed types"),
    ("max_resolution", "big", "column max_resolution: must be WIDTHxHEIGHT"),
    ("board", "Tesla M11", "column board: device 13bd, subsystem '1160' is Tesla M10"),
    ("pci_subsystem", "1161", None),  # another board of the same device: line 4 then stands apart
]


def run(tool, rows):
    with tempfile.TemporaryDirectory() as folder:
        table, out = os.path.join(folder, "t.csv"), os.path.join(folder, "t.c")
        with open(table, "w", newline="") as f:
            csv.writer(f, lineterminator="\n").writerows(rows)
        r = subprocess.run([sys.executable, tool, table, out], capture_output=True, text=True,
                           timeout=60)
        return r.returncode, r.stderr, os.path.exists(out)


def main():
    tool, types = sys.argv[1:3]
    with open(types, newline="") as f:
        rows = list(csv.reader(f))[:6]
    assert run(tool, rows) == (0, "", True), run(tool, rows)
    for column, value, wanted in WRONG:
        spoiled = [list(r) for r in rows]
        spoiled[2][rows[0].index(column)] = value
        code, said, made = run(tool, spoiled)
        where = "t.csv: line 3, " + wanted if wanted else "t.csv: line 4, column board: the rows of"
        assert code == 1 and where in said and not made, (column, value, code, said, made)
    code, said, made = run(tool, [rows[0], rows[1][:-1]])
    assert code == 1 and "line 2" in said and "24 cells where the header has 25" in said, said
    code, said, made = run(tool, [rows[0][::-1], rows[1]])
    assert code == 1 and "the header must be" in said, said
    assert run(tool, rows[:1])[0] == 1


main()
