# Running named steps and summing them up: sourced by tests/run and tests/acceptance.
#
# A step is a function. All steps run, also behind one that failed; `finish` prints a table and exits 1 if any failed.
# Not here: what the steps do.

step_rows=()
steps_failed=0

say() { printf '\n== %s\n' "$*"; }

die() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# step NAME COMMAND…: runs the command without stdin and notes its time and end.
step() {
    local name=$1 from=$SECONDS state=ok
    shift
    say "$name: $*"
    "$@" </dev/null || { state="FAILED (exit $?)"; steps_failed=$((steps_failed + 1)); }
    step_rows+=("$(printf '%-22s %6d s  %s' "$name" $((SECONDS - from)) "$state")")
}

# note NAME TEXT: a row of the summary for what was not, or only partly, done.
note() { step_rows+=("$(printf '%-22s %8s  %s' "$1" - "$2")"); }

finish() {
    say "summary"
    printf '%s\n' "${step_rows[@]}"
    printf '%-22s %6d s  %s\n' total "$SECONDS" "$([ "$steps_failed" = 0 ] && echo passed || echo "$steps_failed failed")"
    [ "$steps_failed" = 0 ]
}
