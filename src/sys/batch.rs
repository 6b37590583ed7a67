//! Datagrams in batches: one `recvmmsg` or `sendmmsg` for up to [`BATCH`] of them.
//!
//! Buffers, addresses and headers are allocated once; the headers point into the other arrays, which never move.
//! Datagrams of one length that follow each other to one address go down as one message that the kernel cuts up again
//! (UDP_SEGMENT): it is routed and handed over once for all of them. That is most of what a reply costs, and clients
//! that are resolvers themselves ask much from one socket.

#![allow(unsafe_code)]

use std::cmp::Reverse;
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// The most datagrams that one call takes.
pub const BATCH: usize = 64;
/// Octets of a cache line.
const LINE_OCTETS: usize = 64;
/// The longest datagram that is sent as a part of a longer message: every path carries it whole (IPv6's least MTU).
const MAX_PART_OCTETS: usize = 1232;

/// A socket address as the kernel has it: room for IPv4 and IPv6.
#[derive(Clone, Copy)]
#[repr(C)]
union RawAddress {
    v4: libc::sockaddr_in,
    v6: libc::sockaddr_in6,
}

impl RawAddress {
    fn zero() -> Self {
        // SAFETY: sockaddr_in6 is plain integers; all zeros is a value of it.
        Self { v6: unsafe { mem::zeroed() } }
    }

    /// Stores an address; returns how many octets of it the kernel is to read.
    fn set(&mut self, address: &SocketAddr) -> libc::socklen_t {
        match address {
            SocketAddr::V4(v4) => {
                self.v4 = libc::sockaddr_in {
                    sin_family: libc::AF_INET as libc::sa_family_t,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                    sin_zero: [0; 8],
                };
                mem::size_of::<libc::sockaddr_in>() as libc::socklen_t
            }
            SocketAddr::V6(v6) => {
                self.v6 = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as libc::sa_family_t,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
                mem::size_of::<libc::sockaddr_in6>() as libc::socklen_t
            }
        }
    }

    fn get(&self) -> Option<SocketAddr> {
        // SAFETY: both members begin with the family, and every bit pattern of it is a value.
        let family = i32::from(unsafe { self.v4.sin_family });
        match family {
            libc::AF_INET => {
                // SAFETY: the family says that the kernel stored a sockaddr_in.
                let v4 = unsafe { self.v4 };
                let ip = Ipv4Addr::from(v4.sin_addr.s_addr.to_ne_bytes());
                Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
            }
            libc::AF_INET6 => {
                // SAFETY: the family says that the kernel stored a sockaddr_in6.
                let v6 = unsafe { self.v6 };
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                let port = u16::from_be(v6.sin6_port);
                Some(SocketAddr::V6(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id)))
            }
            _ => None,
        }
    }
}

/// Buffers and headers for [`BATCH`] datagrams; the headers' pointers lead into the other three arrays.
struct Slots {
    buffers: Box<[u8]>,
    buffer_octets: usize,
    /// From one buffer to the next. An odd number of cache lines, so that the beginnings of all buffers, which are most
    /// of what is read and written, do not compete for the same few places of the core's cache.
    stride_octets: usize,
    addresses: Box<[RawAddress]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

// SAFETY: the raw pointers lead into boxes that the same value owns, so they may move to another thread with it.
unsafe impl Send for Slots {}

impl Slots {
    fn new(buffer_octets: usize) -> Self {
        let stride_octets = (buffer_octets.div_ceil(LINE_OCTETS) | 1) * LINE_OCTETS;
        let mut buffers = vec![0u8; BATCH * stride_octets].into_boxed_slice();
        let mut addresses = vec![RawAddress::zero(); BATCH].into_boxed_slice();
        let vector = |index: usize| libc::iovec {
            iov_base: buffers.as_mut_ptr().wrapping_add(index * stride_octets).cast(),
            iov_len: buffer_octets,
        };
        let mut vectors: Box<[_]> = (0..BATCH).map(vector).collect();
        let headers = (0..BATCH)
            .map(|index| {
                // SAFETY: mmsghdr is integers and pointers; all zeros (null pointers) is a value of it.
                let mut header: libc::mmsghdr = unsafe { mem::zeroed() };
                header.msg_hdr.msg_name = addresses.as_mut_ptr().wrapping_add(index).cast();
                header.msg_hdr.msg_iov = vectors.as_mut_ptr().wrapping_add(index);
                header.msg_hdr.msg_iovlen = 1;
                header
            })
            .collect();
        Self { buffers, buffer_octets, stride_octets, addresses, vectors, headers }
    }

