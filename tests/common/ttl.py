"""Measuring how long clients see a record that changed on the upstream.

    ttl.py SERVER PORT UPSTREAM PORT ZONEFILE PID

For each row of ZONEFILE (NSD's, whose process is PID) with a name of NAMES, a client asks SERVER every 50 ms. The rows'
addresses are changed some times, at moments spread over the TTL (the seed is printed). Of each change, counted from
UPSTREAM's first new answer:

- the new address is seen within TTL + 1 s, and the old one not again after it;
- no answer lets the old address live beyond the TTL: neither by being given, nor by the TTL it is given with.

A moment is blamed on the server by the client's earlier clock reading, so that a slow machine is blamed on nobody.
Exits 1 when one of it does not hold, an answer is missing, or the client could not keep its pace.
"""

import os
import random
import re
import signal
import sys
import threading
import time
from typing import NamedTuple

import dns.message
import dns.query
import dns.rdatatype

ZONE = "awslab.mycompany.corp"
# name: TTL in seconds
NAMES = {"ten": 10, "five": 5}
ROUNDS = 5
PACE = 0.05
# A longer silence of the client itself would measure nothing.
LONGEST_GAP = 0.5
SEED = 1


class Sample(NamedTuple):
    asked: float
    answered: float
    address: str
    ttl: int


def ask(name, server, port):
    query = dns.message.make_query(f"{name}.{ZONE}", "A")
    asked = time.monotonic()
    response = dns.query.udp(query, server, timeout=2, port=port)
    answered = time.monotonic()
    (rrset,) = [rrset for rrset in response.answer if rrset.rdtype == dns.rdatatype.A]
    (record,) = rrset
    return Sample(asked, answered, record.address, rrset.ttl)


class Client(threading.Thread):
    """Asks for one name at PACE until told to stop."""

    def __init__(self, name, server, port):
        super().__init__(daemon=True)
        self.question = (name, server, port)
        self.samples, self.faults = [], []
        self.stopping = threading.Event()

    def run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            try:
                self.samples.append(ask(*self.question))
            except Exception as fault:  # each is one: a timeout, a wrong message, two records
                self.faults.append(f"{type(fault).__name__} {fault}".strip())
            due = max(due + PACE, time.monotonic())
            time.sleep(max(0, due - time.monotonic()))


def change(zone_file, pid, serial, address):
    with open(zone_file) as file:
        text = file.read()
    text = re.sub(r"hostmaster \d+", f"hostmaster {serial}", text)
    for name in NAMES:
        text, count = re.subn(rf"(?m)^({name} \d+ A) .*$", rf"\1 {address}", text)
        assert count == 1, f"one row for {name} in {zone_file}"
    with open(zone_file, "w") as file:
        file.write(text)
    os.kill(pid, signal.SIGHUP)


def await_upstream(name, upstream, address):
    """When the upstream's first new answer was there."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        sample = ask(name, *upstream)
        if sample.address == address:
            return sample.answered
        time.sleep(0.002)
    sys.exit(f"the upstream does not serve {address}")


def judge(samples, ttl, old, new, changed):
    """What is wrong with the answers around one change, and what was seen: seconds after it."""
    olds = [sample for sample in samples if sample.address == old]
    news = [sample for sample in samples if sample.address == new]
    others = {s.address for s in samples} - {old, new}
    faults = [f"a third address: {others}"] if others else []
    if max(s.ttl for s in samples) > ttl:
        faults.append(f"given with TTL {max(s.ttl for s in samples)}")
    if not news:
        return faults + ["the new address was never seen"], None, None, None
    first_new = news[0].answered - changed
    last_old = max((s.asked for s in olds), default=changed) - changed
    lives_until = max((s.asked + s.ttl for s in olds), default=changed) - changed
    if first_new > ttl + 1:
        faults.append(f"seen after {first_new:.2f} s")
    if any(s.asked > news[0].answered for s in olds):
        faults.append("the old address came back")
    for what, moment in (("given", last_old), ("alive behind its TTL", lives_until)):
        if moment > ttl:
            faults.append(f"the old address is {what} after {moment:.2f} s")
    gap = max(later.asked - earlier.asked for earlier, later in zip(samples, samples[1:]))
    if gap > LONGEST_GAP:
        faults.append(f"the client asked nothing for {gap:.2f} s: measure on a quieter machine")
    return faults, first_new, last_old, lives_until


def main():
    server, port, upstream, upstream_port, zone_file, pid = sys.argv[1:]
    server, upstream, pid = (server, int(port)), (upstream, int(upstream_port)), int(pid)
    spread, failed = random.Random(SEED), False
    clients = {name: Client(name, *server) for name in NAMES}
    for client in clients.values():
        client.start()
    print(f"seed {SEED}; seconds after the change on the upstream:")
    print("round  name  TTL  old given until  old lives until  new seen")
    old = ask("ten", *upstream).address
    for turn in range(1, ROUNDS + 1):
        from_here = {name: len(client.samples) for name, client in clients.items()}
        time.sleep(1 + spread.random() * max(NAMES.values()))
        new = f"10.1.2.{turn}"
        change(zone_file, pid, turn + 1, new)
        changed = {name: await_upstream(name, upstream, new) for name in NAMES}
        time.sleep(max(NAMES.values()) + 1.5)
        for name, ttl in NAMES.items():
            samples = clients[name].samples[from_here[name] :]
            faults, first_new, last_old, lives_until = judge(samples, ttl, old, new, changed[name])
            seen = [f"{moment:15.2f}" if moment is not None else " " * 15 for moment in (last_old, lives_until)]
            seen.append(f"{first_new:8.2f}" if first_new is not None else " " * 8)
            print(f"{turn:5}  {name:4}  {ttl:3}  {'  '.join(seen)}", *faults, sep="  ", flush=True)
            failed |= bool(faults)
        old = new
    for name, client in clients.items():
        client.stopping.set()
        client.join()
        print(f"{name}: {len(client.samples)} answers, {len(client.faults)} missing or wrong", *client.faults[:3], sep="; ")
        failed |= bool(client.faults)
    sys.exit(failed)


if __name__ == "__main__":
    main()
