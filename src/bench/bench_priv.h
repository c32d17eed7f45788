/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PRIV_H
#define BENCH_PRIV_H

#include <math.h>

#include "base/clock.h"
#include "base/map.h"
#include "bench/bench.h"
#include "bench/bench_source.h"
#include "bench/bench_tbl.h"
#include "crypto/crypto.h"
#include "csv/csv.h"
#include "model/model.h"
#include "raster/raster.h"
#include "stat/stat.h"
#include "stat/stat_fair.h"

enum {
    BENCH_BAD_SHOWN = 20,
    BENCH_ATTRIBUTES_MAX = 50,
    BENCH_GROUPS_MAX = 1000, /* values of one attribute: an identifier is not a group */
    BENCH_CELLS_MAX = 50000000,
    BENCH_PATH = 200,
    BENCH_TAPE_NAME = 48,
    BENCH_SHOWN_MIN = 10 /* nothing about fewer people is published (bench.md, 3) */
};
#define BENCH_NO_COLUMN SIZE_MAX
#define BENCH_TRAINING  SIZE_MAX /* index of the set that is manifest.training */
#define BENCH_NO_GROUP  UINT16_MAX
/* A site most of whose rows lie outside the range of one input is in another unit. */
#define BENCH_IMPLAUSIBLE_SHARE 0.5

enum bench_reject {
#define X(id, name) BENCH_##id,
    BENCH_REJECT_MAP(X)
#undef X
        BENCH_REJECTS
};
extern const char *const bench_reject_name[BENCH_REJECTS];

struct bench_feature { /* one input of the record, or one pixel of its image */
    struct str name, type;
    size_t input; /* in the record */
    double lo, hi;
    bool missing_allowed;
    const struct json *values;
};
struct bench_set { /* one data set of the manifest, sorted by site */
    const struct json *doc;
    size_t index; /* in the manifest */
    struct str site, gst;
    struct bench_source source;
    struct csv *csv;                      /* the table of the source */
    size_t label, patient, image, *input; /* columns */
    size_t said, known;                   /* when: the prediction, the outcome */
    size_t first, rows;                   /* in the cases */
    int64_t n, positives;                 /* used */
    int64_t rejected[BENCH_REJECTS];
    size_t bad; /* cells that cannot be read */
};
struct bench_case {
    uint32_t set, row; /* row of the file, from 0 */
    uint8_t y, why;
    double score;
};
struct bench_attribute { /* "sex", "age_band", ... over all sites */
    char name[40];
    VEC(char *) value; /* in byte order */
    uint16_t *id;      /* per case; BENCH_NO_GROUP: not known */
    size_t declared;   /* sets that have it */
    bool context;      /* a device, a protocol, a period: not a group of people */
};
/* What the data say of a case besides inputs, label and groups, a number each: it stands
 * in the score file too, so that the statistics can be made again from there. NaN: not
 * known. Names: case:cluster, case:comparator, case:order, case:prospective, case:severe,
 * condition:CODE, comorbidity:CODE. No identifier: a cluster is the place of a patient's
 * first row; no date: an order is a rank (bench_time.c). */
struct bench_extra {
    char name[96];
    double *v; /* per case */
};
struct bench_na { /* a row that cannot apply, and the matrix's word for why */
    char row[16], reason[48];
};
/* bench_answers.h: what the model was asked in one job and answered; played: whether the
 * tape had just that. */
