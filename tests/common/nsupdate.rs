//! nsupdate, the client of dynamic updates.

use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use super::program;

/// What nsupdate prints for a script, and whether it is content.
pub(crate) fn nsupdate(server: SocketAddr, arguments: &[&str], script: &str) -> (bool, String) {
    let mut child = Command::new(program("nsupdate", "bind9-dnsutils"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nsupdate can be started");
    let script = format!("server {} {}\n{script}\nsend\n", server.ip(), server.port());
    child.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("nsupdate reads its input");
    let output = child.wait_with_output().expect("nsupdate ends");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), text)
}
