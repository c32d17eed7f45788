#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# icu_features.sh DIR: the stays of PhysioNet/CinC 2012 (DIR = icu-challenge2012, read in place) as one table on stdout.
# A row a stay: id, set, age, gender, height, icu_type, then the columns declared in examples/icu-features.txt, then death in
# hospital. -1 is "unknown" in the source; a column without a value is empty.
set -eu
dir=$1
here=$(cd "$(dirname "$0")" && pwd)
{ tar -xzOf "$dir/set-a.tar.gz"; tar -xzOf "$dir/set-b.tar.gz"; } | mawk -F, -v a="$dir/outcomes-a.csv" '
  function fail(why) { print "icu-features.txt: " why ": " $0 >"/dev/stderr"; bad = 1; exit 2 }
  function need(p, w,  i) { known[p] = 1; if ((p, w) in needs) return; needs[p, w] = 1; wanted[p, ++windows[p]] = w }
  function column(name, kind) { if (name in at) fail("a column twice"); at[name] = ++cols; col[cols] = name; how[cols] = kind; return cols }
  function declared(  i, j, k, f, of, t, s) { # one line of the declaration, in $0
    split($0, f, " ")
    for (k = 1; k in f; k++) if (f[k] == "of") of = k
    if (f[1] == "within") { lo_ok[f[2]] = f[3] + 0; hi_ok[f[2]] = f[4] + 0 }
    else if (f[1] == "join") for (i = 3; i < k; i++) { joined[f[i]] = f[2]; known[f[i]] = 1 }
    else if (f[1] == "over" || f[1] == "less") { pair[f[3]] = f[2]; other[f[3]] = f[4]; less[f[3]] = f[1] == "less"; need(f[3], "all"); need(f[4], "all") }
    else if (f[1] == "take") {
      if (!(f[2] in from)) fail("no such window")
      for (i = of + 1; i < k; i++) for (j = 3; j < of; j++) {
        t = column(f[i] "_" f[j] (f[2] == "all" ? "" : "_" f[2]), "take")
        series[t] = f[i]; taken[t] = f[j]; window[t] = f[2]; need(f[i], f[2])
      }
    }
    else if (f[1] == "share") { t = column(f[2], "share"); window[t] = f[3]; series[t] = f[4]; low[t] = f[5] + 0; high[t] = f[6] + 0; need(f[4], f[3]); shares[f[4]] = shares[f[4]] " " t }
    else if (f[1] == "measured") { column("kinds", "kinds"); column("values", "values") }
    else if (f[1] == "score") for (i = 4; i < k; i++) { t = column(f[2] "_" f[i], "score"); series[t] = f[2]; window[t] = f[i]; at_score[f[2], ++scored[f[2]]] = f[i] }
    else if (f[1] == "points") {
      s = f[2]; i = ++parts[s]; part[s, i] = f[3]; by[s, i] = f[4]; p0[s, i] = f[5] + 0
      for (j = 6; j + 1 < k; j += 2) { steps[s, i]++; cut[s, i, steps[s, i]] = f[j] + 0; gives[s, i, steps[s, i]] = f[j + 1] + 0 }
      for (j = 1; by[s, i] != "value" && j <= scored[s]; j++) need(f[3], at_score[s, j] != "last" ? at_score[s, j] : by[s, i] == "perday" ? "last24" : "all")
    }
    else if (f[1] == "ratio" || f[1] == "product") {
      if (!(f[3] in at) || !(f[4] in at)) fail("no such column")
      t = column(f[2], f[1]); left[t] = at[f[3]]; right[t] = at[f[4]]
    }
    else fail("no such word")
  }
  function see(p, v,  i, w, k, m) {
    if (p in lo_ok && (v < lo_ok[p] || v > hi_ok[p])) return 0
    for (i = 1; i <= windows[p]; i++) {
      w = wanted[p, i]
      if (now < from[w] || now >= to[w]) continue
      k = p SUBSEP w
      if (!n[k]++) { lo[k] = hi[k] = v; sum[k] = 0; first[k] = v; began[k] = now }
      else { if (v < lo[k]) lo[k] = v; if (v > hi[k]) hi[k] = v }
      sum[k] += v; ended[k] = now
      last[k] = v
    }
    if (p in shares) { m = split(shares[p], mine, " "); for (i = 1; i <= m; i++) { w = window[mine[i]]; if (now >= from[w] && now < to[w] && v >= low[mine[i]] && v < high[mine[i]]) inside[mine[i]]++ } }
    values++
    if (p in joined) see(joined[p], v)
    if (p in pair && n[other[p], "all"]) {
      w = last[other[p] SUBSEP "all"]
      if (less[p]) see(pair[p], v - w); else if (w > 0) see(pair[p], v / w)
    }
    return 1
  }
  function band(s, i, v,  j, p) { p = p0[s, i]; for (j = 1; j <= steps[s, i] && v >= cut[s, i, j]; j++) p = gives[s, i, j]; return p }
  function score(s, w,  i, p, k, t, a, b, total) {
    total = 0
    for (i = 1; i <= parts[s]; i++) {
      p = part[s, i]; t = by[s, i]
      if (t == "value") { if (value[at[p]] != "") total += band(s, i, value[at[p]]); continue }
      k = p SUBSEP (w == "last" ? (t == "perday" ? "last24" : "all") : w)
      if (!n[k]) continue
      if (t == "perday") { total += band(s, i, sum[k] / (w == "all" ? 2 : 1)); continue }
      a = w == "last" ? last[k] : lo[k]; b = w == "last" ? last[k] : hi[k]
      if (t == "min") total += band(s, i, a)
      else if (t == "max") total += band(s, i, b)
      else { a = band(s, i, a); b = band(s, i, b); total += a > b ? a : b }
    }
    return total
  }
  function cell(t,  k, x, y) {
    k = series[t] SUBSEP window[t]
    if (how[t] == "take") {
      if (taken[t] == "count") return n[k] + 0
      if (!n[k]) return ""
      if (taken[t] == "last") return last[k]
      if (taken[t] == "min") return lo[k]
      if (taken[t] == "max") return hi[k]
      if (taken[t] == "sum") return sum[k]
      if (taken[t] == "first") return first[k]
      if (taken[t] == "span") return (ended[k] - began[k]) / 60
      return sum[k] / n[k]
    }
    if (how[t] == "share") return n[k] ? inside[t] / n[k] : ""
    if (how[t] == "score") return score(series[t], window[t])
    if (how[t] == "values") return values
    if (how[t] == "kinds") { x = 0; for (y in known) x += n[y, "all"] > 0; return x }
    x = value[left[t]]; y = value[right[t]]
    if (x == "" || y == "" || how[t] == "ratio" && y == 0) return ""
    return how[t] == "ratio" ? x / y : x * y
  }
  function flush(  i, row) {
    if (id == "" || !(id in death)) return
    row = id "," set[id]
    for (i = 1; i <= 4; i++) { value[i] = general[i]; row = row "," general[i] }
    for (i = 5; i <= cols; i++) { value[i] = cell(i); row = row "," (value[i] == "" ? "" : sprintf("%.6g", value[i])) }
    print row "," death[id]
  }
  BEGIN {
    split("all first24 last24 last12 last6", name, " "); split("0 0 1440 2160 2520", begins, " "); split("9999 1440 9999 9999 9999", ends, " ")
    for (i = 1; i in name; i++) { from[name[i]] = begins[i] + 0; to[name[i]] = ends[i] + 0 }
    split("age gender height icu_type", g, " ")
    for (i = 1; i <= 4; i++) column(g[i], "general")
  }
  FILENAME != a && FILENAME != b && FILENAME != "-" && FILENAME != "" { if ($0 != "" && $0 !~ /^#/) declared(); next }
  NF == 7 { death[$1] = $6; set[$1] = FILENAME == a ? "a" : "b"; next }
  !head { head = 1; row = "id,set"; for (i = 1; i <= cols; i++) row = row "," col[i]; print row ",death" }
  { sub(/\r$/, "") }
  $1 == "Time" { flush(); id = ""; split("", general); split("", n); split("", inside); values = 0; next }
  $2 == "RecordID" { id = $3; next }
  $3 == "" || $3 + 0 < 0 && $2 != "Temp" { next }
  $2 == "Age" { general[1] = $3; next }
  $2 == "Gender" { general[2] = $3; next }
  $2 == "Height" { general[3] = $3; next }
  $2 == "ICUType" { general[4] = $3; next }
  !($2 in known) || $3 + 0 == -1 { next }
  { now = substr($1, 1, 2) * 60 + substr($1, 4, 2); see($2, $3 + 0) }
  END { if (!bad) flush() }' b="$dir/outcomes-b.csv" "$here/../../examples/icu-features.txt" "$dir/outcomes-a.csv" "$dir/outcomes-b.csv" -
