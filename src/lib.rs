//! Tandem: a forwarding DNS server for the way between corporate networks and AWS VPCs.
//!
//! This page is the map. Modules stand in the order of their layers: each uses only those above it, and
//! `tests/layers.rs` keeps that true. Data goes one way: socket → packet → access → cache or upstream → answer → socket.
//!
//! | layer | module | what it is |
//! |---|---|---|
//! | foundation | [`sys`] | system calls in batches, sockets, interfaces, processes, privileges; the only `unsafe` |
//! | | [`wire`] | packets in place: queries, responses, segments, replies; RDATA in text |
//! | | [`tsig`] | transaction signatures: who sent a message |
//! | | [`logging`] | named's channels and categories, the query log; written by a thread of its own |
//! | | [`metrics`] | counters, each worker's own; readers add up |
//! | | [`config`] | the validated [`config::Config`] and its two readers, named.conf and TOML |
//! | what the server knows | [`access`] | match lists compiled to one look-up, cookies, quotas |
//! | | [`health`] | which servers behind a name are well |
//! | | [`zone`] | what this server is the authority for |
//! | | [`cache`] | answers in wire form, sharded, bounded in octets |
//! | | [`upstream`] | a machine without I/O that gets questions answered by forwarders |
//! | | [`state`] | the published [`state::Snapshot`]: views, rules, lists |
//! | the query path | [`answer`] | decides what a query gets; keeps those that wait; also explains |
//! | | [`keeper`] | makes updates of local zones and keeps them: one thread, a journal a zone |
//! | | [`listen`] | one worker a core: sockets and timers, lent to `answer` |
//! | the operators' side | [`doors`] | listening for operators' programs: who may enter, and how many |
//! | | [`office`] | what the process is, and the ways to have it changed; every door has it |
//! | | [`statistics`] | what was counted, in named's shapes: JSON, XML, text |
//! | | [`control`] | rndc's channel and a Unix socket: reload, flush, dump, health, zones |
//! | | [`http`] | statistics-channels: what was counted, over HTTP |
//! | | [`daemon`] | start, reload, stop; the only module that knows everyone |
//! | | [`cli`] | programs by name, subcommands, the demo |
//!
//! # The walk of a query
//! 1. `listen` receives a batch of datagrams, or a message of a connection.
//! 2. [`wire::Query`] reads it in place; what is malformed becomes an RCODE or nothing.
//! 3. [`answer::decide`] checks blackhole, EDNS version, cookie, class, view and access lists.
//! 4. [`state::rules`] finds the rule: the longest suffix; a DS question is its parent's.
//!    A local zone's answer is written at once ([`zone`]): its records, or what policies and health choose.
//! 5. [`cache`] has it: one copy, TTLs counted down, addresses rotated, done.
//! 6. Or not: [`upstream`] joins the same question in flight on any core, or asks the best forwarder.
//! 7. A response that matches by socket, ID and whole question becomes a [`wire::Segment`]: the question's own chain and
//!    nothing else. It is kept under its rule.
//! 8. [`answer::resume`] goes on with each query that waited: a chain that enters another rule's names is asked there.
//! 9. [`wire::reply`] fits it to what the client takes; `listen` sends the batch.
//!
//! An update goes another way: [`answer::update`] reads it, checks its signature and whether its sender may change
//! anything; [`keeper`] makes it on a version that nobody sees yet, writes it to the journal, waits for the disk,
//! publishes the version, and has it answered by the worker that it came to.
//!
//! # Invariants
//! - Only what answers a question that is being asked, from whom it was asked, is believed; of that, only the chain.
//! - An answer is never served after its TTL, and clients are told no more than what is left of it.
//! - Whatever comes from the network is bounded in octets, count and time, and cannot panic.
//! - A look-up sees one version of a local zone whole; a change to a zone is applied whole or not at all.
//! - What a zone says under new views, lists or keys is never told, or changed, by those before: `daemon::handover`.
//! - What was answered NOERROR to an update is on the disk.
//! - `wire`, `tsig`, `access`, `zone`, `cache`, `state`, `upstream` and `answer` do no I/O and read no clock: time, chance
//!   and the host are arguments. `tests/layers.rs` keeps that too.
//!
//! # Bounds under overload
//! Who is over a bound is refused or dropped by a rule that `docs/operating.md` tells operators; here is where each is kept.
//! - Questions that wait and connections: [`access::quota`], which counts refusals too; who makes room: [`answer::desk`].
//! - Pipelined questions and unread replies of a connection: `listen::tcp`. Unread questions to an upstream:
//!   `listen::upstreams`, in octets.
//! - Flights, their copies on other workers and the letters between workers: one each for a question that waits, or that
//!   refreshes the cache; the timers of those that ended early go within seconds ([`upstream`]'s wheel).
//! - Sockets and IDs to upstreams: [`upstream::lanes`]; the IDs of a socket are never more than half in use. Attempts:
//!   [`upstream::flight::MAX_ATTEMPTS`]. Answers that were overtaken: 256 a worker.
//! - Updates that wait, in all and of one client: `keeper::queue`; octets of a journal: `keeper::ledger`.
//! - What is asked at once of a forwarder or under a rule, and who waits for one question, where that is written:
//!   [`upstream::spill`].
//! - Probes under way: [`health::schedule`]; what is read of a server's answer: [`health::probe`].
//! - Clients of the control and statistics channels: [`doors`]; their requests and their time: [`control`], [`http`].
//! - Lines of the query log that wait: a ring a worker ([`logging::queries`]); other messages: [`logging::logger`].
//! - Octets of answers: [`cache`]. Octets of a message: 4,096 by UDP, 65,535 by TCP; of names and chains: [`wire`].
//!
//! # Absent on purpose
//! - Iteration: no root server is ever asked, `forward first` is treated as `only`.
//! - Validation: DO and CD pass through, proofs are kept, AD is cleared unless a rule trusts its upstream.
//! - Built-in empty zones, unless asked for: reverse names of private networks go to their forwarders.
//! - Wildcard sockets: each address is bound by itself, so that a reply leaves from the address that was asked.

pub mod sys;
pub mod wire;
pub mod tsig;
pub mod logging;
pub mod metrics;
pub mod config;
pub mod access;
pub mod health;
pub mod zone;
pub mod cache;
pub mod upstream;
pub mod state;
pub mod answer;
pub mod keeper;
pub mod listen;
pub mod doors;
pub mod office;
pub mod statistics;
pub mod control;
pub mod http;
pub mod daemon;
pub mod cli;
