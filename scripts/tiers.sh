#!/usr/bin/env bash
# Runs the test tiers that are named (none: all), the quickest first, each with its own line in the table at the end.
# Every tier runs even if an earlier one failed; the status is 1 if any did.
set -uo pipefail
cd "$(dirname "$0")/.."

tiers=("$@")
[ $# -gt 0 ] || tiers=(unit property golden architecture docs conformance integration fault)

table=() status=0
for tier in "${tiers[@]}"; do
    printf '\n== %s\n' "$tier"
    SECONDS=0
    if .venv/bin/pytest -q -n 2 --dist loadfile "tests/$tier"; then
        outcome=passed
    else
        outcome=FAILED status=1
    fi
    table+=("$(printf '%-14s %4d s  %s' "$tier" "$SECONDS" "$outcome")")
done

printf '\n'
printf '%s\n' "${table[@]}"
exit "$status"
