#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""New weights inside an approved change plan, over HTTP and by pages: change_plan.py DEMO_DIR

A policy of two families comes into force; the file of the demo gets a change plan and a label at intermediate. Other
weights claim the planned recalibration: their bench measures performance again, robustness comes from the parent. The
commission's page says so and offers no level above the cap; a decision above it is refused; a surveillance lifts it."""
import hashlib
import json
import os
import os
import subprocess
import sys
import time
import urllib.request

from reinstate import Country, escrowed, text_of
from world import Tap, call, second_fold

PLAN = {"changes": [{"type": "recalibration", "tests": ["PF-1"], "families": ["performance"],
                     "acceptance": [{"row": "PF-1", "measure": "auc", "op": "ge", "value": 0.82}]}]}


def now(days=0):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400 * days))


def row(name, family, param, op, value):
    levels = ["base", "intermediate", "advanced"]
    return {"id": name, "family": family, "level": {x: "gate" for x in levels}, "origin": "P",
            "limits": [{"param": param, "op": op, "value": value, "levels": levels, "origin": "P"}]}


class Story:
    def __init__(self, k, tap):
        self.k, self.tap, self.port = k, tap, k.reg.port
        self.admin = k.c.w["registry"]["admin_token"]
        self.measured = ""

    def get(self, path):
        return call(self.port, "GET", "/api/v1" + path, None, self.admin)[1]

    def blob(self, data):
        digest = hashlib.sha256(data).hexdigest()
        r = urllib.request.Request("http://127.0.0.1:%d/api/v1/blobs/%s" % (self.port, digest), data, method="PUT",
                                   headers={"Authorization": "Bearer " + self.admin, "Content-Type": "application/octet-stream"})
        urllib.request.urlopen(r).read()
        return digest

    def say(self, kind, record, *who):
        """Signed by each in turn and handed in: the last status and answer."""
        base = self.k.c.dir + "/said.json"
        json.dump(record, open(base, "w"), ensure_ascii=False)
        for key in who:
            subprocess.run([self.k.c.amane, "sign", base, "--kind", kind, "--type-base", self.k.c.w["type_base"], "--key",
                            "%s/actors/%s.key" % (self.k.c.dir, key), "--out", base + ".dsse"], check=True)
            path = "/api/v1/evidence" if kind == "evidence" else "/api/v1/%ss" % kind
            status, answer = call(self.port, "POST", path, json.load(open(base + ".dsse")), self.admin)
            if status >= 300:
                return status, json.dumps(answer)
        return status, answer

    def must(self, name, kind, record, *who):
        status, answer = self.say(kind, record, *who)
        self.tap.ok(status < 300, "%s (%d)" % (name, status))
        if status >= 300:
            print("#", str(answer)[:900])
        return answer

    def refused(self, code, name, kind, record, *who):
        status, answer = self.say(kind, record, *who)
        self.tap.ok(status == 422 and code in str(answer), "%s (%d %s)" % (name, status, code))
        if code not in str(answer):
            print("#", str(answer)[:900])

    def view(self, digest):
        v = self.get("/versions/" + digest)
        return v.get("version", v)

    def head(self, role, org):
        return {"issued_at": now(), "issuer": {"role": role, "org_id": org}}

    def evidence(self, digest, rows, x):
        """A run over those rows, made of the demo's own: every measure of them is x."""
        name = {"PF-1": "auc", "RB-1": "drop"}
        while now() == self.measured:  # two answers of one second contradict each other: neither counts
            time.sleep(0.05)
        r = dict(self.sample, **self.head("bench_operator", self.sample["issuer"]["org_id"]), model_digest=digest, rows=rows)
        self.measured = r["issued_at"]
        r.pop("row_results", None)
        r["family"] = "performance" if rows[0] == "PF-1" else "robustness"
        r["measures"] = [{"row": i, "name": name[i], "group": "", "threshold": None, "estimate": x, "ci95_low": x - 0.01,
                          "ci95_high": x + 0.01, "ci_method": "delong-wald", "n": r["dataset"]["n"],
                          "positives": r["dataset"]["positives"], "seed": "1"} for i in rows]
        return r

    def decision(self, digest, requested, level, evidence):
        who = [self.k.key_id("has-1"), self.k.key_id("has-2")]
        return dict(self.head("has", "HAS"), model_digest=digest, outcome="granted", requested_level=requested, label_level=level,
                    scope={"gst": ["GST-RSK"], "establishments": ["CHU-RABAT"], "uses": [self.version["intended_use"]["use_code"]],
                           "undemonstrated_groups": []}, decided_at=now(), expires_at=now(300), conditions=[],
                    policy_sha256=self.policy, evidence=evidence, outcome_computed="granted",
                    signers=[{"role": "has", "org_id": "HAS", "key_id": i, "no_conflict": True} for i in who])


