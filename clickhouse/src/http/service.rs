//! From a request's head to its answer.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::App;
use super::body::{self, carry, discard};
use super::browser;
use super::execute::{Job, execute};
use super::parameters::Parameters;
use super::reply::{Replier, Reply, ReplyBody, Style};
use super::running::Guard;
use crate::compression::encoding::Encoding;
use crate::exception::{AUTHENTICATION_FAILED, Exception, HTTP_LENGTH_REQUIRED, REQUIRED_PASSWORD, TOO_MANY_QUERIES};
use crate::statement::begins_insert;
use crate::users::{NotLetIn, User};

/// How long a request waits for others to end before it is told that there are too many.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is said at a path that is none.
const HELP: &str = "Use / or /ping for health checks.\n\nSend queries from your program with POST method or GET /?query=...\n\n\
    This is ClickHouse's engine inside of Playhead, behind ClickHouse's HTTP interface: there is no native port and no Play UI.\n";

type Headers = HeaderMap<HeaderValue>;

/// Answers a request.
pub(super) async fn answer(app: Arc<App>, request: Request<Incoming>) -> Response<ReplyBody> {
    let is_head = request.method() == Method::HEAD;
    let mut reply = route(&app, request).await;
    if is_head {
        reply.body = ReplyBody::Whole(None);
    }
    let mut response = Response::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value);
    }
    let display_name = HeaderValue::from_str(&app.engine.about.display_name).unwrap_or(HeaderValue::from_static("playhead"));
    response.headers_mut().insert("x-clickhouse-server-display-name", display_name);
    response
}

async fn route(app: &Arc<App>, request: Request<Incoming>) -> Reply {
    let uri = request.uri();
    let has_query = uri.path_and_query().is_some_and(|both| both.as_str().contains('?'));
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    match (request.method(), uri.path()) {
        (&Method::GET | &Method::HEAD, "/ping" | "/replicas_status") => text(200, "Ok.\n"),
        (&Method::GET | &Method::HEAD, "/") if !has_query => text(200, "Ok.\n"),
        (&Method::OPTIONS, _) => Reply { status: 204, headers: Vec::new(), body: ReplyBody::Whole(None) },
        (&Method::POST, _) => query(app, request).await,
        _ if is_get && has_query => query(app, request).await,
        (_, path) => {
            let path: String = path.chars().take(200).collect();
            text(404, &format!("There is no handle {path}\n\n{HELP}"))
        }
    }
}

fn text(status: u16, text: &str) -> Reply {
    let content_type = (CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    Reply { status, headers: vec![content_type], body: ReplyBody::text(text.to_owned()) }
}

fn refused(app: &App, exception: &Exception) -> Reply {
    let mut reply = text(exception.status(), &format!("{}\n", exception.text(&app.engine.about.version)));
    reply.headers.push((HeaderName::from_static("x-clickhouse-exception-code"), HeaderValue::from(exception.code)));
    if exception.code == REQUIRED_PASSWORD.0 {
        let challenge = HeaderValue::from_static("Basic realm=\"ClickHouse server HTTP API\"");
        reply.headers.push((hyper::header::WWW_AUTHENTICATE, challenge));
    }
    reply
}

async fn query(app: &Arc<App>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let is_get = head.method != Method::POST;
    let admitted = admit(app, &head.headers, &head.uri, is_get, &body);
    let (parameters, user) = match admitted {
        Ok(admitted) => admitted,
        Err(exception) => {
            discard(body).await;
            return refused(app, &exception);
        }
    };
    let Some(permit) = permit(app, begins_insert(&parameters.query)).await else {
        let message = format!("Too many simultaneous queries. Maximum: {}", app.max_queries);
        return refused(app, &Exception::new(TOO_MANY_QUERIES, &message));
    };
    let id = parameters
        .query_id
        .clone()
        .or_else(|| header(&head.headers, "x-clickhouse-query-id").filter(|id| !id.is_empty()).map(str::to_owned));
    let id = id.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
    let ticket = match app.running.start(&id) {
        Ok(ticket) => ticket,
        Err(exception) => {
            discard(body).await;
            return refused(app, &exception);
        }
    };
    let accepted = header(&head.headers, ACCEPT_ENCODING.as_str()).unwrap_or_default();
    let style = Style {
        in_blocks: parameters.compress,
        encoding: parameters.enable_http_compression.then(|| Encoding::accepted(accepted)).flatten(),
        wait_for_end: parameters.wait_end_of_query,
        version: app.engine.about.version.clone(),
        tag: tag(),
    };
    let (head_sender, mut reply) = oneshot::channel();
    let (body_sender, body_reader) = body::channel();
    let guard = Guard::of(&ticket, &app.engine);
    let job = Job {
        app: Arc::clone(app),
        ticket,
        user: user.name.clone(),
        rights: user.rights,
        is_get,
        parameters,
        content_encoding: header(&head.headers, CONTENT_ENCODING.as_str()).map(str::to_owned),
        content_type: header(&head.headers, CONTENT_TYPE.as_str()).map(str::to_owned),
        body: body_reader,
    };
    let replier = Replier::new(head_sender, style, Arc::clone(&app.held));
    tokio::task::spawn_blocking(move || {
        execute(job, replier);
        drop(permit);
    });
    let carried = carry(body, body_sender);
    let mut carried = std::pin::pin!(carried);
    let replied = tokio::select! {
        replied = &mut reply => {
            carried.await;
            replied
        }
        () = &mut carried => reply.await,
    };
    let replied = replied.map(|mut reply| {
        reply.body.watch(guard);
        reply
    });
    replied.unwrap_or_else(|_| refused(app, &Exception::new((1001, "STD_EXCEPTION"), "the request was broken off")))
}

/// A place among those that run. None where none becomes free in time. An insert whose statement is in the URL takes one of its own where all are taken.
async fn permit(app: &App, is_insert: bool) -> Option<OwnedSemaphorePermit> {
    let of_inserts = async { if is_insert { Arc::clone(&app.insert_permits).acquire_owned().await } else { std::future::pending().await } };
    let free = async {
        tokio::select! {
            biased;
            permit = Arc::clone(&app.permits).acquire_owned() => permit,
            permit = of_inserts => permit,
        }
    };
    tokio::time::timeout(PATIENCE, free).await.ok()?.ok()
}

/// Who asks, and for what.
fn admit<'a>(app: &'a App, headers: &Headers, uri: &Uri, is_get: bool, body: &Incoming) -> Result<(Parameters, &'a User), Exception> {
    if !app.users.all_have_passwords()
        && let Some(why) = browser::refusal(uri, headers)
    {
        let message = format!("Without passwords only programs of this machine are let in: {why}");
        return Err(Exception::new(AUTHENTICATION_FAILED, &message));
    }
    let parameters = Parameters::parse(uri.query().unwrap_or_default());
    // Before anything else is said of the request.
    let user = authenticate(app, headers, parameters.as_ref().unwrap_or(&Parameters::default()))?;
    let mut parameters = parameters?;
    let is_framed = headers.contains_key(hyper::header::CONTENT_LENGTH) || headers.contains_key(hyper::header::TRANSFER_ENCODING);
    if !is_get && !is_framed && body.is_end_stream() {
        let message = "The Transfer-Encoding is not chunked and there is no Content-Length header for POST request";
        return Err(Exception::new(HTTP_LENGTH_REQUIRED, message));
    }
    let of_header = |name| header(headers, name).filter(|value| !value.is_empty());
    if let Some(database) = of_header("x-clickhouse-database") {
        parameters.database = Some(database.as_bytes().to_vec());
    }
    if let Some(format) = of_header("x-clickhouse-format") {
        parameters.default_format = Some(format.to_owned());
    }
    Ok((parameters, user))
}

fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// By header of ClickHouse's own, by basic authentication, or by the URL: by one of them.
fn authenticate<'a>(app: &'a App, headers: &Headers, parameters: &Parameters) -> Result<&'a User, Exception> {
    let failed = |message: &str| Exception::new(AUTHENTICATION_FAILED, message);
    let of_headers = headers.contains_key("x-clickhouse-user") || headers.contains_key("x-clickhouse-key");
    let of_authorization = headers.get(AUTHORIZATION);
    let of_url = parameters.user.is_some() || parameters.password.is_some();
    let both =
        |one: &str, other: &str| failed(&format!("Invalid authentication: it is not allowed to use {one} and {other} simultaneously"));
    let bytes_of = |name: &str| headers.get(name).map(|value| value.as_bytes().to_vec());
    let (name, password, method) = if of_headers {
        if of_authorization.is_some() {
            return Err(both("X-ClickHouse HTTP headers", "Authorization HTTP header"));
        }
        if of_url {
            return Err(both("X-ClickHouse HTTP headers", "authentication via parameters"));
        }
        (bytes_of("x-clickhouse-user").unwrap_or_default(), bytes_of("x-clickhouse-key"), "X-ClickHouse HTTP headers")
    } else if let Some(value) = of_authorization {
        if of_url {
            return Err(both("Authorization HTTP header", "authentication via parameters"));
        }
        let (name, password) = basic(value)?;
        (name, Some(password), "Authorization HTTP header")
    } else {
        let name = parameters.user.clone().unwrap_or_else(|| b"default".to_vec());
        (name, parameters.password.clone(), "authentication via parameters")
    };
    if name.is_empty() {
        return Err(failed(&format!("Got an empty user name from {method}")));
    }
    let name = String::from_utf8_lossy(&name).into_owned();
    app.users.authenticate(&name, password.as_deref()).map_err(|reason| {
        let message = format!("{}: Authentication failed: password is incorrect, or there is no user with such name", name.escape_debug());
        let code = match reason {
            NotLetIn::NoPassword => REQUIRED_PASSWORD,
            NotLetIn::WrongPassword => AUTHENTICATION_FAILED,
        };
        Exception::new(code, &message)
    })
}

fn basic(value: &HeaderValue) -> Result<(Vec<u8>, Vec<u8>), Exception> {
    let failed = |message: String| Exception::new(AUTHENTICATION_FAILED, &message);
    let text = value.to_str().unwrap_or_default();
    let (scheme, credentials) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(failed(format!("Invalid authentication: '{}' HTTP Authorization scheme is not supported", scheme.escape_debug())));
    }
    let decoded =
        STANDARD.decode(credentials.trim()).map_err(|_| failed("Invalid authentication: the credentials are not in Base64".to_owned()))?;
    let colon = decoded.iter().position(|byte| *byte == b':').unwrap_or(decoded.len());
    Ok((decoded[..colon].to_vec(), decoded.get(colon + 1..).unwrap_or_default().to_vec()))
}

/// Sixteen letters that no answer holds by chance.
fn tag() -> String {
    uuid::Uuid::new_v4().as_bytes().iter().map(|byte| (b'a' + byte % 26) as char).collect()
}
