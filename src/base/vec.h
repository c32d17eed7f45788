/* SPDX-License-Identifier: Apache-2.0 */
/* vec -- a typed growable array: VEC(type) makes the struct, macros do the work.
 *
 *     VEC(struct row) rows = {0};
 *     err = vec_push(&rows, ((struct row){.id = 7}));
 *     for (size_t i = 0; i < rows.n; i++) use(&rows.v[i]);
 *     vec_release(&rows);
 *
 * After a failed push the vector is as it was. Threads: one owner. */
#ifndef AM_VEC_H
#define AM_VEC_H

#include "base/base.h"

#define VEC(type)                                                                        \
    struct {                                                                             \
        type *v;                                                                         \
        size_t n, cap;                                                                   \
    }

/* Makes room for one more; AM_OK or AM_E_NOMEM. */
#define vec_room(vec)                                                                    \
    ((vec)->n < (vec)->cap                                                               \
         ? AM_OK                                                                         \
         : am_vec_grow((void **)&(vec)->v, &(vec)->cap, sizeof *(vec)->v))
#define vec_push(vec, item)                                                              \
    (vec_room(vec) ? AM_E_NOMEM : ((vec)->v[(vec)->n++] = (item), AM_OK))
#define vec_release(vec) (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

AM_CHECK int am_vec_grow(void **v, size_t *cap, size_t size);

#endif