struct bench_tape {
    char name[BENCH_TAPE_NAME];
    struct buf bytes;
    bool bad;
};
struct bench_family {
    const char *name, *rows;
    size_t first, n;            /* measures */
    bool ran, asked, bad;       /* the model; bad: its tape answers something else */
    uint8_t answers_sha256[32]; /* when it asked */
};
struct bench_played { /* a tape of the files that were kept: borrowed */
    struct str name, bytes;
};
struct bench_train; /* bench_reference.h */
struct bench_rules; /* bench_rules.h */
struct bench_remote;
struct bench_run {
    struct json_doc *record_doc, *manifest_doc; /* own copies */
    struct str model;                           /* borrowed: only during bench_run() */
    struct model_limits limits;                 /* of its workers */
    const struct json *record, *manifest;
    uint64_t seed;
    double threshold;
    int64_t started_at, ended_at;
    uint8_t manifest_sha256[32], config_sha256[32], program_sha256[32], scores_sha256[32];
    uint8_t model_sha256[32], root_sha256[32]; /* of the file; of that one artefact */
    bool model_declared;                       /* the bytes are those of the record */
    bool canonical_match, model_failed;
    struct bench_remote *remote; /* bench_remote.h; NULL: no endpoint is declared */
    bool served;                 /* the scores are its, the file was not seen */
    VEC(struct bench_feature) feature;
    struct raster_shape image; /* width 0: the model reads a table */
    char *pixel_names;
    VEC(struct bench_set) set;
    VEC(struct bench_case) cases;
    VEC(struct bench_attribute) attribute;
    VEC(struct bench_extra) extra; /* in order of the names */
    double *x;                     /* cases x features */
    struct bench_train *train;     /* NULL: the manifest names none */
    struct bench_rules *rules;     /* NULL: likewise */
    VEC(struct bench_measure) measure;
    VEC(struct bench_family) family;
    VEC(struct bench_na) na;
    /* bench_job.h: what a part of a family hands to the family, and the parts of it */
    VEC(double) value;
    const struct bench_run *part;
    size_t parts;
    struct bench_queue *queue; /* of the run, not of its views */
    bool spooled;              /* its folder is bench_spool's */
    /* used rows, in order of the cases: what the statistics read */
    double *s;
    uint8_t *y;
    uint32_t *cluster, *of; /* patient, case */
    size_t used, clusters;
    bool clustered;
    int64_t overlap, duplicates, site_overlap; /* overlap -1: not known */
    const char *leakage;
    double single_auc; /* of the input that separates the classes best, alone */
    struct buf scores;
    struct bench_opened *opened; /* sealed sets, while the data are read */
    int64_t first_use_at;        /* of them by this model; 0: none is sealed */
    VEC(struct bench_tape) tape; /* of a view: its own */
    /* Numbers made again (bench_kept.c): what was kept; without the data the score file
     * stands for them and x holds NaN. */
    const struct bench_kept *kept;
    VEC(struct bench_played) played;
    struct csv *kept_csv; /* NULL: the data are there */
    const char *only;     /* families, as bench_input has it */
};

/* bench_check.c: the declarations. */
int bench_check(struct bench_run *r, struct diag *d);
int bench_check_manifest(const struct json *manifest, struct diag *d);
int bench_check_model(struct bench_run *r, const struct bench_input *in, struct diag *d);
/* bench_rules.c: what holds of several inputs at once; does it of this row? */
int bench_rules_read(struct bench_run *r, struct diag *d);
bool bench_rules_hold(const struct bench_run *r, const double *x);
void bench_rules_free(struct bench_rules *s);
/* bench_data.c: files to cases. */
int bench_load(struct bench_run *r, const struct bench_input *in, struct diag *d);
bool bench_missing(const struct bench_set *s, struct str v);
bool bench_same(struct str a, struct str b); /* text, or the same number */
/* bench_sealed.c: the use of the run's sealed sets; the clear bytes of one. */
int bench_sealed_use(struct bench_run *r, const struct bench_input *in, struct diag *d);
bool bench_sealed_any(const struct bench_run *r);
/* When the run is over: its answers' digest, to the log of each set. */
int bench_sealed_result(const struct bench_run *r, const struct bench_input *in,
                        struct diag *d);
int bench_sealed_read(const struct bench_run *r, const struct bench_set *s,
                      struct buf *out, struct diag *d);
/* One more table, into arrays of its own (s->rows of them), as a data set is read. */
int bench_read_table(const struct bench_run *r, const struct bench_input *in,
                     struct bench_set *s, struct bench_case **cases, double **x,
                     struct diag *d);
void bench_check_columns(const struct bench_run *r, const struct bench_set *s,
                         struct diag *d);
/* bench_train.c: the training set that escrow handed over, if it did. */
int bench_train(struct bench_run *r, const struct bench_input *in, struct diag *d);
void bench_train_free(struct bench_train *t);
/* A cell that cannot be used: the first ones by place, the rest by number. */
void bench_bad_cell(struct bench_set *s, size_t row, size_t column, const char *code,
                    const char *detail, struct diag *d);
/* bench_image.c: an image is the only input, and each pixel a feature. */
int bench_image_declare(struct bench_run *r, const struct json *input, size_t index,
                        struct diag *d);
void bench_image_check(const struct bench_run *r, const struct bench_set *s,
                       struct diag *d);
int bench_image_load(const struct bench_run *r, const struct bench_input *in,
                     struct bench_set *s, double *x, struct diag *d);
