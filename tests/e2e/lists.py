#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lists with dates: Tor's relays and lists of addresses come into a study, what is stored is attributed
anew by them (killed at any moment, and once), and the report tells roles by date."""
import csv
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, TELLTALE, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-lists-")
STUDY = os.path.join(DIR, "study")
OTHER = os.path.join(DIR, "other")
SCALE = "0.04"
RELAY = "171.25.193.77"  # the world's Tor user always meets this one, at port 9001
IDENTITY = "AAECAwQFBgcICQoLDA0ODxAREhM"
state = {}


def consensus(day, hour, flags):
    at = f"2017-{day} {hour:02d}:00:00"
    return (f"@type network-status-consensus-3 1.0\nnetwork-status-version 3\nvote-status consensus\n"
            f"consensus-method 25\nvalid-after {at}\n"
            f"r one {IDENTITY} 8mCr8Sl7RF4ENU4jb0FZFA/3do8 2017-03-31 18:00:00 {RELAY} 9001 9030\n"
            f"s {flags}\nv Tor 0.2.9.10\np reject 1-65535\n"
            "directory-footer\ndirectory-signature A B\n").encode()


def archive(path, members, mode):
    with tarfile.open(path, mode) as tar:
        for name, text in members:
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))


def days(month, first, last):
    return [f"{month:02d}-{d:02d}" for d in range(first, last + 1)]


def rows(study, *what):
    text = telltale("flows", "-C", study, *what, "--format", "csv").stdout
    return list(csv.DictReader(io.StringIO(text)))


def dump(study):
    """Every conversation as text, in an order that does not depend on how it is stored."""
    return sorted(tuple(sorted((k, v) for k, v in r.items() if k != "source")) for r in rows(study))


def made():
    if state:
        return state
    shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), STUDY,
                    ignore=shutil.ignore_patterns("store", "feed", "lists"))
    telltale("simulate", os.path.join(STUDY, "world.yaml"), "-o", os.path.join(DIR, "feed"), "--scale", SCALE, "-q")
    shutil.copytree(STUDY, OTHER)
    telltale("import", "-q", "-C", STUDY, os.path.join(DIR, "feed", "flows.ipfix"))
    state["before"] = dump(STUDY)
    # Somebody's rented addresses: no name, no service.
    unknown = [r for r in rows(STUDY, "service unknown and category unknown and role consumed")]
    def seen(address, late):
        return sum(r["remote"] == address and (r["start"] >= "2017-05-01") == late for r in unknown)
    state["rented"] = max({r["remote"] for r in unknown}, key=lambda a: (min(seen(a, False), seen(a, True)), a))
    return state


def add_lists(study):
    relays = os.path.join(DIR, "consensuses.tar.xz")
    if not os.path.exists(relays):
        # The guard is an exit too in May, and left in July.
        members = [(d, consensus(d, h, "Fast Guard Running Stable V2Dir Valid"))
                   for d in days(4, 1, 30) + days(6, 1, 30) for h in (0, 12)]
        members += [(d, consensus(d, h, "Exit Fast Guard Running Valid")) for d in days(5, 1, 31) for h in (0, 12)]
        members.append(("descriptors", b"@type server-descriptor 1.0\nrouter x 192.0.2.1 9001 0 0\n"))
        random.Random(1).shuffle(members)
        archive(relays, members, "w:xz")
    said = telltale("tor", "-C", study, "add", relays)
    listed = os.path.join(DIR, "vpn.txt")
    with open(listed, "w", encoding="utf-8") as f:
        f.write(f"# somebody's list\n{state['rented']}\nnonsense\n")
    told = telltale("list", "-C", study, "add", "--kind", "vpn", "--label", "Some VPN", "--date", "2017-05-01", listed)
    return said.stderr + said.stdout, told.stderr


@test
def files_are_taken_and_what_could_not_be_is_told():
    made()
    tor, vpn = add_lists(STUDY)
    assert "182 consensuses" in tor and "1 other documents" in tor, tor
    assert "1 prefixes of 2 lines" in vpn and "1 lines without an address" in vpn, vpn
    shown = telltale("list", "-C", STUDY).stdout
    assert "Some VPN" in shown and "2017-05-01" in shown, shown
    again, _ = add_lists(STUDY)  # the same documents change nothing
    with open(os.path.join(STUDY, "lists", "tor.relays"), "rb") as f:
        first = f.read()
    add_lists(STUDY)
    with open(os.path.join(STUDY, "lists", "tor.relays"), "rb") as f:
        assert f.read() == first


@test
def what_is_wrong_is_one_line():
    made()
    for args, status, text in (
            (("tor", "-C", STUDY, "add", os.path.join(DIR, "vpn.txt")), 3, "no consensus"),
            (("tor", "-C", STUDY, "remove"), 2, "'remove'"),
            (("list", "-C", STUDY, "add", "--kind", "x", "--label", "y", "f"), 2, "--kind"),
            (("list", "-C", STUDY, "add", "--kind", "vpn", "--label", "y", os.path.join(DIR, "vpn.txt")), 2, "--date"),
            (("list", "-C", STUDY, "add", "--kind", "owner", "--label", "y", "--date", "2017-05-01",
              os.path.join(DIR, "vpn.txt")), 2, "--owner")):
        run = telltale(*args, status=status)
        assert text in run.stderr and run.stderr.count("\n") == 1, (args, run.stderr)


@test
def look_tells_the_role_on_a_date():
    made()
    for at, role, state_of in (("2017-04-10", "guard", "listed"), ("2017-05-10", "guard and exit", "listed"),
                               ("2017-07-05", "unknown", "stale")):
        look = json.loads(telltale("look", "-C", STUDY, "--at", at, "--format", "json", RELAY).stdout)
        assert look["tor"]["role"] == role and look["tor"]["state"] == state_of, (at, look["tor"])
    assert "Tor relay, guard" in telltale("look", "-C", STUDY, "--at", "2017-04-10", RELAY).stdout
    before = json.loads(telltale("look", "-C", STUDY, "--at", "2017-03-01", "--format", "json", RELAY).stdout)
    assert "tor" not in before, before


@test
def attributed_anew_is_attributed_as_an_import_would():
    """The program is killed again and again; in the end every conversation is what a fresh import with the
    lists in place makes of it, once."""
    made()
    shutil.copytree(os.path.join(STUDY, "lists"), os.path.join(OTHER, "lists"))
    telltale("import", "-q", "-C", OTHER, os.path.join(DIR, "feed", "flows.ipfix"))
    wanted = dump(OTHER)
    assert wanted != state["before"]
    start = time.monotonic()
    whole = subprocess.Popen([TELLTALE, "reattribute", "-q", "-C", os.path.join(DIR, "trial")],
                             stderr=subprocess.DEVNULL)
    whole.wait()  # no such study: what starting costs
    base = time.monotonic() - start
    kills = 0
    rng = random.Random(2)
    for i in range(6):
        run = subprocess.Popen([TELLTALE, "reattribute", "-q", "-C", STUDY], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        try:
            run.wait(timeout=base + 0.4 + 0.4 * i + rng.random() / 2)
            break
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
            kills += 1
            if i % 3 == 2:  # a reader in between finds every conversation once
                assert len(rows(STUDY)) == len(wanted)
    print(f"# killed {kills} times")
    assert kills > 0
    said = telltale("reattribute", "-C", STUDY).stdout
    assert dump(STUDY) == wanted
    again = telltale("reattribute", "-C", STUDY).stdout
    assert again.startswith("0 of "), (said, again)


@test
def the_edition_of_the_date_counts():
    made()
    rented = state["rented"]
    vpn = rows(STUDY, f"remote host {rented} and service some-vpn")
    assert vpn and all(r["start"] >= "2017-05-01" and r["category"] == "vpn" and r["basis"] == "prefix"
                       and r["owner"] == "vpn provider" for r in vpn), vpn[:2]
    early = rows(STUDY, f"remote host {rented} and role consumed", "--to", "2017-05-01T00:00Z")
    assert all(r["service"] == "" for r in early)


@test
def the_report_tells_roles_lists_and_where_they_are_from():
    made()
    out = os.path.join(DIR, "report.json")
    telltale("report", "-q", "-C", STUDY, "--json", out)
    with open(out, encoding="utf-8") as f:
        model = json.load(f)
    tor = model["provenance"]["tor"]
    assert tor["from"].startswith("2017-04-01T00:00") and tor["to"].startswith("2017-06-30T12:00"), tor
    pair = next(p for p in model["concealment"]["tor"] if p["relay"] == RELAY)
    assert pair["role"] == "guard", pair
    assert pair["roles"]["guard"] > 0 and pair["roles"]["guard and exit"] > 0 and pair["roles"]["unknown"] > 0, pair
    assert sum(pair["roles"].values()) == pair["days_seen"], pair
    vpn = next(t for t in model["concealment"]["techniques"] if t["provider"] == "Some VPN")
    assert vpn["technique"] == "vpn-provider", vpn
    run = subprocess.run(["node", os.path.join(SOURCE, "tests", "validate-report.mjs"), out], capture_output=True,
                         text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@test
def the_populations_own_servers_are_listed_with_their_evidence():
    made()
    with open(os.path.join(DIR, "report.json"), encoding="utf-8") as f:
        totals = json.load(f)["totals"]
    servers = totals["servers"]
    assert servers and totals["servers_in_all"] >= len(servers), totals.keys()
    assert any(s["port"] == 80 and s["protocol"] == "tcp" and s["service"] for s in servers), servers
    served = 0
    for s in servers:
        if s in servers[:3]:
            e = s["evidence"]
            found = rows(STUDY, e["filter"], "--from", e["from"], "--to", e["to"])
            assert len(found) == s["flows"] == e["flows"], s
            assert len({r["remote"] for r in found}) == s["remotes"], s
        served += s["flows"]
    assert served <= totals["by_role"]["served"]


@test
def a_definition_is_replayed_on_the_same_data():
    made()
    shares = {}
    for definition in ("2017", "2018-with-tls"):
        out = os.path.join(DIR, definition + ".json")
        telltale("report", "-q", "-C", STUDY, "--definition", definition, "--json", out)
        with open(out, encoding="utf-8") as f:
            section = json.load(f)["concealment"]
        assert section["definition"] == definition
        shares[definition] = section["share"]["value"]
    assert shares["2018-with-tls"] > 10 * shares["2017"] > 0, shares
    telltale("report", "-C", STUDY, "--definition", "2019", status=2)


@test
def clean_up():
    shutil.rmtree(DIR)


if __name__ == "__main__":
    sys.exit(main())
