#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the catalogue's YAML files as one C source: embed.py OUTPUT FILE..."""
import os
import sys

ESCAPES = {ord('"'): '\\"', ord('\\'): '\\\\', ord('\n'): '\\n', ord('\t'): '\\t', ord('?'): '\\?'}


def literal(line):
    return '"' + ''.join(ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else '\\%03o' % b) for b in line) + '"'


def order(path):
    name = os.path.basename(path)
    return (name != 'categories.yaml', name)  # services name their category


def main(output, files):
    out = ['/* Made from catalogue/ by src/attribute/embed.py. */', '#include "attribute/facts.h"', '']
    table = []
    for number, path in enumerate(sorted(files, key=order)):
        with open(path, 'rb') as f:
            text = f.read()
        out.append('static const char text_%d[] =' % number)
        out += ['    ' + literal(line) for line in text.splitlines(keepends=True)]
        out[-1] += ';'
        name = 'catalogue/' + os.path.basename(path)
        table.append('    {"%s", text_%d, sizeof text_%d - 1},' % (name, number, number))
    out += ['', 'const struct catalogue_file catalogue_embedded[] = {'] + table + ['};']
    out += ['const size_t catalogue_embedded_count = %d;' % len(table), '']
    with open(output, 'w') as f:
        f.write('\n'.join(out))


main(sys.argv[1], sys.argv[2:])
