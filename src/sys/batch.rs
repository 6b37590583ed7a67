//! Datagrams in batches: one `recvmmsg` or `sendmmsg` for up to [`BATCH`] of them.
//!
//! Buffers, addresses and headers are allocated once; the headers point into the other arrays, which never move.

#![allow(unsafe_code)]

use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// The most datagrams that one call takes.
pub const BATCH: usize = 64;

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
    addresses: Box<[RawAddress]>,
    vectors: Box<[libc::iovec]>,
    headers: Box<[libc::mmsghdr]>,
}

// SAFETY: the raw pointers lead into boxes that the same value owns, so they may move to another thread with it.
unsafe impl Send for Slots {}

impl Slots {
    fn new(buffer_octets: usize) -> Self {
        let mut buffers = vec![0u8; BATCH * buffer_octets].into_boxed_slice();
        let mut addresses = vec![RawAddress::zero(); BATCH].into_boxed_slice();
        let vector = |index: usize| libc::iovec {
            iov_base: buffers.as_mut_ptr().wrapping_add(index * buffer_octets).cast(),
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
        Self { buffers, buffer_octets, addresses, vectors, headers }
    }

    fn buffer(&self, index: usize) -> &[u8] {
        &self.buffers[index * self.buffer_octets..(index + 1) * self.buffer_octets]
    }

    fn buffer_mut(&mut self, index: usize) -> &mut [u8] {
        &mut self.buffers[index * self.buffer_octets..(index + 1) * self.buffer_octets]
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

/// Datagrams that are to be sent together.
pub struct Sender {
    slots: Slots,
    count: usize,
}

impl Sender {
    /// Buffers of `buffer_octets` each.
    pub fn new(buffer_octets: usize) -> Self {
        Self { slots: Slots::new(buffer_octets), count: 0 }
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
    pub fn push(&mut self, octets: usize, to: Option<&SocketAddr>) {
        let index = self.count;
        self.slots.vectors[index].iov_len = octets.min(self.slots.buffer_octets);
        let header = &mut self.slots.headers[index].msg_hdr;
        match to {
            Some(address) => {
                header.msg_namelen = self.slots.addresses[index].set(address);
                header.msg_name = (&raw mut self.slots.addresses[index]).cast();
            }
            None => {
                header.msg_namelen = 0;
                header.msg_name = std::ptr::null_mut();
            }
        }
        self.count += 1;
    }

    /// Sends what was added and forgets it; returns how many datagrams the system did not take.
    ///
    /// One that is refused (no route, an ICMP error from before) does not stop those behind it. When the socket's buffer
    /// is full the rest is lost, as it would be in a queue further down.
    pub fn send(&mut self, socket: BorrowedFd<'_>) -> usize {
        let (mut next, mut lost) = (0, 0);
        while next < self.count {
            // SAFETY: the headers next..count are initialised by `push` and point to vectors and addresses that live as
            // long as `self`; the descriptor is open for the call.
            let sent = unsafe {
                libc::sendmmsg(
                    socket.as_raw_fd(),
                    self.slots.headers.as_mut_ptr().add(next),
                    (self.count - next) as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            match usize::try_from(sent) {
                Ok(sent) if sent > 0 => next += sent,
                _ => match io::Error::last_os_error().kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => {
                        lost += self.count - next;
                        break;
                    }
                    _ => {
                        lost += 1;
                        next += 1;
                    }
                },
            }
        }
        self.count = 0;
        lost
    }
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
            assert_eq!(sender.send(here.as_fd()), 0);
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
}
