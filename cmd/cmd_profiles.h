/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_profiles -- profiles from files and folders, with the code systems and value sets
 * beside them. */
#ifndef CMD_PROFILES_H
#define CMD_PROFILES_H

#include "base/vec.h"
#include "cmd.h"
#include "fhir/profile.h"

struct cmd_profiles {
    struct fhir_tx *terms; /* of the same files, over the base given */
    struct fhir_profiles *set;
    VEC(struct str) asked; /* by address, or alone in a file: of each resource */
};
/* Each path: a folder (its *.json and *.xml, no sub-folders), a file, or the address of a
 * profile. base: NULL, or what its codes are looked for in too; it outlives *out. hl7:
 * HL7's own extensions and vital signs too, after them. What is wrong is in d, with the
 * file in wrong; warnings may be in d in any case. Release *out, after failure too. */
AM_CHECK int cmd_profiles_load(struct cmd_profiles *out, const char *const *path,
                               size_t n, const struct fhir_tx *base, bool hl7,
                               char wrong[4096], struct diag *d);
void cmd_profiles_release(struct cmd_profiles *p);

#endif
