/* SPDX-License-Identifier: Apache-2.0 */
#include "hl7/mllp.h"

#include "base/clock.h"

enum { VT = 0x0B, FS = 0x1C, CR = 0x0D, REASONS = 10 };

/* ---- frames ---- */
void hl7_frames_init(struct hl7_frames *f, size_t max)
{
    *f = (struct hl7_frames){.inside = false};
    buf_init(&f->message, max);
}

void hl7_frames_release(struct hl7_frames *f)
{
    buf_release(&f->message);
}

bool hl7_frames_inside(const struct hl7_frames *f)
{
    return f->inside;
}

static int keep(struct hl7_frames *f, struct str s)
{
    size_t room = f->message.max - f->message.n;
    if (s.n > room) {
        f->cut = true;
        s = str_sub(s, 0, room);
    }
    return s.n ? buf_add(&f->message, s) : AM_OK;
}

static void begin(struct hl7_frames *f)
{
    buf_clear(&f->message);
    f->inside = true;
    f->cut = f->ending = false;
}

static int end(struct hl7_frames *f, hl7_frame_fn *fn, void *arg)
{
    int err = fn(arg, buf_str(&f->message), f->cut);
    f->inside = f->ending = false;
    buf_release(&f->message); /* one large message is not kept for all that follow */
    return err;
}

/* A byte that means something, inside a frame. */
static int special(struct hl7_frames *f, char c, hl7_frame_fn *fn, void *arg)
{
    int err = AM_OK;
    if (f->ending && c == CR)
        return end(f, fn, arg);
    if (f->ending) { /* an FS that ends nothing belongs to the text, which is refused */
        f->ending = false;
        err = keep(f, (struct str){"\x1C", 1});
    }
    if (!err && c == VT)
        begin(f);
    else if (!err && c == FS)
        f->ending = true;
    else if (!err)
        err = keep(f, (struct str){&c, 1});
    return err;
}

int hl7_frames_put(struct hl7_frames *f, struct str s, hl7_frame_fn *fn, void *arg)
{
    int err = AM_OK;
    for (size_t i = 0; i < s.n && !err;) {
        size_t n = 0;
        if (!f->inside) {
            if (s.p[i++] == VT)
                begin(f);
            continue;
        }
        while (!f->ending && i + n < s.n && s.p[i + n] != VT && s.p[i + n] != FS)
            n++;
        err = keep(f, str_sub(s, i, i + n));
        i += n;
        if (!err && i < s.n)
            err = special(f, s.p[i++], fn, arg);
    }
    return err;
}

/* ---- acknowledgements ---- */
static int text(struct buf *b, struct str s, size_t max)
{
    int err = AM_OK;
    if (s.n > max) {
        s = str_sub(s, 0, max);
        while (s.n && (s.p[s.n - 1] & 0xC0) == 0x80)
            s.n--;
        s.n -= s.n && (s.p[s.n - 1] & 0x80) != 0;
    }
    for (size_t i = 0; i < s.n && !err; i++) {
        const char *code = s.p[i] == '|'    ? "\\F\\"
                           : s.p[i] == '^'  ? "\\S\\"
                           : s.p[i] == '&'  ? "\\T\\"
                           : s.p[i] == '~'  ? "\\R\\"
                           : s.p[i] == '\\' ? "\\E\\"
                                            : NULL;
        bool control = (unsigned char)s.p[i] < ' ';
        err = code ? buf_adds(b, code) : buf_addc(b, control ? ' ' : s.p[i]);
    }
    return err;
}

/* A field of the message answered, as it stands: its delimiters may be others than ours,
 * so a component of it is what is given back. */
static int field(struct buf *b, const struct hl7 *m, const char *path)
{
    struct str s = m ? hl7_get(m, path) : STR_NULL;
    int err = buf_addc(b, '|');
    return err ? err : text(b, s, 200);
}

static const char *word(const struct hl7 *m, enum hl7_ack what)
{
    static const char *const original[] = {"AA", "AE", "AR"};
    static const char *const enhanced[] = {"CA", "CE", "CR"};
    struct str accept = m ? hl7_get(m, "MSH-15") : STR_NULL,
               application = m ? hl7_get(m, "MSH-16") : STR_NULL, asked;
    bool commit = accept.n && !str_eqc(accept, "NE");
    if (!accept.n && !application.n)
        return original[what];
    asked = commit ? accept : application;
    if (!asked.n || str_eqc(asked, "NE") ||
        (str_eqc(asked, "ER") && what == HL7_ACCEPT) ||
        (str_eqc(asked, "SU") && what != HL7_ACCEPT))
        return NULL;
    return commit ? enhanced[what] : original[what];
}

