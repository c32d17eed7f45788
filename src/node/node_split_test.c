/* SPDX-License-Identifier: Apache-2.0 */
/* Two histories of one log: at the witness's door, from peers that tell the truth, lie or
 * know nothing, and from the registry's own tiles. */
#include "node/node_testkit.h"

#include <dirent.h>

/* ---- another history ------------------------------------------------------------ */
struct fork {
    struct tlog *log;
    char dir[128];
};

/* The same log up to `keep` entries, then `more` others. */
static void fork_open(struct nt *w, struct fork *f, const char *name, size_t keep,
                      int more)
{
    struct tlog_config tc = {
        .dir = f->dir, .origin = TK_ORIGIN, .key = w->tk.log_key, .batch_max = 4096};
    uint64_t index = 0;
    snprintf(f->dir, sizeof f->dir, "%s/%s", w->dir, name);
    assert_ok(tlog_open(&f->log, &tc));
    for (size_t i = 0; i < keep; i++)
        assert_ok(
            tlog_queue(f->log, (struct str){w->tk.leaf.v[i], w->tk.leaf_n.v[i]}, &index));
    if (keep)
        assert_ok(tlog_wait(f->log, index));
    for (int i = 0; i < more; i++)
        assert_ok(tlog_append(f->log, STR("another history"), &index));
}

static int add_checkpoint(struct nt *w, struct tlog *log, uint64_t old_size, bool spoil)
{
    struct tlog_checkpoint head;
    struct buf note, request, reply;
    int status = 0;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&request, TLOG_NOTE_MAX);
    buf_init(&reply, 65536);
    tlog_head(log, &head);
    assert_ok(tlog_note(log, &note));
    assert_ok(tlog_witness_request(log, old_size, head.size, buf_str(&note), &request));
    if (spoil) { /* one more line of proof than there is */
        struct buf b;
        size_t first = (size_t)(strchr(request.p, '\n') - request.p) + 1;
        buf_init(&b, TLOG_NOTE_MAX);
        assert_ok(buf_add(&b, str_sub(buf_str(&request), 0, first)));
        assert_ok(buf_adds(&b, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"));
        assert_ok(buf_add(&b, str_sub(buf_str(&request), first, request.n)));
        buf_release(&request);
        request = b;
    }
    assert_ok(node_witness(w->n, buf_str(&request), &status, &reply));
    buf_release(&reply);
    buf_release(&request);
    buf_release(&note);
    return status;
}

static unsigned evidence(struct nt *w)
{
    char path[256];
    struct dirent *e;
    unsigned n = 0;
    DIR *d;
    snprintf(path, sizeof path, "%s/witness", w->node_dir);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)))
        n += strncmp(e->d_name, "split-", 6) == 0;
    closedir(d);
    return n;
}

static void two_histories_raise_an_alarm_that_stays(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct fork f;
    tlog_head(w->log, &head);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    assert_ok(node_sync(w->n)); /* the round it asked for is over */
    assert_false(nt_state(w).split_view);
    fork_open(w, &f, "fork", (size_t)head.size - 2, 2); /* the same size, another root */
    assert_int_equal(add_checkpoint(w, f.log, head.size, false), 409);
    assert_true(nt_state(w).split_view);
    assert_true(evidence(w) > 0);
    assert_ok(node_sync(w->n));
    assert_true(nt_state(w).split_view);
    nt_close(w);
    assert_ok(nt_open(w));
    assert_true(nt_state(w).split_view);
    assert_predicts(w); /* an alarm; what the quorum signed is still true */
    tlog_close(f.log);
}

/* What the guide tells an operator to do, after an inquiry. */
static void move_evidence_away(struct nt *w)
{
    char path[256], file[512];
    struct dirent *e;
    DIR *d;
    snprintf(path, sizeof path, "%s/witness", w->node_dir);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)))
        if (!strncmp(e->d_name, "split-", 6)) {
            snprintf(file, sizeof file, "%s/%.200s", path, e->d_name);
            assert_int_equal(unlink(file), 0);
        }
    closedir(d);
}

