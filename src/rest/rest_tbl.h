/* SPDX-License-Identifier: Apache-2.0 */
/* rest_tbl -- every interaction: from this table come dispatch, Allow, the
 * CapabilityStatement and the tests that walk it.
 *
 * X(METHOD, "pattern", "interaction", level, writes, handler, "what it does")
 *   {type}, {id}, {vid}, {other} take one segment; the first row that fits is taken.
 *   A row for one type names it, another than {type} in the first place: "/Patient/...".
 *   interaction: FHIR's code, or an operation's name beginning with $.
 *   level: where the CapabilityStatement says it: SYSTEM, TYPE, OPERATION, or NONE. */
#ifndef REST_TBL_H
#define REST_TBL_H

#define REST_TABLE(X)                                                                    \
    X(GET, "/metadata", "capabilities", NONE, false, capabilities,                       \
      "what this server can")                                                            \
    X(POST, "/", "transaction", SYSTEM, true, bundle, "a batch or a transaction")        \
    X(GET, "/", "search-system", SYSTEM, false, search_system,                           \
      "find resources of several types")                                                 \
    X(POST, "/_search", "search-system", NONE, false, search_system, "the same by POST") \
    X(GET, "/_history", "history-system", SYSTEM, false, history,                        \
      "every version of everything")                                                     \
    X(GET, "/$export", "$export", OPERATION, false, export,                              \
      "all of it, or of some types, as files")                                           \
    X(POST, "/$export", "$export", NONE, false, export, "the same by POST")              \
    X(GET, "/Patient/$export", "$export", OPERATION, false, export,                      \
      "what is any patient's")                                                           \
    X(POST, "/Patient/$export", "$export", NONE, false, export, "the same by POST")      \
    X(GET, "/Group/{id}/$export", "$export", OPERATION, false, export,                   \
      "what is its members'")                                                            \
    X(POST, "/Group/{id}/$export", "$export", NONE, false, export, "the same by POST")   \
    X(GET, "/$export-status/{id}", "$export-status", NONE, false, export_status,         \
      "how far an export is, or where its files are")                                    \
    X(DELETE, "/$export-status/{id}", "$export-status", NONE, false, export_cancel,      \
      "give it up, its files go")                                                        \
    X(GET, "/$export-file/{id}/{other}/{vid}", "$export-file", NONE, false, export_file, \
      "one of its files")                                                                \
    X(POST, "/$import", "$import", OPERATION, true, import,                              \
      "resources with their ids, one per line")                                          \
    X(GET, "/Observation/$lastn", "$lastn", OPERATION, false, lastn,                     \
      "the newest observations of each code")                                            \
    X(POST, "/Observation/$lastn", "$lastn", NONE, false, lastn, "the same by POST")     \
    X(GET, "/Patient/{id}/$summary", "$summary", OPERATION, false, summary,              \
      "his International Patient Summary")                                               \
    X(POST, "/Patient/{id}/$summary", "$summary", NONE, false, summary,                  \
      "the same by POST")                                                                \
    X(GET, "/Subscription/$status", "$status", NONE, false, sub_status,                  \
      "how several stand")                                                               \
    X(POST, "/Subscription/$status", "$status", NONE, false, sub_status,                 \
      "the same by POST")                                                                \
    X(GET, "/Subscription/$get-ws-binding-token", "$get-ws-binding-token", NONE, false,  \
      sub_token, "for several on one websocket")                                         \
    X(POST, "/Subscription/$get-ws-binding-token", "$get-ws-binding-token", NONE, false, \
      sub_token, "the same by POST")                                                     \
    X(GET, "/Subscription/{id}/$get-ws-binding-token", "$get-ws-binding-token",          \
      OPERATION, false, sub_token, "a token to show on the websocket")                   \
    X(POST, "/Subscription/{id}/$get-ws-binding-token", "$get-ws-binding-token", NONE,   \
      false, sub_token, "the same by POST")                                              \
    X(GET, "/Subscription/{id}/$status", "$status", OPERATION, false, sub_status,        \
      "how a Subscription stands")                                                       \
    X(POST, "/Subscription/{id}/$status", "$status", NONE, false, sub_status,            \
      "the same by POST")                                                                \
    X(GET, "/Subscription/{id}/$events", "$events", OPERATION, false, sub_events,        \
      "the newest events it told, or is to tell")                                        \
    X(POST, "/Subscription/{id}/$events", "$events", NONE, false, sub_events,            \
      "the same by POST")                                                                \
    X(POST, "/$viewdefinition-run", "$viewdefinition-run", OPERATION, false, view_run,   \
      "the rows of a view (SQL on FHIR)")                                                \
    X(POST, "/ViewDefinition/$viewdefinition-run", "$viewdefinition-run", NONE, false,   \
      view_run, "the same")                                                              \
    X(POST, "/ViewDefinition/$run", "$viewdefinition-run", NONE, false, view_run,        \
      "the same")                                                                        \
    X(GET, "/ViewDefinition/{id}/$viewdefinition-run", "$viewdefinition-run", NONE,      \
      false, view_run, "of one that is kept")                                            \
    X(POST, "/ViewDefinition/{id}/$viewdefinition-run", "$viewdefinition-run", NONE,     \
      false, view_run, "of one that is kept")                                            \
    X(GET, "/ViewDefinition/{id}/$run", "$viewdefinition-run", NONE, false, view_run,    \
      "the same")                                                                        \
    X(POST, "/ViewDefinition/{id}/$run", "$viewdefinition-run", NONE, false, view_run,   \
      "the same")                                                                        \
    X(GET, "/ViewDefinition", "search-type", NONE, false, view_list,                     \
      "views that are kept")                                                             \
    X(POST, "/ViewDefinition", "create", NONE, true, view_create, "a view to keep")      \
    X(GET, "/ViewDefinition/{id}", "read", NONE, false, view_read, "a view")             \
    X(PUT, "/ViewDefinition/{id}", "update", NONE, true, view_update, "a new version")   \
    X(DELETE, "/ViewDefinition/{id}", "delete", NONE, true, delete,                      \
      "it is kept no more")                                                              \
    X(POST, "/{type}/$validate", "$validate", OPERATION, false, validate,                \
      "is a resource valid R4?")                                                         \
    X(GET, "/{type}/{id}/$validate", "$validate", NONE, false, validate,                 \
      "is the one stored?")                                                              \
    X(POST, "/{type}/{id}/$validate", "$validate", NONE, false, validate,                \
      "may it become this?")                                                             \
    X(GET, "/$meta", "$meta", OPERATION, false, meta_all,                                \
      "every profile, tag and security label there is")                                  \
    X(POST, "/$meta", "$meta", NONE, false, meta_all, "the same by POST")                \
    X(GET, "/{type}/$meta", "$meta", NONE, false, meta_all, "those of a type")           \
    X(POST, "/{type}/$meta", "$meta", NONE, false, meta_all, "the same by POST")         \
    X(GET, "/{type}/{id}/$meta", "$meta", OPERATION, false, meta,                        \
      "its profiles, tags and security labels")                                          \
    X(POST, "/{type}/{id}/$meta", "$meta", NONE, false, meta, "the same by POST")        \
    X(POST, "/{type}/{id}/$meta-add", "$meta-add", OPERATION, true, meta_add,            \
      "more of them")                                                                    \
    X(POST, "/{type}/{id}/$meta-delete", "$meta-delete", OPERATION, true, meta_delete,   \
      "fewer of them")                                                                   \
    X(GET, "/Patient/{id}/$everything", "$everything", OPERATION, false, everything,     \
      "a patient, what is in his record, and what that refers to")                       \
    X(POST, "/Patient/{id}/$everything", "$everything", NONE, false, everything,         \
      "the same by POST")                                                                \
    X(GET, "/CodeSystem/$lookup", "$lookup", OPERATION, false, term,                     \
      "what does a code mean?")                                                          \
    X(POST, "/CodeSystem/$lookup", "$lookup", NONE, false, term, "the same")             \
    X(GET, "/CodeSystem/$validate-code", "$validate-code", OPERATION, false, term,       \
      "is it a code of the system?")                                                     \
    X(POST, "/CodeSystem/$validate-code", "$validate-code", NONE, false, term,           \
      "the same")                                                                        \
    X(GET, "/CodeSystem/{id}/$validate-code", "$validate-code", NONE, false, term,       \
      "the same of one")                                                                 \
    X(POST, "/CodeSystem/{id}/$validate-code", "$validate-code", NONE, false, term,      \
      "the same of one")                                                                 \
    X(GET, "/CodeSystem/$subsumes", "$subsumes", OPERATION, false, term,                 \
      "is one code above the other?")                                                    \
    X(POST, "/CodeSystem/$subsumes", "$subsumes", NONE, false, term, "the same")         \
    X(GET, "/CodeSystem/{id}/$subsumes", "$subsumes", NONE, false, term,                 \
      "the same of one")                                                                 \
    X(POST, "/CodeSystem/{id}/$subsumes", "$subsumes", NONE, false, term,                \
      "the same of one")                                                                 \
    X(GET, "/ValueSet/$validate-code", "$validate-code", OPERATION, false, term,         \
      "is it a code of the set?")                                                        \
    X(POST, "/ValueSet/$validate-code", "$validate-code", NONE, false, term, "the same") \
    X(GET, "/ValueSet/{id}/$validate-code", "$validate-code", NONE, false, term,         \
      "the same of one")                                                                 \
    X(POST, "/ValueSet/{id}/$validate-code", "$validate-code", NONE, false, term,        \
      "the same of one")                                                                 \
    X(GET, "/ValueSet/$expand", "$expand", OPERATION, false, term, "the codes of a set") \
    X(POST, "/ValueSet/$expand", "$expand", NONE, false, term, "the same")               \
    X(GET, "/ValueSet/{id}/$expand", "$expand", NONE, false, term, "the same of one")    \
    X(POST, "/ValueSet/{id}/$expand", "$expand", NONE, false, term, "the same of one")   \
    X(GET, "/ConceptMap/$translate", "$translate", OPERATION, false, term,               \
      "what is it in another system?")                                                   \
    X(POST, "/ConceptMap/$translate", "$translate", NONE, false, term, "the same")       \
    X(GET, "/ConceptMap/{id}/$translate", "$translate", NONE, false, term,               \
      "the same of one")                                                                 \
    X(POST, "/ConceptMap/{id}/$translate", "$translate", NONE, false, term,              \
      "the same of one")                                                                 \
    X(GET, "/{type}/_history", "history-type", TYPE, false, history,                     \
      "every version of a type")                                                         \
    X(POST, "/{type}/_search", "search-type", NONE, false, search, "the same by POST")   \
    X(GET, "/{type}", "search-type", TYPE, false, search, "find resources")              \
    X(POST, "/{type}", "create", TYPE, true, create, "a new one, also If-None-Exist")    \
    X(PUT, "/{type}", "update", NONE, true, update_where, "the one a query finds")       \
    X(PATCH, "/{type}", "patch", NONE, true, patch_where, "the one a query finds")       \
    X(DELETE, "/{type}", "delete", NONE, true, delete_where, "the one a query finds")    \
    X(GET, "/{type}/{id}/_history/{vid}", "vread", TYPE, false, vread, "one version")    \
    X(GET, "/{type}/{id}/_history", "history-instance", TYPE, false, history,            \
      "every version of one")                                                            \
    X(GET, "/{type}/{id}", "read", TYPE, false, read, "the current version")             \
    X(PUT, "/{type}/{id}", "update", TYPE, true, update, "a new version, or a new one")  \
    X(PATCH, "/{type}/{id}", "patch", TYPE, true, patch, "JSON Patch or FHIRPath Patch") \
    X(DELETE, "/{type}/{id}", "delete", TYPE, true, delete, "it is found no more")       \
    X(POST, "/{type}/{id}/{other}/_search", "search-type", NONE, false, search,          \
      "the same by POST")                                                                \
    X(GET, "/{type}/{id}/{other}", "search-type", NONE, false, search,                   \
      "find in a compartment")

#endif
