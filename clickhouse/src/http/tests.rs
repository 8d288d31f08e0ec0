use super::form::{boundary, fields};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

use super::parameters::{Parameters, SessionParameters};
use super::reply::{Replier, Stopped, Style};
use crate::raw::Counts;

#[test]
fn a_url_is_taken_apart() {
    let url = "query=SELECT+1%2B1&database=d&default_format=JSON&query_id=q&param_a=%D0%B9&param_a=2&max_threads=3&&x&compress=1&session_id=s&session_timeout=5\
               &session_check=1&readonly=1&decompress=0&role=r&max_threads=4&q%uery=5";
    let parameters = Parameters::parse(url).unwrap();
    assert_eq!(parameters.query, b"SELECT 1+1");
    assert_eq!(parameters.parameters, [(b"a".to_vec(), "й".as_bytes().to_vec())], "the first counts");
    let settings: Vec<_> = parameters.settings.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    assert_eq!(settings, [("max_threads", b"3".as_slice()), ("x", b""), ("q%uery", b"5")]);
    assert_eq!(parameters.session, Some(SessionParameters { id: "s".to_owned(), timeout_s: 5, check: true, close: false }));
    assert!(parameters.compress && !parameters.decompress && parameters.enable_http_compression);
    assert_eq!(parameters.readonly.as_deref(), Some(b"1".as_slice()));
}

#[test]
fn what_a_url_can_t_say_is_refused() {
    for (url, code) in [
        ("compress=yes", 27),
        ("decompress=", 27),
        ("client_protocol_version=x", 27),
        ("session_id=s&session_timeout=x", 374),
        ("session_id=s&session_timeout=3601", 374),
        ("query_id=%ff", 27),
        ("%ff=1", 115),
    ] {
        assert_eq!(Parameters::parse(url).unwrap_err().code, code, "{url}");
    }
}

#[test]
fn a_form_is_taken_apart() {
    assert_eq!(boundary("multipart/form-data; boundary=\"a b\"").as_deref(), Some("a b"));
    assert_eq!(boundary("text/plain"), None);
    let body = b"--B\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT 1\r\n--B\r\ncontent-disposition: form-data; name=\"param_x\"\r\n\
                 Content-Type: text/plain\r\n\r\n\r\n-\r\n--B\r\nContent-Disposition: form-data; filename=\"f\"; name=\"t\"\r\n\r\n1\r\n--B--\r\n";
    let found: Vec<_> = fields(body, "B").unwrap().into_iter().map(|field| (field.name, field.is_file, field.value)).collect();
    assert_eq!(
        found,
        [
            ("query".to_owned(), false, b"SELECT 1".to_vec()),
            ("param_x".to_owned(), false, b"\r\n-".to_vec()),
            ("t".to_owned(), true, b"1".to_vec()),
        ]
    );
    for length in 0..body.len() - 4 {
        assert_eq!(fields(&body[..length], "B"), None, "cut off after {length}");
    }
}

#[test]
fn answers_that_are_held_back_share_what_there_is() {
    let budget = Arc::new(Semaphore::new(2 << 10));
    let replier = || {
        let (head, reply) = oneshot::channel();
        (Replier::new(head, Style { wait_for_end: true, ..Style::default() }, Arc::clone(&budget)), reply)
    };
    let piece = || Bytes::from(vec![0; 1 << 20]);
    let (mut first, mut reply) = replier();
    for _ in 0..3 {
        first.push(piece()).unwrap();
    }
    // What is left is enough for little answers alone.
    let (mut second, _reply) = replier();
    second.push(piece()).unwrap();
    assert!(matches!(second.push(piece()), Err(Stopped::TooMuch)));
    drop(second);
    first.finish(Counts::default(), 0).unwrap();
    assert_eq!(budget.available_permits(), 0, "held until it is sent");
    drop(reply.try_recv().unwrap());
    assert_eq!(budget.available_permits(), 2 << 10);
}
