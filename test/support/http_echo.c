/* SPDX-License-Identifier: Apache-2.0 */
/* A server that answers with what it understood, for tests of what stands in front of it:
 *     http_echo [--behind-proxy]
 * Prints its port on 127.0.0.1, serves until its standard input ends. */
#include <stdio.h>
#include <unistd.h>

#include "http/http.h"

static int echo(void *cookie, struct http_req *r, struct http_resp *a)
{
    int err;
    (void)cookie;
    http_setz(r, a, "Content-Type", "text/plain; charset=utf-8");
    err = buf_addf(&a->body, "%s %.*s?%.*s\npeer %.*s%s\nbody %zu %.*s\n", r->method_name,
                   STR_FMT(r->path), STR_FMT(r->query), STR_FMT(r->peer),
                   r->secure ? " secure" : "", r->body.n, STR_FMT(r->body));
    for (size_t i = 0; i < r->headers && !err; i++)
        err = buf_addf(&a->body, "%.*s: %.*s\n", STR_FMT(r->header[i].name),
                       STR_FMT(r->header[i].value));
    return err;
}

int main(int argc, char **argv)
{
    struct http_config c = {.listen = "127.0.0.1:0", .handler = echo, .jobs = 2};
    struct http_server *s;
    char byte;
    c.behind_proxy = argc > 1 && strcmp(argv[1], "--behind-proxy") == 0;
    if (http_server_start(&s, &c))
        return 3;
    printf("%u\n", http_server_port(s));
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        continue;
    http_server_stop(s, 1000);
    return 0;
}
