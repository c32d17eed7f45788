#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Moroccan core as FHIR R4 resources: ma_core.py DIR writes profiles/ma-core (test/62-ma-core.sh compares).

Sources. Regions: decree 2-15-40 of 20 February 2015, their order that of the decree. Provinces and prefectures: codes, French
names and regions of ISO 3166-2:MA (Debian's iso-codes 4.15), with two regions corrected (Chtouka-Ait Baha is in Souss-Massa,
Nouaceur in Casablanca-Settat). Communes are not here: the operator's own table is loaded (doc/en/ma-core.md).
Identifiers: no public grammar of CIN, CNSS or AMO numbers and INPE is certain, and no official URI names their systems.
So errors are loose (letters and digits that can be one), and what is usual (INPE and CNSS of 9 digits, CIN of 1 or 2 letters and
up to 6 digits) is a warning. IPP belongs to each establishment: its system is the establishment's own, told by type MR."""
import json
import os
import sys

CORE = "http://hl7.org/fhir/StructureDefinition/"
URN = "urn:amane:ma:"
V2 = "http://terminology.hl7.org/CodeSystem/v2-0203"
REGIONS = """01|Tanger-Tétouan-Al Hoceïma|طنجة تطوان الحسيمة
02|L'Oriental|الشرق
03|Fès-Meknès|فاس مكناس
04|Rabat-Salé-Kénitra|الرباط سلا القنيطرة
05|Béni Mellal-Khénifra|بني ملال خنيفرة
06|Casablanca-Settat|الدار البيضاء سطات
07|Marrakech-Safi|مراكش آسفي
08|Drâa-Tafilalet|درعة تافيلالت
09|Souss-Massa|سوس ماسة
10|Guelmim-Oued Noun|كلميم واد نون
11|Laâyoune-Sakia El Hamra|العيون الساقية الحمراء
12|Dakhla-Oued Ed-Dahab|الداخلة وادي الذهب"""
PROVINCES = """AGD|09|Agadir-Ida-Ou-Tanane
AOU|12|Aousserd
ASZ|10|Assa-Zag
AZI|05|Azilal
BEM|05|Béni Mellal
BER|02|Berkane
BES|06|Benslimane
BOD|11|Boujdour
BOM|03|Boulemane
BRR|06|Berrechid
CAS|06|Casablanca
CHE|01|Chefchaouen
CHI|07|Chichaoua
CHT|09|Chtouka-Ait Baha
DRI|02|Driouch
ERR|08|Errachidia
ESI|07|Essaouira
ESM|11|Es-Semara
FAH|01|Fahs-Anjra
FES|03|Fès
FIG|02|Figuig
FQH|05|Fquih Ben Salah
GUE|10|Guelmim
GUF|02|Guercif
HAJ|03|El Hajeb
HAO|07|Al Haouz
HOC|01|Al Hoceïma
IFR|03|Ifrane
INE|09|Inezgane-Ait Melloul
JDI|06|El Jadida
JRA|02|Jerada
KEN|04|Kénitra
KES|07|El Kelâa des Sraghna
KHE|04|Khémisset
KHN|05|Khénifra
KHO|05|Khouribga
LAA|11|Laâyoune
LAR|01|Larache
MAR|07|Marrakech
MDF|01|M'diq-Fnideq
MED|06|Médiouna
MEK|03|Meknès
MID|08|Midelt
MOH|06|Mohammadia
MOU|03|Moulay Yacoub
NAD|02|Nador
NOU|06|Nouaceur
OUA|08|Ouarzazate
OUD|12|Oued Ed-Dahab
OUJ|02|Oujda-Angad
OUZ|01|Ouezzane
RAB|04|Rabat
REH|07|Rehamna
SAF|07|Safi
SAL|04|Salé
SEF|03|Sefrou
SET|06|Settat
SIB|06|Sidi Bennour
SIF|10|Sidi Ifni
SIK|04|Sidi Kacem
SIL|04|Sidi Slimane
SKH|04|Skhirate-Témara
TAF|11|Tarfaya
TAI|02|Taourirt
TAO|03|Taounate
TAR|09|Taroudannt
TAT|09|Tata
TAZ|03|Taza
TET|01|Tétouan
TIN|08|Tinghir
TIZ|09|Tiznit
TNG|01|Tanger-Assilah
TNT|10|Tan-Tan
YUS|07|Youssoufia
ZAG|08|Zagora"""


