# SPDX-License-Identifier: Apache-2.0
"""Whole worlds drawn at random go the whole road: simulate, import, report; the report is held against
what is true. Each check is one outcome (kind, setting, 0 or 1); calibrate.py adds them up.

Sizes, zones, rhythms, weekdays, services, countries, sampling, gaps, copies, wrong clocks and how days lean on
each other differ from world to world; half of the worlds hold nothing to be found."""
import datetime
import json
import math
import os
import random
import shutil
import subprocess
import tempfile

ZONES = ["UTC", "Asia/Pyongyang", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Australia/Sydney",
         "America/Sao_Paulo", "Asia/Tehran", "Africa/Lagos", "Asia/Tokyo", "America/Santiago", "Asia/Kathmandu"]

# Services that the catalogue knows by name, and where their servers stand.
SERVICES = [
    ("facebook", "social", "www.facebook.com", "157.240.7.0/24", "US"),
    ("google", "search", "www.google.com", "172.217.24.0/24", "US"),
    ("baidu", "search", "www.baidu.com", "180.149.132.0/24", "CN"),
    ("alibaba", "shopping", "www.alibaba.com", "140.205.94.0/24", "CN"),
    ("amazon", "shopping", "www.amazon.com", "205.251.242.0/24", "US"),
    ("tencent", "messaging", "www.qq.com", "203.205.254.0/24", "CN"),
    ("apple", "software-updates", "www.apple.com", "17.253.144.0/24", "US"),
    ("youku", "video-streaming", "v.youku.com", "106.11.208.0/24", "CN"),
    ("youtube", "video-streaming", "www.youtube.com", "172.217.31.0/24", "US"),
    ("dailymotion", "video-streaming", "www.dailymotion.com", "188.65.120.0/24", "FR"),
    ("steam", "gaming", "store.steampowered.com", "155.133.246.0/24", "US"),
    ("twitter", "social", "twitter.com", "104.244.42.0/24", "US"),
    ("vk", "social", "vk.com", "87.240.129.0/24", "RU"),
    ("gmail", "mail", "mail.google.com", "216.58.196.0/24", "US"),
    ("roblox", "gaming", "www.roblox.com", "128.116.102.0/24", "US"),
]

# Where ordinary web sites stand.
PLACES = [("200.147.3.0/24", "BR"), ("151.1.1.0/24", "IT"), ("212.77.98.0/24", "PL"), ("195.175.39.0/24", "TR"),
          ("196.25.1.0/24", "ZA"), ("187.141.0.0/24", "MX"), ("200.45.191.0/24", "AR"), ("142.58.1.0/24", "CA"),
          ("129.132.1.0/24", "CH"), ("129.240.1.0/24", "NO"), ("128.214.1.0/24", "FI"), ("130.225.1.0/24", "DK"),
          ("147.32.1.0/24", "CZ"), ("147.102.1.0/24", "GR"), ("193.136.1.0/24", "PT"), ("132.64.1.0/24", "IL"),
          ("193.227.1.0/24", "EG"), ("5.79.70.0/24", "NL"), ("103.253.144.0/24", "SG"),
          ("110.4.45.0/24", "MY"), ("46.101.1.0/24", "GB"), ("27.254.33.0/24", "TH"), ("103.28.36.0/24", "VN"),
          ("103.21.124.0/24", "IN"), ("210.140.1.0/24", "JP")]
ASIDE = ("US", "CN", "FR", "RU", "SE", "DE")  # countries of giants and of what is planted: not of the false alarms


def shape(r):
    """Relative activity by half hours of a working day, and the busy hours."""
    start = r.choice([16, 17, 18, 18, 18, 19])
    length = r.choice([17, 18, 20, 23, 23, 24, 26])
    end = min(start + length, 47)
    night, evening = r.uniform(0.05, 0.2), r.uniform(0.25, 0.45)
    levels = []
    for h in range(48):
        level = night
        if start <= h < end:
            level = 1 - (0.2 if 24 <= h < 27 and r.random() < 0.5 else 0)
        elif end <= h < end + 4:
            level = evening
        levels.append(level)
    return levels, start / 2, end / 2


