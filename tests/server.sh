# Starts a server for a script that sources this.

# start_server FOLDER COMMAND…: runs COMMAND, which ends with `serve` and flags, on a free port of the loopback, with its data in
# FOLDER/data and its log in FOLDER/log. Sets `server` to its process id and `address` once it is ready; fails if it does not get ready.
start_server() {
    local folder=$1
    shift
    : >"$folder/log"
    "$@" --listen 127.0.0.1:0 --data "$folder/data" 2>"$folder/log" >/dev/null &
    server=$!
    for _ in $(seq 300); do
        address=$(grep -om1 'address=[0-9.:]*' "$folder/log" | cut -d= -f2) && return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    cat "$folder/log" >&2
    return 1
}

# credential FOLDER NAME: a value of the root access key that the first start wrote.
credential() {
    sed -nE "s/^$2 *= *//p" "$1/data/credentials" | head -n1
}
