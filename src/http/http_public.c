/* SPDX-License-Identifier: Apache-2.0 */
/* Which addresses belong to the public Internet: for calls to where a stranger said, who
 * must not reach through this machine into the network it stands in. Source: the IANA
 * special-purpose address registries (RFC 6890 and its updates). */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "http/http_priv.h"

static bool http_public_v4(uint32_t a)
{
    static const struct {
        uint32_t net;
        unsigned bits;
    } no[] = {
        {0x00000000, 8},  /* 0/8: this network */
        {0x0a000000, 8},  /* 10/8: private */
        {0x64400000, 10}, /* 100.64/10: shared by a carrier's customers */
        {0x7f000000, 8},  /* 127/8: loopback */
        {0xa9fe0000, 16}, /* 169.254/16: link-local, where clouds keep their secrets */
        {0xac100000, 12}, /* 172.16/12: private */
        {0xc0000000, 24}, /* 192.0.0/24: protocols */
        {0xc0000200, 24}, /* 192.0.2/24: documentation */
        {0xc0586300, 24}, /* 192.88.99/24: 6to4 relays */
        {0xc0a80000, 16}, /* 192.168/16: private */
        {0xc6120000, 15}, /* 198.18/15: benchmarks */
        {0xc6336400, 24}, /* 198.51.100/24: documentation */
        {0xcb007100, 24}, /* 203.0.113/24: documentation */
        {0xe0000000, 3},  /* 224/3: multicast, reserved, broadcast */
    };
    for (size_t i = 0; i < AM_LEN(no); i++)
        if (!((a ^ no[i].net) >> (32 - no[i].bits)))
            return false;
    return true;
}

/* Global unicast, 2000::/3, and of it nothing that carries an IPv4 address within: those
 * lead to where http_public_v4() was not asked. */
static bool http_public_v6(const uint8_t a[16])
{
    if ((a[0] & 0xe0) != 0x20)
        return false; /* ::, ::1, ::ffff:0:0/96, 64:ff9b::, fc00::/7, fe80::/10, ff00:: */
    if (a[0] == 0x20 && a[1] == 0x02)
        return false; /* 2002::/16: 6to4 */
    if (a[0] == 0x20 && a[1] == 0x01)
        return (a[2] & 0xfe) != 0 && !(a[2] == 0x0d && a[3] == 0xb8);
    return !(a[0] == 0x3f && a[1] == 0xff && !(a[2] & 0xf0)); /* 3fff::/20 */
}

bool http_address_public(const struct sockaddr *a)
{
    if (a->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, a, sizeof v4);
        return http_public_v4(ntohl(v4.sin_addr.s_addr));
    }
    if (a->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, a, sizeof v6);
        return http_public_v6(v6.sin6_addr.s6_addr);
    }
    return false;
}