/* The files that the labels of s name, or its array, for a sealed set. */
int bench_image_pack(struct bench_set *s, const struct bench_input *in, struct buf *out,
                     struct diag *d);
double bench_grey(const struct bench_run *r); /* one grey level of the image */
/* bench_attribute.c */
int bench_attributes(struct bench_run *r, struct diag *d);
/* bench_people.c: patients, leakage, duplicates. */
int bench_people(struct bench_run *r, const struct bench_input *in, struct diag *d);
/* bench_leak.c: an input that is the label. */
int bench_leak(struct bench_run *r, struct diag *d);
/* bench_people.c: how leakage was looked for, of the manifest. */
const char *bench_leakage_name(const struct bench_run *r);
/* bench_kept.c: before the checks of the model; cases from the score file. */
int bench_kept_open(struct bench_run *r, const struct bench_input *in, struct diag *d);
int bench_kept_load(struct bench_run *r, struct diag *d);
void bench_kept_release(struct bench_run *r);
/* bench_extra.c: the declared columns of the data, read once. */
int bench_extras(struct bench_run *r);
int bench_extra_add(struct bench_run *r, const char *name, double **out);
const double *bench_extra(const struct bench_run *r, const char *name); /* NULL: none */
void bench_extra_sort(struct bench_run *r);
/* bench_time.c: when a case was scored. A cell to microseconds, NaN: no time; is the cell
 * one? The instants read become what may be kept: ranks, and who came first. */
double bench_instant(const struct json *doc, struct str v);
void bench_check_times(struct bench_set *s, size_t row, struct diag *d);
int bench_times(struct bench_run *r);
void bench_extras_release(struct bench_run *r);
/* bench_score.c */
int bench_score(struct bench_run *r, const struct bench_input *in, struct diag *d);
/* Path of a data set in the manifest: "/manifest/data/2". */
const char *bench_at(const struct bench_set *s, char path[BENCH_PATH], const char *more);
int bench_open_path(const struct bench_input *in, struct str path, char out[4096]);

/* bench_family.c: emitters, in the order of the table. */
#define X(name, rows, fn, needs) int fn(struct bench_run *r);
BENCH_FAMILY_MAP(X)
#undef X
int bench_emit(struct bench_run *r, const char *row, const char *name, const char *group,
               double estimate, const double ci[2], const char *method, int64_t n,
               int64_t positives);

extern const double bench_no_ci[2]; /* NaN: the measure has no interval */
/* A fact about the whole run, without interval or positives. */
int bench_fact(struct bench_run *r, const char *row, const char *name, double value,
               const char *how);
/* bench_form.c: the measures that forms give to a row; always: also those without. */
int bench_forms(struct bench_run *r, const char *row, bool always);
int bench_not_applicable(struct bench_run *r, const char *row, const char *reason);
/* bench_family.c: of row ID-4, when the sets are sealed and their log is not at hand. */
#define BENCH_DATED_BEFORE "plan_dated_before_unsealing"
bool bench_untold_first_use(const struct bench_run *r);
/* bench_calib.c: part of the family performance. */
int bench_calibration(struct bench_run *r);

/* Streams of random numbers, one a use (stat_rng_init's `test`); sites are added to it.
 */
enum bench_draw {
    BENCH_DRAW_BENEFIT = 1,
    BENCH_DRAW_TAMPER = 4,
    BENCH_DRAW_TRAIN = 5, /* which rows are examined */
    BENCH_DRAW_FOLDS = 6,
    BENCH_DRAW_PARTS = 7, /* and the next: one a class */
    BENCH_DRAW_MEMBERS = 9,
    BENCH_DRAW_STRIP = 12,
    BENCH_DRAW_EQUITY = 10, /* and the next */
    BENCH_DRAW_CONTEXT = 20,
    BENCH_DRAW_EXTRACT = 40, /* and the next two */
    BENCH_DRAW_ENDPOINT = 44,
    BENCH_DRAW_RECENT = 60,      /* and the next fifteen: bench_recent.h */
    BENCH_DRAW_ECE = 1000,       /* and one a site */
    BENCH_DRAW_DRIFT = 2000,     /* and two a stream watched */
    BENCH_DRAW_AUC = 4000,       /* and one a site */
    BENCH_DRAW_ECE_MASS = 6000,  /* and one a site */
    BENCH_DRAW_COHERENCE = 10000 /* and one a draw */
};