/* As a stranger checks it: the log's key, the item, nothing else. */
static void assert_convicts(struct nt *w, const char *kind, size_t items)
{
    const struct tlog_vkey *key = ledger_log_key(w->tk.l);
    struct tlog_checkpoint note, known;
    struct tlog_proof proof = {.n = 0};
    struct tlog_hash root;
    const struct json *x;
    struct buf b, h;
    buf_init(&b, 1 << 20);
    buf_init(&h, 64);
    assert_ok(node_witness_evidence(w->n, &b));
    json_free(w->doc);
    assert_ok(json_parse(&w->doc, buf_str(&b), NULL, NULL));
    assert_int_equal(json_size(json_get(json_root(w->doc), "items")), items);
    x = json_at(json_get(json_root(w->doc), "items"), 0);
    assert_true(json_str_is(json_get(x, "kind"), kind));
    assert_ok(tlog_checkpoint_open(json_get_str(x, "note"), key, &note));
    assert_ok(tlog_checkpoint_open(json_get_str(x, "known"), key, &known));
    assert_int_equal(json_int(json_get(x, "size"), -1), note.size);
    assert_ok(crypto_unbase64(&h, json_get_str(x, "root")));
    memcpy(root.h, h.p, TLOG_HASH);
    for (json_each(it, json_get(x, "proof"))) {
        buf_clear(&h);
        assert_ok(crypto_unbase64(&h, json_str(it.val)));
        memcpy(proof.node[proof.n++].h, h.p, TLOG_HASH);
    }
    assert_ok(tlog_verify_consistency(&proof, note.size, &root, known.size, &known.root));
    assert_memory_not_equal(&root, &note.root, sizeof root);
    buf_release(&h);
    buf_release(&b);
}

static void after_proof_nothing_is_cosigned_and_no_lease_renewed(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct node_state s;
    struct fork f;
    tlog_head(w->log, &head);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    assert_ok(node_sync(w->n));
    fork_open(w, &f, "fork", (size_t)head.size - 2, 2);
    assert_int_equal(add_checkpoint(w, f.log, head.size, false), 409);
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "two_roots", 1);
    s = nt_state(w);
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_pass(w, 60 * TIME_SECOND);
    nt_publish(w);
    assert_int_equal(add_checkpoint(w, w->log, head.size, false), 503);
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_state(w).size, s.size + 1);
    assert_refuses(w, "refusal.stopped"); /* a stop is obeyed whoever lies */
    assert_int_equal(nt_state(w).lease_at, s.lease_at);
    nt_close(w);
    assert_ok(nt_open(w)); /* the mirrored note has later cosignatures */
    assert_ok(node_sync(w->n));
    assert_int_equal(nt_state(w).lease_at, s.lease_at);
    assert_int_equal(add_checkpoint(w, w->log, head.size, false), 503);
    assert_convicts(w, "two_roots", 1);
    nt_close(w); /* the operator, after an inquiry */
    move_evidence_away(w);
    assert_ok(nt_open(w));
    assert_ok(node_sync(w->n));
    assert_false(nt_state(w).split_view);
    assert_true(nt_state(w).lease_at > s.lease_at);
    assert_int_equal(add_checkpoint(w, w->log, head.size, false), 200);
    tlog_close(f.log);
}

static void the_newest_checkpoint_held_is_given_to_whoever_compares(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head, got;
    struct buf note;
    buf_init(&note, TLOG_NOTE_MAX);
    tlog_head(w->log, &head);
    assert_ok(node_witness_checkpoint(w->n, STR(""), &note)); /* mirrored */
    assert_ok(tlog_checkpoint_open(buf_str(&note), ledger_log_key(w->tk.l), &got));
    assert_int_equal(got.size, head.size);
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    pthread_mutex_lock(&w->mu); /* signed before it is mirrored */
    assert_ok(tlog_append(
        w->log, (struct str){w->tk.leaf.v[head.size], w->tk.leaf_n.v[head.size]},
        &head.size));
    pthread_mutex_unlock(&w->mu);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    buf_clear(&note);
    assert_ok(node_witness_checkpoint(w->n, STR(TK_ORIGIN), &note));
    assert_ok(tlog_checkpoint_open(buf_str(&note), ledger_log_key(w->tk.l), &got));
    assert_int_equal(got.size, head.size + 1);
    buf_clear(&note);
    assert_int_equal(node_witness_checkpoint(w->n, STR("other.example/log"), &note),
                     AM_E_NOTFOUND);
    assert_int_equal(note.n, 0);
    buf_release(&note);
}

