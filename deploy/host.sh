# What a host has of named, and whether Tandem could take its place: sourced by replace-named.
#
# It reads $root, $tandem, $systemctl, $layout and where the unit and its like are; it changes nothing.
# Not here: the switch.
# shellcheck shell=bash disable=SC2154

problems=0
ok() { printf 'ok     %s\n' "$*"; }
note() { printf 'note   %s\n' "$*"; }
change() { printf 'change %s\n' "$*"; }
wrong() { printf 'WRONG  %s\n' "$*"; problems=$((problems + 1)); }

# The names that the program has, beside its own.
names='named named-checkconf rndc'

# ---- what a switch has left here

exists() { [ -e "$1" ] || [ -L "$1" ]; }
# Ours by this line, whatever else an operator has changed.
is_ours() { grep -qx 'X-TandemInPlaceOf=named' "$1" 2>/dev/null; }
# is_edited UNIT PROGRAMS: whether one of ours is not as it was installed beside these programs.
is_edited() { ! cmp -s "$1" "$2/named.service"; }
is_switched() { [ -s "$root$switched" ]; }

in_place() {
    is_switched && echo "Tandem is in named's place" || echo "named is in its place"
}

# place_of_theirs UNIT: where an operator's unit is kept. What `back` returns to is never written over.
place_of_theirs() {
    if is_ours "$1" || exists "$root$aside"; then echo "$unit.edited"; else echo "$aside, until 'back'"; fi
}

# ---- what this host has of named

find_layout() {
    case $layout in
        debian | redhat) return ;;
        '') ;;
        *) die "--layout is debian or redhat" ;;
    esac
    local debian=no redhat=no
    if [ -e "$root/etc/default/named" ] || [ -d "$root/etc/bind" ]; then debian=yes; fi
    if [ -e "$root/etc/sysconfig/named" ] || [ -e "$root/etc/named.conf" ]; then redhat=yes; fi
    case $debian-$redhat in
        yes-no) layout=debian ;;
        no-yes) layout=redhat ;;
        yes-yes) die "both Debian's and Red Hat's places are in use: say --layout debian or --layout redhat" ;;
        *) die "no named is set up here: neither /etc/bind nor /etc/named.conf is below '${root:-/}'" ;;
    esac
}

# setting FILE NAME: the last value that the file gives it, without its quotes.
setting() {
    sed -n "s/^[[:space:]]*$2=//p" "$root$1" 2>/dev/null | tail -n 1 | sed -e 's/[[:space:]]*$//' -e 's/^"\(.*\)"$/\1/' -e "s/^'\(.*\)'\$/\1/"
}

# option LETTER: its value in OPTIONS, "-c file" or "-cfile".
option() {
    local words word take=no
    read -r -a words <<<"$options"
    for word in ${words[@]+"${words[@]}"}; do
        [ "$take" = yes ] && { printf '%s\n' "$word"; return; }
        case $word in
            "-$1") take=yes ;;
            "-$1"*) printf '%s\n' "${word#"-$1"}"; return ;;
        esac
    done
}

find_service() {
    find_layout
    if [ "$layout" = debian ]; then
        defaults=/etc/default/named user=bind configuration=/etc/bind/named.conf key=/etc/bind/rndc.key
        package_units='/lib/systemd/system/named.service /usr/lib/systemd/system/named.service'
        writable='/run/named /var/run/named /var/cache/bind /var/lib/bind /var/log/named /var/log/bind /var/lib/tandem'
    else
        defaults=/etc/sysconfig/named user=named configuration=/etc/named.conf key=/etc/rndc.key
        package_units='/usr/lib/systemd/system/named.service /lib/systemd/system/named.service'
        writable='/run/named /var/run/named /var/named /var/log/named /var/lib/tandem'
    fi
    options=$(setting $defaults OPTIONS)
    [ "$layout" = redhat ] && [ -n "$(setting $defaults NAMEDCONF)" ] && configuration=$(setting $defaults NAMEDCONF)
    [ -n "$(option c)" ] && configuration=$(option c)
    return 0
}

