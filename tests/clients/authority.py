"""Asking servers that have the same zones the same questions, and comparing what they answer.

Usage: authority.py write DIRECTORY SEED ZONES: the zones as master files, NAME.zone each; prints their names.
       authority.py compare SEED ZONES QUESTIONS OURS KIND=SERVER...: each server as ADDRESS:PORT, KIND is nsd or knot.
Each question goes by UDP, and by TCP where one of them set TC, the answers differ or the type is ANY. Compared: RCODE, flags, the question as
it comes back, each section's records as sets with TTL and whole data, the order of owners and types in the answer, OPT.

Every difference must be explained by a row of EXPLAINED or RARE; with 5,000 questions and more every row of EXPLAINED
must be needed. Exits 1 otherwise.
"""

import os
import select
import socket
import struct
import sys

from authority_zones import NUMBERS, make_questions, make_zones, show

WAIT = 2.0  # Seconds until silence is an answer: all servers are on this host.
RCODES = "NOERROR FORMERR SERVFAIL NXDOMAIN NOTIMP REFUSED YXDOMAIN YXRRSET NXRRSET NOTAUTH NOTZONE".split()
TYPES = {number: name for name, number in NUMBERS.items()} | {41: "OPT"}
A, NS, CNAME, SOA, AAAA, DNAME = 1, 2, 5, 6, 28, 39
# Where names stand in data: octets before them, how many. Only those of RFC 1035 may be compressed (RFC 3597 section 4).
NAMES = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 15: (2, 1), 17: (0, 2), 18: (2, 1), 33: (6, 1), 39: (0, 1)}
COMPRESSIBLE = (2, 5, 6, 12, 15)


def read_name(packet, at):
    """Its labels in lower case, and where it ends."""
    labels, end = [], None
    for _ in range(256):
        length = packet[at]
        if length >= 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
        elif length == 0:
            return tuple(labels), end or at + 1
        else:
            labels.append(packet[at + 1 : at + 1 + length].lower())
            at += 1 + length
    raise ValueError("a name without end")


def read_data(packet, rtype, at, length):
    """Data with whole names in lower case; and whether names are compressed that must not be."""
    if rtype not in NAMES:
        return (packet[at : at + length],), False
    before, count = NAMES[rtype]
    parts, then = [packet[at : at + before]], at + before
    for _ in range(count):
        name, then = read_name(packet, then)
        parts.append(name)
    parts.append(packet[then : at + length])
    whole = before + sum(sum(len(label) + 1 for label in part) + 1 for part in parts[1:-1]) + len(parts[-1])
    return tuple(parts), rtype not in COMPRESSIBLE and whole != length


class Response:
    """What a message says. Records are (owner, type, TTL, data)."""

    def __init__(self, packet):
        self.length = len(packet)
        self.identity, self.flags, *counts = struct.unpack_from("!HHHHHH", packet)
        self.rcode = self.flags & 15
        self.aa, self.tc, self.rd = (bool(self.flags & bit) for bit in (0x400, 0x200, 0x100))
        self.faults, self.opt, at = [], None, 12
        if counts[0] == 1:
            _, at = read_name(packet, 12)
            at += 4
        self.question = packet[12:at]
        self.sections = []
        for count in counts[1:]:
            records = []
            for _ in range(count):
                at = self.read_record(packet, at, records)
            if len(set(records)) != len(records):
                self.faults.append("a record twice")
            self.sections.append(records)
        if at != len(packet):
            self.faults.append("octets behind")
        if not self.flags & 0x8000 or self.flags & 0x7840:
            self.faults.append(f"flags {self.flags:04x}")

    def read_record(self, packet, at, records):
        owner, at = read_name(packet, at)
        rtype, rclass, ttl, length = struct.unpack_from("!HHIH", packet, at)
        data, is_wrong = read_data(packet, rtype, at + 10, length)
        if is_wrong:
            self.faults.append(f"a compressed name in {TYPES[rtype]}")
        if rtype == 41:
            self.opt = f"version {ttl >> 16}{' do' if ttl & 0x8000 else ''}"
            self.rcode |= ttl >> 24 << 4
        else:
            if rclass != 1:
                self.faults.append(f"class {rclass}")
            records.append((owner, rtype, ttl, data))
        return at + 10 + length

    @property
    def answer(self):
        return self.sections[0]

    def order(self):
        """Owners and types of the answer, each once."""
        return list(dict.fromkeys((owner, rtype) for owner, rtype, _, _ in self.answer))

    def has_soa(self):
        return any(record[1] == SOA for record in self.sections[1])

    def is_referral(self):
        return any(record[1] == NS for record in self.sections[1]) and not self.has_soa()

    def aliases(self):
        """Targets by owner."""
        return {owner: data[1] for owner, rtype, _, data in self.answer if rtype == CNAME}

    def last(self, name):
        """Where the chain from this name leads; whether it closes a loop."""
        aliases, passed = self.aliases(), set()
        while name in aliases and name not in passed:
            passed.add(name)
            name = aliases[name]
        return name, name in passed


