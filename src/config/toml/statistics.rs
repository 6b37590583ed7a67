//! Reading `[[statistics_channel]]`: where statistics are told, and to whom.

use super::acl::Acls;
use super::keys::Place;
use super::walk::{Field, Reader};
use crate::config::values;
use crate::config::{MatchList, STATISTICS_PORT, StatisticsChannel};

/// Every channel, in the order of the text.
pub(super) fn channels<'a, 'i>(
    reader: &mut Reader<'i>,
    field: Option<Field<'a, 'i>>,
    acls: &mut Acls<'a, 'i>,
) -> Vec<StatisticsChannel> {
    let mut channels = Vec::new();
    for table in reader.tables(Place::StatisticsChannel, field) {
        let mut allow = MatchList::any();
        reader.set(&table, "allow", &mut allow, |reader, field| acls.list(reader, field));
        let Some(field) = table.field("address") else {
            let hint = Some("write address = \"127.0.0.1:8053\"".to_owned());
            reader.error(&table.span, "[[statistics_channel]] without address", hint);
            continue;
        };
        let Some(text) = reader.string(field, "\"127.0.0.1:8053\"") else { continue };
        match values::socket_address(text, STATISTICS_PORT) {
            Ok(address) if channels.iter().any(|other: &StatisticsChannel| other.address == address) => {
                let hint = Some("give each an address or port of its own".to_owned());
                reader.error(&table.span, format!("[[statistics_channel]] at {address}: another is there"), hint);
            }
            Ok(address) => channels.push(StatisticsChannel { address, allow }),
            Err(error) => reader.wrong(field, &error),
        }
    }
    channels
}
