"""Asking named and this server the same questions and comparing what they answer.

Usage: differential.py NAMED_PORT OWN_PORT TABLE, both on 127.0.0.1. The servers have the same configuration and upstream, and
a zone of their own; clients at 127.0.0.1 are allowed, those at 127.0.0.99 are not, those at 127.0.0.50 meet another view.
Compared: whether there is an answer, header, RCODE, counts, question, each section's records as sets, what the OPT record
holds; TTLs are not.

Every difference must be explained by an entry of TABLE (docs/differences.md), and every entry must be needed. Exits 1
otherwise.
"""

import re
import select
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

WAIT = 1.0  # Seconds until silence is an answer; both servers are on this host.

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, SRV, OPT, DS, RRSIG, NSEC, HTTPS = 1, 2, 5, 6, 12, 15, 16, 28, 33, 41, 43, 46, 47, 65
TSIG, IXFR, AXFR, ANY = 250, 251, 252, 255
IN, CH, HS = 1, 3, 4
AA, TC, RD, RA, Z, AD, CD = 0x400, 0x200, 0x100, 0x80, 0x40, 0x20, 0x10
BITS = {"aa": AA, "tc": TC, "rd": RD, "ra": RA, "z": Z, "ad": AD, "cd": CD}
RCODES = "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE".split()
ZONE = "awslab.mycompany.corp"
HOT = "myservice." + ZONE
LOCAL = "local.example"



def explanations(path):
    """The entries of the table: (which questions, which differences: regular expressions; the heading)."""
    rows, heading = [], None
    for line in open(path, encoding="utf-8"):
        if line.startswith("### "):
            heading, asked = line[4:].strip(), None
        elif line.startswith("    asked "):
            asked = line[10:].strip()
        elif line.startswith("    named | tandem "):
            rows.append((asked, line[19:].strip(), heading))
    return rows