/* A copy restored before the last entries: shorter, honest; then it writes others. */
static void a_rolled_back_copy_is_caught_when_it_writes(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct fork f;
    uint64_t index;
    tlog_head(w->log, &head);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    assert_ok(node_sync(w->n)); /* the round it asked for is over */
    fork_open(w, &f, "copy", (size_t)head.size - 3, 0);
    assert_int_equal(add_checkpoint(w, f.log, head.size - 3, false), 409);
    assert_false(nt_state(w).split_view);
    assert_ok(tlog_append(f.log, STR("after the restore"), &index));
    assert_int_equal(add_checkpoint(w, f.log, head.size - 3, false), 409);
    assert_true(nt_state(w).split_view); /* smaller than ours, and not our past */
    assert_int_equal(evidence(w), 1);
    assert_convicts(w, "other_past", 1);
    tlog_close(f.log);
}

/* What a peer shows of its side. */
static void gossip(struct nt *w, struct node_peer *p, struct tlog *log)
{
    struct buf note;
    buf_init(&note, TLOG_NOTE_MAX);
    assert_ok(tlog_note(log, &note));
    node_gossip_judge(w->n, NULL, p, buf_str(&note));
    buf_release(&note);
}

static void a_peer_that_was_shown_another_history_proves_it(void **state)
{
    struct nt *w = *state;
    struct node_peer p = {.url = "http://peer"};
    struct tlog_checkpoint head;
    struct fork f;
    buf_init(&p.held, 1 << 16);
    tlog_head(w->log, &head);
    node_gossip_judge(w->n, NULL, &p, STR("not a note"));
    gossip(w, &p, w->log);
    assert_false(nt_state(w).split_view);
    fork_open(w, &f, "behind", (size_t)head.size - 3, 1); /* smaller than ours */
    gossip(w, &p, f.log);
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    tlog_close(f.log);
}

static void a_peer_far_ahead_is_judged_once_the_mirror_is_there(void **state)
{
    struct nt *w = *state;
    struct node_peer p = {.url = "http://peer"};
    struct tlog_checkpoint head;
    struct fork f;
    buf_init(&p.held, 1 << 16);
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size, 1);
    for (unsigned i = 0; i <= 3; i++) {
        gossip(w, &p, f.log);
        assert_int_equal(p.beyond, i);
        assert_false(nt_state(w).split_proved); /* larger is no proof */
    }
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
    gossip(w, &p, f.log);
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "two_roots", 1);
    buf_release(&p.held);
    tlog_close(f.log);
}

static void a_suspect_is_judged_when_the_mirror_has_grown(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct fork f;
    tlog_head(w->log, &head);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    assert_ok(node_sync(w->n)); /* the round it asked for is over */
    fork_open(w, &f, "fork", (size_t)head.size - 1, 2); /* one larger */
    assert_int_equal(add_checkpoint(w, f.log, head.size, false), 422);
    assert_true(nt_state(w).split_view);
    assert_int_equal(evidence(w), 0); /* suspect, not proven */
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_publish(w);
    assert_ok(node_sync(w->n));
    assert_true(nt_state(w).split_view); /* the country's entry there is another one */
    assert_true(w->n->split_view && w->n->suspect.size == 0);
    assert_int_equal(evidence(w), 1);
    tlog_close(f.log);
}

