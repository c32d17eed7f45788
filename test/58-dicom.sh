#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# DICOM files into the warehouse: real samples with names in Arabic and French, what is not read named with its tag, the same files
# twice, a study that comes in two imports, files of one study that name two patients. TAP.
root=$(cd "$(dirname "$0")/.." && pwd)
amane=$(realpath "${AMANE:-$root/build/amane}")
samples=${AMANE_SHARED:-/work/shared}/data/dicom-samples
dir=$(mktemp -d) || exit 3
trap 'rm -rf "$dir"' EXIT
trap 'exit 3' INT TERM
unset LC_ALL LC_MESSAGES LANG LANGUAGE
. "$root/test/support/tap.sh"
shown="$dir/out $dir/err"
cd "$dir" || exit 3
eds() { "$amane" eds "$@" >out 2>err; }
jq '.zone = "+01:00"' "$root/mapping/dicom.json" >map.json
"$amane" eds key k >/dev/null
# Files made by hand: a study of two series, one file with another patient.
mkdir one two torn moved house bad
/usr/bin/python3 - <<'PY'
import struct
def element(group, number, vr, value):
    v = value.encode("utf-8")
    v += b" " * (len(v) % 2) if vr != "UI" else b"\0" * (len(v) % 2)
    return struct.pack("<HH", group, number) + vr.encode() + struct.pack("<H", len(v)) + v
