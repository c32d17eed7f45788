/* SPDX-License-Identifier: Apache-2.0 */
/* The node's key in a file: 64 hex digits and a line end, for its owner only. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "eds/eds_priv.h"

int eds_key_new(const char *path)
{
    uint8_t key[EDS_KEY];
    char text[2 * EDS_KEY + 1];
    struct stat st;
    int err;
    if (lstat(path, &st) == 0)
        return AM_E_EXISTS;
    err = crypto_random(key, sizeof key);
    if (!err) {
        crypto_hex(key, sizeof key, text);
        text[2 * EDS_KEY] = '\n';
        err = am_file_write(path, (struct str){text, sizeof text}, 0600);
    }
    crypto_wipe(key, sizeof key);
    crypto_wipe(text, sizeof text);
    return err;
}

int eds_key_load(const char *path, uint8_t key[EDS_KEY])
{
    char *text = NULL;
    size_t n = 0;
    struct stat st;
    int err = stat(path, &st) ? am_err_errno(errno) : AM_OK;
    if (!err && (st.st_mode & 077))
        return AM_E_FORBIDDEN;
    if (!err)
        err = am_file_read(path, 256, &text, &n);
    if (!err)
        err = crypto_unhex(str_trim((struct str){text, n}), key, EDS_KEY);
    if (text)
        crypto_wipe(text, n);
    free(text);
    return err;
}
