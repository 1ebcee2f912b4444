#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes YAML files as one C source: embed.py X_embedded.c FILE... makes `X_embedded`."""
import os
import sys

ESCAPES = {ord('"'): '\\"', ord('\\'): '\\\\', ord('\n'): '\\n', ord('\t'): '\\t', ord('?'): '\\?'}


def literal(line):
    return '"' + ''.join(ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else '\\%03o' % b) for b in line) + '"'


def order(path):
    name = os.path.basename(path)
    return (name != 'categories.yaml', name)  # services name their category


def main(output, files):
    name = os.path.splitext(os.path.basename(output))[0]
    out = ['/* Made from catalogue/ by src/attribute/embed.py. */', '#include "attribute/facts.h"', '']
    table = []
    for number, path in enumerate(sorted(files, key=order)):
        with open(path, 'rb') as f:
            text = f.read()
        out.append('static const char text_%d[] =' % number)
        out += ['    ' + literal(line) for line in text.splitlines(keepends=True)]
        out[-1] += ';'
        table.append('    {"catalogue/%s", text_%d, sizeof text_%d - 1},' % (os.path.basename(path), number, number))
    out += ['', 'const struct catalogue_file %s[] = {' % name] + table + ['};']
    out += ['extern const size_t %s_count;' % name,
            'const size_t %s_count = %d;' % (name, len(table)), '']
    with open(output, 'w') as f:
        f.write('\n'.join(out))


main(sys.argv[1], sys.argv[2:])
