//! `statistics-channels`: where statistics are told, and to whom.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Context;
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::report::Report;
use crate::config::named_conf::value::Value;
use crate::config::{MatchList, STATISTICS_PORT, StatisticsChannel};

/// Every channel, in the order of the text.
pub(super) fn lower(context: &mut Context<'_>, top: &Body) -> Vec<StatisticsChannel> {
    let mut channels: Vec<StatisticsChannel> = Vec::new();
    for setting in top.all("statistics-channels") {
        let Value::Body(body) = &setting.value else { continue };
        for setting in body.all("inet") {
            let Some(channel) = channel(context, setting) else { continue };
            if channels.iter().any(|other| other.address == channel.address) {
                let (ip, port) = (channel.address.ip(), channel.address.port());
                let message = format!("statistics channel {ip}#{port} is written before: this one is not used");
                context.report.warn(Some(&setting.position), message);
                continue;
            }
            channels.push(channel);
        }
    }
    channels
}

fn channel(context: &mut Context<'_>, setting: &Setting) -> Option<StatisticsChannel> {
    let Value::Inet { address, port, allow } = &setting.value else { return None };
    // A star is every IPv4 address, and no port is named's, as in named.
    let ip = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let port = port.filter(|&port| port > 0).unwrap_or(STATISTICS_PORT);
    let allow = allow.as_ref().map_or_else(MatchList::any, |elements| {
        // named finds out only when it opens the channel, and then does without the channel.
        let mut own = Report::default();
        let list = context.acls.resolve(elements, &mut own);
        match own.finish() {
            Ok(_) => list,
            Err(found) => {
                let why = found.first().map_or(String::new(), |first| first.message.clone());
                context.report.warn(Some(&setting.position), format!("nobody may read these statistics: {why}"));
                MatchList::none()
            }
        }
    });
    Some(StatisticsChannel { address: SocketAddr::new(ip, port), allow })
}