def base(resource_type, name, title, **more):
    return dict({"resourceType": resource_type, "id": name, "url": URN + name, "version": "0.1.0", "name": "Ma" + "".join(w.capitalize() for w in name.split("-")), "title": title,
                 "status": "draft", "experimental": False, "publisher": "Amane"}, **more)


def element(path, slice_=None, at=None, **more):
    """path: of the element; at: its id when that has slices."""
    e = {"id": at or path + (":" + slice_ if slice_ else ""), "path": path}
    if slice_:
        e["sliceName"] = slice_
    return dict(e, **more)


def rule(key, human, expression, severity="error"):
    return {"key": key, "severity": severity, "human": human, "expression": expression}


def profile(name, title, kind, of, elements, **more):
    return base("StructureDefinition", name, title, fhirVersion="4.0.1", kind=kind, abstract=False, type=of, baseDefinition=CORE + of,
                derivation="constraint", differential={"element": elements}, **more)


def identifier(owner, slices):
    """Slices by system; of the rest nothing is asked."""
    out = [element(owner + ".identifier", min=1, slicing={"discriminator": [{"type": "value", "path": "system"}], "rules": "open"})]
    for name, most, rules in slices:
        at = "%s.identifier:%s" % (owner, name)
        out += [element(owner + ".identifier", name, max=most),
                element(owner + ".identifier.system", at=at + ".system", min=1, fixedUri=URN + "id:" + name),
                element(owner + ".identifier.value", at=at + ".value", min=1, constraint=rules)]
    return out


CIN = [rule("ma-cin-1", "CIN: one or two capital letters, then digits, without spaces", "matches('^[A-Z]{1,2}[0-9]{1,8}$')"),
       rule("ma-cin-2", "CIN: usually at most six digits", "matches('^[A-Z]{1,2}[0-9]{1,6}$')", "warning")]
CNSS = [rule("ma-cnss-1", "CNSS or AMO number: digits only", "matches('^[0-9]{5,14}$')"),
        rule("ma-cnss-2", "CNSS number: usually nine digits", "matches('^[0-9]{9}$')", "warning")]
INPE = [rule("ma-inpe-1", "INPE: digits only", "matches('^[0-9]{5,14}$')"),
        rule("ma-inpe-2", "INPE: usually nine digits", "matches('^[0-9]{9}$')", "warning")]
LANGUAGE = CORE + "language"
NAME = [
    rule("ma-name-1", "A name has a family name or a text", "family.exists() or text.exists()"),
    rule("ma-name-2", "A name in Arabic letters says so: extension language = ar, and the name in Latin letters is another",
         "(family | given | text).where(matches('[\u0621-\u064a]')).exists() implies extension('%s').value.where($this = 'ar').exists()" % LANGUAGE),
    rule("ma-name-3", "A name whose language is ar is written in Arabic letters",
         "extension('%s').value.where($this = 'ar').exists() implies (family | given | text).all(matches('[\u0621-\u064a]'))" % LANGUAGE)]
BOTH = rule("ma-name-4", "Names in Latin and in Arabic letters: each lets a patient be found by those who write so",
            "name.where(extension('{0}').value.where($this = 'ar').exists()).exists() and "
            "name.where(extension('{0}').value.where($this = 'ar').exists().not()).exists()".format(LANGUAGE), "warning")
PLACES = ["region", "province", "commune"]


def names(owner):
    return [element(owner + ".name", min=1, constraint=NAME)]


def addresses(owner):
    return [element(owner + ".address", type=[{"code": "Address", "profile": [URN + "address"]}])]


def concepts():
    regions, provinces = [], []
    for line in REGIONS.split("\n"):
        code, fr, ar = line.split("|")
        regions.append({"code": code, "display": fr, "designation": [{"language": "ar", "value": ar}]})
    for line in PROVINCES.split("\n"):
        code, region, fr = line.split("|")
        provinces.append({"code": code, "display": fr, "property": [{"code": "region", "valueCode": region}]})
    return regions, provinces


