#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A year goes by: the registry's automaton states what is due, once. TAP.
exec sh "$(dirname "$0")/support/under_faketime.sh" clock_duties.py
