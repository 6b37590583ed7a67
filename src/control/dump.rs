//! `dumpdb`: writing what is cached, and local zones, as master-file text into `dump-file`.
//!
//! The cache is copied a few hundred entries at a time and written between: memory is bounded, no look-up waits, and what
//! comes and goes meanwhile may be missing or twice. The file appears whole under its name, or not at all; who asked waits
//! for it as long as [`files::PATIENCE`], for named's comes behind its reply.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::cache::{Cache, Kept};
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Code, Failure, Reply};
use crate::office::{Facts, Office, Origin, files};
use crate::state::View;
use crate::wire::header::rcode;
use crate::wire::mnemonic::{class_name, type_name};
use crate::wire::unpack::{Unpacked, unpack};
use crate::wire::{Name, Segment, present};

/// What is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Cache,
    Zones,
    All,
}

/// The cache, or zones, or both; of some views, or of all.
pub(super) fn dumpdb(office: &Office, arguments: &[&str]) -> Reply {
    let (option, names) = match arguments.split_first() {
        Some((first, rest)) if first.starts_with('-') => (*first, rest),
        _ => ("", arguments),
    };
    let what = match option {
        "" | "-cache" => What::Cache,
        "-zones" => What::Zones,
        "-all" => What::All,
        "-adb" | "-bad" | "-expired" | "-fail" => {
            return Err(Failure::not_here(format!("there is no such table here: {option}")));
        }
        _ => return Err(Failure::with(Code::Syntax, "expected: -all, -cache or -zones, and views")),
    };
    let snapshot = office.shared.desks.state.present();
    if let Some(unknown) = names.iter().find(|name| !snapshot.views.iter().any(|view| view.name == **name)) {
        return Err(Failure::with(Code::NotFound, format!("view '{unknown}' not found")));
    }
    let is_meant = |view: &&Arc<View>| names.is_empty() || names.contains(&&*view.name);
    let views: Vec<Arc<View>> = snapshot.views.iter().filter(is_meant).cloned().collect();
    let suffix = if option.is_empty() { String::new() } else { format!(": {option}") };
    logging::event!(Category::General, Severity::Info, "dumpdb started{suffix}");
    let (facts, cache) = (office.facts.load_full(), Arc::clone(&office.shared.desks.upstream.cache));
    let path = facts.files.dump.clone();
    let write = move |path: &Path| files::replace(path, |out| write_all(&views, what, &facts, &cache, out));
    office.files.write(&path, write, |written| match written {
        Ok(()) => logging::event!(Category::General, Severity::Info, "dumpdb complete"),
        Err(why) => logging::event!(Category::General, Severity::Error, "dumpdb failed: {why}"),
    })
}

fn write_all(views: &[Arc<View>], what: What, facts: &Facts, cache: &Cache, out: &mut impl Write) -> io::Result<()> {
    for view in views {
        writeln!(out, ";\n; Start view {}\n;", view.name)?;
        if what != What::Zones {
            write_cache(cache, view, out)?;
        }
        if what != What::Cache {
            let mut of_view = facts.zones.iter().filter(|origin| origin.view == view.name);
            of_view.try_for_each(|origin| zone(origin, out))?;
        }
    }
    writeln!(out, "; Dump complete")
}

fn write_cache(cache: &Cache, view: &View, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, ";\n; Cache dump of view '{0}' (cache {0})\n;", view.name)?;
    writeln!(out, "$DATE {}", logging::dump_date(SystemTime::now()))?;
    let mut result = Ok(());
    cache.look(Instant::now(), |copies| {
        let of_view = copies.iter().filter(|kept| kept.parts.view == view.id);
        result = of_view.into_iter().try_for_each(|kept| answer(view, kept, out));
        result.is_ok()
    });
    result
}

/// One answer: a comment that says what it is, and its records; where there are none, why, as named has it.
fn answer(view: &View, kept: &Kept, out: &mut impl Write) -> io::Result<()> {
    let Some(qname) = Name::from_wire(&kept.qname) else { return Ok(()) };
    let segment = Segment::new(&kept.segment);
    let meta = segment.meta();
    let (parts, question) = (&kept.parts, qname.absolute());
    let class = class_name(parts.qclass);
    let qtype = type_name(parts.qtype);
    let rule = view.rules.iter().find(|rule| rule.id == parts.rule);
    let rule = rule.map_or("a rule that is gone".to_owned(), |rule| rule.apex.absolute());
    let flags = [(parts.dnssec_ok, " +do"), (parts.checking_disabled, " +cd")];
    let flags: String = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, text)| *text).collect();
    if meta.ede != 0 && meta.answers == 0 && u16::from(meta.rcode) == rcode::SERVFAIL {
        return writeln!(out, "; {question} {qtype} failed, by {rule}{flags} [ttl {}]", kept.left);
    }
    let stale = if kept.left < 0 { " (stale)" } else { "" };
    let kind = if meta.answers > 0 { "answer" } else { "negative answer" };
    // NXDOMAIN is for every type.
    let asked = if parts.qtype == 0 { question.clone() } else { format!("{question} {qtype}") };
    writeln!(out, "; {kind} to {asked}, by {rule}{flags}{stale}")?;
    if meta.answers == 0 {
        let (rtype, why) = match (parts.qtype, u16::from(meta.rcode)) {
            (0, _) | (_, rcode::NXDOMAIN) => ("ANY".to_owned(), "NXDOMAIN"),
            _ => (qtype.to_string(), "NXRRSET"),
        };
        writeln!(out, "{question}\t{}\t{class}\t\\-{rtype}\t;-${why}", kept.left.max(0))?;
    }
    let mut result = Ok(());
    let each = |record: Unpacked| {
        if result.is_ok() {
            result = line(&record, meta.answers == 0 || record.is_authority, kept.elapsed, out);
        }
    };
    // What was kept is whole.
    let _ = unpack(&kept.qname, &segment, each);
    result
}

fn line(record: &Unpacked, is_comment: bool, elapsed: u32, out: &mut impl Write) -> io::Result<()> {
    let mark = if is_comment { "; " } else { "" };
    let ttl = record.ttl.saturating_sub(elapsed);
    let (owner, rdata) = (record.owner.absolute(), present::show(record.rtype, &record.rdata));
    writeln!(out, "{mark}{owner}\t{ttl}\t{}\t{}\t{rdata}", class_name(record.class), type_name(record.rtype))
}

fn zone(origin: &Origin, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, ";\n; Zone dump of '{}/IN'\n;", origin.zone.apex)?;
    let present = origin.zone.load();
    let Some(zone) = present.as_deref() else { return writeln!(out, "; not loaded") };
    for record in zone.iter() {
        let (owner, rdata) = (record.owner.absolute(), present::show(record.rtype, &record.rdata));
        writeln!(out, "{owner}\t{}\tIN\t{}\t{rdata}", record.ttl, type_name(record.rtype))?;
    }
    if zone.has_groups() {
        writeln!(out, "; and {} records that policies choose among: 'explain' shows them", zone.choosable())?;
    }
    Ok(())
}
