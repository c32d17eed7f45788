/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_dicom -- studies gathered from the headers of DICOM files, each as a message for
 * mapping/dicom.json: MSH (MSH-9 is DICOM, MSH-7 when the study was made), PID, STU, and
 * a SER for each series with an INS for each of its instances after it.
 *
 * What the store has of a study already stays: its series and instances come first.
 *
 * Memory:  some 300 bytes an instance, of all files. Threads: one owner. */
#ifndef CMD_DICOM_H
#define CMD_DICOM_H

#include "cmd_hl7.h"

struct cmd_dicom;
AM_CHECK int cmd_dicom_new(struct cmd_dicom **out);
void cmd_dicom_free(struct cmd_dicom *x); /* NULL is fine */
/* *taken false: no DICOM file and not called *.dcm, or the index of a medium.
 * Any error with problems in d: this file is refused, others may be read. */
AM_CHECK int cmd_dicom_file(struct cmd_dicom *x, const char *path, bool *taken,
                            struct diag *d);
/* source: the first file of the study. An error of fn ends it. */
typedef int cmd_dicom_fn(void *arg, struct str message, const char *source);
AM_CHECK int cmd_dicom_studies(struct cmd_dicom *x, struct cmd_hl7 *h, cmd_dicom_fn *fn,
                               void *arg, struct diag *d);

#endif
