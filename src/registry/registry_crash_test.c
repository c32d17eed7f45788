/* SPDX-License-Identifier: Apache-2.0 */
/* kill -9 and power cuts while statements come in: whatever was acknowledged is there
 * afterwards, at its index, and the folder opens. The child is this program; each line it
 * prints ("index payload") is an acknowledgement. AMANE_KILLS raises the rounds (30). */
#include "registry/registry_test_support.h"
#include "tlog/tlog_cut_test.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

enum { ROUNDS = 30, ACKS_MAX = 60000 };
static struct t t;

/* The child: opens DIR, signs grants with KEYFILE, prints what was acknowledged. */
static int child(const char *dir, const char *key_file)
{
    struct crypto_key *msps = NULL;
    struct registry_config c = {.dir = dir};
    struct registry *r = NULL;
    if (crypto_key_load(&msps, key_file, STR_NULL) || registry_open(&r, &c, NULL))
        return 3;
    printf("open\n");
    fflush(stdout);
    for (;;) {
        struct crypto_key *key = NULL;
        struct registry_receipt got;
        struct json_doc *doc = NULL;
        struct buf b, payload, envelope;
        char hex[CRYPTO_HEX];
        buf_init(&b, 8192);
        buf_init(&payload, 65536);
        buf_init(&envelope, 65536);
        assert_ok(crypto_key_generate(&key, CRYPTO_P256));
        t_grant_record(key, "vendor", "ORG1", &b);
        assert_ok(json_parse(&doc, buf_str(&b), NULL, NULL));
        assert_ok(
            ledger_statement(LEDGER_EVENT, json_root(doc), STR(T_BASE), &payload, NULL));
        assert_ok(ledger_sign(buf_str(&payload), msps, &envelope));
        if (registry_submit(r, LEDGER_EVENT, buf_str(&envelope), &got, NULL))
            return 4;
        printf("%llu %s\n", (unsigned long long)got.index,
               crypto_hex(got.payload, 32, hex));
        fflush(stdout);
        json_free(doc);
        buf_release(&b);
        buf_release(&payload);
        buf_release(&envelope);
        crypto_key_free(key);
    }
}

static struct {
    uint64_t index;
    uint8_t payload[32];
} ack[ACKS_MAX];
static size_t acks;

/* Runs the child for ms after it has opened the folder, kills it, reads what it said. */
static bool round_of(const char *key_file, unsigned ms)
{
    char *argv[] = {(char[]){"registry_crash_test"}, (char[]){"child"}, t.data,
                    (char *)(uintptr_t)key_file, NULL};
    posix_spawn_file_actions_t a;
    char line[256];
    bool opened = false;
    int fd[2], status;
    pid_t pid;
    FILE *out;
    assert_int_equal(pipe(fd), 0);
    posix_spawn_file_actions_init(&a);
    posix_spawn_file_actions_adddup2(&a, fd[1], 1);
    posix_spawn_file_actions_addclose(&a, fd[0]);
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", &a, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&a);
    close(fd[1]);
    out = fdopen(fd[0], "r");
    assert_non_null(out);
    if (fgets(line, sizeof line, out) && strcmp(line, "open\n") == 0)
        opened = true;
    usleep(ms * 1000);
    kill(pid, SIGKILL);
    while (fgets(line, sizeof line, out)) {
        char *space = strchr(line, ' ');
        int64_t index;
        if (!space || !strchr(line, '\n'))
            break; /* cut by the kill: not acknowledged */
        assert_ok(
            str_int((struct str){line, (size_t)(space - line)}, 0, INT64_MAX, &index));
        assert_true(acks < ACKS_MAX);
        ack[acks].index = (uint64_t)index;
        assert_ok(crypto_unhex((struct str){space + 1, 64}, ack[acks].payload, 32));
        acks++;
    }
    fclose(out);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return opened;
}

static int all_there(void *arg, const struct ledger *l, uint64_t cosigned)
{
    (void)arg, (void)cosigned;
    for (size_t i = 0; i < acks; i++) {
        const char *key;
        uint8_t payload[32];
        if (ledger_entry_of(l, ack[i].index, payload, &key) ||
            memcmp(payload, ack[i].payload, 32) != 0)
            fail_msg("entry %llu was acknowledged and is gone",
                     (unsigned long long)ack[i].index);
        assert_int_equal(ledger_outcome(l, ack[i].index)->effect, LEDGER_IN_EFFECT);
    }
    return AM_OK;
}

/* Kills; with power, the folder of the log also loses what was not synced. */
static void rounds_of(bool power)
{
    char key_file[160], log[160];
    size_t rounds =
        getenv("AMANE_KILLS") ? (size_t)strtoul(getenv("AMANE_KILLS"), NULL, 10) : ROUNDS;
    acks = 0;
    if (t_pg)
        rounds /= 3; /* it opens slowly */
    t_begin(&t);
    t_registry(&t);
    registry_close(t.r);
    t.r = NULL;
    snprintf(key_file, sizeof key_file, "%s/msps.key", t.dir);
    snprintf(log, sizeof log, "%s/log", t.data);
    assert_ok(crypto_key_save(t.key[T_MSPS], key_file, STR_NULL));
    /* On a busy machine a child may be killed before it was told of anything: longer
     * then, and more of them. */
    for (size_t i = 0; i < rounds || (acks <= rounds && i < 10 * rounds); i++) {
        if (!round_of(key_file, (unsigned)((i * 37) % 90) * (acks <= i ? 8 : 1)))
            fail_msg("round %zu: the folder did not open", i);
        if (power)
            cut_spoil(log, (unsigned)(time_now() / 1000));
        for (size_t k = 1; k < acks; k++)
            assert_true(ack[k].index > ack[k - 1].index);
        if (i % 10 == 9) { /* each opening folds everything: look now and then */
            t_open(&t);
            assert_ok(registry_view(t.r, all_there, NULL));
            registry_close(t.r);
            t.r = NULL;
        }
    }
    t_open(&t);
    assert_ok(registry_view(t.r, all_there, NULL));
    print_message("%zu rounds, %zu statements acknowledged, all there\n", rounds, acks);
    assert_true(acks > rounds);
    t_end(&t);
}

static void nothing_acknowledged_is_lost_to_kill_9(void **state)
{
    (void)state;
    rounds_of(false);
}

static void nothing_acknowledged_is_lost_to_a_power_cut(void **state)
{
    (void)state;
    cut.spoilt = 0;
    rounds_of(true);
    print_message("%zu files of the log spoilt\n", cut.spoilt);
    assert_true(cut.spoilt > 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {TEST(nothing_acknowledged_is_lost_to_kill_9),
                                       TEST(nothing_acknowledged_is_lost_to_a_power_cut)};
    log_set_level(getenv("V") ? LOG_INFO : LOG_OFF);
    if (argc == 4 && strcmp(argv[1], "child") == 0)
        return child(argv[2], argv[3]);
    return t_run_both(tests, AM_LEN(tests), AM_LEN(tests));
}