    /// Lets the first vectors lead to the buffers of their places again.
    fn restore_vectors(&mut self, count: usize) {
        let (base, stride_octets) = (self.buffers.as_mut_ptr(), self.stride_octets);
        for (index, vector) in self.vectors[..count].iter_mut().enumerate() {
            vector.iov_base = base.wrapping_add(index * stride_octets).cast();
        }
    }

    fn buffer(&self, index: usize) -> &[u8] {
        &self.buffers[index * self.stride_octets..][..self.buffer_octets]
    }

    fn buffer_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.buffers[index * self.stride_octets..][..self.buffer_octets]
    }
}

/// Datagrams that were received together.
pub struct Receiver {
    slots: Slots,
    count: usize,
}

/// One received datagram.
#[derive(Clone, Copy)]
pub struct Datagram<'r> {
    /// Its octets, at most as many as a buffer has; of a longer one the rest is lost.
    pub octets: &'r [u8],
    /// Who sent it.
    pub from: SocketAddr,
}

impl Receiver {
    /// Buffers of `buffer_octets` each.
    pub fn new(buffer_octets: usize) -> Self {
        Self { slots: Slots::new(buffer_octets), count: 0 }
    }

    /// Receives what is there, up to [`BATCH`] datagrams, without waiting; returns how many.
    ///
    /// # Errors
    /// `WouldBlock` when nothing is there, else what the system says of the socket.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.count = 0;
        for header in &mut self.slots.headers {
            header.msg_hdr.msg_namelen = mem::size_of::<RawAddress>() as libc::socklen_t;
        }
        // SAFETY: the BATCH headers are initialised and point to buffers, vectors and addresses of the stated sizes
        // that live as long as `self`; the descriptor is open for the call; no timeout is passed.
        let received = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.slots.headers.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        self.count = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok(self.count)
    }

    /// The datagram `index` of those that [`Self::receive`] counted; `None` if its sender's address is of no kind known.
    pub fn get(&self, index: usize) -> Option<Datagram<'_>> {
        debug_assert!(index < self.count);
        Some(Datagram { octets: self.octets(index), from: self.slots.addresses[index].get()? })
    }

    /// The octets of datagram `index`, for sockets that are connected and so have one peer.
    pub fn octets(&self, index: usize) -> &[u8] {
        let length = (self.slots.headers[index].msg_len as usize).min(self.slots.buffer_octets);
        &self.slots.buffer(index)[..length]
    }
}

/// What became of datagrams that were to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// So many the system did not take.
    pub lost: usize,
    /// It said of one that its receiver cannot be reached ([`is_unreachable`]), or of something sent before.
    pub unreachable: bool,
}

