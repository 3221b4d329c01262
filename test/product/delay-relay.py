"""Sends every packet for one address back to where it came from, as if from there, and late.

Usage: delay-relay.py NAME, and on standard input lines `delay SECONDS` or `report`.

Makes the network device NAME and reads what the kernel sends into it. Source and destination of a
packet are swapped, so that a service of this host answers at an address that lies "beyond" the
device; checksums stay right, since they are sums. Each packet is held for the delay. `report` answers
with one line of JSON: the milliseconds between a SYN read and its SYN-ACK written, since the last
report, and the longest that a packet was held longer than meant.
"""

import fcntl, heapq, json, os, select, struct, sys, time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
SYN, ACK = 0x02, 0x10

device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH", sys.argv[1].encode(), IFF_TUN | IFF_NO_PI))
print("ready", flush=True)

held, order, delay = [], 0, 0.0
called, connects, late = {}, [], 0.0
typed = b""


def swapped(packet):
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:]


def ends(packet):
    """Of a TCP packet its ports and flags."""
    start = (packet[0] & 0x0F) * 4
    ports = struct.unpack("!HH", packet[start : start + 4])
    return ports, packet[start + 13] & (SYN | ACK)


def note(packet, read_at, written_at):
    global late
    late = max(late, written_at - read_at - delay)
    if packet[9] != 6:
        return
    (source, target), flags = ends(packet)
    if flags == SYN:
        called.setdefault((source, target), read_at)
    elif flags == SYN | ACK and (target, source) in called:
        connects.append((written_at - called.pop((target, source))) * 1000)


def obey(line):
    global delay, connects, late
    word, *rest = line.split()
    if word == "delay":
        delay = float(rest[0])
    elif word == "report":
        print(json.dumps({"connectMs": connects, "lateMs": late * 1000}), flush=True)
        connects, late = [], 0.0


while True:
    wait = max(0, held[0][0] - time.monotonic()) if held else None
    readable, _, _ = select.select([device, 0], [], [], wait)
    if 0 in readable:
        read = os.read(0, 4096)
        if not read:
            break
        # Unbuffered: a line that was read along would not make it readable again.
        *lines, typed = (typed + read).split(b"\n")
        for line in lines:
            obey(line.decode())
    if device in readable:
        packet, now = os.read(device, 65535), time.monotonic()
        if packet[0] >> 4 == 4:
            heapq.heappush(held, (now + delay, order, now, packet))
            order += 1
    while held and held[0][0] <= time.monotonic():
        _, _, read_at, packet = heapq.heappop(held)
        os.write(device, swapped(packet))
        note(packet, read_at, time.monotonic())
