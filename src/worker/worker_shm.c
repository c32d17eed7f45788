/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory: memfd, sealed so that neither side can shrink it under the other. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/worker.h"

static int worker_shm_fail(struct worker_shm *m)
{
    int err = am_err_errno(errno);
    if (m->fd >= 0)
        close(m->fd);
    *m = (struct worker_shm){.fd = -1};
    return err;
}

static int worker_memfd(struct worker_shm *m, size_t size_b)
{
    *m = (struct worker_shm){.fd = -1, .size_b = size_b};
    if (size_b == 0)
        return AM_E_INVALID;
    m->fd = memfd_create("amane", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m->fd < 0 || ftruncate(m->fd, (off_t)size_b))
        return worker_shm_fail(m);
    return AM_OK;
}

int worker_shm_new(struct worker_shm *m, size_t size_b)
{
    int err = worker_memfd(m, size_b);
    if (err)
        return err;
    if (fcntl(m->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        return worker_shm_fail(m);
    m->p = mmap(NULL, size_b, PROT_READ | PROT_WRITE, MAP_SHARED, m->fd, 0);
    return m->p == MAP_FAILED ? worker_shm_fail(m) : AM_OK;
}

int worker_shm_from(struct worker_shm *m, struct str data)
{
    int err = worker_memfd(m, data.n);
    if (err)
        return err;
    for (size_t done = 0; done < data.n;) {
        ssize_t k = pwrite(m->fd, data.p + done, data.n - done, (off_t)done);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return worker_shm_fail(m);
        done += (size_t)k;
    }
    if (fcntl(m->fd, F_ADD_SEALS,
              F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
        return worker_shm_fail(m);
    /* Private: kernels before 6.7 refuse shared maps of write-sealed memory. */
    m->p = mmap(NULL, data.n, PROT_READ, MAP_PRIVATE, m->fd, 0);
    return m->p == MAP_FAILED ? worker_shm_fail(m) : AM_OK;
}

int worker_shm_map(struct worker_shm *m, int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    off_t size = lseek(fd, 0, SEEK_END); /* no fstat: seccomp refuses its family */
    bool fixed = seals >= 0 && (seals & F_SEAL_WRITE);
    *m = (struct worker_shm){.fd = -1};
    if (size <= 0 || seals < 0 || !(seals & F_SEAL_SHRINK))
        return AM_E_INVALID; /* could be cut under us: SIGBUS */
    m->p = mmap(NULL, (size_t)size, fixed ? PROT_READ : PROT_READ | PROT_WRITE,
                fixed ? MAP_PRIVATE : MAP_SHARED, fd, 0);
    if (m->p == MAP_FAILED) {
        m->p = NULL;
        return am_err_errno(errno);
    }
    m->fd = fd;
    m->size_b = (size_t)size;
    return AM_OK;
}

void worker_shm_release(struct worker_shm *m)
{
    if (m->p)
        munmap(m->p, m->size_b);
    if (m->fd >= 0)
        close(m->fd);
    *m = (struct worker_shm){.fd = -1};
}
