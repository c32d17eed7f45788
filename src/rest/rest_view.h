/* SPDX-License-Identifier: Apache-2.0 */
/* Private to rest: views kept, and run. A ViewDefinition is no type of R4: it is kept as
 * a Library that carries it, under the same id, and read back as what it was. */
#ifndef REST_VIEW_H
#define REST_VIEW_H

#include "rest/rest_op.h"

/* The ViewDefinition of a stored Library; release with json_free(). AM_E_NOTFOUND with a
 * problem: there is none, or it is no view. meta may be NULL. */
AM_CHECK int rest_view_kept(struct rest_call *c, struct str id, struct json_doc **doc,
                            struct eds_meta *meta);

#endif
