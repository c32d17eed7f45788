/* SPDX-License-Identifier: Apache-2.0 */
/* amane eds: the warehouse from the command line. Keys here; the other verbs in
 * cmd_eds_*.c. */
#include "cmd_eds.h"

#include <signal.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cmd_eds_law.h"
#include "cmd_eds_view.h"
#include "cmd_hl7.h"
#include "cmd_token.h"
#include "eds/parts.h"
#include "crypto/crypto.h"

static const char synopsis[] =
    "usage: amane eds key FILE [--pkcs11 MODULE --token LABEL --label KEYLABEL "
    "[--pin-file F]] [--json]\n"
    "       amane eds import STORE PATH... --key FILE [--ids kept|given] "
    "[--rejects FILE] [--json]\n"
    "       amane eds import STORE PATH... --hl7 --key FILE [--map FILE] "
    "[--rejects DIR] [--untaken FILE] [--json]\n"
    "       amane eds import STORE PATH... --csv --map FILE --key FILE "
    "[--rejects DIR] [--json]\n"
    "       amane eds import STORE PATH... --dicom --key FILE [--map FILE] "
    "[--rejects DIR] [--json]\n"
    "       amane eds rejected list STORE --key FILE [--rejects DIR] [--json]\n"
    "       amane eds rejected show STORE NAME --key FILE [--rejects DIR]\n"
    "       amane eds rejected fix STORE NAME FILE --key FILE [--rejects DIR]\n"
    "       amane eds rejected replay STORE --key FILE [--map FILE] [--rejects DIR] "
    "[--json]\n"
    "       amane eds export STORE OUT --key FILE [--break-glass] "
    "[--type TYPE[,TYPE...]] [--since INSTANT] [--json]\n"
    "       amane eds view STORE FILE --key FILE [--break-glass] "
    "[--format ndjson|json|csv] [--no-header] [--since INSTANT] [--limit N] [--base URL] "
    "[--into FILE]\n"
    "       amane eds fsck STORE --key FILE [--json]\n"
    "       amane eds backup STORE FILE --key FILE [--json]\n"
    "       amane eds restore FILE STORE --key FILE [--json]\n"
    "       amane eds erase STORE --patient ID --ground CODE --by WHO --key FILE "
    "[--reason TEXT] [--dry-run] [--later] [--json]\n"
    "       amane eds erase STORE --resume --key FILE\n"
    "       amane eds erasures STORE --key FILE [--json]\n"
    "       amane eds rotate STORE --key FILE [--resume] [--json]\n"
    "       amane eds rewrap STORE --key FILE --new-key FILE [--json]\n"
    "       amane eds split STORE --key FILE --parts N [--json]\n"
    "each also: [--data DIR] [--reason TEXT]\n";

/* ---- the store ---- */
/* An exit code; 0: the key is there. */
static int key_load(const char *path, uint8_t key[EDS_KEY])
{
    struct diag d;
    int err;
    diag_init(&d);
    err = cmd_token_key_load(path, key, &d);
    if (err)
        err = cmd_fail("read the key", path, err, &d);
    diag_release(&d);
    return err;
}

static bool show_rows(void *arg, int64_t done, int64_t of)
{
    cmd_eds_progress(arg, done, of, done);
    return !cmd_eds_stopped();
}

int cmd_eds_open_within(struct eds **out, const char *store, const char *key,
                        enum eds_mode mode)
{
    struct cmd_eds_progress p;
    struct eds_config c = {.path = store,
                           .mode = mode,
                           .rows = eds_rows_fhir,
                           .progress = show_rows,
                           .progress_arg = &p};
    int err = key_load(key, c.key);
    if (err)
        return err;
    cmd_eds_progress_init(&p, "index");
    err = eds_open(out, &c);
    cmd_eds_progress_end(&p);
    crypto_wipe(c.key, sizeof c.key);
    if (!err)
        return 0;
    if (err == AM_E_UNAUTHORIZED)
        cmd_complain("cmd.eds.other_key", store, NULL);
    else if (err == AM_E_CONFLICT)
        cmd_complain("cmd.eds.writing", store, NULL);
    else
        return cmd_fail("open the warehouse", store, err, NULL);
    return am_err_exit(err);
}

