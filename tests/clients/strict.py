"""Reading the server's messages with dnspython, which refuses what is not in order (trailing octets, bad names).

Usage: strict.py SERVER PORT CLIENT. Exits 1 with the reason.
"""

import socket
import struct
import sys

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

NAMES = [
    ("myservice.awslab.mycompany.corp.", "A", dns.rcode.NOERROR, 1),
    ("alias.awslab.mycompany.corp.", "A", dns.rcode.NOERROR, 2),
    ("outside.awslab.mycompany.corp.", "A", dns.rcode.NOERROR, 2),
    ("six.awslab.mycompany.corp.", "A", dns.rcode.NOERROR, 1),
    ("svc.awslab.mycompany.corp.", "HTTPS", dns.rcode.NOERROR, 1),
    ("myservice.awslab.mycompany.corp.", "MX", dns.rcode.NOERROR, 0),
    ("absent.awslab.mycompany.corp.", "A", dns.rcode.NXDOMAIN, 0),
]


def check(query, response, rcode, sets):
    """What every response must be, whatever it holds."""
    what = f"{query.question[0]}: {response}"
    assert query.is_response(response), what
    assert response.rcode() == rcode, what
    assert len(response.answer) == sets, what
    assert response.flags & dns.flags.RA and not response.flags & (dns.flags.AA | dns.flags.AD), what
    assert (response.edns == 0) == (query.edns == 0), what


def queries():
    for name, rtype, rcode, sets in NAMES:
        for edns in ({"use_edns": False}, {"use_edns": 0, "payload": 1232}, {"want_dnssec": True}):
            yield dns.message.make_query(name, rtype, **edns), rcode, sets


def by_udp(server, port, client):
    for query, rcode, sets in queries():
        check(query, dns.query.udp(query, server, timeout=5, port=port, source=client), rcode, sets)


def by_one_connection(server, port, client):
    """All questions at once; answers in any order, each found by its ID."""
    waiting = {}
    with socket.create_connection((server, port), 5, (client, 0)) as stream:
        for number, (query, rcode, sets) in enumerate(queries()):
            query.id = number
            waiting[number] = (query, rcode, sets)
            wire = query.to_wire()
            stream.sendall(struct.pack("!H", len(wire)) + wire)
        with stream.makefile("rb") as reader:
            while waiting:
                (length,) = struct.unpack("!H", reader.read(2))
                response = dns.message.from_wire(reader.read(length))
                query, rcode, sets = waiting.pop(response.id)
                check(query, response, rcode, sets)


if __name__ == "__main__":
    for run in (by_udp, by_one_connection):
        run(sys.argv[1], int(sys.argv[2]), sys.argv[3])