static void a_spoilt_proof_of_our_own_history_is_no_alarm(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    tlog_head(w->log, &head);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    assert_ok(node_sync(w->n)); /* the round it asked for is over */
    assert_int_equal(add_checkpoint(w, w->log, head.size, true), 422);
    assert_false(nt_state(w).split_view);
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    nt_publish(w); /* the log is ahead of our mirror */
    assert_int_equal(add_checkpoint(w, w->log, head.size, true), 422);
    assert_true(nt_state(w).split_view); /* until we have seen it ourselves */
    assert_ok(node_sync(w->n));
    assert_false(nt_state(w).split_view);
}

/* ---- others that serve a log ---------------------------------------------------- */
enum tiles { TILES_HONEST, TILES_NONE, TILES_FLIPPED, TILES_CUT, TILES_BROKEN };
struct peer { /* a node as gossip sees one, or a registry as a mirror does */
    struct http_server *server;
    char url[64];
    const char *dir; /* of the log it serves */
    struct buf note; /* instead of its checkpoint, when not empty */
    _Atomic int tiles;
    atomic_uint asked;
};

static int peer_answer(void *cookie, struct http_req *r, struct http_resp *a)
{
    struct peer *p = cookie;
    char file[512];
    bool note =
        str_eqc(r->path, "/witness/checkpoint") || str_eqc(r->path, "/log/checkpoint");
    int err;
    if (!note && !str_starts(r->path, STR("/log/tile/")))
        return AM_E_NOTFOUND;
    if (note && p->note.n)
        return buf_add(&a->body, buf_str(&p->note));
    snprintf(file, sizeof file, "%s/%.*s", p->dir,
             STR_FMT(note ? STR("checkpoint") : str_sub(r->path, 5, r->path.n)));
    if (note)
        return nt_file(file, &a->body);
    atomic_fetch_add(&p->asked, 1);
    if (p->tiles == TILES_NONE)
        return AM_E_NOTFOUND;
    if (p->tiles == TILES_BROKEN)
        return AM_E_INTERNAL;
    err = nt_file(file, &a->body);
    if (!err && p->tiles == TILES_FLIPPED)
        a->body.p[a->body.n / 2] ^= 1;
    if (!err && p->tiles == TILES_CUT)
        buf_cut(&a->body, a->body.n - 1);
    return err;
}

static void peer_start(struct peer *p, const char *dir)
{
    struct http_config hc = {
        .listen = "127.0.0.1:0", .handler = peer_answer, .cookie = p, .jobs = 1};
    p->dir = dir;
    buf_init(&p->note, TLOG_NOTE_MAX);
    assert_ok(http_server_start(&p->server, &hc));
    snprintf(p->url, sizeof p->url, "http://127.0.0.1:%u", http_server_port(p->server));
}

static void peer_stop(struct peer *p)
{
    http_server_stop(p->server, 1000);
    buf_release(&p->note);
}

/* As many rounds as there are, without waiting for the thread. */
static void rounds(struct nt *w, int n)
{
    struct http_client *h;
    assert_ok(http_client_new(&h));
    for (int i = 0; i < n; i++)
        node_gossip_round(w->n, h);
    http_client_free(h);
}

static void a_larger_history_of_a_peer_is_proved_from_its_tiles(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct peer p = {0};
    struct fork f;
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size - 2, 6);
    peer_start(&p, f.dir);
    assert_ok(node_gossip_configure(w->n, p.url));
    rounds(w, 1);
    assert_true(nt_state(w).split_proved);
    assert_int_equal(evidence(w), 1);
    assert_convicts(w, "other_past", 1);
    rounds(w, 1); /* once is enough */
    assert_convicts(w, "other_past", 1);
    nt_close(w);
    assert_ok(nt_open(w));
    assert_true(nt_state(w).split_proved); /* and it stays */
    assert_convicts(w, "other_past", 1);
    peer_stop(&p);
    tlog_close(f.log);
}

