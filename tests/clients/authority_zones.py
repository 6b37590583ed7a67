"""Zones and questions about them, made from a seed: the same seed makes the same, on every machine.

Names are tuples of labels (bytes, in lower case), the root is (). A zone is a table from name to type to (TTL, data as
master file text); what a server must refuse (CNAME beside other data, names below a DNAME) is not made, nor what no RFC
defines (NS and DNAME at a wildcard).
Not here: servers, and what they should answer.
"""

import copy
import random
import string

OUTSIDE = (b"www", b"outside", b"invalid")
LABELS = [b"a", b"b", b"c", b"d", b"www", b"mail", b"_tcp", b"_sip", b"x-1", b"0", b"dot.ted", b"back\\slash", b"sp ace", b"semi;colon",
          b"\x00\x01", b"\xff", b'"quo"te', b"a" * 63]
TYPES = ["A", "AAAA", "NS", "SOA", "CNAME", "MX", "TXT", "PTR", "SRV", "DS", "DNAME", "ANY", "CAA", "NAPTR", "RRSIG", "NSEC", "TYPE65280"]
NUMBERS = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "HINFO": 13, "MX": 15, "TXT": 16, "RP": 17, "AFSDB": 18, "AAAA": 28, "LOC": 29, "SRV": 33,
           "NAPTR": 35, "CERT": 37, "DNAME": 39, "DS": 43, "SSHFP": 44, "RRSIG": 46, "NSEC": 47, "TLSA": 52, "SVCB": 64, "HTTPS": 65,
           "ANY": 255, "URI": 256, "CAA": 257, "TYPE65280": 65280}


class Zone:
    def __init__(self, apex, chance):
        self.apex, self.chance = apex, chance
        self.names = {apex: {}}
        self.cuts, self.dnames, self.children = [], [], []

    def add(self, name, rtype, *data, ttl=None):
        """The RRset, or more data for one that is there."""
        rrsets = self.names.setdefault(name, {})
        _, present = rrsets.setdefault(rtype, (self.ttl() if ttl is None else ttl, []))
        for text in data:
            if text not in present:
                present.append(text)

    def ttl(self):
        return self.chance.choice([0, 1, 60, 300, 3600, 86400, 2**31 - 1])

    def is_below(self, name, above):
        return any(len(name) > len(top) and name[-len(top):] == top for top in above)

    def may_hold(self, name, other=()):
        """Whether data may stand there, beside types other than `other`."""
        present = self.names.get(name, {})
        alone = "CNAME" in present or ("CNAME" in other and present) or name in self.children
        return octets(name) <= 255 and not alone and not self.is_below(name, self.dnames + self.children)

    def text(self):
        lines = [f"$ORIGIN {show(self.apex)}", "$TTL 77"]
        rows = [(name, rtype, ttl, data) for name, rrsets in self.names.items() for rtype, (ttl, many) in rrsets.items() for data in many]
        # The SOA is first, the rest in any order.
        soa = [row for row in rows if row[1] == "SOA"]
        rest = [row for row in rows if row[1] != "SOA"]
        self.chance.shuffle(rest)
        for name, rtype, ttl, data in soa + rest:
            relative = name[: len(name) - len(self.apex)]
            owner = self.chance.choice([show(name, self.chance), show(relative, self.chance)[:-1] if relative else "@"])
            lines.append(f"{owner} {ttl} IN {rtype} {data}")
        return "\n".join(lines) + "\n"


def octets(name):
    return sum(len(label) + 1 for label in name) + 1


def escape(octet, chance):
    character = chr(octet)
    if character in '."\\;@()$':
        return "\\" + character
    if character == " " or not 32 < octet < 127:
        return f"\\{octet:03d}"
    return character.upper() if chance and chance.random() < 0.15 else character


def show(name, chance=None):
    """In master file form, with a dot at its end; here and there in upper case."""
    return "".join("".join(escape(octet, chance) for octet in label) + "." for label in name) or "."


def wire(name):
    return b"".join(bytes([len(label)]) + label for label in name) + b"\0"