# checkconf ARGUMENT…: over the host's configuration. Its includes are below $root, which only root can see so.
checkconf() {
    if [ -n "$root" ] && [ "$(id -u)" = 0 ]; then
        "$tandem" named-checkconf -t "$root" "$@" "$configuration"
    else
        "$tandem" named-checkconf "$@" "$root$configuration"
    fi
}

# Files that the server will write: by its configuration, and by its options, which are read where the service starts.
written_files() {
    local letter file
    {
        checkconf -p 2>/dev/null | awk -f "$here/written-files.awk"
        for letter in L X; do
            file=$(option $letter)
            case $letter$file in L | X | Xnone) ;; *) realpath -ms -- "/$file" ;; esac
        done
    } | sort -u
}

# What the units show as another directory, or as none: PrivateTmp, ProtectHome.
hidden='/tmp /var/tmp /home /root /run/user'

# written_directories: those of the files that the server will write, without "..", and links on this host followed.
written_directories() {
    local file
    written_files | while IFS= read -r file; do
        if [ -n "$root" ]; then realpath -ms -- "$(dirname -- "$file")"; else realpath -m -- "$(dirname -- "$file")"; fi
    done | sort -u
}

# Those that the unit does not let it write. All of / is no such: the unit would protect nothing.
missing_paths() {
    local directory known
    written_directories | while IFS= read -r directory; do
        [ "$directory" != / ] || continue
        for known in $writable $hidden; do
            case $directory/ in "$known"/*) continue 2 ;; esac
        done
        printf '%s\n' "$directory"
    done
}

# As systemd reads a value: one word, whatever is in it.
quoted() { sed -e 's/[\\"]/\\&/g' -e 's/%/%%/g' -e 's/.*/ReadWritePaths="-&"/'; }

# ---- check

check_program() {
    local version
    if [ ! -x "$tandem" ]; then
        wrong "$tandem is not there, or is no program: build it, or name it by --tandem"
        return 1
    fi
    version=$("$tandem" named -v 2>&1) || { wrong "$tandem does not run here: $version"; return 1; }
    ok "program: $version"
}

check_configuration() {
    local said line
    if [ ! -e "$root$configuration" ]; then
        wrong "configuration: $configuration is not there"
        return
    fi
    if said=$(checkconf -z); then
        ok "configuration: $configuration can be used"
    else
        wrong "configuration: $configuration is refused:"
    fi
    while read -r line; do
        case $line in
            '' | *' no forwarders: '* | *' which are not in force here'* | *': secondaries of '*) ;;
            *) printf '         %s\n' "$line" ;;
        esac
    done <<<"$said"
    # What is no matter of a statement, and bites later.
    while read -r line; do
        case $line in
            *' no forwarders: '*)
                note "NOBODY TO ASK: $line"
                note "NOBODY TO ASK: clients get REFUSED for every name outside of local zones; named asks the root servers" ;;
            *' which are not in force here'*) note "updates: $line" ;;
            *': secondaries of '*)
                note "LOST LATER: $line"
                tell_expire "$line" ;;
        esac
    done <<<"$said"
}

# tell_expire WARNING: when the secondaries of the zones that it names drop them. Silent where a zone cannot be read here.
tell_expire() {
    local zone zones expire
    zones=${1#*: secondaries of }
    zones=$(grep -o "'[^']*'" <<<"${zones%%: *}" | tr -d "'")
    for zone in $zones; do
        expire=$("$tandem" explain --offline -c "$root$configuration" "$zone" SOA 2>/dev/null |
            awk '$1 == "answer" && $2 == "SOA" { print $8 }')
        [ -z "$expire" ] || note "LOST LATER: $zone: its secondaries answer for $expire s more after their last look, then no longer"
    done
}

# as_user COMMAND…: as the unit's user, if there is one who may run the program.
as_user() {
    if [ "$(id -u)" = 0 ] && runuser -u "$user" -- "$tandem" --version >/dev/null 2>&1; then
        runuser -u "$user" -- "$@"
    else
        "$@"
    fi
}

# Whether it would start here: by the unit's user, with this host's addresses. Of another root's host that is not known.
check_start() {
    local said line
    [ -z "$root" ] && [ -e "$configuration" ] || return 0
    said=$(as_user "$tandem" check "$configuration" 2>&1)
    while read -r line; do
        case $line in
            *"would not start on this host: "*) wrong "start: ${line#*on this host: }" ;;
            *"its names would be answered SERVFAIL"* | *"messages would be lost"* | *"would not listen on any address"*) note "start: $line" ;;
        esac
    done <<<"$said"
}

