#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# icu_features.sh DIR: the stays of PhysioNet/CinC 2012 (DIR = icu-challenge2012, read in place) as one table on stdout.
# A row a stay: id, set, age, gender, height, icu_type, then of each series of the first 48 h its last, min, max, mean,
# first, mean of the second day (day2) and count (0: never measured; the others are then empty), then death in hospital.
# -1 is "unknown" in the source. SBP, DBP and MBP join invasive and cuff pressures, PF is PaO2 over the latest FiO2.
set -eu
dir=$1
for set in a b; do
  tar -xzOf "$dir/set-$set.tar.gz" | cat "$dir/outcomes-$set.csv" - | awk -F, -v set="$set" '
    function put(v) { row = row "," v }
    function see(p, v) {
      if (n[p] + 0 == 0) first[p] = lo[p] = hi[p] = v
      if (v < lo[p]) lo[p] = v
      if (v > hi[p]) hi[p] = v
      if ($1 >= "24:00") { late[p]++; day2[p] += v }
      last[p] = v; sum[p] += v; n[p]++
    }
    function flush(  i, p) {
      if (id == "" || !(id in death)) return
      row = id "," set
      put(age); put(gender); put(height); put(icu)
      for (i = 1; i <= np; i++) {
        p = name[i]
        if (n[p] + 0 == 0) row = row ",,,,,,,0"
        else row = row "," last[p] "," lo[p] "," hi[p] "," sprintf("%.6g", sum[p] / n[p]) "," first[p] "," (late[p] ? sprintf("%.6g", day2[p] / late[p]) : "") "," n[p]
      }
      print row "," death[id]
    }
    BEGIN {
      np = split("Albumin ALP ALT AST Bilirubin BUN Cholesterol Creatinine DiasABP FiO2 GCS Glucose HCO3 HCT HR K Lactate MAP MechVent Mg NIDiasABP NIMAP NISysABP Na PaCO2 PaO2 pH Platelets RespRate SaO2 SysABP Temp TroponinI TroponinT Urine WBC Weight SBP DBP MBP PF", name, " ")
      split("SysABP NISysABP DiasABP NIDiasABP MAP NIMAP", from, " "); split("SBP SBP DBP DBP MBP MBP", to, " ")
      for (i = 1; i <= 6; i++) joined[from[i]] = to[i]
      for (i = 1; i <= np; i++) known[name[i]] = 1
      if (set == "a") {
        row = "id,set,age,gender,height,icu_type"
        for (i = 1; i <= np; i++) row = row "," name[i] "_last," name[i] "_min," name[i] "_max," name[i] "_mean," name[i] "_first," name[i] "_day2," name[i] "_count"
        print row ",death"
      }
    }
    NF == 7 { death[$1] = $6; next }
    { sub(/\r$/, "") }
    $1 == "Time" { flush(); id = age = gender = height = icu = ""; fio2 = 0; split("", n); split("", sum); split("", late); split("", day2); next }
    $2 == "RecordID" { id = $3; next }
    $3 == "" || $3 + 0 < 0 && $2 != "Temp" { next }
    $2 == "Age" { age = $3; next }
    $2 == "Gender" { gender = $3; next }
    $2 == "Height" { height = $3; next }
    $2 == "ICUType" { icu = $3; next }
    !($2 in known) || $3 + 0 == -1 { next }
    {
      see($2, $3 + 0)
      if ($2 in joined && $3 > 0) see(joined[$2], $3 + 0)
      if ($2 == "FiO2") fio2 = $3 + 0
      if ($2 == "PaO2" && fio2 > 0) see("PF", $3 / fio2)
    }
    END { flush() }'
done
