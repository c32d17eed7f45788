/* SPDX-License-Identifier: Apache-2.0 */
/* conf_tbl -- every configuration key: from this one table come the parser, the defaults,
 * `amane conf explain` and the man page.
 *
 * X(NAME, "key", servers, kind, default, lowest, highest, what it is)
 *   servers: R registry, N node, B both; kind: TEXT, INT or BOOL (bounds: INT only). */
#ifndef AM_CONF_TBL_H
#define AM_CONF_TBL_H

#define CONF_TABLE(X)                                                                    \
    X(LISTEN, "listen", B, TEXT, "127.0.0.1:8080", 0, 0,                                 \
      "address:port to listen on; beyond loopback only with TLS or behind_proxy")        \
    X(TLS_CERT, "tls_cert", B, TEXT, "", 0, 0, "PEM certificate chain; empty: no TLS")   \
    X(TLS_KEY, "tls_key", B, TEXT, "", 0, 0, "PEM private key of tls_cert, mode 0600")   \
    X(BEHIND_PROXY, "behind_proxy", B, BOOL, "false", 0, 0,                              \
      "true: a proxy in front terminates TLS and sets X-Forwarded-*")                    \
    X(JOBS, "jobs", B, INT, "64", 1, 256, "threads that run requests")                   \
    X(BODY_MAX, "body_max", B, INT, "268435456", 1024, 1073741824,                       \
      "largest request body, bytes")                                                     \
    X(LOG_LEVEL, "log_level", B, TEXT, "info", 0, 0, "debug, info, warn, error or off")  \
    X(SECOND_FACTOR, "second_factor", B, TEXT, "deciders", 0, 0,                         \
      "who must have a second factor: off, deciders (has, msps, cndp) or all")           \
    X(OIDC, "oidc", B, TEXT, "", 0, 0,                                                   \
      "JSON file of the identity providers people may sign in with; empty: none")        \
    X(REFRESH_S, "refresh_s", R, INT, "60", 1, 86400,                                    \
      "seconds after which cosignatures of an unchanged log are asked again")            \
    X(DATABASE, "database", R, TEXT, "", 0, 0,                                           \
      "postgresql:// address of the database; empty: SQLite files in the data folder")   \
    X(MODEL_ROOTS, "model_roots", R, TEXT, "", 0, 0,                                     \
      "PEM file of the authorities whose certificates may sign weights; empty: none")    \
    X(REGISTRY, "registry", N, TEXT, "", 0, 0, "URL of the national registry")           \
    X(GENESIS, "genesis", N, TEXT, "", 0, 0, "pinned SHA-256 of the log's entry 0, hex") \
    X(REGISTRY_TOKEN_FILE, "registry_token_file", N, TEXT, "", 0, 0,                     \
      "file holding the token with which the node fetches weights, mode 0600")           \
    X(POLL_MS, "poll_ms", N, INT, "500", 50, 600000,                                     \
      "milliseconds between two looks at the registry")                                  \
    X(CHECKPOINT_S, "checkpoint_s", N, INT, "300", 1, 86400,                             \
      "seconds between two node_checkpoint statements")                                  \
    X(PEERS, "peers", N, TEXT, "", 0, 0,                                                 \
      "URLs of other nodes, separated by spaces, to compare checkpoints with")           \
    X(PEERS_S, "peers_s", N, INT, "60", 1, 86400, "seconds between two comparisons")     \
    X(WAREHOUSE, "warehouse", N, TEXT, "", 0, 0,                                         \
      "postgresql:// address of the FHIR store; empty: SQLite in the data folder")       \
    X(ENCRYPTED_VOLUME, "encrypted_volume", N, TEXT, "warn", 0, 0,                       \
      "at start, when no encryption is seen under the data folder: off, warn, or "       \
      "require (refuse to serve)")                                                       \
    X(PUBLIC_URL, "public_url", N, TEXT, "", 0, 0,                                       \
      "address that others reach the node at, https://fhir.chu.ma; empty: of listen")    \
    X(FORMER_URLS, "former_urls", N, TEXT, "", 0, 0,                                     \
      "addresses others reached the node at before, separated by spaces")                \
    X(TERMINOLOGY, "terminology", N, TEXT, "", 0, 0,                                     \
      "folder of terminologies for /fhir (`amane fhir terminology`); empty: none")       \
    X(PROFILES, "profiles", N, TEXT, "", 0, 0,                                           \
      "folder of FHIR profiles: what declares one has to conform; empty: none")          \
    X(MLLP, "mllp", N, TEXT, "", 0, 0,                                                   \
      "address:port, on loopback, for HL7 v2 messages (MLLP); empty: none")              \
    X(MLLP_CLIENT, "mllp_client", N, TEXT, "", 0, 0,                                     \
      "service (`amane node client put`) that messages of mllp come as; needed where "   \
      "people log in")                                                                   \
    X(SUBSCRIPTION_ALLOW, "subscription_allow", N, TEXT, "", 0, 0,                       \
      "addresses of inner networks, https://lab.chu.ma, that Subscriptions may tell; "   \
      "separated by spaces; others only on the Internet, by https")                      \
    X(SUBSCRIPTION_CA, "subscription_ca", N, TEXT, "", 0, 0,                             \
      "PEM file of the authorities of those addresses; empty: the system's")             \
    X(SUBSCRIPTION_WAIT_MS, "subscription_wait_ms", N, INT, "1000", 10, 600000,          \
      "milliseconds before what an endpoint did not take is told again, doubled each "   \
      "time")                                                                            \
    X(SUBSCRIPTION_GIVE_UP_S, "subscription_give_up_s", N, INT, "86400", 1, 2592000,     \
      "seconds of nothing but failures after which a Subscription has status error")     \
    X(SUBSCRIPTION_MOST, "subscription_most", N, INT, "1000", 1, 100000,                 \
      "Subscriptions in all, those that are off included")                               \
    X(SUBSCRIPTION_MOST_EACH, "subscription_most_each", N, INT, "100", 1, 100000,        \
      "Subscriptions of one service")                                                    \
    X(WEBSOCKETS, "websockets", N, INT, "256", 1, 10000,                                 \
      "websockets at once, in all; of one address an eighth of them, eight at least")    \
    X(IPP_SYSTEM, "ipp_system", N, TEXT, "urn:amane:ma:ipp", 0, 0,                       \
      "system of the hospital numbers (IPP) that pages write; the one of the HL7 map")   \
    X(HL7_MAP, "hl7_map", N, TEXT, "", 0, 0,                                             \
      "file of the mapping of HL7 v2 messages; empty: the one of the program")

#endif
