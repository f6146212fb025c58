"""What an attack looks at: how much memory the server holds, and whether it still answers others."""

from running import Server

MIB = 1024 * 1024


def anonymous_memory(server: Server) -> int:
    """The anonymous memory of the server in bytes (`RssAnon`, proc_pid_status(5)): what is its own, without mapped files."""
    with open(f"/proc/{server.process.pid}/status") as status:
        [line] = [line for line in status if line.startswith("RssAnon:")]
    return int(line.split()[1]) * 1024


def is_served(server: Server) -> bool:
    """Whether `/healthz` answers somebody who attacks nothing."""
    return server.http.request("GET", f"{server.url}/healthz").status == 200
