/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf.h"

static const struct conf_entry conf_entries[] = {
#define X(name, key, servers, kind, def, lo, hi, help)                                   \
    {key, CONF_##servers, CONF_##kind, def, lo, hi, help},
    CONF_TABLE(X)
#undef X
};

const struct conf_entry *conf_entry(enum conf_key k)
{
    am_assert((size_t)k < CONF_KEYS);
    return &conf_entries[k];
}

void conf_init(struct conf *c, enum conf_server server)
{
    *c = (struct conf){.server = server};
}

void conf_release(struct conf *c)
{
    for (size_t i = 0; i < CONF_KEYS; i++)
        free(c->value[i]);
    conf_init(c, c->server);
}

static bool conf_fits(const struct conf_entry *e, struct str value)
{
    int64_t v;
    switch (e->kind) {
    case CONF_INT:
        return str_int(value, e->lo, e->hi, &v) == AM_OK;
    case CONF_BOOL:
        return str_eqc(value, "true") || str_eqc(value, "false");
    default:
        return str_utf8(value) && str_find(value, '\0') == value.n;
    }
}

int conf_set(struct conf *c, struct str key, struct str value, const char *path,
             struct diag *d)
{
    for (size_t i = 0; i < CONF_KEYS; i++) {
        const struct conf_entry *e = &conf_entries[i];
        char *copy;
        if (!str_eqc(key, e->key) || !(e->servers & c->server))
            continue;
        if (!conf_fits(e, value)) {
            diag_err(d, path, "conf.value", "%s does not accept \"%.*s\" (%s)", e->key,
                     STR_FMT(value), e->help);
            return AM_E_INVALID;
        }
        copy = str_dup(value);
        if (!copy)
            return AM_E_NOMEM;
        free(c->value[i]);
        c->value[i] = copy;
        return AM_OK;
    }
    diag_err(d, path, "conf.unknown", "no setting is called \"%.*s\"", STR_FMT(key));
    return AM_E_INVALID;
}

int conf_read(struct conf *c, struct str text, struct diag *d)
{
    int result = AM_OK;
    for (unsigned n = 1; text.n; n++) {
        struct str line = str_trim(str_cut(text, '\n', &text)), value;
        char path[32];
        int err;
        snprintf(path, sizeof path, "line %u", n);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        if (str_find(line, '=') == line.n) {
            diag_err(d, path, "conf.syntax", "expected key = value");
            result = AM_E_INVALID;
            continue;
        }
        line = str_trim(str_cut(line, '=', &value));
        err = conf_set(c, line, str_trim(value), path, d);
        if (err == AM_E_NOMEM)
            return err;
        if (err)
            result = err;
    }
    return result;
}

int conf_load(struct conf *c, const char *file, struct diag *d)
{
    char *text;
    size_t n;
    int err = am_file_read(file, 1 << 20, &text, &n);
    if (err)
        return err == AM_E_NOTFOUND ? AM_OK : err;
    err = conf_read(c, (struct str){text, n}, d);
    free(text);
    return err;
}

int conf_environment(struct conf *c, struct diag *d)
{
    int result = AM_OK;
    for (size_t i = 0; i < CONF_KEYS; i++) {
        const struct conf_entry *e = &conf_entries[i];
        char name[64] = "AMANE_";
        const char *value;
        size_t k = strlen(name);
        for (const char *p = e->key; *p && k + 1 < sizeof name; p++)
            name[k++] = (char)(*p >= 'a' && *p <= 'z' ? *p - 32 : *p);
        name[k] = 0;
        value = getenv(name);
        if (value && (e->servers & c->server)) {
            int err = conf_set(c, str_c(e->key), str_c(value), name, d);
            if (err)
                result = err;
        }
    }
    return result;
}

const char *conf_text(const struct conf *c, enum conf_key k)
{
    return c->value[k] ? c->value[k] : conf_entry(k)->def;
}

int64_t conf_int(const struct conf *c, enum conf_key k)
{
    int64_t v = 0;
    int err = str_int(str_c(conf_text(c, k)), conf_entry(k)->lo, conf_entry(k)->hi, &v);
    am_assert(err == AM_OK); /* conf_set() let it in, or the table is wrong */
    return v;
}

bool conf_bool(const struct conf *c, enum conf_key k)
{
    return str_eqc(str_c(conf_text(c, k)), "true");
}