def policy_of_two_families(s):
    """The demo's, with two requirements and the duties of a pilot waived: this is about plans."""
    p = s.get("/policy")
    before = p.get("policy_sha256") or p["sha256"]
    p = p.get("policy", p.get("document", p))
    p["matrix"]["rows"] = [row("PF-1", "performance", "auc", "ge", 0.8), row("RB-1", "robustness", "drop", "le", 0.9)]
    p["waived"] = sorted(set(p["waived"] + ["guard." + g for g in ("closed_pilot", "sites", "reproduced", "model_signature", "fhir_twin")]))
    p["signing"]["V7.intermediate"] = p["signing"]["V7.base"]
    s.policy = s.blob(json.dumps(p, ensure_ascii=False).encode())
    s.must("a policy of two families comes into force", "event",
           dict(s.head("msps", "MSPS"), type="policy_change", policy_sha256=s.policy, previous_sha256=before, reason="essai"), "msps", "has-1")


def the_parent(s, digest):
    v = s.view(digest)
    record = escrowed(s.k, issued_at=now(), change_plan=PLAN, supersedes=v["declared"]["record"], reason="plan")
    s.must("the supplier adds a change plan before the decision", "version", record, "vendor")
    s.must("robustness is measured", "evidence", s.evidence(digest, ["RB-1"], 0.5), "bench")
    s.must("and performance, under the new policy", "evidence", s.evidence(digest, ["PF-1"], 0.88), "bench")
    s.must("the file gets its label", "decision", s.decision(digest, "base", "base", s.view(digest)["evidence"]), "has-1", "has-2")
    s.must("and rises to intermediate", "decision",
           s.decision(digest, "intermediate", "intermediate", s.view(digest)["evidence"]), "has-1", "has-2")


def other_weights(s, parent):
    """The same model in other bytes: another digest, which is all that the log sees."""
    data = open(s.k.c.dir + "/model.json", "rb").read() + b"\n"
    weights = s.blob(data)
    digest = hashlib.sha256(bytes.fromhex(weights)).hexdigest()
    artifact = dict(s.version["artifacts"][0], sha256=weights, size=len(data))
    parts = json.dumps(s.get("/blobs/" + s.version["sbom"]["sha256"]))
    parts = s.blob(parts.replace(s.version["artifacts"][0]["sha256"], weights).encode())
    record = dict(s.version, sbom=dict(s.version["sbom"], sha256=parts), issued_at=now(), version_label="1.1.0", artifacts=[artifact], model_digest=digest,
                  previous_version={"version_label": "1.0.0", "model_digest": parent})
    s.refused("guard.change_plan", "a change that no plan foresees is refused, in words", "version",
              dict(record, planned_change={"type": "retraining"}), "vendor")
    s.refused("guard.change_kept", "so is one that touches what the change does not", "version",
              dict(record, planned_change={"type": "recalibration"}, decision_role="augment"), "vendor")
    s.must("the planned recalibration is declared", "version", dict(record, planned_change={"type": "recalibration"}), "vendor")
    s.must("admissible", "event", dict(s.head("msps", "MSPS"), type="admissibility", model_digest=digest, verdict="admissible",
                                       pointers=[], report_sha256=weights), "desk")
    s.must("assigned", "event", dict(s.head("has", "HAS"), type="assignment", model_digest=digest, no_conflict=True,
                                     rapporteur=s.k.key_id("has-rapporteur"), bench_operator=s.k.key_id("bench"),
                                     requested_level="intermediate", sealed_data=[s.sample["dataset"]["sha256"]]), "has-rapporteur")
    s.must("performance alone is measured on the new weights", "evidence", s.evidence(digest, ["PF-1"], 0.87), "bench")
    return digest


def pages(s, digest, parent):
    me = s.k.person("membre", "has", "commissioner", "HAS")
    status, _, page = me.ask("GET", "/models/" + digest)
    page = page.decode()
    s.tap.ok(status == 200 and 'id="change-h"' in page and "/models/%s/evidence" % parent in page,
             "the model's page says that it is inside a plan, and links what it took over")
    status, _, page = me.ask("GET", "/commission/" + digest)
    page = page.decode()
    s.tap.ok(status == 200 and 'id="change-h"' in page and 'value="granted.base"' in page and "granted.intermediate" not in page,
             "the commission's page offers no level above the cap")
    keys = {"k" + s.k.key_id(w): "1" for w in ("has-1", "has-2")}
    fields = {"act": "decision", "gst": "GST-RSK", "houses": "CHU-RABAT", **keys}
    status, _, page = me.form("/commission/" + digest, {**fields, "outcome": "granted.intermediate"})
    s.tap.ok(status == 422, "and refuses at once one that is typed by hand (%d)" % status)
    status, where, page = me.form("/commission/" + digest, {**fields, "outcome": "granted.base"})
    s.tap.ok(status == 303 and where.startswith("/sign/"), "base is prepared (%d)" % status)
    if status != 303:
        print("#", text_of(page))
        return
    text = me.ask("GET", where + "/payload.json")[2]
    cited = json.loads(text)["predicate"]["amane_record"]["evidence"]
    both = s.view(digest)["evidence"] + s.view(parent)["evidence"]
    s.tap.ok(sorted(cited) == sorted(both), "its text cites the evidence of both versions")


