//! The statistics as XML: version 3.13 of named's, `/xml/v3`.

use std::io::{Result, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesPI, BytesText, Event};

use super::json::Part;
use super::{Milliseconds, Statistics, ViewLine, qtypes, sizes, tables, version};
use crate::health::overrides::Utc;

type Out = Writer<Vec<u8>>;

/// What makes a page of it in a browser (XSLT 1.0), and where it is found.
pub const STYLE_SHEET: &str = include_str!("page.xsl");
/// See [`STYLE_SHEET`]; named's.
pub const STYLE_SHEET_PATH: &str = "/bind9.xsl";

impl Statistics {
    /// Writes a part of them.
    pub fn to_xml(&self, part: Part) -> Vec<u8> {
        let mut out = Writer::new(Vec::with_capacity(16 * 1024));
        // A vector takes everything.
        let _ = self.write_xml(&mut out, part);
        out.into_inner()
    }

    fn write_xml(&self, out: &mut Out, part: Part) -> Result<()> {
        out.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        out.get_mut().write_all(b"\n")?;
        let sheet = format!("xml-stylesheet type=\"text/xsl\" href=\"{STYLE_SHEET_PATH}\"");
        out.write_event(Event::PI(BytesPI::new(sheet)))?;
        out.get_mut().write_all(b"\n")?;
        out.create_element("statistics").with_attribute(("version", "3.13")).write_inner_content(|out| {
            out.create_element("server").write_inner_content(|out| self.write_server(out, part))?;
            if part.has(Part::Traffic) {
                out.create_element("traffic").write_inner_content(|out| self.write_traffic(out))?;
            }
            out.create_element("views").write_inner_content(|out| {
                if part.has(Part::Server) || part == Part::Zones {
                    for view in &self.views {
                        self.write_view(out, view, part)?;
                    }
                }
                Ok(())
            })?;
            if part.has(Part::Tasks) {
                out.create_element("taskmgr").write_inner_content(|out| self.write_threads(out))?;
            }
            if part.has(Part::Memory) {
                out.create_element("memory").write_inner_content(|out| self.write_memory(out))?;
            }
            Ok(())
        })?;
        out.get_mut().write_all(b"\n")
    }

    fn write_server(&self, out: &mut Out, part: Part) -> Result<()> {
        text(out, "boot-time", &Milliseconds(self.facts.started).to_string())?;
        text(out, "config-time", &Milliseconds(self.facts.read).to_string())?;
        text(out, "current-time", &Milliseconds(self.now).to_string())?;
        text(out, "version", &version())?;
        let rows = |rows: &'static [tables::Row]| rows.iter().map(|row| (row.name, (row.value)(self)));
        if part.has(Part::Server) {
            counters(out, "opcode", tables::opcodes(&self.sums))?;
            counters(out, "rcode", tables::rcodes(&self.sums))?;
            counters(out, "qtype", qtypes(&self.sums.qtypes))?;
            counters(out, "nsstat", rows(tables::NSSTAT))?;
            counters(out, "zonestat", rows(tables::ZONESTAT))?;
        }
        if part.has(Part::Net) {
            counters(out, "sockstat", tables::sockets(self).map(|(name, _, count)| (name, count)))?;
        }
        Ok(())
    }

    fn write_view(&self, out: &mut Out, view: &ViewLine, part: Part) -> Result<()> {
        out.create_element("view").with_attribute(("name", view.name.as_str())).write_inner_content(|out| {
            if part.has(Part::Zones) {
                out.create_element("zones").write_inner_content(|out| self.write_zones(out, view))?;
            }
            if part.has(Part::Server) {
                counters(out, "resqtype", qtypes(&view.sums.qtypes))?;
                counters(out, "resstats", tables::resolver(&view.sums).map(|(name, _, count)| (name, count)))?;
                out.create_element("cache").with_attribute(("name", view.name.as_str())).write_inner_content(
                    |out| {
                        for (name, count) in &view.kept {
                            out.create_element("rrset").write_inner_content(|out| {
                                text(out, "name", name)?;
                                text(out, "counter", &count.to_string())
                            })?;
                        }
                        Ok(())
                    },
                )?;
                counters(out, "cachestats", self.cachestats(view).map(|(name, _, count)| (name, count)))?;
            }
            Ok(())
        })?;
        Ok(())
    }

    fn write_zones(&self, out: &mut Out, view: &ViewLine) -> Result<()> {
        for origin in self.zones(&view.name) {
            let name = origin.zone.apex.to_string();
            let attributes = [("name", name.as_str()), ("rdataclass", "IN")];
            out.create_element("zone").with_attributes(attributes).write_inner_content(|out| {
                text(out, "type", "primary")?;
                let serial = origin.serial().map_or("-".to_owned(), |serial| serial.to_string());
                text(out, "serial", &serial)?;
                text(out, "loaded", &Utc::from(origin.loaded.unwrap_or(origin.read)).to_string())?;
                let Some(counted) = self.counted(origin) else { return Ok(()) };
                counters(out, "rcode", counted.rows().map(|(name, _, count)| (name, count)))?;
                counters(out, "qtype", counted.qtypes())
            })?;
        }
        Ok(())
    }

    fn write_traffic(&self, out: &mut Out) -> Result<()> {
        for (family, first) in [("ipv4", 0), ("ipv6", 2)] {
            out.create_element(family).write_inner_content(|out| {
                for (transport, channel) in [("udp", first), ("tcp", first + 1)] {
                    out.create_element(transport).write_inner_content(|out| {
                        counters(out, "request-size", sizes(&self.sums.requests[channel]))?;
                        counters(out, "response-size", sizes(&self.sums.responses[channel]))
                    })?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn write_threads(&self, out: &mut Out) -> Result<()> {
        out.create_element("thread-model").write_inner_content(|out| {
            text(out, "type", "threaded")?;
            text(out, "worker-threads", &self.workers.to_string())
        })?;
        out.create_element("tasks").write_empty()?;
        Ok(())
    }

    fn write_memory(&self, out: &mut Out) -> Result<()> {
        out.create_element("contexts").write_inner_content(|out| {
            out.create_element("context").write_inner_content(|out| {
                text(out, "id", "cache")?;
                text(out, "name", "cache")?;
                text(out, "total", &self.cache_capacity.to_string())?;
                text(out, "inuse", &self.cache_octets.to_string())
            })?;
            Ok(())
        })?;
        out.create_element("summary").write_inner_content(|out| {
            let Some(resident) = self.resident_octets else { return Ok(()) };
            text(out, "TotalUse", &resident.to_string())?;
            text(out, "InUse", &resident.to_string())
        })?;
        Ok(())
    }
}

/// An element with a text.
fn text(out: &mut Out, name: &str, text: &str) -> Result<()> {
    out.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}

/// Names and numbers of one type.
fn counters<N: AsRef<str>>(out: &mut Out, kind: &str, rows: impl IntoIterator<Item = (N, u64)>) -> Result<()> {
    out.create_element("counters").with_attribute(("type", kind)).write_inner_content(|out| {
        for (name, count) in rows {
            let counter = out.create_element("counter").with_attribute(("name", name.as_ref()));
            counter.write_text_content(BytesText::new(&count.to_string()))?;
        }
        Ok(())
    })?;
    Ok(())
}