/// Whether an error of a socket says that the other side cannot be reached: nobody listens there, as its host tells by
/// ICMP, or no way leads there.
pub fn is_unreachable(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

/// Datagrams that are to be sent together.
pub struct Sender {
    slots: Slots,
    /// Datagrams: so many buffers and vectors are in use.
    count: usize,
    /// Messages: so many headers are in use. Each sends one datagram, or a run of them.
    messages: usize,
    /// The last message.
    run: Run,
    /// One a header.
    controls: Box<[Control]>,
    /// Runs are sent as one message.
    merges: bool,
    /// The socket is connected: what goes to its one peer may be sent in any order.
    sorts: bool,
}

/// What can follow in a message.
#[derive(Clone, Copy, Default)]
struct Run {
    to: Option<SocketAddr>,
    /// Of each datagram but the last, which may be shorter.
    part_octets: usize,
    /// The last was shorter, or nothing may follow for another reason.
    ended: bool,
}

/// A control message that tells the length of the parts.
#[derive(Clone, Copy)]
#[repr(C)]
struct Control {
    header: libc::cmsghdr,
    part_octets: u16,
    padding: [u8; 6],
}

impl Control {
    /// What `CMSG_LEN` says of a `u16`.
    const OCTETS: usize = mem::size_of::<libc::cmsghdr>() + mem::size_of::<u16>();

    fn new() -> Self {
        // SAFETY: cmsghdr is integers; all zeros is a value of it.
        let mut header: libc::cmsghdr = unsafe { mem::zeroed() };
        header.cmsg_len = Self::OCTETS as _;
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = libc::UDP_SEGMENT;
        Self { header, part_octets: 0, padding: [0; 6] }
    }
}

impl Sender {
    /// Buffers of `buffer_octets` each.
    pub fn new(buffer_octets: usize) -> Self {
        let controls = vec![Control::new(); BATCH].into_boxed_slice();
        Self {
            slots: Slots::new(buffer_octets),
            count: 0,
            messages: 0,
            run: Run::default(),
            controls,
            merges: false,
            sorts: false,
        }
    }

    /// From now on sends runs as one message, if the kernel can cut it up again (Linux 4.18). An older one would not see
    /// the request, and send a message of several replies.
    pub fn merge_for(&mut self, socket: BorrowedFd<'_>) {
        let mut value: libc::c_int = 0;
        let mut length = mem::size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the descriptor is open for the call; `value` has room for the `length` octets that are written.
        let known = unsafe {
            libc::getsockopt(
                socket.as_raw_fd(),
                libc::SOL_UDP,
                libc::UDP_SEGMENT,
                (&raw mut value).cast(),
                &raw mut length,
            )
        };
        self.merges = known == 0;
    }

    /// As [`Self::merge_for`], for a connected socket: what waits is sent in the order of its length, so that there are
    /// runs whatever the lengths are.
    pub fn merge_by_length_for(&mut self, socket: BorrowedFd<'_>) {
        self.merge_for(socket);
        self.sorts = self.merges;
    }

    /// Whether nothing waits to be sent.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether there is no room before the next [`Self::send`].
    pub fn is_full(&self) -> bool {
        self.count == BATCH
    }

    /// The buffer of the next datagram; there is room ([`Self::is_full`] is false).
    pub fn buffer(&mut self) -> &mut [u8] {
        self.slots.buffer_mut(self.count)
    }

    /// Adds the first `octets` of [`Self::buffer`], for `to`, or for the peer of a connected socket.
    #[inline]
    pub fn push(&mut self, octets: usize, to: Option<&SocketAddr>) {
        let octets = octets.min(self.slots.buffer_octets);
        self.slots.vectors[self.count].iov_len = octets;
        self.count += 1;
        self.add(self.count - 1, to);
    }

    /// Adds a vector to the last message, or to a new one.
    #[inline]
    fn add(&mut self, vector: usize, to: Option<&SocketAddr>) {
        let octets = self.slots.vectors[vector].iov_len;
        if self.continues(octets, to) {
            self.extend_run(octets);
        } else {
            self.begin_run(vector, to);
        }
    }

    /// Composes the messages anew from vectors in the order of their length, the longest first.
    fn sort(&mut self) {
        self.slots.vectors[..self.count].sort_unstable_by_key(|vector| Reverse(vector.iov_len));
        (self.messages, self.run) = (0, Run::default());
        (0..self.count).for_each(|vector| self.add(vector, None));
    }

    #[inline]
    fn continues(&self, octets: usize, to: Option<&SocketAddr>) -> bool {
        self.messages > 0 && !self.run.ended && octets <= self.run.part_octets && self.run.to.as_ref() == to
    }

    fn extend_run(&mut self, octets: usize) {
        let control = &mut self.controls[self.messages - 1];
        let header = &mut self.slots.headers[self.messages - 1].msg_hdr;
        control.part_octets = self.run.part_octets as u16;
        header.msg_control = (&raw mut *control).cast();
        header.msg_controllen = Control::OCTETS as _;
        header.msg_iovlen += 1;
        // A message is at most 65,507 octets long: of the longest parts, fewer than a batch.
        let full = (parts(header) + 1) * self.run.part_octets > 65_000;
        self.run.ended = octets < self.run.part_octets || full;
    }

    fn begin_run(&mut self, vector: usize, to: Option<&SocketAddr>) {
        let (octets, message) = (self.slots.vectors[vector].iov_len, self.messages);
        let header = &mut self.slots.headers[message].msg_hdr;
        header.msg_iov = &raw mut self.slots.vectors[vector];
        header.msg_iovlen = 1;
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
        match to {
            Some(address) => {
                header.msg_namelen = self.slots.addresses[message].set(address);
                header.msg_name = (&raw mut self.slots.addresses[message]).cast();
            }
            None => {
                header.msg_namelen = 0;
                header.msg_name = std::ptr::null_mut();
            }
        }
        let ended = !self.merges || octets > MAX_PART_OCTETS || octets == 0;
        self.run = Run { to: to.copied(), part_octets: octets, ended };
        self.messages += 1;
    }

    /// Sends what was added and forgets it.
    ///
    /// One that is refused (no route) does not stop those behind it. When the socket's buffer is full the rest is lost,
    /// as it would be in a queue further down.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> Sent {
        if self.sorts && self.messages > 1 {
            self.sort();
        }
        let (mut next, mut sent) = (0, Sent::default());
        let mut told_at = None;
        while next < self.messages {
            // SAFETY: the headers next..messages are initialised by `push` and point to vectors, addresses and controls
            // that live as long as `self`; the descriptor is open for the call.
            let taken = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.slots.headers.as_mut_ptr().add(next),
                    (self.messages - next) as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            let error = match usize::try_from(taken) {
                Ok(taken) if taken > 0 => {
                    next += taken;
                    continue;
                }
                _ => io::Error::last_os_error(),
            };
            match error.kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => {
                    let rest = &self.slots.headers[next..self.messages];
                    sent.lost += rest.iter().map(|header| parts(&header.msg_hdr)).sum::<usize>();
                    break;
                }
                // Told of what was sent before; that is over now, and nothing was said of this one.
                _ if is_unreachable(&error) && told_at != Some(next) => {
                    sent.unreachable = true;
                    told_at = Some(next);
                }
                _ => {
                    sent.lost += self.send_apart(next, socket);
                    next += 1;
                }
            }
        }
        if self.sorts {
            self.slots.restore_vectors(self.count);
        }
        (self.count, self.messages) = (0, 0);
        sent
    }

    /// Sends the datagrams of a message that was refused one by one; returns how many were refused again.
    ///
    /// Some devices cannot cut messages up (no checksums), or the path is narrower than any should be: no more runs then.
    /// Where nothing can be sent to, as clients may forge it, says nothing about runs.
    fn send_apart(&mut self, message: usize, socket: BorrowedFd<'_>) -> usize {
        let mut header = self.slots.headers[message].msg_hdr;
        let count = parts(&header);
        if count == 1 {
            return 1;
        }
        header.msg_control = std::ptr::null_mut();
        header.msg_controllen = 0;
        header.msg_iovlen = 1;
        let mut lost = 0;
        for _ in 0..count {
            // SAFETY: the header is initialised and points to a vector and an address that live as long as `self`; the
            // descriptor is open for the call.
            let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const header, libc::MSG_DONTWAIT) };
            lost += usize::from(sent < 0);
            header.msg_iov = header.msg_iov.wrapping_add(1);
        }
        self.merges &= lost == count;
        lost
    }
}