class Case:
    """One question by one protocol with two responses; `by_tcp` are those that no size has cut."""

    def __init__(self, question, protocol, theirs, ours, by_tcp):
        self.question, self.protocol, self.theirs, self.ours, self.by_tcp = question, protocol, theirs, ours, by_tcp

    def limit(self):
        return self.question.edns or 512

    def is_between_sizes(self):
        sizes = [response.length for response in self.by_tcp]
        return min(sizes) <= self.limit() <= max(sizes)

    def is_cut_short(self):
        return self.protocol == "udp" and (self.theirs.tc or self.ours.tc) and self.holds_parts()

    def holds_parts(self):
        """Whether both hold nothing but parts of what they say by TCP."""
        pairs = [(self.theirs, self.by_tcp[0]), (self.ours, self.by_tcp[1])]
        return all(set(one) <= set(all_of) for udp, tcp in pairs for one, all_of in zip(udp.sections, tcp.sections))

    def is_endless(self):
        """Whether a DNAME leads below itself, and both tell one chain, the one more of it."""
        # Where a size has cut one, by TCP is what both tell.
        theirs, ours = self.by_tcp if self.theirs.tc or self.ours.tc else (self.theirs, self.ours)
        below = any(rtype == DNAME and data[1] != owner and data[1][-len(owner):] == owner for owner, rtype, _, data in theirs.answer)
        one, other = set(theirs.answer), set(ours.answer)
        return below and (one <= other or other <= one) and bool(other) and {theirs.rcode, ours.rcode} <= {0, 6}

    def asks_parent(self):
        """Whether our SOA is that of a zone above theirs."""
        theirs, ours = ([owner for owner, rtype, _, _ in one.sections[1] if rtype == SOA] for one in (self.theirs, self.ours))
        return theirs and ours and theirs[0][1:][-len(ours[0]):] == ours[0]

    def is_minimal_any(self):
        """Whether we answered one whole RRset of theirs, behind the links that lead to it."""
        if self.question.rtype != "ANY" or self.protocol != "udp":
            return False
        told, whole = self.ours.answer, self.by_tcp[1].answer
        links = [record for record in told if record[1] in (CNAME, DNAME)]
        rrset = [record for record in told if record not in links]
        types = {record[1] for record in rrset}
        behind = [record for record in whole if record[1] in types]
        return set(told) <= set(whole) and len(types) <= 1 and set(rrset) == set(behind)


def zone_of(name, zones):
    return max((zone.apex for zone in zones if name[-len(zone.apex):] == zone.apex), key=len, default=None)


# The differences.

def differences(theirs, ours):
    """Table from what to (theirs, ours)."""
    if theirs is None or ours is None:
        return {} if theirs is ours else {"response": (theirs and "one", ours and "one")}
    found = {}
    for what in ("rcode", "aa", "tc", "rd", "question", "opt", "faults"):
        if getattr(theirs, what) != getattr(ours, what):
            found[what] = getattr(theirs, what), getattr(ours, what)
    for what, one, other in zip(("answer", "authority", "additional"), theirs.sections, ours.sections):
        if set(one) != set(other):
            found[what] = set(one), set(other)
    if "answer" not in found and theirs.order() != ours.order():
        found["order"] = theirs.order(), ours.order()
    return found


