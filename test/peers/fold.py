#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A second fold: the states of a log, worked out by a program that shares no code with Amane.

fold.py DIR AMANE [SIZES]   DIR: a folder of `amane log export`. At SIZES random tree sizes (0: all), the state of every
version and deployment and the orders in force are compared with `amane log state`; for every entry, its effect and
transition with `amane log show`. Written after registry.md and lifecycle.md; the names of
rules and members are those of doc/records.md and src/ledger/ledger_tbl.h, and that a version which has ended has no level
is amane's reading, which the design leaves open. It follows states, signers and orders, and
takes the completeness of a record (fields, plans, terms) as the registry found it: what a log holds was admitted.
TAP on stdout."""
import base64
import calendar
import datetime
import hashlib
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from stranger import blob, entries  # noqa: E402

LEVELS = ["none", "base", "intermediate", "advanced"]
# lifecycle.md section 2: outcome of a decision, from which states, to which (None: the state stays), row.
DECISIONS = {
    "granted": [({"evaluated"}, "labelled", "V7"), ({"labelled"}, "labelled", "V11")],
    "deferred": [({"evaluated"}, "deferred", "V8")],
    "refused": [({"evaluated"}, "refused", "V8")],
    "reduced": [({"labelled"}, "labelled", "V12")],
    "maintained": [({"labelled"}, "labelled", "V13")],
    "suspended": [({"labelled", "suspended"}, "suspended", "V14")],
    "reinstated": [({"suspended"}, "labelled", "V15")],
    "withdrawn": [({"declared", "inadmissible", "admissible", "under_evaluation", "evaluated", "labelled", "deferred",
                    "suspended", "expired"}, "withdrawn", "V18")],
}
ASSIGNMENTS = {"admissible": "V5", "deferred": "V9", "refused": "V10", "expired": "V17"}
# Section 3: row, from which phases, to which.
DEPLOYMENTS = {
    "P1": ({None}, "proposed"), "P2": ({"proposed"}, "pre_deployment"), "P3": ({"pre_deployment"}, "pilot"),
    "P4": ({"pilot"}, "deployed"), "P9": ({"deployed"}, "pilot"), "P11": ({None, "pilot"}, "pilot"),
    "P8": ({"proposed", "pre_deployment", "pilot", "deployed", "suspended", "stopped"}, "stopped"),
    "P10": ({"proposed", "pre_deployment", "pilot", "deployed", "suspended", "stopped"}, "retired"),
}
# Who signs when the policy does not say: lifecycle.md sections 2, 3, 5, 7. role[/function][*count], + all, | any.
OWNER = "vendor | gst/direction | director"
THREE = "has/commissioner*3"
REPORTERS = "physician | nurse | lab_technician | pharmacist | clinical_lead | director | dsi | dim | dpo | rssi | quality"
RULES = {
    "algorithm": OWNER, "V2": OWNER, "V4": OWNER, "V21": OWNER, "V3": "msps/registry_desk", "V5": "has", "V9": "has",
    "V17": "has", "V10": "has*3", "V6": "bench_operator", "V7": THREE, "V7.intermediate": THREE + " + imanor",
    "V7.advanced": THREE + " + imanor", "V8": THREE, "V12": THREE, "V13": THREE, "V14": "has | msps | cndp",
    "V15": "%s | %s + msps | %s + cndp | %s + msps + cndp" % (THREE, THREE, THREE, THREE), "V16": "system",
    "V18": "vendor | %s | msps/authority*2" % THREE, "V19": "system",
    "P1": "clinical_lead", "P2": "director + dsi + dim + clinical_lead",
    "P3": "dsi + dim + dpo + clinical_lead + quality + rssi", "P4": "director + dim + gst/direction",
    "P8": THREE + " | msps/authority*2", "P9": "dim | gst/direction", "P10": "director", "P11": "dsi + dim",
    "stop.patient": "physician | nurse | lab_technician | pharmacist | secretary | clinical_lead",
    "stop.service": "physician | nurse | pharmacist | lab_technician | clinical_lead",
    "stop.establishment": "director | dsi | dim | dpo | rssi | quality", "stop.region": "gst/direction",
    "stop.national": "has | msps | cndp", "lift.service": "clinical_lead + dim", "lift.establishment": "director + dim",
    "lift.region": "gst/direction + has", "lift.patient": "clinical_lead | physician | nurse | lab_technician | pharmacist | secretary",
    "lift.national": "%s | %s + msps | %s + cndp" % (THREE, THREE, THREE),
    "key_grant": "msps", "key_grant.authority": "msps/authority*2", "key_revoke": "msps | has",
    "policy_change": "msps/authority*2 + has", "vigilance": REPORTERS + " | vendor | system",
    "vigilance_followup.coding": REPORTERS + " | has | msps", "vigilance_followup.answer": "vendor",
    "vigilance_followup.closure": "has | msps", "escrow_receipt": "escrow_agent", "escrow_release.order": "msps/authority*2",
    "escrow_release.execute": "escrow_agent", "sandbox_open": "has", "sandbox_extension": "has", "sandbox_report": "bench_operator",
    "appeal": OWNER, "withdrawal_notice": OWNER, "hearing": "has | msps", "pilot_report": "director + dim",
    "pilot_extension": "dim + dpo + clinical_lead", "approval.dpia": "director + dpo", "approval.cndp": "cndp",
    "monitoring": "dim | system", "drift": "system", "surveillance": "bench_operator", "audit": "auditor | has | msps | cndp",
    "establishment_certificate": "has/certification", "visit": "peer_visitor", "lease_extension": "msps/authority*2 + " + THREE,
    "stop_ack": "system", "node_checkpoint": "system", "tender_check": "system", "system": "system",
}


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def months_later(t, n):
    d = datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
    month = d.month - 1 + n
    year, month = d.year + month // 12, month % 12 + 1
    return d.replace(year=year, month=month, day=min(d.day, calendar.monthrange(year, month)[1])).timestamp()


def canonical(v):
    """RFC 8785 for what records hold here: no number in it needs more than Python's own form."""
    return json.dumps(v, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def alternatives(rule):
    """A rule as a list of lists of (role, function, count)."""
    if rule and isinstance(rule, list) and isinstance(rule[0], list) and isinstance(rule[0][0], tuple):
        return rule
    if isinstance(rule, str):
        out = []
        for one in rule.split("|"):
            terms = []
            for t in one.split("+"):
                t, _, count = t.strip().partition("*")
                role, _, function = t.partition("/")
                terms.append((role, function or None, int(count or 1)))
            out.append(terms)
        return out
    lists = rule if rule and isinstance(rule[0], list) else [rule]
    return [[(t["role"], t.get("function"), t.get("count", 1)) for t in one] for one in lists]


def complete(rule, signers):
    """Is one alternative met, each signer used once? The counts are small: tried in turn."""
    def fill(terms, left):
        if not terms:
            return True
        role, function, count = terms[0]
        if count == 0:
            return fill(terms[1:], left)
        return any(fill([(role, function, count - 1)] + terms[1:], left[:i] + left[i + 1:])
                   for i, k in enumerate(left) if k["role"] == role and function in (None, k.get("function")))
    return any(fill(terms, signers) for terms in alternatives(rule))


class Fold:
    def __init__(self, folder):
        self.folder, self.size, self.now = folder, 0, 0
        self.keys, self.versions, self.deployments, self.stops, self.algorithms = {}, {}, {}, [], {}
        self.waiting, self.done, self.recused, self.evidence, self.facts = {}, {}, [], {}, {}
        self.outcomes = []

    # ---- keys
    def grant(self, key):
        spki = base64.b64decode(key["spki"])
        self.keys[hashlib.sha256(spki).hexdigest()] = {**key, "from": self.size, "until": None}

    def signer(self, spki, record):
        k = self.keys.get(hashlib.sha256(spki).hexdigest())
        if not k or k["until"] is not None:
            return None
        for bound, wrong in (("not_before", lambda a, b: a < b), ("not_after", lambda a, b: a >= b)):
            if k.get(bound) and wrong(seconds(record["issued_at"]), seconds(k[bound])):
                return None
        return {**k, "id": hashlib.sha256(spki).hexdigest()}

    def rule(self, name):
        signing = self.policy["signing"]
        for n in (name, name.split(".")[0]):
            if n in signing:
                return signing[n]
        return RULES.get(name) or RULES.get(name.split(".")[0])

    # ---- one entry
    def apply(self, leaf):
        spec = json.loads(leaf)["spec"]["dsseV002"]
        payload = base64.b64decode(spec["payloadHash"]["digest"]).hex()
        spki = base64.b64decode(spec["signatures"][0]["verifier"]["publicKey"]["rawBytes"])
        statement = json.loads(blob(self.folder, payload))
        predicate = statement["predicate"]
        kind = {"test-result": "evidence", "verification_summary": "decision"}.get(
            statement["predicateType"].split("/")[-2], statement["predicateType"].split("/")[-2])
        record = predicate.get("amane_record", predicate)
        self.outcomes.append(self.judge(kind, record, payload, spki))
        if self.outcomes[-1][0] == "in_effect":
            self.now = max(self.now, seconds(record["issued_at"]))
        self.size += 1

    def judge(self, kind, record, payload, spki):
        if self.size == 0:
            self.policy = json.loads(blob(self.folder, record["policy_sha256"]))
            for k in record["authorities"]:
                self.grant(k)
            return ("in_effect", None)
        who = self.signer(spki, record)
        if not who or payload in self.done:
            return ("none", None)
        plan = self.plan(kind, record, who)
        if not plan:
            return ("none", None)
        row, rule, act = plan
        group = self.waiting.setdefault(payload, [])
        if any(k["id"] == who["id"] for k in group):
            return ("none", None)
        group.append(who)
        able = [k for k in group if self.keys[k["id"]]["until"] is None]
        if not complete(rule, able):
            mine = [t for terms in alternatives(rule) for t in terms]
            if any(role == who["role"] and function in (None, who.get("function")) for role, function, _ in mine):
                return ("waiting", row)
            group.pop()
            return ("none", None)
        self.done[payload] = self.size
        act(able)
        return ("in_effect", row)

    def plan(self, kind, r, who):
        """(row, rule, what it does), or None: it can have no effect."""
        return getattr(self, "plan_" + kind)(r, who)

    def plan_algorithm(self, r, who):
        return (None, self.rule("algorithm"), lambda s: self.algorithms.update({r["algorithm_id"]: r}))

    # ---- machine V
    def plan_version(self, r, who):
        v, parent = self.versions.get(r["model_digest"]), self.versions.get(r.get("previous_version", {}).get("model_digest"))
        if not v:
            change = [c for c in (parent or {}).get("plan", {}).get("changes", []) if c["type"] == r.get("planned_change", {}).get("type")]

            def declare(s):
                self.versions[r["model_digest"]] = {
                    "parent": parent if change else None, "again": set(change[0]["tests"]) if change else set(),
                    "plan": r.get("change_plan", {}), "suspenders": set(), "state": "declared", "level": "none", "gst": [], "expires": None, "org": r["issuer"]["org_id"],
                    "evidence": set(), "requested": None, "bench": None, "refused_by": set(), "sandboxed": False, "rapporteur": None}
            return ("V20" if "planned_change" in r else "V2", self.rule("V2"), declare)
        if v["state"] == "inadmissible":
            return ("V4", self.rule("V4"), lambda s: v.update(state="declared"))
        if v["state"] == "archived":
            return None
        return ("V21", self.rule("V21"), lambda s: v.update(plan=r.get("change_plan", {})))

    def measured_all(self, v, more=()):
        """Every row asked at the requested level; inside a change plan, the parent's for rows the plan does not run again."""
        have = v["evidence"] | set(more)
        if v["parent"]:
            have |= v["parent"]["evidence"] - v["again"]
        return self.rows_asked(v["requested"]) <= have

    def rows_asked(self, level):
        return {row["id"] for row in self.policy["matrix"]["rows"]
                if row["level"][level] != "not_required" and row.get("mode") != "manual"}

    def plan_evidence(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v or who["org_id"] == v["org"]:
            return None
        rows = {m["row"] for m in r["measures"]} | {x["row"] for x in r.get("row_results", [])}
        moves = v["state"] == "under_evaluation" and who["id"] == v["bench"] and self.measured_all(v, rows)

        def measured(s):
            v["evidence"] |= rows
            if moves:
                v["state"] = "evaluated"
        return ("V6" if moves else None, self.rule("V6"), measured)

    def plan_decision(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v or who["id"] == v["rapporteur"] or self.is_recused(who["id"], r["model_digest"]):
            return None
        for states, to, row in DECISIONS[r["outcome"]]:
            if v["state"] in states:
                break
        else:
            return None
        base = "V7" if row == "V11" else row
        rule = self.rule("V7." + r["label_level"] if base == "V7" else base)
        if row == "V15":  # whoever suspended signs too; has, if the automaton did
            rule = [terms + [(role, None, 1) for role in sorted(v["suspenders"]) if role not in [t[0] for t in terms]]
                    for terms in alternatives(rule)]

        def decided(s):
            if to == "suspended":
                v["suspenders"] |= {k["role"] for k in s}
            v["state"] = to
            if to == "labelled":
                v["level"] = r["label_level"]
                v["gst"] = r["scope"].get("gst", [])
                v["expires"] = seconds(r["expires_at"])
                for o in self.stops:  # a reinstatement lifts the national orders on the version (V15)
                    if row == "V15" and o["scope"] == "national" and o["model_digest"] == r["model_digest"]:
                        o["lifted"] = True
            elif to == "deferred":
                v["expires"] = seconds(r["expires_at"]) if r.get("expires_at") else None
            if to == "refused":
                v["refused_by"] = {k["id"] for k in s}
            if row == "V15":
                v["suspenders"] = set()
            if to == "withdrawn":
                v["level"] = "none"
        return (row, rule, decided)

    def is_recused(self, key, digest):
        return any(k == key and d in (None, digest) for k, d in self.recused)

    # ---- machine P
    def plan_deployment(self, r, who):
        key = canonical([r["model_digest"], r["establishment"], r["use_code"]])
        p, v = self.deployments.get(hashlib.sha256(key).hexdigest()), self.versions.get(r["model_digest"])
        states, to = DEPLOYMENTS.get(r["transition"], ((), None))
        if not v or (p["phase"] if p else None) not in states:
            return None
        if r["transition"] in ("P1", "P3", "P4", "P11") and v["state"] != "labelled":
            return None

        def moved(s):
            d = self.deployments.setdefault(hashlib.sha256(key).hexdigest(), {
                "phase": None, "before": None, "ends": [], "digest": r["model_digest"], "gst": r["gst"],
                "house": r["establishment"], "use": r["use_code"], "services": []})
            d["phase"] = to
            d["services"] = r.get("service", d["services"])
            for k, at in (("dpia", "expires"), ("cndp_authorization", "expires")):
                if r.get(k, {}).get(at):
                    d[k] = seconds(r[k][at] + "T00:00:00Z" if "T" not in r[k][at] else r[k][at])
        return (r["transition"], self.rule(r["transition"]), moved)

    # ---- events
    def plan_event(self, r, who):
        name = r["type"]
        special = getattr(self, "event_" + name, None)
        if special:
            return special(r, who)
        if name in ("vigilance_followup", "escrow_release"):
            name += "." + r["step"]
        if name == "approval":
            name += ".dpia" if "dpia" in r else ".cndp"
        if name in ("stop_motive", "recusal", "correction"):
            return (None, who["role"], lambda s: None)
        return (None, self.rule(name), lambda s: None)

    def event_key_grant(self, r, who):
        authority = r["key"].get("function") == "authority" and r["key"]["role"] == "msps"
        return (None, self.rule("key_grant.authority" if authority else "key_grant"), lambda s: self.grant(r["key"]))

    def event_key_revoke(self, r, who):
        k = self.keys.get(r["key_id"])
        if not k or k["until"] is not None or (r.get("own") and r["key_id"] != who["id"]):
            return None
        return (None, who["role"] if r.get("own") else self.rule("key_revoke"), lambda s: k.update(until=self.size))

    def event_policy_change(self, r, who):
        def change(s):
            self.policy = json.loads(blob(self.folder, r["policy_sha256"]))
        return (None, self.rule("policy_change"), change)

    def event_recusal(self, r, who):
        at_once = who["id"] == r["key_id"] or who["role"] in ("has", "msps")
        return (None, who["role"], lambda s: at_once and self.recused.append((r["key_id"], r.get("model_digest"))))

    def event_admissibility(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v or v["state"] != "declared":
            return None
        return ("V3", self.rule("V3"), lambda s: v.update(state=r["verdict"]))

    def event_assignment(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v:
            return None
        again = v["state"] == "under_evaluation" and "replaces" in r
        row = "V5" if again else ASSIGNMENTS.get(v["state"])
        if not row or (row == "V10" and who["id"] in v["refused_by"]):
            return None

        def assigned(s):
            if not again or v["bench"] != r["bench_operator"]:
                v["evidence"] = set()
            v.update(state="under_evaluation", requested=r["requested_level"], bench=r["bench_operator"], rapporteur=r["rapporteur"])
        return (row, self.rule(row), assigned)

    def event_expiry(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v or v["state"] not in ("labelled", "suspended", "deferred"):
            return None
        return ("V16", self.rule("V16"), lambda s: v.update(state="expired", level="none"))

    def event_archive(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v or v["state"] not in ("refused", "withdrawn"):
            return None
        return ("V19", self.rule("V19"), lambda s: v.update(state="archived"))

    # ---- orders (section 7)
    def covers(self, o, d):
        return (o["model_digest"] == d["digest"] and (o["scope"] == "national" or o.get("gst") in (None, d["gst"]))
                and (o["scope"] in ("national", "region") or o.get("establishment") == d["house"])
                and o.get("use_code") in (None, d["use"]))

    def event_stop(self, r, who):
        v = self.versions.get(r["model_digest"])
        if not v:
            return None
        order = hashlib.sha256(canonical(r)).hexdigest()
        row = "V14" if r["scope"] == "national" and v["state"] in ("labelled", "suspended") else None

        def stopped(s):
            self.stops.append({**r, "order": order, "index": self.size, "lifted": False})
            if r["scope"] == "national" and v["state"] in ("labelled", "suspended"):
                v["suspenders"] |= {"has" if k["role"] == "system" else k["role"] for k in s}
                v["state"] = "suspended"
        rule = "system" if who["role"] == "system" else self.rule("stop." + r["scope"])
        return (row, rule, stopped)

    def event_stop_lift(self, r, who):
        o = next((o for o in self.stops if o["order"] == r["order"] and not o["lifted"]), None)
        if not o or (o["scope"] == "national" and self.versions[o["model_digest"]]["state"] == "suspended"):
            return None
        return (None, self.rule("lift." + o["scope"]), lambda s: o.update(lifted=True))

    # ---- what is read of it
    def status(self, v):
        if v["state"] == "labelled":
            return "pilot_only" if v["level"] == "base" else "certified"
        return {"suspended": "suspended", "refused": "refused", "withdrawn": "withdrawn", "archived": "withdrawn"}.get(v["state"], "registered")

    def effective(self, d):
        """The coupling rule (section 4)."""
        if d["phase"] not in ("pilot", "deployed"):
            return d["phase"]
        v = self.versions[d["digest"]]
        if v["state"] != "labelled" or (v["expires"] is not None and self.now >= v["expires"]):
            return "suspended"
        if any(not o["lifted"] and o["scope"] not in ("service", "patient") and self.covers(o, d) for o in self.stops):
            return "suspended"
        if any(d.get(k) is not None and self.now >= d[k] for k in ("dpia", "cndp_authorization")):
            return "suspended"
        ceiling = "deployed" if v["level"] == "advanced" or (v["level"] == "intermediate" and d["gst"] in v["gst"]) else "pilot"
        return "pilot" if "pilot" in (d["phase"], ceiling) else "deployed"

    def seen(self):
        return {"versions": sorted((k, v["state"], v["level"], self.status(v)) for k, v in self.versions.items()),
                "deployments": sorted((k, d["phase"], self.effective(d)) for k, d in self.deployments.items()),
                "stops": sorted((o["order"], o["scope"]) for o in self.stops if not o["lifted"])}


def said(amane, *args):
    p = subprocess.run([amane, "log", *args, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode:
        raise SystemExit("not ok - amane log %s: %s" % (args[0], p.stderr.decode()))
    return json.loads(p.stdout)


def root(leaves):
    """RFC 6962: two entries swapped give another."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0] if leaves else b"").digest()
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def compare(folder, amane, wanted=0):
    """(sizes looked at, entries, differences)."""
    leaves = list(entries(folder))
    if base64.b64encode(root(leaves)).decode() != open(folder + "/log/checkpoint").read().split("\n")[2]:
        return 0, len(leaves), ["these entries do not give the root of the checkpoint"]
    sizes = list(range(1, len(leaves) + 1))
    if wanted and wanted < len(sizes):
        sizes = sorted(random.Random(int(os.environ.get("AMANE_SEED", "7"))).sample(sizes, wanted))
    theirs = {s["tree_size"]: s for s in said(amane, "state", folder, "--at", ",".join(map(str, sizes)))}
    f, wrong = Fold(folder), []
    for i, leaf in enumerate(leaves):
        f.apply(leaf)
        if i + 1 not in theirs:
            continue
        t, mine = theirs[i + 1], f.seen()
        other = {"versions": sorted((v["model_digest"], v["state"], v["level"], v["registry_status"]) for v in t["versions"]),
                 "deployments": sorted((d["id"], d["phase"], d["effective"]) for d in t["deployments"]),
                 "stops": sorted((o["order"], o["scope"]) for o in t["stops"])}
        wrong += ["size %d, %s: %r here, %r by amane" % (i + 1, x, mine[x], other[x]) for x in mine if mine[x] != other[x]]
    wrong += ["entry %d %s %s: %r here, %r by amane (%s)" % (e["index"], e["kind"], e["type"], o, (e["effect"], e["transition"]), e["code"])
              for e, o in zip(said(amane, "show", folder), f.outcomes) if (e["effect"], e["transition"]) != o]
    return len(sizes), len(leaves), wrong


def main():
    sizes, n, wrong = compare(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print("%s 1 - a second fold gives the same states at %d sizes of %d entries, and every entry the same effect" % (
        "not ok" if wrong else "ok", sizes, n))
    for line in wrong[:20]:
        print("# " + line[:900])
    print("1..1")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
