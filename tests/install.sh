#!/usr/bin/env bash
# Installs what a part of the checks needs, unless it is already there: install.sh PART…
#   check         cargo-deny, cargo-machete, Python
#   test          PostgreSQL, on which the Rust tests prepare every migration and statement
#   clients       docker, podman, buildah, skopeo, containerd, umoci, curl, jq, the Python packages, and a Debian root for images
#   python        the Python packages alone
#   tools         crane, regctl, oras, helm, cosign and h2spec, built with Go
#   sdks          the scenarios of tests/sdks and a credential helper, built with the installed Go, Java (with Maven), Node and
#                 Rust; outside CI, missing languages are skipped
#   scale         PostgreSQL, nginx, and versitygw and toxiproxy, built with Go, for tests of several replicas
#   browser       Chromium, w3m, fonts, and the Node packages of tests/browser
#   instructions  valgrind
# Debian packages need root or sudo. Everything else goes to .cache/, and the programs for cargo to cargo's directory.
set -euo pipefail
cd "$(dirname "$0")/.."

CARGO_DENY=0.20.2
CARGO_MACHETE=0.9.2
GO_TOOLS='github.com/google/go-containerregistry/cmd/crane@v0.22.1
github.com/regclient/regclient/cmd/regctl@v0.11.7
oras.land/oras/cmd/oras@v1.3.6
helm.sh/helm/v3/cmd/helm@v3.22.0
github.com/sigstore/cosign/v2/cmd/cosign@v2.6.5
github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible'
VERSITYGW=github.com/versity/versitygw/cmd/versitygw@v1.8.0
TOXIPROXY=github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0
cache=$PWD/.cache

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
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq update
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
    packages=()
}

python_can_make_environments() {
    python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null
}

install_python() {
    local wanted=tests/clients/requirements.txt venv=$cache/venv
    ! cmp -s "$wanted" "$venv/installed.txt" || return 0
    echo "installing Python packages into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$wanted"
    cp "$wanted" "$venv/installed.txt"
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
        echo "$tool" >>"$cache/bin/installed.txt"
    done
}

want_postgres() {
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || want postgresql initdb
}

# have WHAT PROGRAM…: whether the programs are installed; in CI it is an error if not.
have() {
    local what=$1 program
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null && continue
        echo "install.sh: no $program, $what is not tested" >&2
        [ -z "${CI:-}" ] || exit 2
        return 1
    done
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
    ! have "the SDK for Go" go || { build_go & started+=($!); }
    ! have "the SDK for Java" java mvn || { build_java & started+=($!); }
    ! have "the SDK for JavaScript" node npm || { build_javascript & started+=($!); }
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

mkdir -p "$cache"
for part in "$@"; do
    case $part in
        check)
            want python3 python3
            install_packages
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
            want containerd containerd
            want umoci umoci
            want openssl openssl
            want curl curl
            want jq jq
            python_can_make_environments || packages+=(python3-venv)
            install_packages
            make_debian & debian=$!
            install_python
            wait "$debian"
            ;;
        python)
            python_can_make_environments || packages+=(python3-venv)
            install_packages
            install_python
            ;;
        tools)
            # shellcheck disable=SC2086 # one word each
            install_go $GO_TOOLS
            ;;
        scale)
            want_postgres
            want nginx nginx
            install_packages
            install_go "$VERSITYGW" "$TOXIPROXY"
            ;;
        sdks)
            build_sdks
            ;;
        browser)
            want chromium chromium
            want w3m w3m
            # Pictures look alike on every machine that has these.
            [ -d /usr/share/fonts/truetype/dejavu ] || packages+=(fonts-dejavu-core)
            [ -d /usr/share/fonts/truetype/liberation ] || packages+=(fonts-liberation)
            [ -e /usr/share/fonts/truetype/noto/NotoColorEmoji.ttf ] || packages+=(fonts-noto-color-emoji)
            python_can_make_environments || packages+=(python3-venv)
            install_packages
            install_python
            have "the gallery in a browser" node npm || exit 2
            install_browser_packages
            ;;
        instructions)
            want valgrind valgrind
            install_packages
            ;;
        *)
            echo "install.sh: unknown part '$part'" >&2
            exit 2
            ;;
    esac
done
