"""TCP as much as it goes. `flows.py receive ADDRESS:PORT…` reads what comes; `flows.py send COUNTxADDRESS:PORT…` fills as many
connections to each address."""
import selectors
import socket
import sys

BLOCK = memoryview(bytes(1 << 18))


def place(word):
    address, port = word.rsplit(":", 1)
    return address, int(port)


def receive(words):
    selector, into = selectors.DefaultSelector(), bytearray(1 << 18)
    listeners = {socket.create_server(place(word)) for word in words}
    for one in listeners:
        selector.register(one, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj in listeners:
                connection = key.fileobj.accept()[0]
                connection.setblocking(False)
                selector.register(connection, selectors.EVENT_READ)
            elif not key.fileobj.recv_into(into):
                selector.unregister(key.fileobj)


def send(words):
    selector = selectors.DefaultSelector()
    for word in words:
        count, address = word.split("x")
        for _ in range(int(count)):
            connection = socket.create_connection(place(address))
            # No more than the path can hold: what waits here is no part of what is measured.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 17)
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_WRITE)
    while True:
        for key, _ in selector.select():
            key.fileobj.send(BLOCK)


if __name__ == "__main__":
    {"receive": receive, "send": send}[sys.argv[1]](sys.argv[2:])
