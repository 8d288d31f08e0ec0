//! `POST /v1/playback-events`

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use hyper::{StatusCode, Uri};
use producers::ReceivedTime;
use producers::gateway::{EventVerdict, NotTaken, Status, judge_request};
use serde::Serialize;

use super::app::{App, turn};
use super::reads::json_response;
use super::refusal::Refusal;
use crate::commands::now_ms;

/// Largest body.
const BODY_BYTES: usize = 1 << 20;

/// How long a client may take for its body.
const BODY_TIME: Duration = Duration::from_secs(15);

/// How much of a body that is too large is read to its end all the same, and for how long.
const THROWN_AWAY_BYTES: usize = 16 * BODY_BYTES;
const THROW_AWAY_TIME: Duration = Duration::from_secs(2);

/// How long is waited for the log.
const LOG_TIME: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct Answer {
    accepted: u64,
    /// Of what was not accepted; with `?verbose` of all.
    results: Vec<EventVerdict>,
}

/// Takes events: an answer of 200 says that those accepted are durable.
pub(super) async fn post(State(app): State<Arc<App>>, uri: Uri, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let is_verbose = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose=")));
    let body = read_json(&headers, body).await?;
    let answer = take(&app, body).await.inspect_err(|refusal| {
        if refusal.is_busy() {
            app.counts.add_busy();
        }
    })?;
    let results = answer.results.into_iter().filter(|verdict| is_verbose || verdict.status != Status::Accepted).collect();
    Ok(json_response(&Answer { results, ..answer }))
}

/// A body that says it is JSON.
pub(super) async fn read_json(headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let is_json = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json"));
    if !is_json {
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_json", "the header must say content-type: application/json"));
    }
    read_body(headers, body).await
}

/// A body as far as it is not too large.
pub(super) async fn read_body(headers: &HeaderMap, mut body: Body) -> Result<Bytes, Refusal> {
    let too_large = Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("a body has at most {BODY_BYTES} bytes"));
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > BODY_BYTES as u64) {
        throw_away(&mut body).await;
        return Err(too_large);
    }
    match tokio::time::timeout(BODY_TIME, Limited::new(&mut body, BODY_BYTES).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            throw_away(&mut body).await;
            Err(too_large)
        }
        Ok(Err(_)) => Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_request", "the body broke off")),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", format!("a body may take {} s", BODY_TIME.as_secs()))),
    }
}

/// Reads what is still being sent, for a while: whoever is sending when the connection is closed would not hear why.
async fn throw_away(body: &mut Body) {
    let all = async {
        let mut bytes = 0;
        while let Some(Ok(frame)) = body.frame().await {
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > THROWN_AWAY_BYTES {
                return;
            }
        }
    };
    // However much has come by then, the answer goes out.
    _ = tokio::time::timeout(THROW_AWAY_TIME, all).await;
}

async fn take(app: &App, body: Bytes) -> Result<Answer, Refusal> {
    let Ok(_under_way) = app.under_way.try_acquire() else { return Err(Refusal::busy("the log does not keep up")) };
    let turn = turn(&app.judging).await?;
    let received = ReceivedTime::now(now_ms().map_err(|error| Refusal::internal(format!("{error:#}")))?);
    let options = app.requests;
    let judged = tokio::task::spawn_blocking(move || {
        let judged = judge_request(&body, received, &options);
        drop(turn);
        judged
    });
    let judged = judged.await.map_err(|_| Refusal::internal("the events could not be judged"))?;
    let judged = judged.map_err(|bad| {
        let status = if bad.reason == "too_many_events" { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Refusal::new(status, bad.reason, bad.detail)
    })?;
    let count = |status| judged.verdicts.iter().filter(|verdict| verdict.status == status).count() as u64;
    let [accepted, duplicates, rejected] = [Status::Accepted, Status::Duplicate, Status::Rejected].map(count);
    if accepted > 0 {
        let (sender, durable) = tokio::sync::oneshot::channel();
        // Whoever has gone away meanwhile is not told; the events are written all the same.
        app.intake
            .offer(judged.accepted, move |told| {
                sender.send(told).ok();
            })
            .map_err(not_taken)?;
        match tokio::time::timeout(LOG_TIME, durable).await {
            Ok(Ok(told)) => told.map_err(not_taken)?,
            Ok(Err(_)) => return Err(not_taken(NotTaken::Stopped)),
            Err(_) => return Err(not_taken(NotTaken::Busy)),
        }
    }
    app.counts.add(accepted, duplicates, rejected);
    Ok(Answer { accepted, results: judged.verdicts })
}

/// Whether the events were written may then be unknown: sent again with the same ids they count once.
fn not_taken(why: NotTaken) -> Refusal {
    Refusal::busy(why.to_string())
}