static void a_peer_ahead_in_our_own_history_is_no_alarm(void **state)
{
    struct nt *w = *state;
    struct peer p = {0};
    uint64_t index, had = nt_state(w).size;
    assert_string_equal(tk_stop(&w->tk, TK_HAS1, "national", ""), "ok");
    pthread_mutex_lock(&w->mu); /* logged, not cosigned: no mirror follows yet */
    assert_ok(tlog_append(w->log, (struct str){w->tk.leaf.v[had], w->tk.leaf_n.v[had]},
                          &index));
    pthread_mutex_unlock(&w->mu);
    peer_start(&p, w->log_dir);
    assert_ok(node_gossip_configure(w->n, p.url));
    rounds(w, 2);
    assert_true(p.asked > 0);
    assert_false(nt_state(w).split_view);
    nt_publish(w);
    assert_ok(node_sync(w->n));
    rounds(w, 1);
    assert_int_equal(w->n->peer.v[0].held.n, 0); /* it fits now */
    assert_int_equal(evidence(w), 0);
    peer_stop(&p);
}

static void tiles_that_lie_or_fail_prove_nothing(void **state)
{
    static const enum tiles bad[] = {TILES_NONE, TILES_FLIPPED, TILES_CUT, TILES_BROKEN};
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct peer p = {0};
    struct fork f;
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size - 2, 6);
    peer_start(&p, f.dir);
    assert_ok(node_gossip_configure(w->n, p.url));
    for (size_t i = 0; i < AM_LEN(bad); i++) {
        p.tiles = bad[i];
        rounds(w, 1);
        assert_false(nt_state(w).split_proved);
        assert_int_equal(evidence(w), 0);
    }
    p.dir = w->log_dir; /* true tiles of another tree than the note's */
    p.tiles = TILES_HONEST;
    assert_ok(tlog_note(f.log, &p.note));
    rounds(w, 1);
    assert_false(nt_state(w).split_proved);
    assert_true(nt_state(w).split_view); /* larger than all we hold, for three rounds */
    p.dir = f.dir;                       /* it tells the truth in the end */
    rounds(w, 1);
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    peer_stop(&p);
    tlog_close(f.log);
}

/* The same words, signed by a key that is not the log's. */
static void forge(struct nt *w, struct tlog *log, struct buf *out)
{
    struct tlog_checkpoint head;
    struct tlog_vkey v;
    struct crypto_key *other;
    struct buf body, line;
    buf_init(&body, 4096);
    buf_init(&line, 4096);
    tlog_head(log, &head);
    assert_ok(tlog_checkpoint_format(&head, &body));
    assert_ok(crypto_key_generate(&other, CRYPTO_ED25519));
    assert_ok(tlog_vkey_make(STR(TK_ORIGIN), TLOG_SIG_ED25519, other, &v));
    assert_ok(tlog_note_sign(&v, other, buf_str(&body), &line));
    assert_ok(buf_addf(out, "%s\n%s", body.p, line.p));
    crypto_key_free(other);
    buf_release(&line);
    buf_release(&body);
    (void)w;
}

static void forged_garbled_and_old_notes_change_nothing(void **state)
{
    static const char *const garbage[] = {"", "\n\n", "not a note", "\x00\xff\n\n\n"};
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct peer p = {0};
    struct fork f, old;
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size - 2, 6);
    fork_open(w, &old, "old", (size_t)head.size - 4, 0); /* our own past */
    peer_start(&p, f.dir);
    assert_ok(node_gossip_configure(w->n, p.url));
    forge(w, f.log, &p.note);
    rounds(w, 1);
    for (size_t i = 0; i < AM_LEN(garbage); i++) {
        buf_clear(&p.note);
        assert_ok(buf_adds(&p.note, garbage[i]));
        assert_ok(buf_addc(&p.note, '\n'));
        rounds(w, 1);
    }
    buf_clear(&p.note);
    assert_ok(tlog_note(old.log, &p.note));
    rounds(w, 4);
    assert_int_equal(p.asked, 0); /* no reason to ask for a tile */
    assert_false(nt_state(w).split_view);
    assert_int_equal(evidence(w), 0);
    peer_stop(&p);
    tlog_close(old.log);
    tlog_close(f.log);
}

