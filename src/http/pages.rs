//! What is found where.

use std::time::SystemTime;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SERVER};
use hyper::{Method, Request, Response, StatusCode};

use crate::office::Office;
use crate::statistics::gather;
use crate::statistics::json::Part;

type Page = Response<Full<Bytes>>;

/// How statistics are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Xml,
}

/// Answers a request.
pub(super) fn answer(request: &Request<Incoming>, office: &Office) -> Page {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut page = plain(StatusCode::METHOD_NOT_ALLOWED, "There is nothing but to read: GET and HEAD.\n");
        page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return page;
    }
    let Some((form, part)) = find(request.uri().path()) else {
        return plain(StatusCode::NOT_FOUND, "No such URL.\n");
    };
    let statistics = gather(office, SystemTime::now());
    match form {
        Form::Json => page(StatusCode::OK, "application/json", statistics.to_json(part)),
        Form::Xml => page(StatusCode::OK, "text/xml", statistics.to_xml(part)),
    }
}

/// What is at a path: named's, with and without the version of the form.
fn find(path: &str) -> Option<(Form, Part)> {
    if path == "/" {
        return Some((Form::Xml, Part::All));
    }
    let (form, rest) = match path.strip_prefix("/json") {
        Some(rest) => (Form::Json, rest),
        None => (Form::Xml, path.strip_prefix("/xml")?),
    };
    let version = if form == Form::Json { "/v1" } else { "/v3" };
    let part = match (rest, rest.strip_prefix(version)) {
        ("", _) | (_, Some("")) => Part::All,
        (_, Some("/status")) => Part::Status,
        (_, Some("/server")) => Part::Server,
        (_, Some("/zones")) => Part::Zones,
        (_, Some("/net")) => Part::Net,
        (_, Some("/tasks")) => Part::Tasks,
        (_, Some("/mem")) => Part::Memory,
        (_, Some("/traffic")) => Part::Traffic,
        _ => return None,
    };
    Some((form, part))
}

fn plain(status: StatusCode, text: &'static str) -> Page {
    page(status, "text/plain", text.into())
}

fn page(status: StatusCode, content_type: &'static str, octets: Vec<u8>) -> Page {
    let mut page = Response::new(Full::new(Bytes::from(octets)));
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(SERVER, HeaderValue::from_static("tandem"));
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_s_paths_are_known() {
        let both = |part| [Some((Form::Json, part)), Some((Form::Xml, part))];
        for (path, part) in [
            ("", Part::All),
            ("/VERSION", Part::All),
            ("/VERSION/status", Part::Status),
            ("/VERSION/server", Part::Server),
            ("/VERSION/zones", Part::Zones),
            ("/VERSION/net", Part::Net),
            ("/VERSION/tasks", Part::Tasks),
            ("/VERSION/mem", Part::Memory),
            ("/VERSION/traffic", Part::Traffic),
        ] {
            let found = [("/json", "v1"), ("/xml", "v3")];
            let found = found.map(|(form, version)| find(&format!("{form}{}", path.replace("VERSION", version))));
            assert_eq!(found, both(part), "{path}");
        }
        assert_eq!(find("/"), Some((Form::Xml, Part::All)));
        for path in ["/json/v2", "/json/v1/", "/jsonx", "/xml/v3/nothing", "/bind9.xsl", "", "//", "/v1"] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