/* Table 0357 (2.5.1). */
static const char *condition(const char *code)
{
    static const struct {
        const char *code, *condition;
    } known[] = {{"hl7.code", "103^Table value not found^HL70357"},
                 {"hl7.value", "102^Data type error^HL70357"},
                 {"hl7.unmapped", "200^Unsupported message type^HL70357"},
                 {"hl7.identify", "101^Required field missing^HL70357"},
                 {"hl7.require", "101^Required field missing^HL70357"},
                 {"hl7.time", "101^Required field missing^HL70357"},
                 {"hl7.twice", "205^Duplicate key identifier^HL70357"},
                 {"hl7.segment", "100^Segment sequence error^HL70357"}};
    for (size_t i = 0; i < AM_LEN(known); i++)
        if (!strcmp(code, known[i].code))
            return known[i].condition;
    return "207^Application internal error^HL70357";
}

/* "OBX[3]-5.1" as ERR-2: OBX^3^5. */
static int location(struct buf *b, const char *path)
{
    struct hl7_path p;
    if (hl7_path(&p, str_c(path)))
        return AM_OK;
    return buf_addf(b, "%s^%u^%u", p.segment, p.occurrence, p.field);
}

static int reasons(struct buf *b, const struct diag *d)
{
    int err = AM_OK;
    for (size_t i = 0; d && i < AM_MIN(d->n, (size_t)REASONS) && !err; i++) {
        const struct diag_item *it = &d->item[i];
        if (it->severity != DIAG_ERROR)
            continue;
        err = buf_adds(b, "ERR||");
        if (!err)
            err = location(b, it->path);
        if (!err)
            err = buf_addf(b, "|%s|E||||", condition(it->code));
        if (!err)
            err = text(b, str_c(it->detail), 250);
        if (!err)
            err = buf_adds(b, " [");
        if (!err)
            err = text(b, str_c(it->code), 80);
        if (!err)
            err = buf_adds(b, "]\r");
    }
    return err;
}

static int header(struct buf *b, const struct hl7 *m, const struct hl7_acked *a)
{
    static const char *const turned[] = {"MSH-5.1", "MSH-6.1", "MSH-3.1", "MSH-4.1"};
    struct str event = m ? hl7_get(m, "MSH-9.2") : STR_NULL;
    char at[TIME_TEXT], stamp[32];
    int err = buf_adds(b, "MSH|^~\\&");
    time_format(a->now, at);
    snprintf(stamp, sizeof stamp, "%.4s%.2s%.2s%.2s%.2s%.2s+0000", at, at + 5, at + 8,
             at + 11, at + 14, at + 17);
    for (size_t i = 0; i < AM_LEN(turned) && !err; i++)
        err = field(b, m, turned[i]);
    if (!err)
        err = buf_addf(b, "|%s||ACK", stamp);
    if (!err && event.n)
        err = buf_addc(b, '^');
    if (!err && event.n)
        err = text(b, event, 10);
    if (!err && event.n)
        err = buf_adds(b, "^ACK");
    if (!err)
        err = buf_addf(b, "|%s", a->id);
    if (!err)
        err = m ? field(b, m, "MSH-11.1") : buf_adds(b, "|P");
    if (!err)
        err = m ? field(b, m, "MSH-12.1") : buf_adds(b, "|2.5.1");
    return err ? err : buf_adds(b, "||||||UNICODE UTF-8\r");
}

int hl7_ack(struct buf *out, const struct hl7 *m, const struct hl7_acked *a)
{
    const char *code = word(m, a->what);
    size_t before = out->n;
    int err;
    if (!code)
        return AM_OK;
    err = buf_addc(out, VT);
    if (!err)
        err = header(out, m, a);
    if (!err)
        err = buf_addf(out, "MSA|%s", code);
    if (!err)
        err = field(out, m, "MSH-10");
    if (!err)
        err = buf_addc(out, CR);
    if (!err && a->what != HL7_ACCEPT)
        err = reasons(out, a->d);
    if (!err)
        err = buf_adds(out, "\x1C\r");
    if (err)
        buf_cut(out, before);
    return err;
}
