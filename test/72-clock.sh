#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The wall clock of a registry or a node jumps, by an hour, a day, a year, either way. TAP.
exec sh "$(dirname "$0")/support/under_faketime.sh" clock_jumps.py