int cmd_eds_open(struct eds **out, const char *store, const char *key, enum eds_mode mode)
{
    int code = cmd_eds_open_within(out, store, key, mode);
    if (!code)
        code = cmd_eds_law_begin(*out, store, key);
    if (code) {
        eds_close(*out);
        *out = NULL;
    }
    return code;
}

int cmd_eds_close(struct eds *e, int code)
{
    code = cmd_eds_law_end(code);
    eds_close(e);
    return code;
}

/* ---- how far ---- */
enum { SHOW_AFTER = 2, SHOW_LINE = 10 }; /* seconds */

void cmd_eds_progress_init(struct cmd_eds_progress *p, const char *verb)
{
    *p = (struct cmd_eds_progress){.verb = verb,
                                   .lang = cmd_lang(TEXT_EN),
                                   .tty = isatty(STDERR_FILENO) == 1,
                                   .begin = time_mono()};
}

double cmd_eds_seconds(const struct cmd_eds_progress *p)
{
    return (double)(time_mono() - p->begin) / (double)TIME_SECOND;
}

static int progress_line(struct buf *b, const struct cmd_eds_progress *p, int64_t done,
                         int64_t of, int64_t n)
{
    int err = AM_OK;
    if (of > 0) {
        err = text_percent(b, p->lang, (double)AM_MIN(done, of) / (double)of, 0);
        if (!err)
            err = buf_adds(b, " \xc2\xb7 ");
    }
    if (!err)
        err = text_int(b, p->lang, n);
    if (!err)
        err = buf_adds(b, " \xc2\xb7 ");
    if (!err)
        err = text_int(b, p->lang, (int64_t)((double)n / cmd_eds_seconds(p)));
    return err ? err : buf_adds(b, "/s");
}

void cmd_eds_progress(struct cmd_eds_progress *p, int64_t done, int64_t of, int64_t n)
{
    int64_t now = time_mono();
    struct buf b;
    if (now - p->begin < SHOW_AFTER * TIME_SECOND)
        return;
    if (p->shown && now - p->last < (p->tty ? TIME_SECOND / 4 : SHOW_LINE * TIME_SECOND))
        return;
    p->shown = true;
    p->last = now;
    buf_init(&b, 256);
    if (!progress_line(&b, p, done, of, n))
        fprintf(stderr, p->tty ? "\r\033[K%s: %s" : "%s: %s\n", p->verb, b.p);
    buf_release(&b);
}

void cmd_eds_progress_end(const struct cmd_eds_progress *p)
{
    if (p->tty && p->shown)
        fputs("\r\033[K", stderr);
}

static volatile sig_atomic_t stopped;

static void stop(int unused)
{
    (void)unused;
    stopped = 1;
}