def system(name, title, about, of, **more):
    return base("CodeSystem", name, title, description=about, content="complete", caseSensitive=True, valueSet=URN + name + "-set",
                count=len(of), concept=of, **more)


def value_set(name, title):
    return base("ValueSet", name + "-set", title, compose={"include": [{"system": URN + name}]})


def naming(name, title, about):
    return {"resourceType": "NamingSystem", "id": "id-" + name, "name": "Ma" + name.capitalize(), "status": "draft", "kind": "identifier", "date": "2026-11-28",
            "publisher": "Amane", "description": about, "usage": title,
            "uniqueId": [{"type": "uri", "value": URN + "id:" + name, "preferred": True}]}


def place(name):
    e = [element("Extension", max="1"), element("Extension.url", fixedUri=URN + name + "-code"),
         element("Extension.value[x]", min=1, type=[{"code": "Coding"}], binding={"strength": "required", "valueSet": URN + name + "-set"})]
    return profile(name + "-code", "Code of the %s of an address" % name, "complex-type", "Extension", e,
                   context=[{"type": "element", "expression": "Address"}])


def all_of_it():
    regions, provinces = concepts()
    patient = [element("Patient", constraint=[
        rule("ma-pat-1", "A patient is known by CIN or by IPP (identifier of type MR)",
             "identifier.where(system = '%sid:cin' or type.coding.where(system = '%s' and code = 'MR').exists()).exists()" % (URN, V2)),
        rule("ma-ipp-1", "An IPP (identifier of type MR) has a value, and the system of the establishment that gave it",
             "identifier.where(type.coding.where(system = '%s' and code = 'MR').exists()).all(system.exists() and value.exists())" % V2), BOTH])]
    patient += identifier("Patient", [("cin", "1", CIN), ("cnss", "1", CNSS)]) + names("Patient")
    patient += [element("Patient.gender", min=1)] + addresses("Patient")
    address = [element("Address"), element("Address.extension", slicing={"discriminator": [{"type": "value", "path": "url"}], "rules": "open"})]
    address += [element("Address.extension", p + "-code", max="1", type=[{"code": "Extension", "profile": [URN + p + "-code"]}]) for p in PLACES]
    made = [profile("patient", "Patient in Morocco", "resource", "Patient", patient),
            profile("practitioner", "Practitioner in Morocco", "resource", "Practitioner",
                    [element("Practitioner", constraint=[BOTH])] + identifier("Practitioner", [("inpe", "1", INPE), ("cin", "1", CIN)]) +
                    names("Practitioner") + addresses("Practitioner")),
            profile("organization", "Establishment in Morocco", "resource", "Organization",
                    [element("Organization")] + identifier("Organization", [("inpe", "1", INPE)]) + [element("Organization.name", min=1)] +
                    addresses("Organization")),
            profile("address", "Address in Morocco", "complex-type", "Address", address)]
    made += [place(p) for p in PLACES]
    made += [system("region", "Regions of Morocco", "The twelve regions of decree 2-15-40 of 20 February 2015.", regions, language="fr"),
             system("province", "Provinces and prefectures of Morocco", "ISO 3166-2:MA, two regions corrected: see tools/ma_core.py.", provinces,
                    language="fr", property=[{"code": "region", "description": "Its region, in " + URN + "region", "type": "code"}])]
    made += [value_set(p, "All codes of " + URN + p) for p in PLACES]
    made += [naming("cin", "Carte nationale d'identité", "No official URI is published: this one until then."),
             naming("cnss", "CNSS or AMO registration", "No official URI is published: this one until then."),
             naming("inpe", "Identifiant national du professionnel ou de l'établissement", "No official URI is published: this one until then.")]
    return made


def main(target):
    os.makedirs(target, exist_ok=True)
    for r in all_of_it():
        with open(os.path.join(target, "%s-%s.json" % (r["resourceType"], r["id"])), "w", encoding="utf-8") as f:
            json.dump(r, f, ensure_ascii=False, indent=1)
            f.write("\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: ma_core.py DIR")
    main(sys.argv[1])