/* The peer has only the note; the registry serves the tiles that convict it. */
static void the_tiles_of_the_registry_convict_it_too(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct peer p = {0}, registry = {0};
    struct fork f;
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size - 2, 6);
    peer_start(&p, f.dir);
    p.tiles = TILES_NONE;
    peer_start(&registry, f.dir);
    nt_close(w); /* the registry shows this node another history from now on */
    snprintf(w->url, sizeof w->url, "%s", registry.url);
    assert_ok(nt_open(w));
    assert_ok(node_gossip_configure(w->n, p.url));
    rounds(w, 1);
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    nt_close(w);
    peer_stop(&p);
    peer_stop(&registry);
    tlog_close(f.log);
}

static void a_suspect_is_proved_by_the_tiles_of_the_registry(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct peer registry = {0};
    struct fork f;
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size - 2, 6);
    peer_start(&registry, f.dir);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    nt_close(w);
    snprintf(w->url, sizeof w->url, "%s", registry.url);
    assert_ok(nt_open(w));
    assert_int_equal(add_checkpoint(w, f.log, head.size, false), 422);
    assert_false(nt_state(w).split_proved);           /* the proof may have been spoilt */
    assert_int_equal(node_sync(w->n), AM_E_NOTFOUND); /* nothing the quorum signed */
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    nt_close(w);
    peer_stop(&registry);
    tlog_close(f.log);
}

/* Signed before it was mirrored: the peer's tree contradicts what we cosigned. */
static void what_this_witness_signed_is_compared_as_well(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct peer p = {0};
    struct fork f, mine;
    tlog_head(w->log, &head);
    fork_open(w, &mine, "mine", (size_t)head.size, 3); /* what we sign: ahead by three */
    assert_int_equal(add_checkpoint(w, mine.log, 0, false), 200);
    fork_open(w, &f, "theirs", (size_t)head.size, 0);
    for (int i = 0; i < 2; i++) {
        uint64_t index;
        assert_ok(tlog_append(f.log, STR("a third history"), &index));
    }
    peer_start(&p, f.dir); /* larger than our mirror, smaller than what we signed */
    assert_ok(node_gossip_configure(w->n, p.url));
    rounds(w, 1);
    assert_false(nt_state(w).split_proved); /* nobody serves the tree we signed */
    peer_stop(&p);
    peer_start(&p, mine.dir); /* somebody does, and shows the other note */
    assert_ok(tlog_note(f.log, &p.note));
    snprintf(w->n->peer.v[0].url, sizeof w->n->peer.v[0].url, "%s", p.url);
    rounds(w, 1);
    assert_false(nt_state(w).split_proved); /* its own note must cover its tiles */
    buf_clear(&p.note);
    rounds(w, 1);
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    peer_stop(&p);
    tlog_close(mine.log);
    tlog_close(f.log);
}