def image(path, study, series, instance, patient="P1", name="العلوي^محمد", issuer="", date="20260301"):
    meta = element(2, 0x10, "UI", "1.2.840.10008.1.2.1")
    head = [(8, 5, "CS", "ISO_IR 192"), (8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.2"), (8, 0x18, "UI", instance), (8, 0x20, "DA", date), (8, 0x30, "TM", "083015.5"),
            (8, 0x50, "SH", "A7"), (8, 0x60, "CS", "CT"), (0x10, 0x10, "PN", name), (0x10, 0x20, "LO", patient), *[(0x10, 0x21, "LO", issuer)] * bool(issuer), (0x10, 0x30, "DA", "19800615"), (0x10, 0x40, "CS", "M"),
            (0x20, 0xD, "UI", study), (0x20, 0xE, "UI", series), (0x20, 0x11, "IS", "1"), (0x20, 0x13, "IS", instance[-1])]
    open(path, "wb").write(b"\0" * 128 + b"DICM" + meta + b"".join(element(*e) for e in head) + b"\xe0\x7f\x10\x00OW\0\0" + b"\xff" * 4 + b"pixels")
image("one/a", "1.2.3", "1.2.3.1", "1.2.3.1.1")
image("two/b", "1.2.3", "1.2.3.1", "1.2.3.1.2")
image("two/c", "1.2.3", "1.2.3.2", "1.2.3.2.1")
image("two/n", "1.2.5", "1.2.5.1", "1.2.5.1.1", name="ALAOUI^MOHAMED")
image("moved/d", "1.2.3", "1.2.3.3", "1.2.3.3.1", patient="P2")
image("house/e", "1.2.6", "1.2.6.1", "1.2.6.1.1", issuer="CHU-X")
image("house/f", "1.2.7", "1.2.7.1", "1.2.7.1.1")
image("house/g", "1.2.7", "1.2.7.1", "1.2.7.1.2", issuer="CHU-X")
image("bad/h.dcm", "1.2.8", "1.2.8.1", "1.2.8.1.1", date="2026|^~1")
image("torn/a", "1.2.4", "1.2.4.1", "1.2.4.1.1")
image("torn/b", "1.2.4", "1.2.4.1", "1.2.4.1.2", patient="P2")
open("two/note.txt", "w").write("not an image")
PY
eds import s.db one --dicom --key k --map map.json --json && jq -e '.files == 1 and .taken == 1' out >/dev/null && eds import s.db two --dicom --key k --map map.json --json && jq -e '.files == 3 and .taken == 2 and .unread == 0' out >/dev/null &&
    eds export s.db held --key k --reason "of a scenario" && jq -se '.[] | select(.identifier[0].value == "urn:oid:1.2.3") | .started == "2026-03-01T08:30:15.5+01:00" and .numberOfSeries == 2 and .numberOfInstances == 3
        and ([.series[] | [.uid, .modality.code, .numberOfInstances, [.instance[].uid]]] == [["1.2.3.1", "CT", 2, ["1.2.3.1.1", "1.2.3.1.2"]], ["1.2.3.2", "CT", 1, ["1.2.3.2.1"]]])' held/ImagingStudy.ndjson >out &&
    jq -e '.name[0].family == "العلوي" and .name[0].given == ["محمد"] and .birthDate == "1980-06-15" and .gender == "male"' held/Patient.ndjson >out
report $? 'a study that comes in two imports is one, with all its series and images'
eds import s.db one two --dicom --key k --map map.json --json && jq -e '.taken == 0 and .there == 2' out >/dev/null
report $? 'the same files again change nothing'
LC_ALL=en eds import s.db moved --dicom --key k --map map.json --json
[ $? = 1 ] && jq -e '.messages == 1 and .refused == 1' out >/dev/null && eds rejected list s.db --key k && grep -q 'hl7.patient' out
report $? 'a study that is there does not pass to another patient'
eds rejected replay s.db --key k --map map.json --json
rm -rf held
eds export s.db held --key k --reason "of a scenario" && jq -se '[.[] | select(.identifier[0].value == "urn:oid:1.2.3") | .numberOfInstances] == [3]' held/ImagingStudy.ndjson >out && jq -se 'length == 1' held/Patient.ndjson >out
report $? 'nor by a replay'
printf 'MSH|^~\\&|HIS|CHU|||20260302080000||ADT^A40|M9|P|2.5.1||||||UNICODE UTF-8\rPID|1||P2^^^D^MR||X^Y\rMRG|P1^^^D^MR\r' >merge.hl7
jq '.zone = "+01:00" | .tables["assigning-authority"].D = "urn:dicom:patient-id"' "$root/mapping/hl7v2.json" >hl7.json
eds import s.db merge.hl7 --hl7 --key k --map hl7.json --json && eds rejected replay s.db --key k --map map.json --json && jq -e '.taken == 1' out >/dev/null
report $? 'but to who replaces its patient'
LC_ALL=en eds import h.db house --dicom --key k --map map.json --json
[ $? = 1 ] && jq -e '.unread == 1 and .messages == 1 and .refused == 1' out >/dev/null && grep -q 'house/g: (0010,0020): .*dicom.patient' err && eds rejected list h.db --key k && grep -q 'hl7.code' out &&
    jq '.tables.issuer."CHU-X" = "urn:chu:x"' map.json >map2.json && eds rejected replay h.db --key k --map map2.json --json && jq -e '.taken == 1' out >/dev/null &&
    rm -rf held && eds export h.db held --key k --reason "of a scenario" && jq -e '.identifier == [{"system": "urn:chu:x", "value": "P1"}]' held/Patient.ndjson >out
report $? 'the issuer of a number is read: unknown refused, known its system'
ln -s /proc/sys/vm/compact_memory bad/shut.dcm # which nobody may read, root neither
LC_ALL=en eds import b.db bad one --dicom --key k --map map.json --json
[ $? = 1 ] && jq -e '.unread == 1 and .refused == 1 and .taken == 1' out >/dev/null && grep -q 'bad/shut.dcm: .*cannot be opened' err && eds rejected list b.db --key k && grep -q 'hl7.time' out
report $? 'a file that cannot be opened is told, a date that is none refused, the others go in'
LC_ALL=en eds import s.db torn --dicom --key k --map map.json --json
[ $? = 1 ] && jq -e '.messages == 0 and .unread == 1' out >/dev/null && grep -q 'torn/b: (0010,0020): .*dicom.patient' err
report $? 'a study whose files name two patients is refused whole'
eds import z.db one --dicom --key k --json
[ $? = 1 ] && eds rejected list z.db --key k && grep -q 'hl7.zone' out && eds rejected replay z.db --key k --map map.json --json && jq -e '.taken == 1' out >/dev/null
report $? 'a time without a zone is refused, kept, and replayed with a map that says it'
if [ -d "$samples" ]; then
    eds import r.db "$samples" --dicom --key k --map map.json --json
    [ $? = 1 ] && jq -e '.files == 131 and .unread == 35 and .messages == 23 and .taken == 20 and .refused == 3' out >/dev/null &&
        grep -q 'image_dfl.dcm: (0002,0010): .*dicom.deflated' err && grep -q 'MR_small_bigendian.dcm: .*dicom.syntax' err && grep -q 'chrRuss.dcm: (0010,0010): .*dicom.charset' err
    report $? 'real files are read, the others named with their reason'
    rm -rf held
    eds export r.db held --key k --reason "of a scenario" && grep -q 'قباني' held/Patient.ndjson && grep -q 'Jérôme' held/Patient.ndjson && eds fsck r.db --key k
    report $? 'names are there in Arabic and French, and the warehouse holds'
else
    skipped 'real files' "no $samples"
fi
report_end