def make_zones(seed, count):
    apexes = []
    for number in range(count):
        apex = (f"z{number}".encode(), b"example")
        if number % 10 == 3:
            apex = (b"sub",) + apexes[-1]
        elif number % 10 == 5:
            apex = (b"deep", b"down") + apex
        elif number % 10 == 8:
            apex = (f"z{number}".encode(),)
        apexes.append(apex)
    return [make_zone(apex, apexes, number, random.Random(f"{seed} {number}")) for number, apex in enumerate(apexes)]


def make_zone(apex, apexes, number, chance):
    zone = Zone(apex, chance)
    timers = f"{chance.choice([0, 1, 2026112101, 2**32 - 1])} 3600 600 86400 {chance.choice([0, 5, 300, 10800])}"
    zone.add(apex, "SOA", f"{show((b'ns0',) + apex, chance)} {show((b'host.master',) + apex)} {timers}")
    zone.add(apex, "NS", show((b"ns0",) + apex, chance))
    if number % 17 == 4:
        zone.add(apex, "DNAME", show(chance.choice(apexes)))
        zone.add(apex, "NS", show(OUTSIDE))
        zone.names[apex]["NS"][1].pop(0)
        zone.dnames.append(apex)
    else:
        zone.add((b"ns0",) + apex, "A", "192.0.2.53")
        # A local zone below this one.
        for child in apexes:
            if child[1:] == apex:
                zone.add(child, "NS", show((b"ns0",) + child), show(OUTSIDE))
                zone.add((b"ns0",) + child, "A", "192.0.2.53")
                zone.children.append(child)
        for _ in range(chance.randint(10, 45)):
            add_something(zone, pick_name(zone), apexes)
    for rtype in chance.sample(["A", "AAAA", "MX", "TXT", "CAA"], 3):
        zone.add(apex, rtype, *data(zone, rtype))
    return zone


def pick_name(zone):
    """One that is new, mostly below another that is there."""
    chance = zone.chance
    above = chance.choice(list(zone.names)) if chance.random() < 0.5 else zone.apex
    labels = [chance.choice(LABELS[:10] if chance.random() < 0.8 else LABELS) for _ in range(chance.choice([1, 1, 1, 2, 3]))]
    if chance.random() < 0.05:
        labels[-1] = b"*"
    return tuple(labels) + above


def add_something(zone, name, apexes):
    chance = zone.chance
    kind = chance.choices(["data", "wildcard", "cname", "wild cname", "dname", "cut", "large"], [40, 14, 14, 5, 6, 12, 4])[0]
    if "wild" in kind:
        name = (b"*",) + name[1:]
    if kind in ("data", "wildcard") and zone.may_hold(name):
        for _ in range(chance.randint(1, 4)):
            rtype = chance.choice(list(DATA))
            zone.add(name, rtype, *data(zone, rtype))
    elif "cname" in kind and zone.may_hold(name, ("CNAME",)):
        zone.add(name, "CNAME", show(pick_target(zone, name, apexes), chance))
    elif kind == "dname" and zone.may_hold(name) and name[0] != b"*" and name != zone.apex and name not in zone.cuts:
        if not any(zone.is_below(other, [name]) for other in zone.names) and "DNAME" not in zone.names.get(name, {}):
            zone.add(name, "DNAME", show(pick_target(zone, name, apexes)))
            zone.dnames.append(name)
    elif kind == "cut" and zone.may_hold(name) and name != zone.apex and b"*" not in name and name not in zone.names:
        add_cut(zone, name)
    elif kind == "large" and zone.may_hold(name):
        add_large(zone, name)


def pick_target(zone, name, apexes):
    """Where an alias leads: inside or outside, to what exists or not, to itself."""
    chance, inside = zone.chance, list(zone.names)
    other = chance.choice(apexes)
    return chance.choice([
        chance.choice(inside), chance.choice(inside), chance.choice(inside), (chance.choice(LABELS[:6]),) + chance.choice(inside), zone.apex, name,
        (b"nothing",) + zone.apex, (b"loop",) + name, other, (chance.choice(LABELS[:6]),) + other, OUTSIDE, (b"l" * 60, b"o" * 60, b"n" * 40) + OUTSIDE,
    ])


