/* SPDX-License-Identifier: Apache-2.0 */
/* api -- the HTTP face of both servers: one route table (api_tbl.h: method, path pattern,
 * right, handler, schema of request and reply), problem+json errors in the reader's
 * language, OpenAPI from the same table, health, metrics, static log files; HTML pages
 * are `web`'s, mounted here.
 *
 * Problem body (RFC 9457): {type: "urn:amane:error:<key>", title, status, detail, lang,
 * problems: [{pointer, code, message, args}]}.
 *
 * Threads: handlers run on the HTTP job threads. */
#ifndef API_H
#define API_H

#include "http/http.h"
#include "node/node.h"
#include "registry/registry.h"

struct api;
AM_CHECK int api_new_registry(struct api **out, struct registry *r);
AM_CHECK int api_new_node(struct api **out, struct node *n);
void api_free(struct api *a);
struct web_site; /* its pages, for web_site_more(); owned by a */
struct web_site *api_site(struct api *a);
/* To put in struct http_config. */
int api_handle(void *api, struct http_req *r, struct http_resp *a);
void api_on_error(void *api, struct http_req *r, struct http_resp *a, int err);
/* The same for a registry in DIR that is not open yet: health and the log's files, 503
 * for the rest; from api_door_open() on, `a` answers. The door outlives the server. */
struct api_door;
AM_CHECK int api_door_new(struct api_door **out, const char *dir);
void api_door_free(struct api_door *d);
void api_door_open(struct api_door *d, struct api *a);
int api_door_handle(void *door, struct http_req *r, struct http_resp *a);
/* For /metrics: the server that runs us. */
void api_set_server(struct api *a, struct http_server *s);

#endif
