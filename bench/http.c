/* SPDX-License-Identifier: Apache-2.0 */
/* Requests per second of a 195-byte reply: 64 keep-alive connections, each request going
 * through the queue, a job thread, suspend and resume. The client is a process of its
 * own, so that the server's CPU time can be told apart; both share the machine. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/http.h"

enum { CONNECTIONS = 64, SECONDS = 4, REPLY = 195 };

static int handler(void *cookie, struct http_req *r, struct http_resp *a)
{
    (void)cookie;
    http_setz(r, a, "Content-Type", "application/json");
    return buf_addf(&a->body, "{\"value\":\"%0*d\"}", REPLY - 12, 7);
}

static const char request[] = "GET /api/v1/bench HTTP/1.1\r\nHost: localhost\r\n"
                              "Accept: application/json\r\n\r\n";

static int dial(unsigned port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 ? fd : -1;
}

static bool send_one(int fd)
{
    return send(fd, request, sizeof request - 1, MSG_NOSIGNAL) ==
           (ssize_t)sizeof request - 1;
}

/* Length of a whole reply, learnt from the first one: all are alike. 0 on failure. */
static size_t learn(int fd)
{
    char text[2048];
    size_t n = 0;
    const char *end = NULL;
    while (!end || n < (size_t)(end - text) + 4 + REPLY) {
        ssize_t k = recv(fd, text + n, sizeof text - 1 - n, 0);
        if (k <= 0)
            return 0;
        n += (size_t)k;
        text[n] = 0;
        end = strstr(text, "\r\n\r\n");
    }
    return strncmp(text, "HTTP/1.1 200", 12) == 0 ? n : 0;
}

/* Replies received in SECONDS, or -1. */
static int64_t load(unsigned port)
{
    struct pollfd p[CONNECTIONS];
    size_t got[CONNECTIONS] = {0}, whole = 0;
    int64_t until, done = 0;
    for (int i = 0; i < CONNECTIONS; i++) {
        p[i] = (struct pollfd){.fd = dial(port), .events = POLLIN};
        if (p[i].fd < 0 || !send_one(p[i].fd))
            return -1;
        if (i == 0 && (!(whole = learn(p[0].fd)) || !send_one(p[0].fd)))
            return -1;
    }
    until = time_mono() + SECONDS * TIME_SECOND;
    while (time_mono() < until) {
        if (poll(p, CONNECTIONS, 5000) <= 0)
            return -1; /* stalled */
        for (int i = 0; i < CONNECTIONS; i++) {
            char text[2048];
            ssize_t k;
            if (!p[i].revents)
                continue;
            k = recv(p[i].fd, text, sizeof text, 0);
            if (k <= 0)
                return -1;
            got[i] += (size_t)k;
            if (got[i] < whole)
                continue;
            if (got[i] > whole || !send_one(p[i].fd))
                return -1;
            got[i] = 0;
            done++;
        }
    }
    return done;
}

static void client(int in, int out)
{
    unsigned port;
    int64_t done = -1;
    if (read(in, &port, sizeof port) == sizeof port)
        done = load(port);
    _exit(write(out, &done, sizeof done) == sizeof done ? 0 : 1);
}

static double cpu_us(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void show(const char *figure, const char *unit, double value, double target,
                 const char *better)
{
    printf(
        "{\"figure\":\"%s\",\"value\":%.1f,\"unit\":\"%s\",\"target\":%.0f,"
        "\"better\":\"%s\",\"peer\":null,\"peer_value\":null,\"conditions\":\"%d "
        "keep-alive connections on loopback, %d B reply, 16 job threads, %ld CPUs shared "
        "with the client\"}\n",
        figure, value, unit, target, better, CONNECTIONS, REPLY,
        sysconf(_SC_NPROCESSORS_ONLN));
}

int main(void)
{
    struct http_config c = {.listen = "127.0.0.1:0", .handler = handler};
    struct http_server *s;
    int to[2], from[2], status;
    unsigned port;
    int64_t done;
    double before;
    pid_t pid;
    if (pipe(to) || pipe(from) || (pid = fork()) < 0)
        return 3;
    if (pid == 0)
        client(to[0], from[1]); /* before there are threads */
    if (http_server_start(&s, &c))
        return 3;
    port = http_server_port(s);
    before = cpu_us();
    if (write(to[1], &port, sizeof port) != sizeof port ||
        read(from[0], &done, sizeof done) != sizeof done ||
        waitpid(pid, &status, 0) != pid || done <= 0) {
        fprintf(stderr, "bench http: the client failed or stalled\n");
        return 3;
    }
    before = cpu_us() - before;
    http_server_stop(s, 1000);
    show("http.requests_64", "/s", (double)done / SECONDS, 20000, "higher");
    show("http.server_cpu_per_request", "us", before / (double)done, 40, "lower");
    return 0;
}
