#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One SQL, two engines: the whole program runs on embedded chDB and on Debian's ClickHouse server, and
says the same."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import SOURCE, Skip, main, telltale, test

DIR = tempfile.mkdtemp(prefix="telltale-engines-")
CONFIG = """<?xml version="1.0"?>
<yandex>
<logger><level>warning</level><log>{d}/log</log><errorlog>{d}/errors</errorlog></logger>
<http_port>{http}</http_port><tcp_port>{tcp}</tcp_port><listen_host>127.0.0.1</listen_host>
<path>{d}/data/</path><tmp_path>{d}/tmp/</tmp_path><users_config>users.xml</users_config>
<mark_cache_size>67108864</mark_cache_size><uncompressed_cache_size>0</uncompressed_cache_size>
<default_profile>default</default_profile><default_database>default</default_database>
<timezone>America/New_York</timezone>
</yandex>
"""
USERS = """<?xml version="1.0"?>
<yandex><profiles><default></default></profiles><quotas><default></default></quotas>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks>
<profile>default</profile><quota>default</quota></default></users></yandex>
"""
server = {}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start_server():
    binary = shutil.which("clickhouse-server") or "/usr/sbin/clickhouse-server"
    if not os.path.exists(binary):
        raise Skip("clickhouse-server is not installed")
    if server:
        return server["http"]
    http, tcp = free_port(), free_port()
    for name, text in (("config.xml", CONFIG.format(d=DIR, http=http, tcp=tcp)), ("users.xml", USERS)):
        with open(os.path.join(DIR, name), "w") as f:
            f.write(text)
    with open(os.path.join(DIR, "output"), "w") as out:
        server["process"] = subprocess.Popen([binary, f"--config-file={DIR}/config.xml"], cwd=DIR, stdout=out, stderr=out)
    for _ in range(300):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{http}/ping", timeout=1).read()
            server["http"] = http
            return http
        except OSError:
            time.sleep(0.1)
    raise AssertionError("clickhouse-server did not answer")


def make_study(name, store):
    path = os.path.join(DIR, name)
    shutil.copytree(os.path.join(SOURCE, "examples", "dprk-2017"), path, ignore=shutil.ignore_patterns("store", "feed"))
    study = os.path.join(path, "study.yaml")
    with open(study) as f:
        lines = [x for x in f.read().split("\n") if not x.startswith("store:")]
    with open(study, "w") as f:
        f.write("\n".join(lines) + f"\nstore: {store}\n")
    return path


def everything(study, feed):
    imported = json.loads(telltale("import", "-q", "-C", study, "--json", feed).stdout)["files"]
    again = json.loads(telltale("import", "-q", "-C", study, "--json", feed).stdout)["files"]
    assert [f["status"] for f in again] == ["already imported"]
    model = json.loads(telltale("report", "-q", "-C", study, "--json", "-").stdout)
    rows = telltale("flows", "-q", "-C", study, "country CN or service facebook or not role consumed", "--format", "json",
                    "--from", "2017-04-10", "--to", "2017-05-20").stdout
    for f in imported:
        f.pop("seconds")
    return imported, model, rows


@test
def the_whole_program_says_the_same_on_both_engines():
    http = start_server()
    feed = os.path.join(DIR, "feed")
    telltale("simulate", "-q", os.path.join(SOURCE, "examples", "dprk-2017", "world.yaml"), "-o", feed, "--scale", "0.02")
    a = everything(make_study("embedded", "store/"), feed + "/flows.ipfix")
    b = everything(make_study("server", f"clickhouse://127.0.0.1:{http}/telltale_e2e"), feed + "/flows.ipfix")
    assert a[0] == b[0], (a[0], b[0])
    assert len(a[2]) > 1000 and a[2] == b[2]
    for model in (a[1], b[1]):
        for key in ("generated", "engine", "digest"):
            model["provenance"].pop(key, None)
        model["provenance"]["inputs"] = [i for i in model["provenance"].get("inputs", []) if i["path"] != "study.yaml"]  # names its store
    differ = [k for k in a[1] if a[1][k] != b[1].get(k)]
    assert not differ, [(k, str(a[1][k])[:500], str(b[1].get(k))[:500]) for k in differ]


@test
def a_server_that_is_not_there_is_status_4():
    port = free_port()
    run = telltale("report", "-C", make_study("nobody", f"clickhouse://127.0.0.1:{port}/x"), "--json", "-", status=4)
    assert str(port) in run.stderr and run.stderr.count("\n") == 1, run.stderr


if __name__ == "__main__":
    try:
        status = main()
    finally:
        if "process" in server:
            server["process"].kill()
            server["process"].wait()
        shutil.rmtree(DIR, ignore_errors=True)
    sys.exit(status)
