//! A disk that fills up under the journal: updates are refused, none is lost, and it goes on as soon as there is room.
//!
//! `TANDEM_TEST_DISK` is the directory of a small file system of its own: `tests/acceptance disk` makes one.

mod common;

use std::fs::{self, File};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use common::dig::Dig;
use common::{Tandem, fresh_address, nsupdate};

const DDNS: &str = "hmac-sha256:ddns:c2VjcmV0c2VjcmV0c2VjcmV0";
const MASTER: &str = "$TTL 60\n@ SOA ns hostmaster 7 3600 600 86400 60\n@ NS ns\nns A 10.0.0.2\n";

/// Whether the update of a name was taken.
fn add(server: SocketAddr, number: usize) -> bool {
    let text = "x".repeat(200);
    let script = format!("update add n{number}.corp 60 TXT {text}\nupdate add n{number}.corp 60 A 10.0.0.1");
    let (is_content, said) = nsupdate(server, &["-y", DDNS], &script);
    assert!(is_content || said.contains("SERVFAIL"), "{said}");
    is_content
}

fn is_there(server: SocketAddr, number: usize) -> bool {
    let name = format!("n{number}.corp");
    let [text, address] = ["TXT", "A"].map(|rtype| Dig::new(server).with(&["+tcp"]).expect(&name, rtype).answer.len());
    assert_eq!(text, address, "half an update is there");
    text > 0
}

#[test]
fn a_full_disk_refuses_updates_and_loses_none() {
    let disk = PathBuf::from(std::env::var_os("TANDEM_TEST_DISK").expect("TANDEM_TEST_DISK names a file system"));
    let address = fresh_address();
    let conf = format!(
        "key ddns {{ algorithm hmac-sha256; secret \"c2VjcmV0c2VjcmV0c2VjcmV0\"; }};\noptions {{ directory \"{{directory}}\"; \
         listen-on port {} {{ {}; }}; listen-on-v6 {{ none; }}; allow-query {{ any; }}; recursion no; }};\nzone corp {{ type \
         primary; file \"corp.zone\"; journal \"{}/corp.journal\"; allow-update {{ key ddns; }}; }};\n",
        address.port(),
        address.ip(),
        disk.display(),
    );
    let mut server = Tandem::start_with_files(address, &conf, &[("corp.zone", MASTER)]);
    let mut taken = vec![add(address, 0)];
    assert!(taken[0], "there is room: {}", server.said());
    for round in 0..3 {
        let mut filler = File::create(disk.join("filler")).expect("a file");
        // Whole pages first, then what is left.
        for piece in [4096, 1] {
            while filler.write_all(&vec![0; piece]).is_ok() {}
        }
        // Open, a file that was removed would still take its room.
        drop(filler);
        let before = taken.len();
        taken.extend((0..60).map(|number| add(address, before + number)));
        let refused = taken[before..].iter().filter(|taken| !**taken).count();
        assert!(refused > 0, "round {round}: the disk is full: {}", server.said());
        fs::remove_file(disk.join("filler")).expect("it is there");
        taken.extend([add(address, taken.len())]);
        assert!(taken.last() == Some(&true), "round {round}: there is room again: {}", server.said());
        if round != 1 {
            server.crash_and_restart(address);
        }
        for (number, taken) in taken.iter().enumerate() {
            assert_eq!(is_there(address, number), *taken, "round {round}: update {number}: {}", server.said());
        }
    }
    let kept = taken.iter().filter(|taken| **taken).count();
    println!("{kept} updates kept and there, {} refused and not there", taken.len() - kept);
    server.says("updates cannot be kept in");
    assert!(!server.said().contains("damaged"), "{}", server.said());
    assert!(server.stop().success());
}