/* What one node has proved, every other that talks to it can check and adopt. */
static void the_proof_of_a_peer_is_checked_and_adopted(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct buf honest, forged;
    struct fork f;
    buf_init(&honest, 1 << 20);
    buf_init(&forged, 1 << 20);
    tlog_head(w->log, &head);
    fork_open(w, &f, "behind", (size_t)head.size - 3, 1);
    assert_int_equal(add_checkpoint(w, w->log, 0, false), 200);
    assert_int_equal(add_checkpoint(w, f.log, head.size - 3, false), 409);
    assert_ok(node_witness_evidence(w->n, &honest)); /* as it is published */
    nt_close(w);
    move_evidence_away(w);
    assert_ok(nt_open(w));
    assert_false(node_evidence_adopt(w->n, STR("")));
    assert_false(node_evidence_adopt(w->n, STR("{\"items\":[7,{},{\"note\":1}]}")));
    for (const char *const *x =
             (const char *const[]){"proof", "root", "note", "known", NULL};
         *x; x++) { /* one character of one member */
        char member[16];
        char *at;
        buf_clear(&forged);
        assert_ok(buf_add(&forged, buf_str(&honest)));
        snprintf(member, sizeof member, "\"%s\":", *x);
        at = strstr(forged.p, member);
        assert_non_null(at);
        at += strlen(member) + 30;
        *at = *at == 'A' ? 'B' : 'A';
        assert_false(node_evidence_adopt(w->n, buf_str(&forged)));
    }
    assert_false(nt_state(w).split_view);
    assert_int_equal(evidence(w), 0);
    assert_true(node_evidence_adopt(w->n, buf_str(&honest)));
    assert_true(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    buf_release(&forged);
    buf_release(&honest);
    tlog_close(f.log);
}

static void two_notes_of_one_history_are_no_proof(void **state)
{
    struct nt *w = *state;
    struct tlog_checkpoint head;
    struct tlog_hash root;
    struct buf note, item, b64;
    struct jw j;
    buf_init(&note, TLOG_NOTE_MAX);
    buf_init(&item, 1 << 20);
    buf_init(&b64, 64);
    assert_ok(tlog_note(w->log, &note));
    tlog_head(w->log, &head);
    root = head.root;
    assert_ok(crypto_base64(&b64, (struct str){(const char *)root.h, sizeof root.h}));
    jw_init(&j, &item);
    jw_obj(&j);
    jw_key(&j, "items");
    jw_arr(&j);
    jw_obj(&j);
    jw_kstr(&j, "note", buf_str(&note));
    jw_kstr(&j, "known", buf_str(&note));
    jw_kstr(&j, "root", buf_str(&b64));
    jw_obj_end(&j);
    jw_arr_end(&j);
    jw_obj_end(&j);
    assert_ok(jw_done(&j));
    assert_false(node_evidence_adopt(w->n, buf_str(&item)));
    assert_false(nt_state(w).split_view);
    buf_release(&b64);
    buf_release(&item);
    buf_release(&note);
}

static void the_thread_compares_by_itself(void **state)
{
    struct nt *w = *state;
    struct node_config c = {.dir = w->node_dir,
                            .registry_url = w->url,
                            .genesis = w->genesis,
                            .poll_ms = 60000,
                            .peers_s = 1};
    struct tlog_checkpoint head;
    struct peer p = {0};
    struct fork f;
    tlog_head(w->log, &head);
    fork_open(w, &f, "ahead", (size_t)head.size - 2, 6);
    peer_start(&p, f.dir);
    nt_close(w);
    c.peers = p.url;
    diag_clear(&w->d);
    assert_ok(node_open(&w->n, &c, &w->d));
    assert_eventually(nt_state(w).split_proved);
    assert_convicts(w, "other_past", 1);
    nt_close(w); /* also in the middle of a comparison */
    peer_stop(&p);
    tlog_close(f.log);
}

NT_MAIN(NT(two_histories_raise_an_alarm_that_stays),
        NT(after_proof_nothing_is_cosigned_and_no_lease_renewed),
        NT(the_newest_checkpoint_held_is_given_to_whoever_compares),
        NT(a_rolled_back_copy_is_caught_when_it_writes),
        NT(a_peer_that_was_shown_another_history_proves_it),
        NT(a_peer_far_ahead_is_judged_once_the_mirror_is_there),
        NT(a_suspect_is_judged_when_the_mirror_has_grown),
        NT(a_spoilt_proof_of_our_own_history_is_no_alarm),
        NT(a_larger_history_of_a_peer_is_proved_from_its_tiles),
        NT(a_peer_ahead_in_our_own_history_is_no_alarm),
        NT(tiles_that_lie_or_fail_prove_nothing),
        NT(forged_garbled_and_old_notes_change_nothing),
        NT(the_tiles_of_the_registry_convict_it_too),
        NT(a_suspect_is_proved_by_the_tiles_of_the_registry),
        NT(what_this_witness_signed_is_compared_as_well),
        NT(the_proof_of_a_peer_is_checked_and_adopted),
        NT(two_notes_of_one_history_are_no_proof), NT(the_thread_compares_by_itself))
