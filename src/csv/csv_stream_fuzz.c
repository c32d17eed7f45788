/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE 1
#include <sys/mman.h>
#include <unistd.h>

#include "csv/csv.h"
#include "csv/stream.h"

/* A table that can be held whole comes in the same records; what is refused says why. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct csv *whole = NULL;
    struct csv_stream *s = NULL;
    struct csv_record r;
    struct diag d;
    char path[64];
    size_t row = 0;
    int fd = memfd_create("table", MFD_CLOEXEC), err;
    am_assert(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    diag_init(&d);
    err = csv_parse(&whole, (struct str){(const char *)data, len}, NULL, NULL);
    if (csv_stream_open(&s, path, 0, &d)) {
        am_assert(d.errors && err);
    } else {
        int got;
        while (!(got = csv_stream_next(s, &r, &d)) || got == AM_E_INVALID) {
            for (size_t i = 0; !got && whole && i < csv_columns(whole); i++)
                am_assert(row < csv_rows(whole) &&
                          str_eq(r.cell[i], csv_at(whole, row, i)));
            row += !got;
        }
        am_assert((got == AM_E_NOTFOUND) || d.errors);
        am_assert(!whole || (!d.errors && row == csv_rows(whole)));
    }
    csv_stream_close(s);
    csv_free(whole);
    diag_release(&d);
    close(fd);
    return 0;
}
