"""A server that sends back what it gets, by gevent: gevent_server.py stay|leave. It prints its port."""

import sys

from gevent.server import StreamServer


def attend(connection, _address):
    try:
        while True:
            data = connection.recv(65536)
            if not data:
                break
            connection.sendall(data)
            if sys.argv[1] == "leave":
                break
    except OSError:
        pass
    connection.close()


server = StreamServer(("127.0.0.1", 0), attend, backlog=511)
server.start()
print(server.server_port, flush=True)
server.serve_forever()