# Rows: servers, what differs, whether it is this row's difference, and why it is right.
# That a chain was completed where a server stops early is no row: `complete` does it, and `Tally` counts it.
EXPLAINED = [
    ("nsd knot", "tc", lambda case: case.is_between_sizes(),
     "how names are compressed decides whether it fits: the limit lies between both sizes"),
    ("nsd knot", "tc", lambda case: case.protocol == "udp" and case.by_tcp[1].is_referral(),
     "glue inside the delegation that does not fit sets TC (RFC 9471 section 3.1)"),
    ("nsd knot", "answer authority additional order", lambda case: case.is_cut_short(),
     "what does not fit is left out; all of it is compared by TCP"),
    ("nsd knot", "additional", lambda case: case.protocol == "udp" and case.theirs.is_referral() and case.holds_parts(),
     "glue beside the delegation that does not fit is left out, any of it; all of it is compared by TCP"),
    ("knot", "additional", lambda case: case.theirs.aa and not case.ours.sections[2] and case.theirs.answer,
     "addresses of names in data are not added: minimal responses"),
    ("nsd", "additional", lambda case: case.question.rtype == "NS" and case.theirs.aa and not case.ours.sections[2] and case.protocol == "udp",
     "who takes 512 octets by UDP is told nothing beside the answer, as by named"),
    ("nsd knot", "answer order", lambda case: case.question.rtype == "ANY" and set(case.theirs.answer) < set(case.ours.answer),
     "theirs to ANY holds one RRset by TCP too (NSD with minimal responses, Knot always): here all of them"),
    ("nsd knot", "answer order rcode", lambda case: case.is_endless(),
     "a DNAME whose target is below itself makes names without end: each server stops at a bound of its own"),
    ("knot", "answer authority additional rcode order tc", lambda case: case.question.rtype in ("RRSIG", "NSEC") and case.by_tcp[1].aliases(),
     "Knot says that an alias has no signatures: none is signed here, and the alias is told as for other types, as by NSD"),
    ("knot", "faults", lambda case: case.theirs.faults == ["a record twice"],
     "Knot keeps records apart whose data differs in the case of names: RRsets hold no duplicates (RFC 2181 section 5)"),
    ("knot", "answer authority rcode", lambda case: case.question.rtype == "ANY" and any(record[1] == DNAME for record in case.by_tcp[1].answer),
     "Knot ends a chain for ANY at the CNAME made from a DNAME: here it goes on, as with NSD"),
    ("nsd knot", "answer authority", lambda case: case.is_minimal_any(), "ANY by UDP is answered with one RRset (RFC 8482 section 4.1)"),
]
# The same, but not every seed comes upon them.
RARE = [
    ("knot", "tc", lambda case: case.ours.tc and case.by_tcp[0].has_soa() and not case.theirs.has_soa(),
     "Knot leaves out a SOA that does not fit: without it nobody may keep the answer (RFC 2308 section 5), so here TC is set"),
    ("knot", "authority", lambda case: case.question.rtype == "DS" and case.ours.aliases() and case.asks_parent(),
     "a chain for DS that ends at the apex of a zone here is answered from the zone above it, which is served too (RFC 4035 section 3.1.4.1)"),
    ("nsd", "faults", lambda case: case.theirs.faults == ["a record twice"] and case.theirs.aliases() and not case.ours.faults,
     "NSD repeats records of a chain that comes back"),
]


def explain(kind, case, what):
    for number, (kinds, whats, test, _) in enumerate(EXPLAINED + RARE):
        if kind in kinds.split() and what in whats.split() and test(case):
            return number
    return None


# Asking.

class Server:
    def __init__(self, place):
        address, port = place.rsplit(":", 1)
        self.place = (address, int(port))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(self.place)

    def send(self, packet):
        self.udp.send(packet)

    def receive(self, question):
        """The response by UDP to what was sent; asked again twice, since a datagram may be lost."""
        for _ in range(3):
            while select.select([self.udp], [], [], WAIT)[0]:
                try:
                    packet = self.udp.recv(65535)
                except ConnectionRefusedError:
                    return None
                if packet[:2] == question.identity.to_bytes(2, "big"):
                    return Response(packet)
            self.send(question.packet())
        return None

    def ask(self, question):
        self.send(question.packet())
        return self.receive(question)

    def ask_by_tcp(self, question):
        packet, octets = question.packet(), b""
        try:
            with socket.create_connection(self.place, timeout=WAIT * 3) as connection:
                connection.sendall(struct.pack("!H", len(packet)) + packet)
                while len(octets) < 2 or len(octets) < 2 + struct.unpack_from("!H", octets)[0]:
                    more = connection.recv(65535)
                    if not more:
                        return None
                    octets += more
        except OSError:
            return None
        return Response(octets[2:])


def complete(server, question, response, zones):
    """The response with its chain followed into our other zones, where the server stops at its zone's end; how often."""
    count = 0
    while response is not None and count < 12 and question.rtype not in ("CNAME", "ANY"):
        last, is_loop = response.last(question.name)
        before = next((owner for owner, target in response.aliases().items() if target == last), None)
        zone = zone_of(last, zones)
        told = is_loop or before is None or any(owner == last for owner, _, _, _ in response.answer) or response.has_soa()
        if told or zone is None or zone == zone_of(before, zones):
            break
        # A referral to another server's zone is the chain's end; one to a zone of its own is not.
        if response.is_referral() and zone != response.sections[1][0][0]:
            break
        then = server.ask_by_tcp(question.about(last))
        then.sections[0] = response.answer + [record for record in then.answer if record not in response.answer]
        then.question, then.aa = response.question, response.aa
        response, count = then, count + 1
    return response, count


