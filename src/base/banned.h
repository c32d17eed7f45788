/* SPDX-License-Identifier: Apache-2.0 */
/* banned -- calls that have bitten everybody become compile errors.
 *
 * The list and the reason: unbounded copies (strcpy, strcat, sprintf, gets), hidden state
 * (strtok, gmtime, localtime, rand), silent failure (atoi and kin), shells (system,
 * popen) and stack growth chosen by input (alloca). */
#ifndef AM_BANNED_H
#define AM_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef __cplusplus
#undef strcpy
#undef strcat
#undef sprintf
#undef vsprintf
#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok gets alloca
#pragma GCC poison atoi atol atoll atof gmtime localtime asctime ctime rand srand
#pragma GCC poison popen tmpnam mktemp
#endif

#endif