check_options() {
    local said words
    [ -n "$options" ] || { ok "options: none in $defaults"; return; }
    read -r -a words <<<"$options"
    said=$("$tandem" named "${words[@]}" -v 2>&1 >/dev/null) || wrong "options: '$options' in $defaults: $(tail -n 1 <<<"$said")"
    case "$(option u)" in
        '' | "$user") ;;
        *) wrong "options: -u $(option u), and the unit runs as $user: change one of the two" ;;
    esac
    [ -z "$(option t)" ] || wrong "options: -t $(option t): the unit, which begins as $user, may not change its root;" \
        "ProtectSystem=strict does what it was for. Take it out of $defaults, and move the configuration"
    [ $problems = 0 ] && ok "options: '$options' from $defaults"
}

check_unit() {
    local found='' place
    for place in $package_units; do
        [ -z "$found" ] && [ -e "$root$place" ] && found=$place
    done
    if [ -n "$found" ]; then
        ok "unit: $found stays, and is what 'back' returns to"
    else
        note "unit: no package's named.service; 'back' will leave none"
    fi
    if exists "$root$unit" && { ! is_ours "$root$unit" || is_edited "$root$unit" "$root$programs"; }; then
        change "unit: your $unit is kept as $(place_of_theirs "$root$unit")"
    fi
    for place in "$root"/etc/systemd/system/*.wants/named-chroot.service; do
        [ -e "$place" ] || [ -L "$place" ] || continue
        wrong "unit: named-chroot.service is enabled, and starts named itself: systemctl disable --now named-chroot" \
            "(its configuration is $configuration all the same: /var/named/chroot has it mounted)"
    done
    if [ -z "$root" ] && "$systemctl" is-active --quiet named-chroot.service; then
        wrong "unit: named-chroot.service runs, and holds the addresses: systemctl disable --now named-chroot"
    fi
    for place in "$root${unit}.d"/*.conf; do
        [ -e "$place" ] && [ "$place" != "$root$paths" ] && note "unit: ${place#"$root"} counts for Tandem, too"
    done
    change "unit: $unit from ${here##*/}/systemd/named-$layout.service"
}

check_key() {
    if [ -e "$root$key" ]; then
        ok "key: $key, read by rndc and by the server"
    else
        note "key: no $key: rndc finds no server unless controls and a key are in the configuration"
    fi
}

check_paths() {
    local directory file
    written_directories | while IFS= read -r directory; do
        [ -d "$root$directory" ] || note "directory: $directory is not there: make it, and let $user write it"
    done
    written_files | while IFS= read -r file; do
        [ "$(dirname -- "$file")" != / ] ||
            note "directory: / is where '$file' would be made, which $user may not: set 'directory' in $configuration"
        for directory in $hidden; do
            case $file in "$directory"/*)
                note "directory: $file: the unit has no $directory, or one of its own: nobody finds what is written there." \
                    "Name another place in $configuration" ;;
            esac
        done
    done
    missing_paths | while IFS= read -r directory; do
        change "directory: $directory may be written by a drop-in, $paths"
    done
}

check() {
    find_service
    check_program || return 1
    check_configuration
    check_start
    check_options
    check_unit
    check_key
    check_paths
    change "programs: $programs with $(links)"
    [ $problems = 0 ]
}

# links: the names that the program answers to.
links() {
    local name found=''
    for name in $names; do
        "$tandem" "$name" --help >/dev/null 2>&1 && found="$found $name"
    done
    printf 'tandem%s\n' "$found"
}