def name(text):
    labels = [label.encode() for label in text.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def header(flags=RD, counts=(1, 0, 0, 0), ident=0x4D53):
    return struct.pack("!HHHHHH", ident, flags, *counts)


def question(qname=HOT, qtype=A, qclass=IN):
    return name(qname) + struct.pack("!HH", qtype, qclass)


def record(owner, rtype, rclass, ttl, data):
    return (owner if isinstance(owner, bytes) else name(owner)) + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def opt(size=1232, ttl=0, options=b"", owner=b"\0"):
    return record(owner, OPT, size, ttl, options)


def query(qname=HOT, qtype=A, qclass=IN, flags=RD, edns=None):
    return header(flags, (1, 0, 0, int(edns is not None))) + question(qname, qtype, qclass) + (edns or b"")


def tsig(key="unknown.key", mac=b"\1" * 32, signed=1_700_000_000, algorithm="hmac-sha256"):
    data = name(algorithm) + struct.pack("!HIHH", signed >> 32, signed & 0xFFFFFFFF, 300, len(mac)) + mac
    return record(key, TSIG, 255, 0, data + struct.pack("!HHH", 0x4D53, 0, 0))


def questions():
    """Yields (label, packet, protocol, client)."""
    names = ["myservice", "dual", "alias", "outside", "absent", "", "x.y", "svc"]
    types = {"A": A, "AAAA": AAAA, "MX": MX, "TXT": TXT, "CNAME": CNAME, "NS": NS, "SOA": SOA, "DS": DS, "HTTPS": HTTPS,
             "SRV": SRV, "PTR": PTR, "RRSIG": RRSIG, "NSEC": NSEC, "TYPE65280": 65280}
    for host in names:
        for label, number in types.items():
            yield f"type {label} of {host or 'apex'}", query(f"{host}.{ZONE}", number), "udp", 1
    for host in ["www.example.org", "absent.example.org", "nowhere.example.net", "", "ip-10-1-1-12.us-east-1.compute.internal"]:
        for protocol in ("udp", "tcp"):
            yield f"name {host or 'root'}", query(host, A, edns=opt()), protocol, 1
    for bits in range(128):
        chosen = [word for index, word in enumerate(BITS) if bits >> index & 1]
        yield f"bits {' '.join(chosen)}", query(flags=sum(BITS[word] for word in chosen)), "udp", 1
    for word in BITS:
        yield f"bits {word} by tcp", query(flags=BITS[word] | RD), "tcp", 1
        yield f"bits {word} with edns", query(flags=BITS[word] | RD, edns=opt(ttl=0x8000)), "udp", 1
    for word, bits in (("rd", RD), ("none", 0)):
        yield f"cold {word}", query(f"six.{ZONE}", flags=bits), "udp", 1
        yield f"cold negative {word}", query(f"gone.{ZONE}", flags=bits), "udp", 1
        yield f"warm {word}", query(flags=bits), "udp", 1
        yield f"root NS {word}", query("", NS, flags=bits), "udp", 1
    yield from edns_questions()
    for opcode in range(16):
        yield f"opcode {opcode}", query(ZONE, SOA, flags=opcode << 11), "udp", 1
        yield f"opcode {opcode} rd", query(ZONE, SOA, flags=opcode << 11 | RD), "udp", 1
        yield f"opcode {opcode} with edns", query(ZONE, SOA, flags=opcode << 11, edns=opt()), "udp", 1
        yield f"opcode {opcode} without question", header(opcode << 11, (0, 0, 0, 0)), "udp", 1
    for qclass in (0, 2, CH, HS, 5, 253, 254, 255, 256, 65535):
        for label, qtype in (("A", A), ("TXT", TXT), ("SOA", SOA), ("ANY", ANY)):
            yield f"class {qclass} {label}", query(HOT, qtype, qclass), "udp", 1
    for host in ("version.bind", "hostname.bind", "id.server", "authors.bind", "other.bind", "VERSION.BIND", "version.server", "bind"):
        for label, qtype in (("TXT", TXT), ("ANY", ANY), ("A", A), ("SOA", SOA), ("NS", NS)):
            yield f"chaos {host} {label}", query(host, qtype, CH), "udp", 1
    for qtype in (0, 3, 4, 7, 8, 9, 10, 13, 24, 25, 30, 38, OPT, 100, 101, 102, 103, 128, 200, 247, 248, 249, TSIG, IXFR, AXFR,
                  253, 254, ANY, 256, 32769, 65535):
        for protocol in ("udp", "tcp"):
            yield f"qtype {qtype} {protocol}", query(HOT, qtype), protocol, 1
            yield f"qtype {qtype} {protocol} with edns", query(HOT, qtype, edns=opt()), protocol, 1
    yield from malformed()
    refused = {"A": query(), "A with edns": query(edns=opt()), "A without rd": query(flags=0), "ANY": query(qtype=ANY),
               "AXFR": query(ZONE, AXFR), "notify": query(ZONE, SOA, flags=4 << 11), "update": query(ZONE, SOA, flags=5 << 11),
               "version.bind": query("version.bind", TXT, CH), "uncached": query("new." + ZONE), "edns 1": query(edns=opt(ttl=1 << 16)),
               "class HS": query(qclass=HS), "DS": query(ZONE, DS), "cd": query(flags=RD | CD), "ad": query(flags=RD | AD)}
    for label, packet in refused.items():
        for protocol in ("udp", "tcp"):
            yield f"refused {label}", packet, protocol, 99
    yield from local_and_view()


def local_and_view():
    """A zone of the servers' own, and a client that meets another view."""
    hosts = ["", "www", "both", "alias", "out", "chain", "absent", "x.wild", "wild", "empty", "deep.empty", "sub", "a.sub", "dname", "a.dname", "big"]
    types = {"A": A, "AAAA": AAAA, "MX": MX, "TXT": TXT, "CNAME": CNAME, "NS": NS, "SOA": SOA, "DS": DS, "SRV": SRV, "ANY": ANY, "DNSKEY": 48,
             "NSEC": NSEC, "TYPE65280": 65280}
    for host in hosts:
        for label, number in types.items():
            yield f"local {label} of {host or 'apex'}", query(f"{host}.{LOCAL}", number, edns=opt()), "udp", 1
    more = {"mx": MX, "mxalias": MX, "srv": SRV, "svc": HTTPS, "svc0": HTTPS, "own": HTTPS, "naptr": 35, "afs": 18, "rt": 21, "kx": 36}
    for host, number in more.items():
        yield f"local beside {host}", query(f"{host}.{LOCAL}", number, edns=opt()), "udp", 1
    for host, number in {**more, "": MX, "www": A, "both": A, "alias": A, "chain": AAAA, "x.wild": A, "a.deep.empty": A, "absent": A, "ns": A}.items():
        yield f"local beside {host or 'apex'} without rd", query(f"{host}.{LOCAL}", number, flags=0, edns=opt()), "udp", 1
    for label, number in {"NS": NS, "SOA": SOA, "ANY": ANY, "DS": DS, "DNSKEY": 48}.items():
        yield f"local beside apex {label} without rd", query(LOCAL, number, flags=0, edns=opt()), "udp", 1
    for size in (512, 513):
        for protocol in ("udp", "tcp"):
            yield f"local beside NS in {size} {protocol}", query(LOCAL, NS, edns=opt(size)), protocol, 1
            yield f"local beside A in {size} {protocol} without rd", query(f"www.{LOCAL}", flags=0, edns=opt(size)), protocol, 1
    for label, flags in (("none", 0), ("rd cd", RD | CD), ("rd ad", RD | AD), ("aa", AA | RD), ("z", Z | RD)):
        yield f"local flags {label}", query(f"www.{LOCAL}", flags=flags), "udp", 1
        yield f"local absent flags {label}", query(f"absent.{LOCAL}", flags=flags), "udp", 1
    for label, edns in (("none", None), ("512", opt(512)), ("1232", opt(1232)), ("4096", opt(4096)), ("do", opt(ttl=0x8000)), ("version 1", opt(ttl=1 << 16)),
                        ("cookie", opt(options=option(10, b"\x55" * 8))), ("nsid", opt(options=option(3)))):
        for protocol in ("udp", "tcp"):
            yield f"local big with edns {label} {protocol}", query(f"big.{LOCAL}", TXT, edns=edns), protocol, 1
    for label, packet in {
        "axfr": query(LOCAL, AXFR), "ixfr": query(LOCAL, IXFR), "axfr below": query(f"www.{LOCAL}", AXFR),
        "notify": query(LOCAL, SOA, flags=4 << 11), "update": query(LOCAL, SOA, flags=5 << 11), "update of a record": header(5 << 11, (1, 0, 1, 0)) + question(LOCAL, SOA)
        + record(f"new.{LOCAL}", A, IN, 5, b"\x0a\0\0\1"), "update of another zone": query("elsewhere.example", SOA, flags=5 << 11),
        "class CH": query(f"www.{LOCAL}", A, CH), "class ANY": query(f"www.{LOCAL}", A, 255), "upper case": query(f"WWW.{LOCAL.upper()}"),
    }.items():
        for protocol in ("udp", "tcp"):
            yield f"local {label} {protocol}", packet, protocol, 1
    for host, label in ((f"www.{LOCAL}", "its zone"), (HOT, "a name that is forwarded elsewhere"), ("www.example.org", "any name"), (f"absent.{LOCAL}", "no name of its zone")):
        for flags in (0, RD):
            for protocol in ("udp", "tcp"):
                yield f"view {label} {'rd' if flags else 'without rd'} {protocol}", query(host, flags=flags, edns=opt()), protocol, 50
    yield "view version.bind", query("version.bind", TXT, CH), "udp", 50
    yield "view class HS", query(HOT, A, HS), "udp", 50
    yield "view edns version 1", query(HOT, edns=opt(ttl=1 << 16)), "udp", 50
    for length in (0, 1, 11, 12, 13, 30):
        yield f"by tcp cut at {length}", query(f"www.{LOCAL}")[:length], "tcp", 1


def edns_questions():
    for size in (0, 1, 511, 512, 513, 1231, 1232, 4096, 65535):
        for flags in (0, 0x8000):
            yield f"edns size {size} flags {flags:04x}", query(edns=opt(size, flags)), "udp", 1
            yield f"edns size {size} flags {flags:04x} long", query("long." + ZONE, TXT, edns=opt(size, flags)), "udp", 1
    yield "edns none long", query("long." + ZONE, TXT), "udp", 1
    for flags in (0x4000, 0x0001, 0x7FFF, 0xFFFF):
        yield f"edns flags {flags:04x}", query(edns=opt(ttl=flags)), "udp", 1
    for rcode in (1, 255):
        yield f"edns extended rcode {rcode}", query(edns=opt(ttl=rcode << 24)), "udp", 1
    cookie = option(10, b"\x55" * 8)
    extra = {"plain": b"", "cookie": cookie, "nsid": option(3), "unknown": option(65001, b"ab"), "two": cookie + option(65001)}
    for version in (1, 2, 255):
        for label, options in extra.items():
            yield f"edns version {version} {label}", query(edns=opt(ttl=version << 16, options=options)), "udp", 1
            yield f"edns version {version} {label} do", query(edns=opt(ttl=version << 16 | 0x8000, options=options)), "udp", 1
    for length in (0, 1, 7, 8, 9, 15, 16, 23, 24, 31, 32, 33, 39, 40, 41, 64):
        for protocol in ("udp", "tcp"):
            yield f"cookie of {length} {protocol}", query(edns=opt(options=option(10, b"\x55" * length))), protocol, 1
    for code in (1, 2, 3, 4, 5, 6, 7, 9, 11, 12, 13, 14, 15, 16, 17, 18, 26946, 65001, 65535):
        for data in (b"", b"\0", b"\0\1", b"\0" * 8):
            yield f"option {code} of {len(data)}", query(edns=opt(options=option(code, data))), "udp", 1
    for code in (11, 12):
        for data in (b"", b"\0\1"):
            yield f"option {code} of {len(data)} tcp", query(edns=opt(options=option(code, data))), "tcp", 1
    subnets = {"ok": b"\0\1\x18\0\x0a\1\1", "zero": b"\0\1\0\0", "empty": b"", "short": b"\0\1\x18\0\x0a", "long": b"\0\1\x08\0\x0a\1\1",
               "family": b"\0\x09\x08\0\x0a", "scope": b"\0\1\x18\x08\x0a\1\1", "bits": b"\0\1\x17\0\x0a\1\1", "prefix": b"\0\1\x30\0" + b"\0" * 6}
    for label, data in subnets.items():
        yield f"subnet {label}", query(edns=opt(options=option(8, data))), "udp", 1
    yield "option twice cookie", query(edns=opt(options=cookie + cookie)), "udp", 1
    yield "option twice unknown", query(edns=opt(options=option(65001) * 2)), "udp", 1
    yield "option cut code", query(edns=opt(options=b"\0")), "udp", 1
    yield "option cut length", query(edns=opt(options=b"\0\x0a\0")), "udp", 1
    yield "option cut data", query(edns=opt(options=b"\0\x0a\0\x08abc")), "udp", 1


def malformed():
    whole = query(edns=opt(options=option(10, b"\x55" * 8)))
    for length in range(len(whole)):
        yield f"cut at {length}", whole[:length], "udp", 1
    for length in range(12, len(whole), 9):
        yield f"cut at {length} by tcp", whole[:length], "tcp", 1
    plain = question()
    for bits in (0, RD, AD | CD, 4 << 11, 5 << 11):
        yield f"a response {bits:04x}", header(0x8000 | bits) + plain, "udp", 1
    for counts in ((0, 0, 0, 0), (0, 1, 0, 0), (2, 0, 0, 0), (65535, 0, 0, 0), (1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (1, 65535, 65535, 65535)):
        yield f"counts {counts}", header(RD, counts) + plain, "udp", 1
    yield "no question alone", header(RD, (0, 0, 0, 0)), "udp", 1
    yield "no question with edns", header(RD, (0, 0, 0, 1)) + opt(), "udp", 1
    yield "no question with cookie", header(RD, (0, 0, 0, 1)) + opt(options=option(10, b"\x55" * 8)), "udp", 1
    yield "two questions alike", header(RD, (2, 0, 0, 0)) + plain * 2, "udp", 1
    yield "two questions", header(RD, (2, 0, 0, 0)) + plain + question("b.example.org"), "udp", 1
    for count in (1, 2, 100):
        yield f"{count} octets behind", query() + b"\0" * count, "udp", 1
        yield f"{count} octets behind with edns", query(edns=opt()) + b"\xff" * count, "udp", 1
        yield f"{count} octets behind by tcp", query() + b"\0" * count, "tcp", 1
    tail = struct.pack("!HH", A, IN)
    labels = {"pointer to itself": b"\xc0\x0c", "pointer forward": b"\xc0\x40", "pointer to header": b"\xc0\x00", "label type 40": b"\x41a\0",
              "label type 80": b"\x81a\0", "label of 63": b"\x3f" + b"a" * 63 + b"\0", "label then pointer": b"\1a\xc0\x0c",
              "name of 255": (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"a" * 61 + b"\0", "name of 256": (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\0",
              "127 labels": b"\1a" * 127 + b"\0", "128 labels": b"\1a" * 128 + b"\0", "octets in label": b"\4\0.\\\xff\0", "no end": b"\1a"}
    for label, octets in labels.items():
        yield f"name: {label}", header() + octets + tail, "udp", 1
    data = record(HOT, A, IN, 5, b"\x0a\0\0\1")
    for label, counts, records in (
        ("answer", (1, 1, 0, 0), data), ("authority", (1, 0, 1, 0), data), ("additional", (1, 0, 0, 1), data),
        ("answer of class NONE", (1, 1, 0, 0), record(HOT, A, 254, 0, b"")), ("answer of class ANY", (1, 1, 0, 0), record(HOT, A, 255, 0, b"")),
        ("additional before edns", (1, 0, 0, 2), data + opt()), ("additional behind edns", (1, 0, 0, 2), opt() + data),
        ("answer with bad address", (1, 1, 0, 0), record(HOT, A, IN, 5, b"\x0a\0\0")), ("answer of other class", (1, 1, 0, 0), record(HOT, A, CH, 5, b"\0\0\1")),
        ("answer with bad name", (1, 1, 0, 0), record(HOT, CNAME, IN, 5, b"\x41")), ("answer with loop", (1, 1, 0, 0), record(b"\xc0\x3c", A, IN, 5, b"\0\0\0\0")),
        ("two edns", (1, 0, 0, 2), opt() * 2), ("edns not at root", (1, 0, 0, 1), opt(owner=name("a"))),
        ("edns in answer", (1, 1, 0, 0), opt()), ("edns in authority", (1, 0, 1, 0), opt()),
        ("tsig", (1, 0, 0, 1), tsig()), ("tsig behind edns", (1, 0, 0, 2), opt() + tsig()), ("tsig before edns", (1, 0, 0, 2), tsig() + opt()),
        ("tsig twice", (1, 0, 0, 2), tsig() * 2), ("tsig in answer", (1, 1, 0, 0), tsig()), ("tsig cut", (1, 0, 0, 1), record("k", TSIG, 255, 0, b"\0\0")),
        ("tsig of other class", (1, 0, 0, 1), tsig().replace(b"\0\xfa\0\xff", b"\0\xfa\0\1")), ("tsig of other algorithm", (1, 0, 0, 1), tsig(algorithm="foo")),
        ("sig0", (1, 0, 0, 1), record("", 24, 255, 0, b"\0\0\x05\0" + struct.pack("!IIIH", 0, 2**31, 1, 7) + b"\1k\0" + b"s" * 64)),
    ):
        yield f"record: {label}", header(RD, counts) + question() + records, "udp", 1


def read_name(packet, at):
    labels, end = [], None
    for _ in range(200):
        length = packet[at]
        if length >= 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
        elif length == 0:
            return b".".join(labels).lower(), end or at + 1
        else:
            labels.append(packet[at + 1 : at + 1 + length])
            at += 1 + length
    raise ValueError("a name without end")


def read_data(packet, rtype, at, length):
    """The record's data with its names uncompressed and in lower case."""
    if rtype in (NS, CNAME, PTR, 39):
        return read_name(packet, at)[0]
    if rtype == SOA:
        first, then = read_name(packet, at)
        second, then = read_name(packet, then)
        return first, second, packet[then : at + length]
    if rtype == MX:
        return packet[at : at + 2], read_name(packet, at + 2)[0]
    return packet[at : at + length]


def facts(packet):
    """What a response says, as a flat table from what to value."""
    if packet is None:
        return {"answer": "none"}
    ident, flags, *counts = struct.unpack_from("!HHHHHH", packet)
    found = {"answer": "yes", "id": ident, "qr": flags >> 15, "opcode": flags >> 11 & 15, "rcode": flags & 15}
    found |= {word: int(bool(flags & bit)) for word, bit in BITS.items()}
    found |= dict(zip(("questions", "answers", "authority", "additional"), counts))
    at = 12
    for _ in range(counts[0]):
        _, end = read_name(packet, at)
        found["question"] = packet[at : end + 4].hex()
        at = end + 4
    for section, count in zip(("answer set", "authority set", "additional set"), counts[1:]):
        records = set()
        for _ in range(count):
            owner, at = read_name(packet, at)
            rtype, rclass, ttl, length = struct.unpack_from("!HHIH", packet, at)
            data = read_data(packet, rtype, at + 10, length)
            at += 10 + length
            if rtype == OPT:
                found |= read_opt(rclass, ttl, data)
                found["rcode"] |= ttl >> 24 << 4
            elif rtype == TSIG:
                found["tsig error"] = struct.unpack("!H", data[-4:-2])[0]
            else:
                records.add((owner, rtype, rclass, data))
        found[section] = frozenset(records)
    if at != len(packet):
        found["octets behind"] = len(packet) - at
    return found


def read_opt(size, ttl, data):
    found = {"edns": "yes", "edns size": size, "edns version": ttl >> 16 & 255, "edns flags": f"{ttl & 0xFFFF:04x}"}
    at = 0
    while at < len(data):
        code, length = struct.unpack_from("!HH", data, at)
        # Cookies, server identifiers differ; that there is one, and how long, must not.
        found[f"option {code}"] = struct.unpack_from("!H", data, at + 4)[0] if code == 15 else length
        at += 4 + length
    return found


def show(what, value):
    if value is None:
        return "-"
    if what == "rcode":
        return RCODES[value] if value < len(RCODES) else {16: "BADVERS", 23: "BADCOOKIE"}.get(value, str(value))
    if isinstance(value, frozenset):
        return " ".join(sorted(str(rtype) for _, rtype, _, _ in value)) or "none"
    return str(value)


def differences(named, own):
    """Each as `what: named's | ours`."""
    if "none" in (named["answer"], own["answer"]):
        return [] if named == own else [f"answer: {named['answer']} | {own['answer']}"]
    keys = [key for key in {**named, **own} if named.get(key) != own.get(key)]
    return [f"{key}: {show(key, named.get(key))} | {show(key, own.get(key))}" for key in keys]


def exchange(packet, protocol, client, servers):
    """Sends to each server (a port) at the same time; what each answers, or None."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    sockets, answers = {}, {server: None for server in servers}
    for server in servers:
        connection = socket.socket(socket.AF_INET, kind)
        connection.bind((f"127.0.0.{client}", 0))
        connection.connect(("127.0.0.1", server))
        connection.sendall(packet if protocol == "udp" else struct.pack("!H", len(packet)) + packet)
        sockets[connection] = (server, b"")
    while sockets:
        ready, _, _ = select.select(list(sockets), [], [], WAIT)
        if not ready:
            break
        for connection in ready:
            server, before = sockets[connection]
            try:
                octets = connection.recv(65535)
            except ConnectionError:
                octets = b""
            whole = before + octets
            if protocol == "tcp" and len(whole) >= 2 and len(whole) >= 2 + struct.unpack_from("!H", whole)[0]:
                answers[server] = whole[2:]
            elif protocol == "udp":
                answers[server] = octets
            if answers[server] is None and octets:
                sockets[connection] = (server, whole)
                continue
            del sockets[connection]
            connection.close()
    for connection in sockets:
        connection.close()
    return [answers[server] for server in servers]


def ask(label, packet, protocol, client, servers):
    """What differs. named answers three errors of class CH a second, so that it is asked again where it is silent."""
    for _ in range(10 if re.match("chaos|class 3|refused version|view version|local class CH", label) else 1):
        found = differences(*map(facts, exchange(packet, protocol, client, servers)))
        if found != ["answer: none | yes"]:
            break
        time.sleep(0.5)
    return found


def ask_all(servers):
    """(label, what differs) of each. First, in order, those that see what is in the cache; then the others, many at a
    time; those about class CH, of which named answers few errors a second, one after the other."""
    asked = list(questions())
    first = [question for question in asked if re.match("type|name|bits|cold|warm|root", question[0])]
    chaos = [question for question in asked if re.match("chaos|class 3|refused version|view version|local class CH", question[0])]
    others = [question for question in asked if question not in first and question not in chaos]
    one = lambda question: (question[0], ask(*question, servers))
    results = list(map(one, first))
    with ThreadPoolExecutor(24) as pool:
        of_chaos = pool.submit(lambda: list(map(one, chaos)))
        results += list(pool.map(one, others))
        results += of_chaos.result()
    return results


def main():
    named, own = int(sys.argv[1]), int(sys.argv[2])
    explained = explanations(sys.argv[3])
    used, unexplained, alike, count = {}, [], 0, 0
    for label, found in ask_all((named, own)):
        count += 1
        alike += not found
        for difference in found:
            row = next((row for row in explained if re.search(row[0], label) and re.fullmatch(row[1], difference)), None)
            if row is None:
                unexplained.append((difference, label))
            else:
                used.setdefault(row, []).append(label)
    print(f"{count} questions, {alike} answered alike")
    for row in explained:
        print(f"{len(used.get(row, [])):5} x {row[2]}")
    kinds = {}
    for difference, label in unexplained:
        kinds.setdefault(difference, []).append(label)
    for difference, labels in sorted(kinds.items(), key=lambda kind: -len(kind[1])):
        print(f"NOT EXPLAINED, {len(labels)} x: {difference}\n    {'; '.join(labels[:60])}")
    needless = [row for row in explained if row not in used]
    for row in needless:
        print(f"NOT NEEDED: {row[2]}: {row[0]}: {row[1]}")
    sys.exit(1 if unexplained or needless or count < 500 else 0)


if __name__ == "__main__":
    main()
