/* SPDX-License-Identifier: Apache-2.0 */
/* Icons and status chips. State is always word + shape + colour, never colour alone
 * (ui.md): each icon is a different outline, drawn on a 16 x 16 grid in the colour of the
 * text beside it. */
#include "web/web_priv.h"

static const struct {
    const char *name, *path;
} icon[] = {
    {"ok", "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"M5 8.2l2.2 2.2L11.2 6\"/>"},
    {"warn", "<path d=\"M8 1.8l6.7 12H1.3z\"/><path d=\"M8 6.2v3.6M8 11.7v.6\"/>"},
    {"danger", "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"M5.6 5.6l4.8 4.8M10.4 "
               "5.6l-4.8 4.8\"/>"},
    {"stop", "<path d=\"M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z\"/><path "
             "d=\"M4.8 8h6.4\"/>"},
    {"wait", "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"M8 4.4V8l2.4 1.6\"/>"},
    {"info", "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"M8 7.4v3.8M8 4.6v.6\"/>"},
    {"off", "<circle cx=\"8\" cy=\"8\" r=\"6.5\" stroke-dasharray=\"2.4 1.7\"/>"},
    {"half",
     "<circle cx=\"8\" cy=\"8\" r=\"6.5\"/><path d=\"M8 1.5a6.5 6.5 0 0 1 0 13z\" "
     "fill=\"currentColor\"/>"},
    {"up", "<path d=\"M3 11.5l4-4 2.5 2.5L13.5 5M9.8 4.5h4v4\"/>"},
    {"down", "<path d=\"M3 4.5l4 4L9.5 6l4 5.5M9.8 11.5h4v-4\"/>"},
    {"flat", "<path d=\"M2.5 8h11M10.5 5l3 3-3 3\"/>"},
    {"lock", "<rect x=\"3\" y=\"7\" width=\"10\" height=\"7\" rx=\"1\"/><path d=\"M5 "
             "7V5a3 3 0 0 1 6 "
             "0v2\"/>"},
};

int web_icon(struct buf *out, struct str name)
{
    for (size_t i = 0; i < AM_LEN(icon); i++)
        if (str_eqc(name, icon[i].name))
            return buf_addf(
                out,
                "<svg class=\"i\" viewBox=\"0 0 16 16\" aria-hidden=\"true\">%s</svg>",
                icon[i].path);
    return AM_E_NOTFOUND;
}

