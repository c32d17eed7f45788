/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/map.h"

/* First byte even: the rest is a message, put through the mapping that comes with the
 * program; odd: the rest is a mapping, through which a fixed message is put. What comes
 * out is a transaction Bundle that is JSON; what is refused says why. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char fixed[] =
    "MSH|^~\\&|A|B|C|D|20260301101010+0100||ORU^R01|1|P|2.5\rPID|1||1^^^IPP^MR~2^^^CIN^"
    "NI||X^Y\r"
    "PV1|1|I\rOBR|1|5|6|1^A^LN\rOBX|1|NM|1^A^LN||1~2|g/L\rNTE|1||a\rOBX|2|ST|2^A^LN||x\r";

static int none(void *arg, struct str type, struct str query, struct buf *out)
{
    (void)arg;
    (void)type;
    if (query.n % 3) /* some things are there */
        return AM_E_NOTFOUND;
    return buf_adds(out, "{\"resourceType\":\"Patient\",\"id\":\"a\",\"active\":true,"
                         "\"identifier\":[{\"system\":\"s\",\"value\":\"v\"}]}");
}

static struct hl7_map *shipped(void)
{
    static struct hl7_map *map;
    const char *root = getenv("AMANE_SOURCE_ROOT");
    char path[4096], *text;
    size_t n;
    if (map)
        return map;
    snprintf(path, sizeof path, "%s/mapping/hl7v2.json", root ? root : ".");
    am_assert(am_file_read(path, 1 << 20, &text, &n) == AM_OK);
    am_assert(hl7_map_load(&map, (struct str){text, n}, NULL) == AM_OK);
    free(text);
    return map;
}

static void through(const struct hl7_map *map, struct str text)
{
    struct hl7 *m = NULL;
    struct json_doc *doc = NULL;
    struct buf b;
    struct diag d;
    size_t n;
    int err;
    if (hl7_parse(&m, text, &(struct hl7_limits){.charset = HL7_UTF8}, NULL))
        return;
    diag_init(&d);
    buf_init(&b, (size_t)256 << 20);
    err = hl7_map_run(map, m, none, NULL, &b, &n, &d);
    if (err) {
        am_assert(b.n == 0 && n == 0 && d.errors > 0);
    } else if (n) {
        am_assert(json_parse(&doc, buf_str(&b), &(struct json_limits){.depth = 200},
                             NULL) == AM_OK);
        am_assert(json_size(json_get(json_root(doc), "entry")) == n);
    }
    json_free(doc);
    buf_release(&b);
    diag_release(&d);
    hl7_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct str rest = {(const char *)data + 1, len ? len - 1 : 0};
    struct hl7_map *map = NULL;
    struct diag d;
    if (!len)
        return 0;
    if (data[0] % 2 == 0) {
        through(shipped(), rest);
        return 0;
    }
    diag_init(&d);
    if (hl7_map_load(&map, rest, &d))
        am_assert(d.errors > 0);
    else
        through(map, str_c(fixed));
    hl7_map_free(map);
    diag_release(&d);
    return 0;
}
