//! What is found where.

use std::time::SystemTime;

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, IF_MODIFIED_SINCE, LAST_MODIFIED, PRAGMA,
    SERVER,
};
use hyper::{Method, Request, Response, StatusCode};

use crate::office::Office;
use crate::statistics::gather;
use crate::statistics::json::Part;
use crate::statistics::xml;

/// A page, whole.
pub(super) type Page = Response<Vec<u8>>;

/// What there is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Json(Part),
    Xml(Part),
    /// What makes a page of the XML.
    StyleSheet,
}

/// Answers a request.
pub(super) fn answer(request: &Request<Incoming>, office: &Office) -> Page {
    if ![Method::GET, Method::HEAD].contains(request.method()) {
        let mut page = plain(StatusCode::METHOD_NOT_ALLOWED, "There is nothing but to read: GET and HEAD.\n");
        page.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return page;
    }
    match find(request.uri().path()) {
        None => plain(StatusCode::NOT_FOUND, "No such URL.\n"),
        Some(Found::Json(part)) => {
            of_now(StatusCode::OK, "application/json", gather(office, SystemTime::now()).to_json(part))
        }
        Some(Found::Xml(part)) => of_now(StatusCode::OK, "text/xml", gather(office, SystemTime::now()).to_xml(part)),
        Some(Found::StyleSheet) => style_sheet(request, office.facts.load().started),
    }
}

/// What is at a path: named's, with and without the version of the form.
fn find(path: &str) -> Option<Found> {
    match path {
        "/" => return Some(Found::Xml(Part::All)),
        xml::STYLE_SHEET_PATH => return Some(Found::StyleSheet),
        _ => {}
    }
    let (found, version, rest): (fn(Part) -> Found, _, _) = match path.strip_prefix("/json") {
        Some(rest) => (Found::Json, "/v1", rest),
        None => (Found::Xml, "/v3", path.strip_prefix("/xml")?),
    };
    let part = match (rest, rest.strip_prefix(version)) {
        ("", _) | (_, Some("")) => Part::All,
        (_, Some("/" | "/status")) => Part::Status,
        (_, Some("/server")) => Part::Server,
        (_, Some("/zones")) => Part::Zones,
        (_, Some("/net")) => Part::Net,
        (_, Some("/tasks")) => Part::Tasks,
        (_, Some("/mem")) => Part::Memory,
        (_, Some("/traffic")) => Part::Traffic,
        _ => return None,
    };
    Some(found(part))
}

/// It is as old as the process, which is what who has it already wants to know.
fn style_sheet(request: &Request<Incoming>, started: SystemTime) -> Page {
    let known = request.headers().get(IF_MODIFIED_SINCE).and_then(|since| since.to_str().ok());
    let known = known.and_then(|since| httpdate::parse_http_date(since).ok());
    let last = httpdate::HttpDate::from(started);
    let mut page = match known.is_some_and(|known| httpdate::HttpDate::from(known) >= last) {
        true => page(StatusCode::NOT_MODIFIED, "text/xslt+xml", Vec::new()),
        false => page(StatusCode::OK, "text/xslt+xml", xml::STYLE_SHEET.into()),
    };
    insert_time(&mut page, LAST_MODIFIED, started);
    insert_time(&mut page, EXPIRES, SystemTime::now());
    page.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public"));
    page
}

fn plain(status: StatusCode, text: &'static str) -> Page {
    of_now(status, "text/plain", text.into())
}

/// What is worth nothing a moment later.
fn of_now(status: StatusCode, content_type: &'static str, octets: Vec<u8>) -> Page {
    let mut page = page(status, content_type, octets);
    let now = SystemTime::now();
    insert_time(&mut page, EXPIRES, now);
    insert_time(&mut page, LAST_MODIFIED, now);
    let headers = page.headers_mut();
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    page
}

fn page(status: StatusCode, content_type: &'static str, octets: Vec<u8>) -> Page {
    let mut page = Response::new(octets);
    *page.status_mut() = status;
    let headers = page.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(SERVER, HeaderValue::from_static("tandem"));
    page
}

fn insert_time(page: &mut Page, name: HeaderName, time: SystemTime) {
    // A date is made of letters and digits.
    if let Ok(value) = HeaderValue::from_str(&httpdate::fmt_http_date(time)) {
        page.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_s_paths_are_known() {
        let both = |part| [Some(Found::Json(part)), Some(Found::Xml(part))];
        for (path, part) in [
            ("", Part::All),
            ("/VERSION", Part::All),
            ("/VERSION/", Part::Status),
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
        assert_eq!(find("/"), Some(Found::Xml(Part::All)));
        assert_eq!(find("/bind9.xsl"), Some(Found::StyleSheet));
        for path in ["/json/v2", "/json/", "/jsonx", "/xml/v3/nothing", "/bind9.ver3.xsl", "", "//", "/v1"] {
            assert_eq!(find(path), None, "{path}");
        }
    }
}