/// How many datagrams a message sends.
#[allow(clippy::unnecessary_cast, reason = "other C libraries count in other integers")]
fn parts(header: &libc::msghdr) -> usize {
    header.msg_iovlen as usize
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_batch_travels_there_and_back() {
        for loopback in ["127.0.0.1:0", "[::1]:0"] {
            let here = UdpSocket::bind(loopback).expect("loopback");
            let there = UdpSocket::bind(loopback).expect("loopback");
            let (mut sender, mut receiver) = (Sender::new(100), Receiver::new(8));
            for index in 0..BATCH {
                assert!(!sender.is_full());
                let octets = 4 + index % 10;
                sender.buffer()[..octets].fill(index as u8);
                sender.push(octets, Some(&there.local_addr().expect("bound")));
            }
            assert!(sender.is_full());
            assert_eq!(sender.send(here.as_fd()), Sent::default());
            assert!(sender.is_empty());
            assert_eq!(receiver.receive(there.as_fd()).expect("all arrived"), BATCH);
            for index in 0..BATCH {
                let datagram = receiver.get(index).expect("a known address");
                assert_eq!(datagram.from, here.local_addr().expect("bound"));
                assert_eq!(datagram.octets, vec![index as u8; (4 + index % 10).min(8)], "datagram {index}");
            }
            assert_eq!(receiver.receive(there.as_fd()).map_err(|e| e.kind()), Err(io::ErrorKind::WouldBlock));
        }
    }

    #[test]
    fn runs_of_one_length_to_one_address_are_merged_and_arrive_apart() {
        let [here, there, elsewhere] = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").expect("loopback"));
        let (a, b) = (there.local_addr().expect("bound"), elsewhere.local_addr().expect("bound"));
        let few = |count: usize, octets: usize| vec![(a, octets); count];
        type Case<'c> = (&'c str, Vec<(SocketAddr, usize)>, usize);
        let cases: [Case<'_>; 9] = [
            ("one", few(1, 40), 1),
            ("a run", few(5, 40), 1),
            ("a shorter one ends a run", [few(2, 40), few(1, 39), few(2, 40)].concat(), 2),
            ("a longer one begins another", [few(2, 40), few(2, 41)].concat(), 2),
            ("another address begins another", vec![(a, 40), (a, 40), (b, 40), (b, 40), (a, 40)], 3),
            ("a whole batch", few(BATCH, 40), 1),
            ("no more than a message can hold", few(BATCH, MAX_PART_OCTETS), 2),
            ("what not every path carries whole stays alone", few(3, MAX_PART_OCTETS + 1), 3),
            ("nothing follows an empty one", few(3, 0), 3),
        ];
        for (case, datagrams, messages) in cases {
            let (mut sender, mut receiver) = (Sender::new(1400), Receiver::new(1400));
            sender.merge_for(here.as_fd());
            assert!(sender.merges, "this kernel is not older than Linux 4.18");
            for (index, (to, octets)) in datagrams.iter().enumerate() {
                sender.buffer()[..*octets].fill(index as u8);
                sender.push(*octets, Some(to));
            }
            assert_eq!(sender.messages, messages, "{case}");
            assert_eq!(sender.send(here.as_fd()), Sent::default(), "{case}");
            assert!(sender.is_empty(), "{case}");
            for (socket, address) in [(&there, a), (&elsewhere, b)] {
                let expected: Vec<_> = datagrams.iter().enumerate().filter(|(_, (to, _))| *to == address).collect();
                let count = receiver.receive(socket.as_fd()).unwrap_or(0);
                assert_eq!(count, expected.len(), "{case}");
                for (index, (number, (_, octets))) in expected.into_iter().enumerate() {
                    assert_eq!(receiver.octets(index), vec![number as u8; *octets], "{case}: {number}");
                }
            }
        }
    }

    #[test]
    fn to_one_peer_what_waits_is_sent_in_the_order_of_its_length() {
        let [here, there] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("loopback"));
        here.connect(there.local_addr().expect("bound")).expect("loopback");
        let (mut sender, mut receiver) = (Sender::new(100), Receiver::new(100));
        sender.merge_by_length_for(here.as_fd());
        let octets_of = |index: usize| 4 + index * 7 % 10;
        // A second time from the buffers that the first has mixed up.
        for count in [BATCH, BATCH - 1] {
            for index in 0..count {
                sender.buffer()[..octets_of(index)].fill(index as u8);
                sender.push(octets_of(index), None);
            }
            assert_eq!(sender.send(here.as_fd()), Sent::default());
            assert_eq!(receiver.receive(there.as_fd()).expect("all arrived"), count);
            let received: Vec<_> = (0..count).map(|index| receiver.octets(index)).collect();
            assert!(received.is_sorted_by_key(|octets| Reverse(octets.len())));
            let mut numbers: Vec<_> = received.iter().map(|octets| usize::from(octets[0])).collect();
            let whole = |octets: &&[u8]| **octets == vec![octets[0]; octets_of(usize::from(octets[0]))];
            assert!(received.iter().all(whole), "{received:?}");
            numbers.sort_unstable();
            assert!(numbers.into_iter().eq(0..count), "each once");
        }
    }

    #[test]
    fn a_message_that_cannot_be_cut_up_is_sent_apart() {
        let (here, there) = (UdpSocket::bind("127.0.0.1:0").expect("loopback"), UdpSocket::bind("127.0.0.1:0"));
        let there = there.expect("loopback");
        let (mut sender, mut receiver) = (Sender::new(100), Receiver::new(100));
        sender.merge_for(here.as_fd());
        // Without checksums the kernel refuses to cut up.
        let off: libc::c_int = 1;
        // SAFETY: the descriptor is open for the call; the value is an integer of the length that is told.
        let set = unsafe {
            libc::setsockopt(
                here.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_NO_CHECK,
                (&raw const off).cast(),
                mem::size_of::<libc::c_int>() as libc::socklen_t,
            )
        };
        assert_eq!(set, 0);
        for round in 0..2 {
            for index in 0..3 {
                sender.buffer()[..9].fill(index);
                sender.push(9, Some(&there.local_addr().expect("bound")));
            }
            assert_eq!(sender.messages, [1, 3][round], "after a refusal there are no more runs");
            assert_eq!(sender.send(here.as_fd()), Sent::default());
            assert_eq!(receiver.receive(there.as_fd()).expect("all arrived"), 3);
            assert!((0..3).all(|index| receiver.octets(index) == [index as u8; 9]));
        }
    }

    #[test]
    fn what_a_host_said_of_datagrams_before_costs_none_and_is_passed_on() {
        let (here, there) = (UdpSocket::bind("127.0.0.1:0").expect("loopback"), UdpSocket::bind("127.0.0.1:0"));
        let there = there.expect("loopback");
        let peer = there.local_addr().expect("bound");
        here.connect(peer).expect("a free port");
        drop(there);
        let (mut sender, mut receiver) = (Sender::new(100), Receiver::new(100));
        sender.merge_for(here.as_fd());
        here.send(b"to nobody").expect("nothing is known yet");
        wait_for_error(&here);
        let there = UdpSocket::bind(peer).expect("nobody else has it");
        for index in 0..3 {
            sender.buffer()[..9].fill(index);
            sender.push(9, None);
        }
        assert_eq!(sender.messages, 1);
        assert_eq!(sender.send(here.as_fd()), Sent { lost: 0, unreachable: true });
        assert!(sender.merges, "it says nothing about the cutting of messages");
        assert_eq!(receiver.receive(there.as_fd()).expect("all arrived"), 3);
    }

    /// Waits until an ICMP message has come.
    fn wait_for_error(socket: &UdpSocket) {
        let mut polled = libc::pollfd { fd: socket.as_raw_fd(), events: 0, revents: 0 };
        // SAFETY: one structure is passed, and it lives for the call; the descriptor in it is open.
        let ready = unsafe { libc::poll(&raw mut polled, 1, 10_000) };
        assert_eq!((ready, polled.revents), (1, libc::POLLERR));
    }

    #[test]
    fn an_address_that_cannot_be_sent_to_does_not_end_runs_for_all() {
        let here = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        let mut sender = Sender::new(100);
        sender.merge_for(here.as_fd());
        for _ in 0..2 {
            for _ in 0..3 {
                // The kernel wants to be asked before it broadcasts.
                sender.push(9, Some(&(Ipv4Addr::BROADCAST, 53).into()));
            }
            assert_eq!((sender.messages, sender.send(here.as_fd()).lost), (1, 3));
        }
    }
}
