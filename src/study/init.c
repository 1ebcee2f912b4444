/* SPDX-License-Identifier: Apache-2.0 */
/* What `telltale init` puts into a new study's folder. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "study/study.h"

static const char study_template[] =
    "# A study: whose traffic, when, and what is asked of it. Every key: docs/study.md.\n"
    "# Change name, timezone, period and population; the rest can stay as it is.\n"
    "\n"
    "name: My study\n"
    "\n"
    "# The population's own zone, by its IANA name. Days, hours and weekdays of the report are "
    "this\n"
    "# zone's, with the offset that it had then.\n"
    "timezone: UTC\n"
    "\n"
    "# Whole days of that zone, both included. Traffic outside of them is imported but not "
    "reported.\n"
    "period: {from: 2017-04-01, to: 2017-07-06}\n"
    "\n"
    "# Whose conversations are kept: IPv4 and IPv6 prefixes. Everything else in a feed is counted "
    "and\n"
    "# dropped. 0.0.0.0/0 and ::/0 keep everything; then the side that opened a conversation is "
    "local.\n"
    "population:\n"
    "  - {prefix: 192.0.2.0/24, label: an example; put your own here}\n"
    "#  - {prefix: \"2001:db8::/32\", label: a second one}\n"
    "\n"
    "# Addresses elsewhere that the population came out of for a while (a VPN's exit, a rented "
    "server).\n"
    "pivots: []\n"
    "#  - {prefix: 198.51.100.7/32, from: 2017-05-01, to: 2017-05-20, label: rented server}\n"
    "\n"
    "# Lists of events: does activity change around them? CSV with the header\n"
    "# time,zone,uncertainty,label,kind,source - events/events.csv has the header ready.\n"
    "events: []\n"
    "#  - events/events.csv\n"
    "\n"
    "# Where each country's share of conversations is expected to be, for 'which countries stand "
    "out':\n"
    "# default (address space weighted by the service mix), or a CSV file country,share.\n"
    "baseline: default\n"
    "\n"
    "# What shares are of: conversations, octets or packets. Packets for a sampled feed.\n"
    "measure: conversations\n"
    "\n"
    "# What counts as concealed: 2017 (Tor, VPNs, proxies) or 2018-with-tls (TLS too).\n"
    "# concealment: 2017\n"
    "\n"
    "# Where the conversations are stored: a folder, or clickhouse://user@host:8123/database\n"
    "store: store/\n"
    "\n"
    "# One of how many packets was sampled, for sources that do not say so themselves.\n"
    "# sampling: 1000\n"
    "\n"
    "# Captured packets become conversations with these timeouts.\n"
    "# metering: {idle: 60s, active: 30m}\n"
    "\n"
    "# Other databases of countries and origin ASes than libloc's (MMDB files).\n"
    "# geo: {country: country.mmdb, asn: asn.mmdb}\n"
    "\n"
    "# Services that the population is said to be kept from: the report shows use in spite of it.\n"
    "# policies:\n"
    "#  - {service: facebook, from: 2016-04-01, source: who said so}\n"
    "\n"
    "# Remote addresses that are no sign of presence: embassies, the carriers' own access points.\n"
    "# exclusions:\n"
    "#  - {prefix: 203.0.113.0/24, label: the carrier's own}\n"
    "\n"
    "# A country that is known to stand out: does the method find it?\n"
    "# positive_control: IN\n"
    "\n"
    "# Days that are like no other weekday.\n"
    "# holidays:\n"
    "#  - {date: 2017-04-15, label: a holiday}\n"
    "\n"
    "# Everything random in the report starts from this number.\n"
    "seed: 1\n";

static const char events_template[] = "# Local times of `zone` (the study's where it is empty), or "
                                      "a date alone; uncertainty: 1h, 1d.\n"
                                      "time,zone,uncertainty,label,kind,source\n";

static const char catalogue_template[] =
    "Files *.yaml in this folder add services to the program's catalogue, or replace entries\n"
    "of the same id.\n";

static int write_new(const char *path, const char *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 && errno == EEXIST)
        return error_set(err, ERROR_FAILED, "%s is already there: nothing was changed", path);
    if (fd < 0)
        return error_errno(err, "create %s", path);
    size_t len = strlen(text);
    ssize_t wrote = write(fd, text, len);
    if (close(fd) != 0 || wrote != (ssize_t)len)
        return error_errno(err, "write %s", path);
    return 0;
}

static int make_folder(const char *path, struct error *err)
{
    struct stat st;
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)))
        return 0;
    return error_errno(err, "make folder %s", path);
}

int study_init(const char *dir, struct error *err)
{
    char path[PATH_MAX], folder[PATH_MAX / 2];
    if (snprintf(folder, sizeof folder, "%s", dir) >= (int)sizeof folder)
        return error_set(err, ERROR_USAGE, "the folder's name is too long: %.80s...", dir);
    if (make_folder(folder, err) != 0)
        return ERROR_FAILED;
    snprintf(path, sizeof path, "%s/study.yaml", folder);
    if (write_new(path, study_template, err) != 0)
        return ERROR_FAILED;
    static const struct {
        const char *folder, *file, *text;
    } more[] = {{"events", "events/events.csv", events_template},
                {"catalogue", "catalogue/README", catalogue_template}};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, more[i].folder);
        if (make_folder(path, err) != 0)
            return ERROR_FAILED;
        snprintf(path, sizeof path, "%s/%s", folder, more[i].file);
        if (access(path, F_OK) != 0 && write_new(path, more[i].text, err) != 0)
            return ERROR_FAILED;
    }
    return 0;
}