def label(s, digest, parent):
    both = s.view(digest)["evidence"] + s.view(parent)["evidence"]
    s.refused("guard.change_cap", "signed, a level above the cap has no effect", "decision",
              s.decision(digest, "intermediate", "intermediate", both), "has-1")
    s.must("one level below is granted", "decision", s.decision(digest, "intermediate", "base", both), "has-1", "has-2")
    c = s.view(digest)["change"]
    s.tap.ok(c["reduced"] and c["cap"] == "base" and c["inherited"] == ["RB-1"] and c["rerun"] == ["PF-1"],
             "the interface says what was run again, what was taken over, and the cap")
    s.refused("guard.change_cap", "it does not rise before a surveillance", "decision",
              s.decision(digest, "intermediate", "intermediate", both), "has-1")
    s.must("a year later performance is measured", "evidence", s.evidence(digest, ["PF-1"], 0.865), "bench")
    s.must("surveillance passes", "event", dict(s.head("bench_operator", s.sample["issuer"]["org_id"]), type="surveillance",
                                                model_digest=digest, verdict="pass", evidence=[s.view(digest)["evidence"][-1]]), "bench")
    both = s.view(digest)["evidence"] + s.view(parent)["evidence"]
    s.must("the cap is lifted", "decision", s.decision(digest, "intermediate", "intermediate", both), "has-1", "has-2")
    s.tap.ok(s.view(digest)["level"] == "intermediate", "the label is that of the parent")


def evolution(s, digest):
    """What moved, from one evidence or decision to the next, in three languages and without scripts."""
    anyone = s.k.person("membre", "has", "commissioner", "HAS")
    words = {"fr": ("Ce qui a bougé", "-0,005", "base", "intermédiaire"), "ar": ("ما الذي تغير", "-0,005", "أساسي", "متوسط"),
             "en": ("What moved over time", "-0.005", "base", "intermediate")}
    for lang, wanted in words.items():
        status, _, page = anyone.ask("GET", "/models/%s/evolution?lang=%s" % (digest, lang))
        page = page.decode()
        lost = [w for w in wanted if w not in page]
        s.tap.ok(status == 200 and not lost and 'lang="%s"' % lang in page,
                 "what moved between two evidence and between two decisions is told in %s %s" % (lang, lost or ""))
        if os.environ.get("PAGES_OUT"):
            with open("%s/evolution-%s.html" % (os.environ["PAGES_OUT"], lang), "w", encoding="utf-8") as f:
                f.write(page)
    status, _, _ = anyone.ask("GET", "/models/%s/evolution" % ("0" * 64))
    s.tap.ok(status == 404, "nobody's version has none (%d)" % status)


def offline(s, digest):
    """Somebody who copies the log recomputes it: the policy over the evidence of both."""
    out = subprocess.run([s.k.c.amane, "policy", "eval", "--log", s.k.c.w["registry"]["dir"], "--model", digest, "--json"],
                         capture_output=True, text=True)
    r = json.loads(out.stdout or "{}")
    s.tap.ok(out.returncode == 0 and r.get("equal") is True and r.get("level") == "intermediate",
             "the decision is recomputed from the log alone (%d)" % out.returncode)
    if out.returncode:
        print("#", (out.stderr + out.stdout)[:600])


def main():
    os.environ["AMANE_SECOND_FACTOR"] = "off"  # its own tests are elsewhere
    k, tap = Country(sys.argv[1]), Tap()
    try:
        s = Story(k, tap)
        parent = k.digest
        payload = s.view(parent)["evidence"][0]
        s.sample = call(s.port, "GET", "/api/v1/blobs/" + payload, None, s.admin)[1]["predicate"]["amane_record"]
        s.version = escrowed(k)
        for proof in ("fhir_twin", "model_signature"):
            s.version.pop(proof, None)  # of the demo's file alone; the policy waives them
        policy_of_two_families(s)
        the_parent(s, parent)
        digest = other_weights(s, parent)
        pages(s, digest, parent)
        label(s, digest, parent)
        evolution(s, digest)
    finally:
        k.end()
    offline(s, digest)
    second_fold(tap, sys.argv[1] + "/registry")
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
