"""Attackers: connections from many addresses, requests that never end, answers that are never read."""

import socket
import ssl
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.settings

from running import Server

STRANGER = "127.0.0.66"


def address_of(server: Server) -> tuple[str, int]:
    host, port = server.address.rsplit(":", 1)
    return host, int(port)


def connect(server: Server, source: str = STRANGER, timeout: float = 10) -> socket.socket:
    """A connection from another loopback address, which the server counts as another client."""
    return socket.create_connection(address_of(server), timeout=timeout, source_address=(source, 0))


def connect_with_small_buffer(server: Server, source: str = STRANGER, timeout: float = 10) -> socket.socket:
    """Like `connect`, but the client buffers only a few kilobytes of unread answers."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.bind((source, 0))
    connection.settimeout(timeout)
    connection.connect(address_of(server))
    return connection


def head(method: str, path: str, **headers: object) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: registry", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def send(connection: socket.socket, data: bytes) -> bool:
    """Sends as much as the server accepts, and returns whether that was everything."""
    try:
        connection.sendall(data)
        return True
    except OSError:
        return False


def hang_up(connections: list[socket.socket]) -> None:
    """Closes connections, even while a thread is sending on them."""
    for connection in connections:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        connection.close()


def answer(connection: socket.socket, timeout: float = 20) -> bytes:
    """Everything the server sends until it closes the connection or stalls: head and body."""
    connection.settimeout(timeout)
    received = b""
    try:
        while b"\r\n\r\n" not in received or len(received.split(b"\r\n\r\n", 1)[1]) < length_of(received):
            data = connection.recv(65536)
            if not data:
                break
            received += data
    except OSError:
        pass
    return received


def length_of(received: bytes) -> int:
    for line in received.split(b"\r\n\r\n", 1)[0].split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def status(received: bytes) -> int:
    """The status of an answer; 0 if there is none."""
    return int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.1 ") else 0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """An HTTP/2 frame (RFC 9113, section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def preface(window: int = 0) -> bytes:
    """The preface and settings of a client with this stream window; its connection window is at least 64 KiB."""
    begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"\0\4" + window.to_bytes(4, "big"))
    return begin + (frame(8, 0, 0, b"\x7f\0\0\0") if window > 65535 else b"")


def asking(method: str, path: str, streams: int = 128, first: int = 0, end: bool = True, **headers: str) -> bytes:
    """The same request on this many streams, with uncompressed heads."""
    pairs = [(":method", method), (":scheme", "http"), (":authority", "registry"), (":path", path), *headers.items()]
    block = b"".join(b"\0" + _text(name.replace("_", "-")) + _text(value) for name, value in pairs)
    return b"".join(frame(1, 4 | end, 1 + 2 * number, block) for number in range(first, first + streams))


def _text(value: str) -> bytes:
    """An HPACK string literal (RFC 7541, section 5.2): a length in seven bits or more bytes, then the text."""
    length, begin = len(value), b""
    if length < 127:
        return bytes([length]) + value.encode()
    length -= 127
    while length >= 128:
        begin += bytes([length % 128 | 128])
        length //= 128
    return b"\x7f" + begin + bytes([length]) + value.encode()


class Http2:
    """An HTTP/2 client that reads no answers unless told to."""

    def __init__(self, server: Server, source: str = STRANGER, window: int = 0):
        self.socket = connect(server, source)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, validate_inbound_headers=False))
        self.h2.local_settings = h2.settings.Settings(
            client=True, initial_values={h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window, h2.settings.SettingCodes.ENABLE_PUSH: 0}
        )
        self.h2.initiate_connection()
        self.flush()

    def flush(self) -> bool:
        return send(self.socket, self.h2.data_to_send())

    def ask(self, method: str, path: str, end: bool = True, **headers: object) -> int:
        stream = self.h2.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "http"), (":authority", "registry"), (":path", path)]
        self.h2.send_headers(stream, [*pseudo, *((name.replace("_", "-").lower(), str(value)) for name, value in headers.items())], end)
        self.flush()
        return stream

    def events(self, seconds: float, enough=lambda found: False) -> list:
        """The frames received within a time, until there are enough, or until the server closes the connection (then the last is None)."""
        found, deadline = [], time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and not enough(found):
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except TimeoutError:
                break
            except OSError:
                data = b""
            if not data:
                return [*found, None]
            found += self.h2.receive_data(data)
            self.flush()
        return found

    def statuses(self, count: int) -> list[int]:
        """The statuses of this many answers, or of those that arrive in time."""
        answers = lambda found: [event for event in found if isinstance(event, h2.events.ResponseReceived)]
        heads = [dict(event.headers) for event in answers(self.events(20, lambda found: len(answers(found)) >= count))]
        return [int(found.get(b":status", found.get(":status"))) for found in heads]

    def close(self) -> None:
        self.socket.close()


class Crowd(threading.Thread):
    """This many connections from 40 addresses, each of which sends its `payload(number)` and reads nothing, until `over`."""

    def __init__(self, server: Server, name: str, payload, count: int):
        super().__init__(daemon=True)
        self.server, self.payload, self.count = server, payload, count
        self.context = ssl._create_unverified_context() if name.startswith("TLS, ") else None
        if self.context:
            self.context.set_alpn_protocols(["h2" if "HTTP/2" in name else "http/1.1"])
        self.open, self.left, self.sent, self.over = [], {}, 0, threading.Event()
        self.start()

    def run(self):
        for number in range(self.count):
            try:
                connection = connect_with_small_buffer(self.server, f"127.1.0.{1 + number % 40}", timeout=5)
                connection = self.context.wrap_socket(connection) if self.context else connection
                connection.setblocking(False)
                self.open.append(connection)
                self.left[connection] = memoryview(self.payload(number))
                self.push(connection)
            except OSError:
                pass
            if self.over.is_set():
                return
        while not self.over.wait(0.02):
            list(map(self.push, list(self.left)))

    def push(self, connection):
        try:
            while self.left[connection]:
                sent = connection.send(self.left[connection][:262_144])
                self.sent += sent
                self.left[connection] = self.left[connection][sent:]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            pass
        del self.left[connection]