/* bench_equity.c: does the plan call the attribute a legitimate predictor? */
bool bench_predictor_declared(const struct bench_run *r, const char *attribute);
/* bench_equity.c: the groups of one attribute, those that are major marked. */
struct bench_majors {
    struct stat_fair *fair;
    bool *use;
    size_t major;
    int64_t n, positives; /* of the major groups */
};
int bench_majors(const struct bench_run *r, size_t attribute, struct bench_majors *out);
void bench_majors_release(struct bench_majors *m);
/* bench_contrast.c: pair by pair; name: of the measure, "auc". */
int bench_contrasts(struct bench_run *r, const struct bench_majors *g, size_t attribute,
                    enum stat_measure m, const char *row, const char *name);
/* bench_cross.c, bench_prevalence.c, bench_demography.c, bench_missed.c,
 * bench_comorbid.c: parts of the family equity. */
int bench_crossings(struct bench_run *r);
int bench_prevalence(struct bench_run *r);
int bench_demography(struct bench_run *r);
int bench_missed(struct bench_run *r);
int bench_comorbidities(struct bench_run *r);
/* bench_severe.c, bench_versus.c, bench_sites.c: parts of the family performance. */
int bench_severe(struct bench_run *r);
int bench_versus(struct bench_run *r);
int bench_pooled(struct bench_run *r);

/* bench_attribute.c: may groups of kind origin be read? */
bool bench_origin_authorised(const struct bench_run *r);
const struct bench_attribute *bench_attribute(const struct bench_run *r,
                                              const char *name); /* NULL: none */

/* bench_flag.c: "conditions" or "comorbidities" of all data sets, in order of the codes.
 */
struct bench_flag {
    struct str code, input; /* input: STR_NULL when none carries it */
    const double *v;        /* per case: 0, 1, NaN; of the run */
};
struct bench_flags {
    struct bench_flag *flag;
    size_t n;
};
int bench_flags(const struct bench_run *r, const char *member, struct bench_flags *out);
void bench_flags_release(struct bench_flags *f);
/* Is the text one of the list, or "1" when there is no list? */
bool bench_among(const struct json *list, struct str v);
/* bench_attack_image.c: row RB-3 of an image. */
int bench_attack_image(struct bench_run *r);
/* bench_repro.c: how far two scorings of the same rows are apart; added to *d. */
struct bench_difference {
    int64_t differ, flips; /* rows; on two sides of t, one of them 1e-5 or more away */
    double delta, ulp;     /* largest |a - b|; doubles between them (one NaN: infinite) */
};
void bench_difference(const double *a, const double *b, size_t n, double t,
                      struct bench_difference *d);

/* A part of the used rows: everything, a site, a GST, a group. */
struct bench_slice {
    struct stat_binary b;
    struct stat_auc auc; /* clustered when the manifest says so */
    struct stat_ci gate;
    double mean; /* of the scores */
    char method[32];
};
enum bench_by { BENCH_ALL, BENCH_SITE, BENCH_GST, BENCH_GROUP };
/* Its rows, copied; cluster is the patient. */
struct bench_rows {
    double *s;
    uint8_t *y;
    uint32_t *cluster;
    size_t n;
    int64_t positives;
};
int bench_rows(const struct bench_run *r, enum bench_by by, size_t which, size_t value,
               struct bench_rows *out);
void bench_rows_release(struct bench_rows *x);
int bench_slice(const struct bench_run *r, enum bench_by by, size_t which, size_t value,
                struct bench_slice *out);
int bench_slice_of(const struct bench_run *r, const struct bench_rows *x,
                   struct bench_slice *out);
/* bench_scalar.c: other intervals of the area and single numbers of all rows or a site,
 * the first from its own stream of random numbers; more rates of any part, and
 * their exact intervals. */
int bench_scalars(struct bench_run *r, enum bench_by by, size_t which, uint64_t draw,
                  const char *group, const struct bench_slice *p);
int bench_more_rates(struct bench_run *r, const char *group, const struct bench_slice *p);
/* bench_family.c: how many more positives until the bounds of BENCH_BOUNDS would hold,
 * for a bound of that name; auc: of the area, else of the sensitivity. */
int bench_more_positives(struct bench_run *r, const char *row, const char *name,
                         const char *group, const struct bench_slice *p, bool auc);
/* bench_bar.c: attributions, strongest first, as an array for the curves. */
void bench_bars_json(const struct bench_run *r, struct jw *w);
/* bench_output.c */
int bench_write_scores(struct bench_run *r);
#endif
