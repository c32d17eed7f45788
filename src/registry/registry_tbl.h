/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of registry.db, as migrations: applied once each, in order, never edited.
 * Whoever adds one takes the next number. SQL that SQLite and PostgreSQL both accept.
 *
 *   1  entry: what the log orders and what it orders it of, in one row. payload is null
 *      when an earlier row carries the same bytes (a second signer).
 *   2  proposal: payloads that wait for signatures.
 *   3  draft: records being written, of one organisation each.
 *   4  verified: how far the registry has verified its log (registry_mark.c). */
#ifndef REGISTRY_TBL_H
#define REGISTRY_TBL_H

/* version, name, sql */
#define REGISTRY_MIGRATIONS(X)                                                           \
    X(1, "entry",                                                                        \
      "create table entry (idx bigint primary key, leaf bytea not null,"                 \
      " payload_sha256 bytea not null, payload bytea);"                                  \
      "create index entry_payload on entry (payload_sha256)")                            \
    X(2, "proposal",                                                                     \
      "create table proposal (payload_sha256 bytea primary key, at bigint not null,"     \
      " until_at bigint not null, by_role text not null, by_org text not null,"          \
      " kind text not null, payload bytea not null);"                                    \
      "create index proposal_org on proposal (by_org)")                                  \
    X(3, "draft",                                                                        \
      "create table draft (id text primary key, org text not null, kind text not null,"  \
      " created_at bigint not null, at bigint not null, version bigint not null,"        \
      " record bytea not null);"                                                         \
      "create index draft_org on draft (org)")                                           \
    X(4, "verified",                                                                     \
      "create table verified (id bigint primary key, size bigint not null,"              \
      " root bytea not null, sig bytea not null)")

#endif