class Tally:
    def __init__(self):
        self.completed = {}
        self.used, self.unexplained, self.compared, self.alike = {}, {}, 0, 0

    def judge(self, kind, case):
        found = differences(case.theirs, case.ours)
        self.compared += 1
        self.alike += not found
        for what, (theirs, ours) in found.items():
            row = explain(kind, case, what)
            if row is None:
                line = f"{case.question} by {case.protocol}: {what}: {describe(what, theirs, ours)}"
                self.unexplained.setdefault((kind, what), []).append(line)
            else:
                self.used[row] = self.used.get(row, 0) + 1

    def tell(self, must_need):
        """Prints what was found; whether all is well."""
        print(f"{self.compared} comparisons, {self.alike} alike")
        for kind, count in self.completed.items():
            print(f"{count:6} x {kind}: stops where a chain goes on in another zone of its own: asked again for the rest "
                  "(RFC 1034 section 4.3.2, 3a)")
        for number, (kinds, whats, _, why) in enumerate(EXPLAINED + RARE):
            print(f"{self.used.get(number, 0):6} x {kinds}: {whats}: {why}")
        for (kind, what), lines in self.unexplained.items():
            print(f"NOT EXPLAINED, {kind}, {len(lines)} x {what}")
            for line in sorted(set(lines), key=len)[:8]:
                print(f"    {line}")
        needless = [row for number, row in enumerate(EXPLAINED) if number not in self.used]
        for row in needless if must_need else []:
            print(f"NOT NEEDED: {row[0]}: {row[1]}: {row[3]}")
        return not self.unexplained and not (must_need and needless)


def describe(what, theirs, ours):
    if what in ("answer", "authority", "additional"):
        return f"only theirs {list(map(text, theirs - ours))[:6]}, only ours {list(map(text, ours - theirs))[:6]}"
    if what == "order":
        return " | ".join(str([f"{show(owner)} {TYPES.get(rtype, rtype)}" for owner, rtype in one]) for one in (theirs, ours))
    if what == "rcode":
        return f"{RCODES[theirs]} | {RCODES[ours]}"
    return f"{theirs!r} | {ours!r}"


def text(record):
    owner, rtype, ttl, data = record
    return f"{show(owner)} {ttl} {TYPES.get(rtype, rtype)} " + " ".join(show(part) if isinstance(part, tuple) else part.hex() for part in data if part)


def compare(seed, zone_count, question_count, ours, others):
    zones, tally = make_zones(seed, zone_count), Tally()
    for question in make_questions(seed, zones, question_count):
        servers = [ours] + [server for _, server in others]
        for server in servers:
            server.send(question.packet())
        by_udp = [server.receive(question) for server in servers]
        cut = any(response is not None and response.tc for response in by_udp)
        again = question.rtype == "ANY" or cut or any(differences(one, by_udp[0]) for one in by_udp[1:])
        by_tcp = [server.ask_by_tcp(question) for server in servers] if again else by_udp
        for at, (kind, server) in enumerate(others, start=1):
            whole, count = complete(server, question, by_tcp[at], zones)
            if count:
                tally.completed[kind] = tally.completed.get(kind, 0) + 1
                ours_whole = by_tcp[0] if again else ours.ask_by_tcp(question)
                tally.judge(kind, Case(question, "tcp", whole, ours_whole, (whole, ours_whole)))
                continue
            tcp = by_tcp[at], by_tcp[0]
            tally.judge(kind, Case(question, "udp", by_udp[at], by_udp[0], tcp))
            if again:
                tally.judge(kind, Case(question, "tcp", *tcp, tcp))
    return tally.tell(question_count >= 5000)


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == "write":
        directory, seed, count = arguments[0], arguments[1], int(arguments[2])
        for zone in make_zones(seed, count):
            name = show(zone.apex)[:-1]
            with open(os.path.join(directory, name + ".zone"), "w", encoding="ascii") as file:
                file.write(zone.text())
            print(name)
        return
    seed, zone_count, question_count, ours = arguments[0], int(arguments[1]), int(arguments[2]), Server(arguments[3])
    others = [(kind, Server(place)) for kind, place in (argument.split("=") for argument in arguments[4:])]
    sys.exit(0 if compare(seed, zone_count, question_count, ours, others) else 1)


if __name__ == "__main__":
    main()