def add_cut(zone, name):
    """A delegation with servers inside it, beside it, elsewhere in the zone and outside; some have addresses, some lack them."""
    chance = zone.chance
    zone.cuts.append(name)
    many = 9 if chance.random() < 0.15 else 0
    for number in range(many or chance.randint(1, 4)):
        beside = chance.choice(zone.cuts)
        server = chance.choice([(b"ns%d" % number,) + name] * 3 + [(b"ns", b"deep") + name, name, (b"nsx",) + beside, (b"ns0",) + zone.apex, OUTSIDE])
        zone.add(name, "NS", show(server, chance))
        glue = chance.random()
        if server[-len(zone.apex):] == zone.apex and zone.may_hold(server) and glue < 0.8:
            zone.add(server, "A", *data(zone, "A"))
            if glue < 0.5:
                zone.add(server, "AAAA", *data(zone, "AAAA"))
    if chance.random() < 0.5:
        zone.add(name, "DS", *data(zone, "DS"))


def add_large(zone, name):
    chance = zone.chance
    rtype = chance.choice(["A", "AAAA", "TXT", "MX", "SRV"])
    ttl = zone.ttl()
    for number in range(chance.choice([12, 25, 30, 60, 100])):
        text = {"A": f"198.51.100.{number}", "AAAA": f"2001:db8::{number:x}", "TXT": f'"{number:0120d}"',
                "MX": f"{number} mx{number}.{show(zone.apex)}", "SRV": f"1 2 {number} {show(chance.choice(list(zone.names)))}"}[rtype]
        zone.add(name, rtype, text, ttl=ttl)


def hexadecimal(chance, length):
    return chance.randbytes(length).hex()


DATA = {
    "A": lambda zone, chance: f"192.0.2.{chance.randint(1, 254)}",
    "AAAA": lambda zone, chance: f"2001:db8::{chance.randint(1, 65535):x}",
    "TXT": lambda zone, chance: chance.choice(['"text"', '"two" "strings"', 'bare', '"esc\\"aped\\\\ \\000\\255;("', '""', '"' + "t" * 255 + '"']),
    "MX": lambda zone, chance: f"{chance.randint(0, 65535)} {show(chance.choice(list(zone.names)), chance)}",
    "PTR": lambda zone, chance: show(chance.choice(list(zone.names)), chance),
    "SRV": lambda zone, chance: f"{chance.randint(0, 9)} 5 5060 {show(chance.choice(list(zone.names)), chance)}",
    "HINFO": lambda zone, chance: '"PC" "an OS"',
    "RP": lambda zone, chance: f"{show((b'some.one',) + zone.apex)} {show(zone.apex)}",
    "AFSDB": lambda zone, chance: f"1 {show(zone.apex, chance)}",
    "LOC": lambda zone, chance: "51 30 12.748 N 0 7 39.612 W 10m 1m 100m 10m",
    "NAPTR": lambda zone, chance: f'100 {chance.randint(0, 99)} "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
    "CERT": lambda zone, chance: "1 12345 8 AQIDBAUG",
    "SSHFP": lambda zone, chance: f"4 2 {hexadecimal(chance, 32)}",
    "TLSA": lambda zone, chance: f"3 1 1 {hexadecimal(chance, 32)}",
    "SVCB": lambda zone, chance: f"1 {show(zone.apex)} alpn=h2 port=8443",
    "HTTPS": lambda zone, chance: f"{chance.randint(1, 9)} . alpn=h2,h3 ipv4hint=192.0.2.1",
    "URI": lambda zone, chance: '10 1 "https://www.example.com/"',
    "CAA": lambda zone, chance: '0 issue "ca.example.net"',
    "TYPE65280": lambda zone, chance: f"\\# 4 {hexadecimal(chance, 4)}",
}