/* Tones: ok, warn, ko (danger or stop, nothing else), mute. */
static const struct {
    const char *id, *tone, *icon;
} chip[] = {
    {"verdict.pass", "ok", "ok"},
    {"verdict.fail", "ko", "danger"},
    {"verdict.insufficient", "warn", "warn"},
    {"verdict.not_applicable", "mute", "off"},
    {"verdict.not_measured", "mute", "off"},
    {"level.none", "mute", "off"},
    {"level.base", "ok", "half"},
    {"level.intermediate", "ok", "ok"},
    {"level.advanced", "ok", "ok"},
    {"registry_status.registered", "mute", "info"},
    {"registry_status.pilot_only", "warn", "half"},
    {"registry_status.certified", "ok", "ok"},
    {"registry_status.suspended", "ko", "stop"},
    {"registry_status.refused", "ko", "danger"},
    {"registry_status.withdrawn", "mute", "off"},
    {"state.v.draft", "mute", "off"},
    {"state.v.declared", "mute", "info"},
    {"state.v.inadmissible", "warn", "warn"},
    {"state.v.admissible", "mute", "info"},
    {"state.v.under_evaluation", "mute", "wait"},
    {"state.v.evaluated", "mute", "info"},
    {"state.v.labelled", "ok", "ok"},
    {"state.v.labelled_base", "ok", "half"},
    {"state.v.labelled_intermediate", "ok", "ok"},
    {"state.v.labelled_advanced", "ok", "ok"},
    {"state.v.deferred", "warn", "wait"},
    {"state.v.refused", "ko", "danger"},
    {"state.v.suspended", "ko", "stop"},
    {"state.v.expired", "warn", "warn"},
    {"state.v.withdrawn", "mute", "off"},
    {"state.v.archived", "mute", "lock"},
    {"state.p.proposed", "mute", "info"},
    {"state.p.pre_deployment", "mute", "wait"},
    {"state.p.pilot", "warn", "half"},
    {"state.p.deployed", "ok", "ok"},
    {"state.p.suspended", "ko", "stop"},
    {"state.p.stopped", "ko", "stop"},
    {"state.p.retired", "mute", "off"},
    {"mode.shadow", "mute", "off"},
    {"worklist.high", "warn", "up"},
    {"worklist.low", "mute", "down"},
    {"worklist.above", "warn", "up"},
    {"worklist.below", "mute", "down"},
    {"worklist.preliminary", "warn", "wait"},
    {"worklist.validated", "ok", "ok"},
    {"worklist.accepted", "ok", "ok"},
    {"worklist.corrected", "warn", "info"},
    {"worklist.refused", "mute", "danger"},
    {"worklist.withdrawn", "mute", "off"},
    {"stop.in_force", "ko", "stop"},
    {"stop.none", "mute", "ok"},
    {"network.up", "ok", "ok"},
    {"network.silent", "warn", "warn"},
    {"ward_flag.HH", "ko", "danger"},
    {"ward_flag.LL", "ko", "danger"},
    {"ward_flag.AA", "ko", "danger"},
    {"ward_flag.H", "warn", "up"},
    {"ward_flag.L", "warn", "down"},
    {"ward_flag.A", "warn", "warn"},
    {"ward_state.allergy-high", "ko", "danger"},
    {"ward_state.allergy-low", "mute", "down"},
    {"ward_state.condition-active", "warn", "info"},
    {"ward_state.condition-recurrence", "warn", "info"},
    {"ward_state.condition-relapse", "warn", "info"},
    {"ward_state.condition-resolved", "mute", "ok"},
    {"ward_state.order-active", "ok", "ok"},
    {"ward_state.order-on-hold", "warn", "wait"},
    {"ward_state.order-stopped", "mute", "off"},
    {"ward_state.stay-planned", "mute", "wait"},
    {"ward_state.stay-in-progress", "ok", "half"},
    {"ward_state.stay-arrived", "ok", "half"},
    {"ward_state.stay-finished", "mute", "ok"},
    {"ward_state.visit-proposed", "mute", "wait"},
    {"ward_state.visit-pending", "mute", "wait"},
    {"ward_state.visit-waitlist", "mute", "wait"},
    {"ward_state.visit-booked", "ok", "ok"},
    {"ward_state.visit-arrived", "ok", "half"},
    {"ward_state.visit-checked-in", "ok", "half"},
    {"ward_state.visit-fulfilled", "mute", "ok"},
    {"ward_state.visit-noshow", "warn", "off"},
    {"ward_state.visit-cancelled", "mute", "off"},
    {"ward_state.model-final", "ok", "ok"},
    {"ward_state.model-amended", "warn", "info"},
    {"ward_state.model-corrected", "warn", "info"},
    {"ward_state.model-cancelled", "mute", "danger"},
    {"effect.ok", "ok", "ok"},
    {"effect.waiting_signers", "warn", "wait"},
    {"effect.none", "mute", "off"},
};

int web_chip(struct buf *out, enum text_lang l, struct str group, struct str value)
{
    char id[WEB_ID_MAX];
    const char *tone = "mute", *picture = "info";
    if (group.n + value.n + 2 > sizeof id || !value.n || memchr(value.p, 0, value.n))
        return AM_E_NOTFOUND;
    snprintf(id, sizeof id, "%.*s.%.*s", STR_FMT(group), STR_FMT(value));
    if (!text_has(l, id))
        return AM_E_NOTFOUND;
    for (size_t i = 0; i < AM_LEN(chip); i++)
        if (!strcmp(chip[i].id, id)) {
            tone = chip[i].tone;
            picture = chip[i].icon;
        }
    size_t before = out->n;
    int err = buf_addf(out, "<span class=\"chip %s\">", tone);
    if (!err)
        err = web_icon(out, str_c(picture));
    if (!err)
        err = web_escape(out, text_get(l, id));
    if (!err)
        err = buf_adds(out, "</span>");
    if (err)
        buf_cut(out, before);
    return err;
}
