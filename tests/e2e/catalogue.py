#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A study's own catalogue entries: what `catalogue check` says of them, that they win, and that `look`
says the same in JSON as in its note."""
import json
import os
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-catalogue-")
STUDY = os.path.join(DIR, "study")


def entry(name, text):
    path = os.path.join(STUDY, "catalogue", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    return path


def look(subject, *more):
    return json.loads(telltale("look", "--format", "json", *more, subject).stdout)


@test
def the_built_in_catalogue_is_without_contradictions():
    out = telltale("catalogue", "check", cwd=DIR).stdout
    assert "0 contradictions, 0 notes" in out, out


@test
def own_entries_win_and_the_check_says_over_what():
    telltale("init", STUDY)
    entry("own.yaml", "- id: campus-chat\n  category: messaging\n  names: [chat.facebook.com]\n"
                      "  prefixes: [203.0.113.0/24]\n")
    out = telltale("catalogue", "-C", STUDY, "check").stdout
    assert "chat.facebook.com of campus-chat is below facebook.com of facebook" in out, out
    assert "yours wins there" in out and "0 contradictions" in out, out
    assert look("chat.facebook.com", "-C", STUDY)["service"] == "campus-chat"
    assert look("chat.facebook.com")["service"] == "facebook"


@test
def contradictions_have_file_and_line():
    one = entry("one.yaml", "- id: one\n  category: social\n  names: [same.example]\n")
    two = entry("two.yaml", "- id: two\n  category: social\n  names:\n    - same.example\n")
    done = telltale("catalogue", "-C", STUDY, "check", status=1)
    assert "two.yaml:4: contradiction: same.example is two here and one in" in done.stdout, done.stdout
    report = json.loads(telltale("catalogue", "check", "--format", "json", one, two, status=1).stdout)
    assert report["contradictions"] == 1 and report["findings"][0]["line"] == 4, report
    os.unlink(one)
    os.unlink(two)


@test
def every_unreadable_file_is_said():
    bad = entry("bad.yaml", "- id: Not Kebab\n  category: social\n")
    worse = entry("worse.yaml", "- id: x\n  category: nonsense\n")
    out = telltale("catalogue", "-C", STUDY, "check", status=1).stdout
    assert "bad.yaml:1: " in out and "worse.yaml:2: unknown category" in out, out
    os.unlink(bad)
    os.unlink(worse)


@test
def look_says_the_same_in_both_forms():
    for subject in ("175.45.176.81", "facebook.com", "77.94.35.1", "10.1.2.3", "paypa1-login.com"):
        note, known = telltale("look", subject).stdout, look(subject)
        for key in ("owner", "owner_name", "service_name", "as_name", "country_name", "scope"):
            assert known.get(key, "") in note, (subject, key, known.get(key), note)
        for fact in known["facts"]:
            assert fact["value"] in note and fact["source"] in note, (subject, fact)
    assert look("175.45.176.81")["country"] == "KP"
    assert look("paypa1-login.com")["similar"] is True
    assert look("10.1.2.3")["scope"] == "private" and "country" not in look("10.1.2.3")


@test
def clean_up():
    shutil.rmtree(DIR)


if __name__ == "__main__":
    sys.exit(main())
