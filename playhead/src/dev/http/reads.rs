//! What is asked of store and live sessions.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{StatusCode, Uri};
use serde::Serialize;
use serde_json::{Map, Value};
use serving::{ServingStore as _, resume_list};

use super::app::App;
use super::refusal::Refusal;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::observe::http;
use crate::topology::Stage;

/// Sessions shown, unless told otherwise.
const SESSIONS: usize = 50;

/// An hour and a half by minute, newest first: who plays, and what the clients measured.
const NEWEST_MINUTES: &str = include_str!("newest_minutes.sql");

/// ClickHouse's codes.
const UNKNOWN_TABLE: u32 = 60;
const UNKNOWN_DATABASE: u32 = 81;

/// Most sessions shown.
const SESSIONS_AT_MOST: usize = 500;

/// 200, in JSON.
pub(super) fn json_response(value: &impl Serialize) -> Response {
    let (status, text) = match serde_json::to_vec(value) {
        Ok(text) => (StatusCode::OK, text),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, b"{}".to_vec()),
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// As `playhead resume --json`. A profile of which nothing is known has resumed nothing.
pub(super) async fn resume(State(app): State<Arc<App>>, Path(profile_id): Path<String>) -> Result<Response, Refusal> {
    let folder = Arc::clone(&app.folder);
    let entries = app.blocking(move || Ok(resume_list(folder.store.resume_rows(&profile_id)?))).await?;
    Ok(json_response(&entries))
}

/// The newest sessions.
pub(super) async fn sessions(State(app): State<Arc<App>>, uri: Uri) -> Result<Response, Refusal> {
    let asked = uri.query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("limit=")));
    let limit = match asked.map(str::parse) {
        None => SESSIONS,
        Some(Ok(limit)) if (1..=SESSIONS_AT_MOST).contains(&limit) => limit,
        Some(_) => {
            let detail = format!("limit must be a whole number from 1 to {SESSIONS_AT_MOST}");
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "bad_request", detail));
        }
    };
    Ok(json_response(&app.live.newest(limit)))
}

/// Quality of service over the newest sessions.
pub(super) async fn qos(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let live = Arc::clone(&app.live);
    Ok(json_response(&app.blocking(move || Ok(live.service_quality())).await?))
}

/// The newest minutes, as ClickHouse has them: null where there is none, or its tables are not there yet.
pub(super) async fn minutes(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let config = Arc::clone(&app.config);
    let minutes = app.blocking(move || newest_minutes(&config)).await?;
    Ok(json_response(&minutes))
}

fn newest_minutes(config: &Config) -> anyhow::Result<Option<Vec<Value>>> {
    if !config.clickhouse.is_set() {
        return Ok(None);
    }
    match config.clickhouse.client()?.query(NEWEST_MINUTES) {
        Ok(lines) => {
            let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            Ok(Some(lines.map(serde_json::from_slice).collect::<Result<_, _>>()?))
        }
        // Before the sink has made them.
        Err(error) if matches!(error.code(), Some(UNKNOWN_TABLE | UNKNOWN_DATABASE)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether all is well, and what was taken. A part that fails takes the server with it; one that is stuck is told of.
pub(super) async fn health(State(app): State<Arc<App>>) -> Result<Response, Refusal> {
    let folder = Arc::clone(&app.folder);
    let config = Arc::clone(&app.config);
    let behind = app.blocking(move || behind(&folder, &config)).await?;
    let mut health = app.watch.health();
    if let Value::Object(json) = &mut health.json {
        json.insert("events".to_owned(), app.counts.as_json());
        json.insert("records_behind".to_owned(), behind.into());
    }
    Ok(http::verdict(&health))
}

/// Whether every stage does its work.
pub(super) async fn readiness(State(app): State<Arc<App>>) -> Response {
    http::verdict(&app.watch.readiness())
}

/// Everything that is counted and measured.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    http::metrics(&app.watch)
}

/// How many records lie before each stage.
fn behind(folder: &DataFolder, config: &Config) -> anyhow::Result<Map<String, Value>> {
    let mut behind = Map::new();
    for stage in Stage::of_folder(config) {
        let mut records = 0;
        for input in stage.inputs() {
            for partition in 0..folder.partitions(input)? {
                let (first, end) = folder.log.bounds(input, partition)?;
                let committed = folder.log.committed(stage.name(), input, partition)?;
                records += end - committed.map_or(first, |committed| committed.next_offset);
            }
        }
        behind.insert(stage.name().to_owned(), records.into());
    }
    Ok(behind)
}
