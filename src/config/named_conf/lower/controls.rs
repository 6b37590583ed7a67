//! From `controls` statements to the control channels.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

use super::Context;
use crate::config::control::{CONTROL_PORT, Control, distinct, unwritten};
use crate::config::named_conf::body::{Body, Setting};
use crate::config::named_conf::lexer::Token;
use crate::config::named_conf::report::Problem;
use crate::config::named_conf::value::{ControlInet, Value};
use crate::config::values::excerpt;
use crate::wire::Name;

impl<'a> Context<'a> {
    pub(super) fn controls(&mut self, top: &'a Body) -> Vec<Control> {
        let mut found = Vec::new();
        let mut is_written = false;
        for setting in top.all("controls") {
            is_written = true;
            let Value::Body(body) = &setting.value else { continue };
            found.extend(body.all("inet").filter_map(|setting| self.control(setting)));
        }
        if !is_written {
            return unwritten();
        }
        let (kept, left_out) = distinct(found);
        for control in left_out {
            let (ip, port) = (control.address.ip(), control.address.port());
            let message = format!("control channel {ip}#{port} is written before: this one is not used");
            self.report.warn(control.position.as_ref(), message);
        }
        kept
    }

    fn control(&mut self, setting: &Setting) -> Option<Control> {
        let Value::Control(ControlInet { address, port, allow, keys, read_only }) = &setting.value else { return None };
        let address = match address {
            // named's `*` is every IPv4 address.
            None => (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            Some(address) => *address,
        };
        let port = port.filter(|port| *port > 0).unwrap_or(CONTROL_PORT);
        let address = match address {
            (IpAddr::V6(ip), scope_id) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope_id)),
            (ip, _) => SocketAddr::new(ip, port),
        };
        let allow = self.acls.resolve(allow, &mut self.report);
        let keys = keys.as_ref().map(|keys| keys.iter().filter_map(|key| self.control_key(key)).collect());
        Some(Control {
            address,
            allow,
            keys,
            read_only: read_only.unwrap_or(false),
            position: Some(setting.position.clone()),
        })
    }

    /// The name of a key that there is; wrong ones have been complained about.
    fn control_key(&mut self, token: &Token) -> Option<Name> {
        let name = token.text.parse().ok().filter(|name| self.acls.keys.is_of_server(name));
        if name.is_none() {
            let mut problem = Problem::new(token.position.clone(), format!("unknown key '{}'", excerpt(&token.text)));
            if !self.report.is_full() {
                problem.hint = self.acls.keys.did_you_mean(&token.text);
            }
            self.report.problem(problem);
        }
        name
    }
}
