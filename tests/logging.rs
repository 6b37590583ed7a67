//! The logger as a program uses it: installed once, for every thread, with a file that rolls.

use std::collections::BTreeMap;
use std::fs;

use tandem::logging::{
    self, AlreadyInstalled, Category, Channel, Config, Destination, File, Logger, PrintTime, Severity, Suffix,
    Threshold, Versions,
};

#[test]
fn an_installed_logger_takes_the_events_of_every_thread() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = File {
        path: "bind.log".into(),
        versions: Some(Versions::Count(3)),
        size: Some(2000),
        suffix: Suffix::Increment,
    };
    let simple_log = Channel {
        destination: Destination::File(file),
        severity: Threshold::AtLeast(Severity::Warning),
        print_time: PrintTime::Local,
        print_severity: true,
        print_category: true,
    };
    let config = Config {
        channels: BTreeMap::from([("simple_log".to_owned(), simple_log)]),
        categories: BTreeMap::from([
            (Category::Default, vec!["simple_log".to_owned()]),
            (Category::LameServers, vec!["null".to_owned()]),
        ]),
    };

    assert!(!logging::enabled(Category::Security, Severity::Critical), "closed until a logger is installed");
    let (logger, warnings) = Logger::start(&config, directory.path(), false);
    assert_eq!(warnings, Vec::<String>::new());
    logger.install().expect("the first");
    assert_eq!(logger.install(), Err(AlreadyInstalled));
    assert!(logging::enabled(Category::Security, Severity::Warning));
    assert!(!logging::enabled(Category::Security, Severity::Notice));
    assert!(!logging::enabled(Category::LameServers, Severity::Critical), "null");

    std::thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || {
                for number in 0..25 {
                    logging::event!(Category::Security, Severity::Warning, "client {worker}: query {number} denied");
                    logging::event!(Category::Security, Severity::Info, "not written");
                }
            });
        }
    });
    assert!(logger.flush());
    let mut lines = Vec::new();
    for name in ["bind.log.2", "bind.log.1", "bind.log.0", "bind.log"] {
        let text = fs::read_to_string(directory.path().join(name)).expect(name);
        assert!(text.len() <= 2100, "{name} has {} octets", text.len());
        lines.extend(text.lines().map(str::to_owned));
    }
    assert_eq!(lines.len(), 100);
    for line in &lines {
        // 21-Nov-2026 00:53:04.573 security: warning: client 3: query 24 denied
        let (time, rest) = line.split_at(25);
        assert!(time.chars().filter(|c| c.is_ascii_digit()).count() == 15 && time.ends_with(' '), "{line}");
        assert!(rest.starts_with("security: warning: client ") && rest.ends_with(" denied"), "{line}");
    }

    logger.reconfigure(&Config::default(), directory.path());
    assert!(logging::enabled(Category::Security, Severity::Info), "a reload moves the program's gate");
    logger.shutdown();
}
