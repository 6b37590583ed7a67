//! Commands about what is cached: forgetting it, giving it out after its TTL.

use super::words::switch;
use crate::office::reply::{Code, Done, Failure, Reply};
use crate::office::{Forget, Names, Office, Order, ServeStale, view_number};
use crate::wire::Name;
use crate::wire::name::NameError;

/// Everything, or everything of a view.
pub(super) fn flush(office: &Office, arguments: &[&str]) -> Reply {
    forget(office, Names::All, arguments.first())
}

/// A name.
pub(super) fn flushname(office: &Office, arguments: &[&str]) -> Reply {
    let name = name(arguments[0])?;
    forget(office, Names::Exactly(name, arguments[0].to_owned()), arguments.get(1))
}

/// A name and all below it.
pub(super) fn flushtree(office: &Office, arguments: &[&str]) -> Reply {
    let name = name(arguments[0])?;
    forget(office, Names::Within(name, arguments[0].to_owned()), arguments.get(1))
}

fn forget(office: &Office, names: Names, view: Option<&&str>) -> Reply {
    let view = view.map(|&view| view.to_owned());
    Forget { view, names }.make(office).map(forgotten)
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse().map_err(|error| {
        let code = if error == NameError::EmptyLabel { Code::EmptyLabel } else { Code::Syntax };
        Failure::with(code, format!("'{text}' is no name: {error}"))
    })
}

/// named says nothing; programs may want to know how many answers it were.
fn forgotten(count: usize) -> Done {
    Done { json: Some(serde_json::json!({ "forgotten": count })), ..Done::default() }
}

/// Whether answers are given out after their TTL. Until it is reset, over reloads, as in named.
pub(super) fn serve_stale(office: &Office, arguments: &[&str]) -> Reply {
    let what = match (switch(arguments[0]), arguments[0].to_ascii_lowercase().as_str()) {
        (Some(on), _) => ServeStale::Set(Some(on)),
        (None, "reset") => ServeStale::Set(None),
        (None, "status") => ServeStale::Show,
        _ => return Err(Failure::with(Code::Syntax, "expected: on, off, reset or status")),
    };
    // named takes them in either order.
    let views: Vec<&str> = arguments[1..].iter().copied().filter(|word| !word.eq_ignore_ascii_case("in")).collect();
    let ([] | [_]) = views[..] else { return Err(Failure::with(Code::UnknownClass, "the class is IN")) };
    if let Some(name) = views.first() {
        view_number(office, name)?;
    }
    office.orders.ask(Order::ServeStale(what, views.first().map(|&view| view.to_owned())))
}
