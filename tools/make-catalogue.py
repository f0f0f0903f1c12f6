#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make-catalogue.py - turns data/vgpu-types.csv into C: make-catalogue.py TYPES.csv TABLE.c

Strict: the first thing it does not understand ends it with "FILE: line L, column NAME: what".
"""
import csv
import os
import re
import sys

RULES = {
    "Maxwell": "GEOMETRY_EQUAL_ONLY", "Pascal": "GEOMETRY_EQUAL_ONLY",
    "Volta": "GEOMETRY_EQUAL_ONLY", "Turing": "GEOMETRY_EQUAL_ONLY",
    "Ampere": "GEOMETRY_HALVING_AMPERE", "Ada": "GEOMETRY_HALVING_ADA",
    "Hopper": "GEOMETRY_HALVING_ADA", "Blackwell": "GEOMETRY_EVEN",
}
NAME_MAX, BOARD_MAX, PLACEMENTS_MAX = 47, 63, 64


class Bad(Exception):
    """What is wrong with a cell, in words."""


def text(limit):
    def check(cell):
        if not cell or cell != cell.strip():
            raise Bad("must be given, without blanks around it")
        if len(cell) > limit or not re.fullmatch(r"[ !#-\[\]-~]+", cell):
            raise Bad("must be at most %d printable ASCII characters without \" and \\" % limit)
        return cell
    return check


def matches(pattern, words):
    def check(cell):
        if not re.fullmatch(pattern, cell):
            raise Bad("must be %s, is '%s'" % (words, cell))
        return cell
    return check


def number(low, high, optional=False):
    def check(cell):
        if optional and cell == "":
            return 0
        if not re.fullmatch(r"0|[1-9][0-9]{0,8}", cell) or not low <= int(cell) <= high:
            raise Bad("must be a number from %d to %d%s, is '%s'"
                      % (low, high, " or empty" if optional else "", cell))
        return int(cell)
    return check


def word(*words):
    def check(cell):
        if cell not in words:
            raise Bad("must be one of %s, is '%s'" % (", ".join(words), cell))
        return cell
    return check


def flag(cell):
    return word("y", "n")(cell) == "y"


def placements(cell):
    ids = [number(0, 1000)(part) for part in cell.split(" ")] if cell else []
    if ids != sorted(set(ids)) or len(ids) > PLACEMENTS_MAX:
        raise Bad("must be at most %d ascending ids, one blank between them" % PLACEMENTS_MAX)
    return ids


COLUMNS = {
    "board": text(BOARD_MAX),
    "pci_device": matches(r"[0-9a-f]{4}", "four lower-case hex digits"),
    "pci_subsystem": matches(r"([0-9a-f]{4})?", "four lower-case hex digits or empty"),
    "architecture": word(*RULES),
    "sr_iov": flag, "mig": flag,
    "board_fb_mib": number(1024, 10_000_000),
    "name": text(NAME_MAX),
    "series": word("A", "B", "C", "Q"),
    "mig_backed": flag,
    "mig_slices": number(1, 8, optional=True),
    "fb_mib": number(256, 10_000_000),
    "max": number(1, 64, optional=True),
    "max_mixed": number(0, 64, optional=True),
    "placements": placements,
    "displays": number(1, 16),
    "max_resolution": matches(r"[1-9][0-9]{2,4}x[1-9][0-9]{2,4}", "WIDTHxHEIGHT"),
    "licence": text(80), "vgpu_class": text(16),
    "cuda": flag, "ecc": flag,
    "frame_rate_limit": number(1, 1000),
    "type_id": number(1, 1_000_000, optional=True),
    "type_id_known": word("verified", "inferred", "unknown"),
    "source": text(400),
}
OF_BOARD = ("board", "pci_device", "pci_subsystem", "architecture", "sr_iov", "mig",
            "board_fb_mib")


def fail(path, line, column, words):
    sys.exit("%s: line %d, column %s: %s" % (path, line, column, words))


def parse_row(path, line, cells):
    row = {}
    if len(cells) != len(COLUMNS):
        fail(path, line, "1 to last", "%d cells where the header has %d columns"
             % (len(cells), len(COLUMNS)))
    for (column, check), cell in zip(COLUMNS.items(), cells):
        try:
            row[column] = check(cell)
        except Bad as bad:
            fail(path, line, column, bad)
    return row


def check_row(path, line, row, names):
    """What no cell shows alone."""
    if row["name"] in names:
        fail(path, line, "name", "'%s' is also in line %d" % (row["name"], names[row["name"]]))
    if row["fb_mib"] > row["board_fb_mib"]:
        fail(path, line, "fb_mib", "%d is more than the board has" % row["fb_mib"])
    if row["mig_backed"] != bool(row["mig_slices"]):
        fail(path, line, "mig_slices", "must be given for MIG-backed types and for no other")
    if row["mig_backed"] and not row["mig"]:
        fail(path, line, "mig_backed", "the board has no MIG")
    if not row["mig_backed"] and len(row["placements"]) not in (0, row["max_mixed"]):
        fail(path, line, "placements", "%d ids, but max_mixed is %d"
             % (len(row["placements"]), row["max_mixed"]))
    names[row["name"]] = line


def check_board(path, line, row, boards):
    """BOARDS, in order of appearance, gets the board of ROW if that is new."""
    key = row["pci_device"], row["pci_subsystem"]
    facts = tuple(row[c] for c in OF_BOARD)
    is_new = key not in boards
    known = boards.setdefault(key, facts)
    if known != facts:
        fail(path, line, "board", "device %s, subsystem '%s' is %s with other facts above"
             % (*key, known[0]))
    if not is_new and key != list(boards)[-1]:
        fail(path, line, "board", "the rows of a board must stand together")


def load(path):
    boards, rows, names = {}, [], {}
    with open(path, newline="", encoding="ascii") as f:
        reader = csv.reader(f, strict=True)
        if next(reader, None) != list(COLUMNS):
            fail(path, 1, "1 to last", "the header must be %s" % ",".join(COLUMNS))
        for cells in reader:
            row = parse_row(path, reader.line_num, cells)
            check_row(path, reader.line_num, row, names)
            check_board(path, reader.line_num, row, boards)
            rows.append(row)
    if not rows:
        fail(path, 1, "board", "there are no types")
    return list(boards.values()), rows


def c_bool(value):
    return "true" if value else "false"


def quoted(value):
    return '"%s"' % value


def profile_line(row, lists):
    ids = tuple(row["placements"])
    where = "ids_%d, %d" % (lists[ids], len(ids)) if ids else "NULL, 0"
    values = [
        quoted(row["name"]), quoted(row["board"]), quoted(row["pci_device"]),
        quoted(row["pci_subsystem"]), "SERIES_" + row["series"], c_bool(row["mig_backed"]),
        c_bool(row["sr_iov"]), c_bool(row["cuda"]), c_bool(row["ecc"]),
        c_bool(row["architecture"] == "Blackwell"), row["mig_slices"], row["board_fb_mib"],
        row["fb_mib"], row["max"], row["max_mixed"], where, row["displays"],
        quoted(row["max_resolution"]), quoted(row["licence"]), quoted(row["vgpu_class"]),
        row["frame_rate_limit"], row["type_id"], quoted(row["source"])]
    return "\t{ %s }," % ", ".join(str(v) for v in values)


def board_lines(boards, rows):
    for board in boards:
        mine = [i for i, r in enumerate(rows) if tuple(r[c] for c in OF_BOARD) == board]
        name, device, subsystem, architecture, sr_iov, mig, fb_mib = board
        yield '\t{ "%s", "%s", "%s", "%s", %s, %s, %s, %d, catalogue_table + %d, %d },' % (
            name, device, subsystem, architecture, RULES[architecture], c_bool(sr_iov),
            c_bool(mig), fb_mib, mine[0], len(mine))


def generate(boards, rows, out):
    sets = sorted({tuple(r["placements"]) for r in rows} - {()})
    lists = {ids: i for i, ids in enumerate(sets)}
    order = sorted(range(len(rows)), key=lambda i: rows[i]["name"].encode())
    say = lambda *lines: print(*lines, sep="\n", file=out)
    say("/* Made by tools/make-catalogue.py from data/vgpu-types.csv; do not edit. */",
        '#include "model/catalogue_table.h"', "")
    for ids, i in lists.items():
        say("static const uint16_t ids_%d[] = { %s };" % (i, ", ".join(map(str, ids))))
    say("", "const struct catalogue_profile catalogue_table[] = {",
        *(profile_line(r, lists) for r in rows), "};",
        "const size_t catalogue_table_n = %d;" % len(rows), "",
        "const uint16_t catalogue_by_name[] = {", "\t%s" % ", ".join(map(str, order)), "};", "",
        "const struct board board_table[] = {", *board_lines(boards, rows), "};",
        "const size_t board_table_n = %d;" % len(boards))


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: make-catalogue.py TYPES.csv TABLE.c")
    try:
        boards, rows = load(sys.argv[1])
    except (csv.Error, UnicodeDecodeError) as e:
        sys.exit("%s: %s" % (sys.argv[1], e))
    scratch = sys.argv[2] + ".new"
    with open(scratch, "w", encoding="ascii") as out:
        generate(boards, rows, out)
    os.replace(scratch, sys.argv[2])


if __name__ == "__main__":
    main()
