//! Requests that a web page has a browser make. Where nobody is asked for a password, being on this machine is all that lets one in, and a browser on
//! it runs the pages of the whole world: these are turned away, and so is a name that a page's own server has made one of this machine.

use std::net::IpAddr;

use hyper::Uri;
use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};

/// Why a request is not let in. None where no page of another site can have made it.
pub(super) fn refusal(uri: &Uri, headers: &HeaderMap<HeaderValue>) -> Option<String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let is_page_of_this_machine =
        |origin: &String| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(is_this_machine);
    if let Some(origin) = headers.get_all(ORIGIN).iter().map(text).find(|origin| !is_page_of_this_machine(origin)) {
        return Some(format!("it comes from a page of {}", origin.escape_debug()));
    }
    if headers.get_all("sec-fetch-site").iter().any(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site")) {
        return Some("it comes from a page of another site".to_owned());
    }
    let hosts = headers.get_all(HOST).iter().map(text).chain(uri.authority().map(|authority| authority.as_str().to_owned()));
    let foreign = hosts.into_iter().find(|host| !is_this_machine(host))?;
    Some(format!("it asks for {}, which is no name of this machine for itself", foreign.escape_debug()))
}

/// Whether `host` or `host:port` is this machine, seen from itself.
fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, "")) => name,
        Some((name, rest)) if rest.starts_with(':') => name,
        Some(_) => return false,
        None => host.split_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())).map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