void cmd_eds_stoppable(void)
{
    struct sigaction a = {.sa_handler = stop,
                          .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

bool cmd_eds_stopped(void)
{
    return stopped != 0;
}

/* ---- keys ---- */
static int tell_object(const char *file, const char *member, int64_t n)
{
    struct buf b;
    struct jw w;
    int err;
    buf_init(&b, 8192);
    jw_init(&w, &b);
    jw_obj(&w);
    if (file)
        jw_kstrz(&w, "file", file);
    if (member)
        jw_kint(&w, member, n);
    jw_obj_end(&w);
    err = cmd_out_json(&w, &b);
    buf_release(&b);
    return err ? cmd_fail("eds", NULL, err, NULL) : 0;
}

static int key_new(const char *file, const struct cmd_token_key *k, bool json)
{
    struct diag d;
    int err;
    diag_init(&d);
    err = k->module ? cmd_token_key_new(file, k, &d) : eds_key_new(file);
    if (err)
        err = cmd_fail("make key", file, err, &d);
    diag_release(&d);
    if (err)
        return err;
    if (json)
        return tell_object(file, NULL, 0);
    printf("%s\n", file);
    return 0;
}

/* Bodies under the newest key, however many rounds that takes. */
static int reseal(struct eds *e, struct cmd_eds_progress *p, int64_t top, int64_t *rounds)
{
    int64_t rid = 0;
    int err;
    do {
        err = eds_reseal(e, &rid, 500);
        ++*rounds;
        cmd_eds_progress(p, rid, top, rid);
    } while (!err && rid && !cmd_eds_stopped());
    return err ? err : rid ? AM_E_TIMEOUT : AM_OK;
}

static int top_of(struct eds_view *v, void *top)
{
    return eds_top(v, top);
}

static int rotate(const char *store, const char *key, bool resume, bool json)
{
    struct cmd_eds_progress p;
    struct eds *e = NULL;
    int64_t top = 0, rounds = 0;
    int err, code = cmd_eds_open(&e, store, key, EDS_WRITE);
    if (code)
        return code;
    cmd_eds_stoppable();
    cmd_eds_progress_init(&p, "rotate");
    err = resume ? AM_OK : eds_rotate(e);
    if (!err)
        err = eds_view(e, top_of, &top);
    if (!err)
        err = reseal(e, &p, top, &rounds);
    cmd_eds_progress_end(&p);
    if (err)
        code = cmd_fail("rotate the key of", store, err, NULL);
    else if (json)
        code = tell_object(store, "top", top);
    return cmd_eds_close(e, code);
}

static int rewrap(const char *store, const char *key, const char *new_key, bool json)
{
    struct eds *e = NULL;
    uint8_t k[EDS_KEY];
    int code = key_load(new_key, k);
    if (code)
        return code;
    code = cmd_eds_open(&e, store, key, EDS_KEYS);
    if (!code) {
        int err = eds_rewrap(e, k);
        if (err)
            code = cmd_fail("rewrap the keys of", store, err, NULL);
    }
    crypto_wipe(k, sizeof k);
    if (!code && json)
        code = tell_object(store, NULL, 0);
    return cmd_eds_close(e, code);
}

/* ---- several servers ---- */
static int split(const char *store, const char *key, const char *parts, bool json)
{
    struct eds *e = NULL;
    int64_t n = 0;
    int err = str_int(str_c(parts), 1, EDS_PARTS_MAX, &n), code;
    if (err)
        return cmd_usage(synopsis, false);
    code = cmd_eds_open(&e, store, key, EDS_WRITE);
    if (code)
        return code;
    err = eds_parts_make(e, (unsigned)n);
    if (err)
        code = cmd_fail("split the bodies of", store, err, NULL);
    else if (json)
        code = tell_object(store, "parts", n);
    return cmd_eds_close(e, code);
}

/* ---- which verb ---- */
struct asked {
    const char *key, *new_key, *ids, *rejects, *type, *since, *map, *parts;
    const char *format, *limit, *base, *into, *untaken;
    const char *patient, *ground, *by, *reason, *data;
    struct cmd_token_key token;
    bool dry, later, glass;
    bool json, resume, hl7, csv, dicom, no_header;
};

/* Are all options given ones that the verb has? */
static bool fits(const struct asked *o, const char *allowed)
{
    const struct {
        bool given;
        char letter;
    } option[] = {{o->key, 'k'},          {o->new_key, 'n'},
                  {o->ids, 'i'},          {o->rejects, 'r'},
                  {o->type, 't'},         {o->since, 's'},
                  {o->resume, 'R'},       {o->map, 'm'},
                  {o->hl7, 'h'},          {o->format, 'f'},
                  {o->limit, 'l'},        {o->base, 'b'},
                  {o->into, 'o'},         {o->no_header, 'H'},
                  {o->csv, 'c'},          {o->dicom, 'd'},
                  {o->patient, 'p'},      {o->ground, 'g'},
                  {o->by, 'B'},           {o->glass, 'G'},
                  {o->dry, 'D'},          {o->later, 'L'},
                  {o->untaken, 'u'},      {o->parts, 'P'},
                  {o->token.module, 'T'}, {o->token.token, 'T'},
                  {o->token.label, 'T'},  {o->token.pin_file, 'T'}};
    for (size_t i = 0; i < AM_LEN(option); i++)
        if (option[i].given && !strchr(allowed, option[i].letter))
            return false;
    return true;
}

/* Taking a patient out, ending what is left of that, or the list. */
static int run_erase(int argc, char **argv, const struct asked *o)
{
    const struct cmd_eds_erase what = {.store = argv[2],
                                       .key = o->key,
                                       .patient = o->patient,
                                       .ground = o->ground,
                                       .by = o->by,
                                       .reason = o->reason,
                                       .dry = o->dry,
                                       .later = o->later,
                                       .resume = o->resume,
                                       .json = o->json};
    if (argc != 3)
        return cmd_usage(synopsis, false);
    if (!strcmp(argv[1], "erasures") && fits(o, "k"))
        return cmd_eds_erasures(argv[2], o->key, o->json);
    if (!strcmp(argv[1], "erase") &&
        (o->resume ? fits(o, "kR") && !o->json
                   : fits(o, "kpgBDL") && o->patient && o->ground && o->by))
        return cmd_eds_erase(&what);
    return cmd_usage(synopsis, false);
}

/* What was refused: the list, one of them, another text for it, all of them again. */
static int run_rejected(int argc, char **argv, const struct asked *o)
{
    const char *verb = argv[2];
    const struct cmd_hl7_import what = {.store = argv[3],
                                        .key = o->key,
                                        .map = o->map,
                                        .rejects = o->rejects,
                                        .name = argc > 4 ? argv[4] : NULL,
                                        .with = argc > 5 ? argv[5] : NULL,
                                        .json = o->json};
    if ((argc == 4 && !strcmp(verb, "list") && fits(o, "kr")) ||
        (argc == 5 && !strcmp(verb, "show") && fits(o, "kr") && !o->json) ||
        (argc == 6 && !strcmp(verb, "fix") && fits(o, "kr") && !o->json) ||
        (argc == 4 && !strcmp(verb, "replay") && fits(o, "krm")))
        return cmd_hl7_rejected(verb, &what);
    return cmd_usage(synopsis, false);
}

static int run(int argc, char **argv, const struct asked *o)
{
    const char *verb = argc > 1 ? argv[1] : "";
    if (argc == 3 && !strcmp(verb, "key") && fits(o, "T") &&
        !!o->token.module == !!o->token.token && !!o->token.module == !!o->token.label &&
        (o->token.module || !o->token.pin_file))
        return key_new(argv[2], &o->token, o->json);
    if (!o->key)
        return cmd_usage(synopsis, false);
    if (argc > 3 && !strcmp(verb, "rejected"))
        return run_rejected(argc, argv, o);
    if (argc > 3 && !strcmp(verb, "import") &&
        ((o->hl7 && fits(o, "krmhu")) || (o->csv && o->map && fits(o, "krmc")) ||
         (o->dicom && fits(o, "krmd"))))
        return cmd_hl7_import(&(struct cmd_hl7_import){.store = argv[2],
                                                       .key = o->key,
                                                       .map = o->map,
                                                       .rejects = o->rejects,
                                                       .untaken = o->untaken,
                                                       .path = argv + 3,
                                                       .n_paths = argc - 3,
                                                       .csv = o->csv,
                                                       .dicom = o->dicom,
                                                       .json = o->json});
    if (argc > 3 && !strcmp(verb, "import") && fits(o, "kir") &&
        (!o->ids || !strcmp(o->ids, "kept") || !strcmp(o->ids, "given")))
        return cmd_eds_import(
            &(struct cmd_eds_import){.store = argv[2],
                                     .key = o->key,
                                     .rejects = o->rejects,
                                     .path = argv + 3,
                                     .n_paths = argc - 3,
                                     .given = o->ids && !strcmp(o->ids, "given"),
                                     .json = o->json});
    if (argc == 4 && !strcmp(verb, "export") && fits(o, "ktsG"))
        return cmd_eds_export(argv[2], o->key, argv[3], o->type, o->since, o->json);
    if (argc == 4 && !strcmp(verb, "view") && !o->json && fits(o, "ksflboHG") &&
        !(o->into && (o->format || o->no_header)))
        return cmd_eds_view(&(struct cmd_eds_view){.store = argv[2],
                                                   .file = argv[3],
                                                   .key = o->key,
                                                   .format = o->format,
                                                   .since = o->since,
                                                   .limit = o->limit,
                                                   .base = o->base,
                                                   .into = o->into,
                                                   .no_header = o->no_header});
    if (argc == 3 && !strcmp(verb, "fsck") && fits(o, "k"))
        return cmd_eds_fsck(argv[2], o->key, o->json);
    if (argc == 4 && (!strcmp(verb, "backup") || !strcmp(verb, "restore")) &&
        fits(o, "k"))
        return cmd_eds_copy(verb, argv[2], o->key, argv[3], o->json);
    if (!strcmp(verb, "erase") || !strcmp(verb, "erasures"))
        return run_erase(argc, argv, o);
    if (argc == 3 && !strcmp(verb, "rotate") && fits(o, "kR"))
        return rotate(argv[2], o->key, o->resume, o->json);
    if (argc == 3 && !strcmp(verb, "rewrap") && fits(o, "kn") && o->new_key)
        return rewrap(argv[2], o->key, o->new_key, o->json);
    if (argc == 3 && !strcmp(verb, "split") && fits(o, "kP") && o->parts)
        return split(argv[2], o->key, o->parts, o->json);
    return cmd_usage(synopsis, false);
}

/* What the record will say of it. The reason of an erasure is the erasure's
 * (eds/erase.h): perhaps a number, and for ever. */
static void recorded(int argc, char **argv, const struct asked *o)
{
    const char *verb = argc > 1 ? argv[1] : "";
    bool erases = !strcmp(verb, "erase");
    cmd_eds_law(&(struct cmd_eds_law){
        .verb = verb,
        .data = o->data,
        .store = !strcmp(verb, "restore") && argc > 3 ? argv[3] : NULL,
        .patient = o->patient,
        .reason = erases ? NULL : o->reason,
        .glass = o->glass});
}

int cmd_eds(int argc, char **argv)
{
    struct asked o = {0};
    bool help;
    const struct cmd_opt opt[] = {
        {.name = "--key", .kind = CMD_TEXT, .text = &o.key},
        {.name = "--new-key", .kind = CMD_TEXT, .text = &o.new_key},
        {.name = "--ids", .kind = CMD_TEXT, .text = &o.ids},
        {.name = "--rejects", .kind = CMD_TEXT, .text = &o.rejects},
        {.name = "--type", .kind = CMD_TEXT, .text = &o.type},
        {.name = "--since", .kind = CMD_TEXT, .text = &o.since},
        {.name = "--map", .kind = CMD_TEXT, .text = &o.map},
        {.name = "--hl7", .kind = CMD_FLAG, .flag = &o.hl7},
        {.name = "--csv", .kind = CMD_FLAG, .flag = &o.csv},
        {.name = "--dicom", .kind = CMD_FLAG, .flag = &o.dicom},
        {.name = "--format", .kind = CMD_TEXT, .text = &o.format},
        {.name = "--limit", .kind = CMD_TEXT, .text = &o.limit},
        {.name = "--base", .kind = CMD_TEXT, .text = &o.base},
        {.name = "--into", .kind = CMD_TEXT, .text = &o.into},
        {.name = "--untaken", .kind = CMD_TEXT, .text = &o.untaken},
        {.name = "--parts", .kind = CMD_TEXT, .text = &o.parts},
        {.name = "--pkcs11", .kind = CMD_TEXT, .text = &o.token.module},
        {.name = "--token", .kind = CMD_TEXT, .text = &o.token.token},
        {.name = "--label", .kind = CMD_TEXT, .text = &o.token.label},
        {.name = "--pin-file", .kind = CMD_TEXT, .text = &o.token.pin_file},
        {.name = "--no-header", .kind = CMD_FLAG, .flag = &o.no_header},
        {.name = "--resume", .kind = CMD_FLAG, .flag = &o.resume},
        {.name = "--patient", .kind = CMD_TEXT, .text = &o.patient},
        {.name = "--ground", .kind = CMD_TEXT, .text = &o.ground},
        {.name = "--by", .kind = CMD_TEXT, .text = &o.by},
        {.name = "--reason", .kind = CMD_TEXT, .text = &o.reason},
        {.name = "--data", .kind = CMD_TEXT, .text = &o.data},
        {.name = "--break-glass", .kind = CMD_FLAG, .flag = &o.glass},
        {.name = "--dry-run", .kind = CMD_FLAG, .flag = &o.dry},
        {.name = "--later", .kind = CMD_FLAG, .flag = &o.later},
        {.name = "--json", .kind = CMD_FLAG, .flag = &o.json}};
    if (cmd_parse(&argc, argv, opt, AM_LEN(opt), &help))
        return cmd_usage(synopsis, false);
    if (help)
        return cmd_usage(synopsis, true);
    log_set_level(LOG_ERROR); /* what goes well is told by the answer */
    recorded(argc, argv, &o);
    return run(argc, argv, &o);
}