def data(zone, rtype):
    """Texts of one RRset."""
    chance = zone.chance
    if rtype == "DS":
        return [f"{chance.randint(0, 65535)} 13 2 {hexadecimal(chance, 32)}"]
    return [DATA[rtype](zone, chance) for _ in range(chance.choice([1, 1, 2, 4]))]


class Question:
    def __init__(self, name, rtype, chance):
        self.name, self.rtype = name, rtype
        self.edns = chance.choice([None, None, 512, 1232, 1232])
        self.do = self.edns is not None and chance.random() < 0.3
        self.rd = chance.random() < 0.5
        self.identity = chance.randrange(65536)
        odd = chance.random() < 0.3
        # No length of a label is a letter.
        self.asked = bytes(octet ^ 0x20 if odd and chr(octet) in string.ascii_letters and chance.random() < 0.5 else octet for octet in wire(name))

    def about(self, name):
        """The same about another name."""
        other = copy.copy(self)
        other.name, other.asked = name, wire(name)
        return other

    def question_octets(self):
        return self.asked + NUMBERS[self.rtype].to_bytes(2, "big") + b"\0\1"

    def packet(self):
        flags = 0x0100 if self.rd else 0
        opt = b"" if self.edns is None else b"\0\0\x29" + self.edns.to_bytes(2, "big") + b"\0\0" + (b"\x80\0" if self.do else b"\0\0") + b"\0\0"
        counts = (1, 0, 0, 1 if opt else 0)
        head = b"".join(number.to_bytes(2, "big") for number in (self.identity, flags, *counts))
        return head + self.question_octets() + opt

    def __str__(self):
        edns = "" if self.edns is None else f" edns {self.edns}" + (" do" if self.do else "")
        return f"{show(self.name)} {self.rtype}{edns}{' rd' if self.rd else ''}"


def make_questions(seed, zones, count):
    chance = random.Random(f"{seed} questions")
    for number in range(count):
        zone = zones[number % len(zones)]
        name = pick_question(zone, zones, chance)
        present = list(zone.names.get(name, {}))
        if b"*" not in name and chance.random() < 0.3:
            present = present or list(zone.names.get((b"*",) + name[1:], {}))
        rtype = chance.choice(present) if present and chance.random() < 0.4 else chance.choice(TYPES)
        yield Question(name, rtype, chance)


def pick_question(zone, zones, chance):
    """Names that exist, stand between, above and below those, near wildcards, below aliases, outside."""
    for _ in range(100):
        name = chance.choice(list(zone.names))
        label = chance.choice([b"nothing", b"a", b"b", b"*", b"0", b"~"])
        special = [other for other in zone.names if b"*" in other] + zone.cuts + zone.children + zone.dnames
        way = chance.choices(["is", "below", "far below", "beside", "above", "special", "long", "outside"], [25, 15, 8, 10, 8, 26, 3, 3])[0]
        if way in ("below", "far below"):
            name = (label,) * (1 if way == "below" else chance.randint(2, 5)) + name
        elif way == "beside" and name != zone.apex:
            name = (label,) + name[1:]
        elif way == "above" and len(name) > len(zone.apex):
            name = name[chance.randint(1, len(name) - len(zone.apex)):]
        elif way == "special" and special:
            name = chance.choice(special)
            filled = tuple(chance.choice([b"*", b"filled", b"a"]) if part == b"*" else part for part in name)
            name = chance.choice([name, filled, filled, (label,) + filled, (label,) + name, (b"ns0",) + name, (b"q", label) + name])
        elif way == "long":
            name = (b"f" * chance.randint(1, 63),) * chance.randint(1, 3) + (chance.choice(zone.dnames) if zone.dnames else name)
        elif way == "outside":
            name = chance.choice([OUTSIDE, zone.apex[1:], (b"nothing",) + zone.apex[1:], (b"un" + zone.apex[0],) + zone.apex[1:]])
        if octets(name) <= 255:
            return name
    return zone.apex