def steps(levels):
    out, last = [], None
    for i, v in enumerate(levels):
        if v != last:
            out.append(f'{{from: "{i // 2:02}:{i % 2 * 30:02}", level: {v:.3f}}}')
        last = v
    return "[" + ", ".join(out) + "]"


class World:
    """One world: its files' texts, and what was planted."""

    def __init__(self, seed):
        r = self.r = random.Random(f"world {seed}")
        self.seed = seed
        self.days = r.choice([14, 21, 28, 42, 42, 56, 56, 56, 70, 97, 97, 120])
        self.zone = r.choice(ZONES)
        self.first = datetime.date(2017, 1, 9) + datetime.timedelta(days=r.randrange(120))
        self.last = self.first + datetime.timedelta(days=self.days - 1)
        self.hosts = r.choice([5, 12, 20, 40, 80, 200, 600])
        self.sampling = r.choice([1, 1, 1, 1, 1, 10, 100, 1000, 10000])
        self.lasts = r.choice([0, 0.2, 0.3, 0.5, 0.6, 0.6, 0.9])
        self.spread = r.choice([0.1, 0.2, 0.3, 0.5])
        self.day_spread = r.choice([0.05, 0.15, 0.3])
        self.planted = r.random() < 0.5
        self.a_day = round(math.exp(r.uniform(math.log(250), math.log(1200)))) * (3 if self.sampling > 10 else 1)
        self.form = "csv" if r.random() < 0.3 else "ipfix"
        self.faults = self.form == "csv" and r.random() < 0.7
        self.levels, self.busy_from, self.busy_to = shape(r)
        week = [1, 1, 1, 1, 1, r.uniform(0.5, 1.2), r.uniform(0.5, 1.2)]
        if r.random() < 0.2:  # a week with another end
            week = [1, 1, 1, 1, 0.6, 0.6, 1]
        self.week = [w * math.exp(r.gauss(0, 0.1)) for w in week]
        self.measure = "octets" if self.sampling > 1 else r.choice(["conversations", "conversations", "octets"])
        self.make_events()
        self.make_traffic()

    def make_events(self):
        r = self.r
        n = r.choice([3, 5, 8, 12])
        how = r.choice(["apart", "clusters", "weekends"])
        dates = set()
        while len(dates) < min(n, self.days // 8):
            at = r.randrange(self.days)
            if how == "weekends" and (self.first + datetime.timedelta(days=at)).weekday() < 5:
                continue
            dates.add(at)
            if how == "clusters":
                for k in (1, 2):
                    if at + k < self.days and len(dates) < n:
                        dates.add(at + k)
        self.events_how = how
        self.events = sorted(dates)
        self.effect = r.choice([0.4, 0.8, 1.2]) if self.planted and r.random() < 0.5 else 0

    def make_traffic(self):
        r = self.r
        self.traffic = []
        giants = r.sample(SERVICES, r.randint(2, 10))
        octets = 60000 if self.sampling == 1 else 60000 * min(self.sampling, 300)
        giants_part = {}
        for sid, category, name, prefix, country in giants:
            share = max(2.0, math.exp(r.gauss(0, 1.2)) * 60 / len(giants))
            giants_part[sid] = share
            self.traffic.append(
                f"{{service: {sid}, category: {category}, share: {share:.3f}, audience: 0.95, octets: {octets}, "
                f"spread: {r.choice([0.6, 1.0, 1.4])}, unnamed: 0, names: [{name}], servers: [{{prefix: {prefix}, country: {country}}}]}}")
        giant_shares = sum(giants_part.values())
        places = r.sample(PLACES, r.randint(8, len(PLACES)))
        usual = [math.exp(r.gauss(0, 1)) for _ in places]
        # Of the most usual, two take twice the part that the baseline gives them where anything is planted.
        order = sorted(range(len(places)), key=lambda i: -usual[i])
        self.present = [places[i][1] for i in order[1:3]] if self.planted else []
        weights = [usual[i] * (2 if places[i][1] in self.present else 1) for i in range(len(places))]
        # The baseline is of all use, giants too: what planting adds is missing elsewhere, in no country that is met.
        web = 40 / (40 + giant_shares)
        part = {places[i][1]: web * weights[i] / sum(weights) for i in range(len(places))}
        self.expected = {c: part[c] / (2 if c in self.present else 1) for c in part}
        for sid, category, name, prefix, country in giants:
            self.expected[country] = self.expected.get(country, 0) + giants_part[sid] / (40 + giant_shares)
        self.expected["AQ"] = max(1 - sum(self.expected.values()), 1e-6)
        for (prefix, country), w in zip(places, weights):
            self.traffic.append(
                f"{{label: web sites in {country}, share: {40 * w / sum(weights):.4f}, audience: 0.8, octets: {octets}, "
                f"unnamed: 1, addresses: 30, servers: [{{prefix: {prefix}, country: {country}}}]}}")
        per_day = self.a_day * r.choice([0.002, 0.01, 0.03])
        self.concealed = r.random() < 0.6
        if self.concealed:
            self.traffic.append(
                f"{{service: openvpn, category: vpn, technique: vpn, per_day: {per_day:.2f}, hosts: {r.choice([1, 2, 4])}, octets: {octets}, "
                "protocol: udp, ports: [1194], unnamed: 1, addresses: 2, servers: [{prefix: 46.246.38.0/24, country: SE}]}")
        self.tor = r.random() < 0.3 and self.sampling == 1
        if self.tor:
            self.traffic.append(
                "{service: tor, category: tor, technique: tor, per_day: 12, hosts: 1, daily: true, rhythm: flat, ports: [9001], "
                f"unnamed: 1, octets: {octets}, addresses: 1, servers: [{{prefix: 171.25.193.77/32, country: SE}}]}}")
        self.onset = None
        if self.planted and self.sampling == 1 and self.days >= 42:
            at = self.first + datetime.timedelta(days=r.randrange(14, self.days - 14))
            self.onset = at.isoformat()
            self.traffic.append(
                f"{{service: bitcoin, category: cryptocurrency, per_day: {r.choice([20, 30, 80])}, from: {self.onset}, hosts: 3, "
                "rhythm: flat, ports: [8333], unnamed: 1, addresses: 5, servers: [{prefix: 88.198.6.0/24, country: DE}]}")
        self.scanners = 0
        if self.planted and self.sampling == 1 and r.random() < 0.6:
            self.scanners = r.choice([1, 3])
            self.traffic.append(
                f"{{label: scans, role: unanswered, per_day: {24 * self.scanners}, rhythm: flat, ports: [22, 445], addresses: {self.scanners}, "
                "servers: [{prefix: 92.53.96.0/24, country: RU}]}")
        if r.random() < 0.7:
            self.traffic.append(
                "{label: web server, role: served, per_day: 40, rhythm: flat, local: [175.45.176.200], ports: [80], unnamed: 1, addresses: 40, "
                "servers: [{prefix: 45.33.2.0/24, country: US}]}")
        self.gap = r.random() < 0.3

    def population(self):
        return "175.45.176.0/22" if self.hosts <= 400 else "175.45.176.0/20"

    def world_yaml(self):
        gap = self.first + datetime.timedelta(days=self.days // 3)
        gaps = f"gaps: [{{from: {gap}T02:00, to: {gap + datetime.timedelta(days=1)}T16:00}}]\n" if self.gap else ""
        weekend = [max(0.05, v * 0.9) for v in self.levels]
        return (f"name: World {self.seed}\nseed: {self.seed + 1000}\ntimezone: {self.zone}\n"
                f"period: {{from: {self.first}, to: {self.last}}}\n"
                f"population: [{{prefix: {self.population()}, hosts: {self.hosts}}}]\n"
                f"conversations_per_day: {self.a_day}\nactivity_spread: {self.r.choice([0.5, 1.0, 1.3])}\n"
                f"noise: {{day: {self.day_spread}, day_lasts: {self.lasts}, service: {self.spread}, service_lasts: {self.lasts}}}\n"
                f"weekdays: [{', '.join(f'{w:.3f}' for w in self.week)}]\n"
                f"rhythm:\n  weekday: {steps(self.levels)}\n  weekend: {steps(weekend)}\n"
                f'busy: {{from: "{int(self.busy_from):02}:{int(self.busy_from % 1 * 60):02}", to: "{int(self.busy_to):02}:{int(self.busy_to % 1 * 60):02}"}}\n'
                f"sampling: {self.sampling}\nevents: {{file: events.csv, effect: {self.effect}}}\n{gaps}"
                "traffic:\n" + "".join(f"  - {t}\n" for t in self.traffic))

    def study_yaml(self):
        return (f"name: World {self.seed}\ntimezone: {self.zone}\nperiod: {{from: {self.first}, to: {self.last}}}\n"
                f"population: [{{prefix: {self.population()}}}]\nevents: [events.csv]\nbaseline: baseline.csv\n"
                f"measure: {self.measure}\nseed: {self.seed + 1}\n")

    def events_csv(self):
        rows = [f"{self.first + datetime.timedelta(days=at)}T12:00,{self.zone},,event {i},test," for i, at in enumerate(self.events)]
        return "time,zone,uncertainty,label,kind,source\n" + "\n".join(rows) + "\n"

    def baseline_csv(self):
        return "country,share\n" + "".join(f"{c},{s:.6f}\n" for c, s in sorted(self.expected.items()))


def spoil(path, seed):
    """What exporters do wrong: a second one sends a part again, and one in two thousand times is from 1970."""
    r = random.Random(f"faults {seed}")
    with open(path, encoding="utf-8") as f:
        head, *rows = f.read().splitlines()
    columns = head.split(",")
    exporter, start, end = (columns.index(c) for c in ("exporter", "start", "end"))
    out = [head]
    for row in rows:
        fields = row.split(",")
        out.append(row)
        if r.random() < 0.15:
            fields[exporter] = "192.0.2.2"
            out.append(",".join(fields))
        elif r.random() < 0.0005:
            fields[start], fields[end] = "1970-01-01T00:00:01.000Z", "1970-01-01T00:00:02.000Z"
            out.append(",".join(fields))
    with open(path, "w", encoding="utf-8") as f:
        f.write("\n".join(out) + "\n")


def run_world(telltale, seed, keep=None):
    w = World(seed)
    # The engine makes many small files: in memory where there is such a place.
    shm = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    dir_ = keep or tempfile.mkdtemp(prefix="telltale-calibrate-", dir=shm)
    os.makedirs(dir_, exist_ok=True)
    try:
        for name, text in (("world.yaml", w.world_yaml()), ("study.yaml", w.study_yaml()),
                           ("events.csv", w.events_csv()), ("baseline.csv", w.baseline_csv())):
            with open(os.path.join(dir_, name), "w", encoding="utf-8") as f:
                f.write(text)
        env = dict(os.environ, MALLOC_PERTURB_="0")

        def go(*args):
            run = subprocess.run([telltale, *args], cwd=dir_, env=env, capture_output=True, text=True,
                                 stdin=subprocess.DEVNULL)
            if run.returncode:
                raise RuntimeError(f"world {seed}: telltale {args[0]}: {run.stderr[-500:]}")
        feed = "flows.csv" if w.form == "csv" else "flows.ipfix"
        go("simulate", "-q", "world.yaml", "-o", "feed", "--format", w.form)
        if w.faults:
            spoil(os.path.join(dir_, "feed", feed), seed)
        go("import", "-q", os.path.join("feed", feed))
        go("report", "-q", "--json", "report.json")
        with open(os.path.join(dir_, "report.json"), encoding="utf-8") as f:
            model = json.load(f)
        with open(os.path.join(dir_, "feed", "truth.json"), encoding="utf-8") as f:
            truth = json.load(f)
        return w, list(checks(w, model, truth))
    finally:
        if not keep:
            shutil.rmtree(dir_, ignore_errors=True)


def inside(e, value):
    return e["low"] <= value <= e["high"]


def told(e):
    """One day alone gives a value and no interval, and the report says null."""
    return e is not None and e["low"] is not None and e["high"] is not None


def held(w, e, value):
    """Where days lean by 0.9 an estimate may say instead that its days carry too little."""
    return inside(e, value) or (w.lasts > 0.7 and "days_effective" in e)


def checks(w, model, truth):
    """(kind, setting, hit, detail) of everything that this world can show."""
    sampled = "sampled" if w.sampling > 1 else "unsampled"
    lean = f"days lean by {w.lasts}" if w.lasts > 0.7 else "days lean by 0.6 and less"
    setting = f"{sampled}, {lean}"
    yield from intervals(w, model, truth, setting)
    yield from rhythm(w, model, truth, sampled)
    yield from events(w, model, lean)
    yield from presence(w, model)
    yield from onsets(w, model, lean)
    yield from hostility(w, model, truth)


def intervals(w, model, truth, setting):
    octets = w.measure == "octets"
    for section, kind in (("services", "share of a service"), ("categories", "share of a category")):
        # Where nothing is known of a web site its owner's kind may still tell a category.
        true = {s["id"]: s["octets_share" if octets else "share"] for s in truth[section] if s["id"] != "unknown"}
        for s in model[section]:
            if s["id"] in true and told(s["share"]):
                yield kind, setting, held(w, s["share"], true[s["id"]]), (s["id"], s["share"], true[s["id"]])
    if not octets:
        true = {c["country"]: c["share"] for c in truth["presence"]["countries"]}
        for c in model["presence"]["countries"]:
            if c["country"] in true and told(c["share"]):
                yield "share of a country", setting, held(w, c["share"], true[c["country"]]), (c["country"], c["share"], true[c["country"]])
        share = truth["concealment"]["share"]
        if told(model["concealment"].get("share")):
            yield "concealed share", setting, held(w, model["concealment"]["share"], share), (model["concealment"]["share"], share)
        if w.sampling == 1 and not w.onset and w.effect == 0:
            true = {d["day"]: d["mean"] for d in truth["rhythm"]["weekdays"]}
            for d in model["rhythm"].get("weekdays", []):
                if told(d["mean"]):
                    yield "mean of a weekday", setting, held(w, d["mean"], true[d["day"]]), (d, true[d["day"]])


def rhythm(w, model, truth, sampled):
    busy = model["rhythm"].get("busy", {})
    if w.hosts < 12:
        return
    if "from_hour" in busy:
        want = truth["rhythm"]["busy"]
        to = busy["to_hour"] or 24
        yield ("busy interval within 30 minutes", sampled,
               abs(busy["from_hour"] - want["from_hour"]) <= 0.5 and abs(to - want["to_hour"]) <= 0.5, (busy, want))
    elif w.sampling <= 10:
        yield "busy interval within 30 minutes", sampled, False, busy
    offset = model["rhythm"].get("utc_offset", {})
    if "minutes" in offset:
        # A zone with summer time has two: either end of the period will do.
        off = min(abs((offset["minutes"] - t + 720) % 1440 - 720) for t in offsets(w))
        up = "busy from 08:30 to 09:30" if 8.5 <= w.busy_from <= 9.5 else "busy from 08:00"
        yield "UTC offset within 30 minutes", up, off <= 30, (offset, offsets(w), w.busy_from, w.busy_to)
        low = min((t - offset["low"]) % 1440 for t in offsets(w))
        yield "UTC offset's interval holds it", sampled, low <= offset["high"] - offset["low"], (offset, offsets(w))


def offsets(w):
    import zoneinfo
    zone = zoneinfo.ZoneInfo(w.zone)
    return sorted({datetime.datetime.combine(d, datetime.time(12), zone).utcoffset().total_seconds() / 60
                   for d in (w.first, w.last)})


def events(w, model, lean):
    tests = model["events"].get("tests")
    if not tests:
        return
    t = tests[0]
    if w.effect == 0:
        yield "false alarm, the events' days at 5%", f"{w.events_how}, {lean}", t["on"]["test"]["p"] <= 0.05, t["on"]
        yield "false alarm, any lag at 5%", f"{w.events_how}, {lean}", t["any_lag"]["p"] <= 0.05, t["any_lag"]
        yield "false alarm, the report claims a difference", f"{w.events_how}, {lean}", t["moves"], t["n"]
    else:
        seen = t["detectable"]["effect"]
        if seen is not None and w.effect >= seen:
            yield ("planted effect of the stated detectable size or more found", lean, t["on"]["test"]["p"] <= 0.05,
                   (w.effect, seen, t["on"]))
        yield "the effect's interval holds it", lean, inside(t["on"]["effect"], w.effect), (w.effect, t["on"])


def presence(w, model):
    countries = model["presence"]["countries"]
    flagged = [c["country"] for c in countries if c.get("flagged")]
    wrong = [c for c in flagged if c not in w.present and c not in ASIDE]
    right = [c for c in flagged if c in w.present]
    if w.present:
        for c in w.present:
            yield "country at twice its expectation found", "three giants and more beside it", c in flagged, (c, flagged)
    yield ("falsely flagged among the flagged (FDR)", "planted worlds" if w.present else "null worlds",
           len(wrong) / (len(wrong) + len(right)) if flagged and wrong else 0, wrong)


def onsets(w, model, lean):
    found = model["onsets"]
    if not isinstance(found, list):
        return
    mine = [f for f in found if w.onset and (f["subject"]["id"] in ("bitcoin", "cryptocurrency", "DE", "tcp/8333")
                                             or "> 88.198.6." in f["subject"]["id"])]
    others = [f for f in found if f not in mine]
    yield "false changes in a study (a number)", lean, len(others), [(f["subject"], f["change"], f["at"]) for f in others]
    if w.onset:
        own = [f for f in mine if f["subject"]["id"] == "bitcoin" and f["change"] == "onset"]
        yield "onset of 20 a day and more found", lean, bool(own), mine
        if own:
            yield "its date's interval right", lean, own[0]["at_low"] <= w.onset <= own[0]["at_high"], (own[0], w.onset)


def hostility(w, model, truth):
    scanners = model["recon"].get("scanners")
    if isinstance(scanners, list):
        inward = {s["remote"] for s in scanners if s["direction"] == "inward"}
        outward = [s for s in scanners if s["direction"] != "inward"]
        if w.scanners and w.days >= 28:
            for k in range(w.scanners):
                yield "scanner found (24 probes a day)", "planted", k < len(inward), (len(inward), w.scanners)
        if not w.scanners:
            yield "nothing hostile found", "null worlds", not inward and not outward, scanners[:3]
        yield ("innocent hosts called scanners", "all worlds", len(outward) / w.hosts, outward[:3])
    concealment = model["concealment"]
    if "flows" in concealment and not w.concealed and not w.tor:
        yield "nothing concealed found", "null worlds", concealment["flows"] == 0, concealment["flows"]
    if w.tor:
        rows = [t for t in concealment.get("tor", []) if t["relay"] == "171.25.193.77"]
        want = w.days <= 109  # kept longer than the guards' lifetime it is not normal
        if w.days < 108 or w.days > 125:
            yield ("daily Tor relay called rightly", "kept for the whole study",
                   bool(rows) and rows[0]["guard_policy"]["normal"] == want, (w.days, rows))
