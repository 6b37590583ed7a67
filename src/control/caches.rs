//! Commands about what is cached: forgetting it, giving it out after its TTL.

use super::words::switch;
use crate::cache::Names;
use crate::logging::{self, Category, Severity};
use crate::office::reply::{Code, Done, Failure, Reply};
use crate::office::{Office, Order, ServeStale};
use crate::wire::Name;
use crate::wire::name::NameError;

/// Everything, or everything of a view.
pub(super) fn flush(office: &Office, arguments: &[&str]) -> Reply {
    let cache = &office.shared.desks.upstream.cache;
    let Some(name) = arguments.first() else {
        let count = cache.flush();
        logging::event!(Category::General, Severity::Info, "flushing caches in all views succeeded");
        return Ok(forgotten(count));
    };
    let view = view(office, name).inspect_err(|_| {
        logging::event!(Category::General, Severity::Error, "flushing cache in view '{name}' failed: view not found");
    })?;
    let count = cache.flush_view(view);
    logging::event!(Category::General, Severity::Info, "flushing cache in view '{name}' succeeded");
    Ok(forgotten(count))
}

/// A name.
pub(super) fn flushname(office: &Office, arguments: &[&str]) -> Reply {
    forget(office, arguments, false)
}

/// A name and all below it.
pub(super) fn flushtree(office: &Office, arguments: &[&str]) -> Reply {
    forget(office, arguments, true)
}

fn forget(office: &Office, arguments: &[&str], is_tree: bool) -> Reply {
    let (text, what) = (arguments[0], if is_tree { "tree" } else { "name" });
    let name = text.parse::<Name>().map_err(|error| {
        let code = if error == NameError::EmptyLabel { Code::EmptyLabel } else { Code::Syntax };
        Failure::with(code, format!("'{text}' is no name: {error}"))
    })?;
    let names = if is_tree { Names::Within(name.as_wire()) } else { Names::Exactly(name.as_wire()) };
    let cache = &office.shared.desks.upstream.cache;
    let Some(of) = arguments.get(1) else {
        let count = cache.flush_names(None, names);
        logging::event!(Category::General, Severity::Info, "flushing {what} '{text}' in all cache views succeeded");
        return Ok(forgotten(count));
    };
    let view = view(office, of).inspect_err(|_| {
        let why = "failed: view not found";
        logging::event!(Category::General, Severity::Error, "flushing {what} '{text}' in cache view '{of}' {why}");
    })?;
    let count = cache.flush_names(Some(view), names);
    logging::event!(Category::General, Severity::Info, "flushing {what} '{text}' in cache view '{of}' succeeded");
    Ok(forgotten(count))
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
        view(office, name)?;
    }
    office.orders.ask(Order::ServeStale(what, views.first().map(|&view| view.to_owned())))
}

/// The number of a view.
fn view(office: &Office, name: &str) -> Result<u16, Failure> {
    let snapshot = office.shared.desks.state.present();
    let found = snapshot.views.iter().find(|view| view.name == name).map(|view| view.id);
    found.ok_or_else(|| Failure::with(Code::NotFound, format!("no matching view '{name}'")))
}
