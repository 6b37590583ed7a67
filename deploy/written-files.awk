# Files that the server writes, one a line, from a configuration in its normal form (`named-checkconf -p`): logs, the
# pid file, what rndc makes, journals of zones that take updates. Relative names are below `directory`, or / without it.
#
# Each body (options, a view, a zone) is known by its place. Who may update a zone is known at the end alone: its view
# and options may say it behind the zone.
# Not here: whether they may be written (host.sh).

function path(  text) {
    match($0, /"([^"\\]|\\.)*"/)
    text = substr($0, RSTART + 1, RLENGTH - 2)
    gsub(/\\"/, "\"", text)
    return text
}
function whole(name) { return name ~ /^\// ? name : directory "/" name }
function body() { return zone ? "zone " zone : view ? "view " view : "options" }
# The innermost list counts alone, be it empty.
function takes_updates(i,  place) {
    place = "zone " i
    if (!(place in updates)) place = "view " view_of[i]
    if (!(place in updates)) place = "options"
    return updates[place]
}

{ match($0, /^\t*/); depth = RLENGTH; is_end = /^\t*};/ }
# In a list of who may update: all but `none`, which is nobody.
list {
    if (is_end && depth == list_depth) list = 0
    else if (!/^\t*("none";|!?\{|};)$/) updates[body()] = 1
    next
}
/^options \{/ { in_options = 1 }
/^logging \{/ { in_logging = 1 }
/^view .*\{$/ { view = ++views }
/^\t?zone .*\{$/ && !zone { zone = ++zones; zone_depth = depth; view_of[zone] = view }

in_options && /^\tdirectory "/ { directory = path(); if (directory !~ /^\//) directory = "/" directory }
in_options && /^\t(pid-file|dump-file|statistics-file|recursing-file) "/ { named[$1] = path(); files[++count] = path() }

in_logging && /^\tchannel "/ { in_channel = 1; if (/^\tchannel "default_debug"/) has_own_debug = 1 }
in_channel && /^\t\tfile "/ { files[++count] = path() }
in_logging && /^\tcategory "default"/ { has_default = 1 }
in_logging && !in_channel && /^\t\t"default_debug";/ { is_debug_used = 1 }

zone && depth == zone_depth + 1 && /^\t+type (master|primary);/ { is_primary[zone] = 1 }
zone && depth == zone_depth + 1 && /^\t+file "/ { file[zone] = path() }
zone && depth == zone_depth + 1 && /^\t+journal "/ { file_of_journal[zone] = path() }
zone && depth == zone_depth + 1 && /^\t+update-policy / { updates[body()] = 1 }
/^\t+allow-update \{$/ { list = 1; list_depth = depth; updates[body()] = 0 }

is_end && zone && depth == zone_depth { zone = 0; next }
is_end && depth == 1 { in_channel = 0 }
is_end && depth == 0 { in_options = in_logging = view = 0 }

END {
    if (!("dump-file" in named)) files[++count] = "named_dump.db"
    if (!("statistics-file" in named)) files[++count] = "named.stats"
    if (!("recursing-file" in named)) files[++count] = "named.recursing"
    # Of `rndc trace` and -d: the channel that every category has until `default` has others.
    if (!has_own_debug && (is_debug_used || !has_default)) files[++count] = "named.run"
    for (i = 1; i <= zones; i++) {
        if (is_primary[i] && takes_updates(i)) files[++count] = i in file_of_journal ? file_of_journal[i] : file[i]
    }
    for (i = 1; i <= count; i++) print whole(files[i])
}
