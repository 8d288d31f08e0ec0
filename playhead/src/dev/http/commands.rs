//! `POST /v1/commands`: questions of others to the folder that this process owns. Only who can read its owner file may ask.

use std::io::{self, ErrorKind, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use hyper::StatusCode;
use hyper::body::{Body as HttpBody, Bytes, Frame};
use hyper::header::{AUTHORIZATION, HeaderMap};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::app::{App, turn};
use super::events::read_json;
use super::refusal::Refusal;
use crate::answer::Answer;
use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::failure::Verdict;
use crate::owner::Question;
use crate::owner::frames::{self, End};
use crate::{cli, commands};

/// Pieces of output that may wait for a slow reader.
const PIECES: usize = 8;

pub(super) async fn post(State(app): State<Arc<App>>, headers: HeaderMap, body: Body) -> Result<Response, Refusal> {
    let token = headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if !token.is_some_and(|token| app.owner.is_token(token)) {
        let detail = "commands are taken from whoever can read the folder's owner.json";
        return Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", detail));
    }
    let body = read_json(&headers, body).await?;
    let question: Question =
        serde_json::from_slice(&body).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, "bad_request", error.to_string()))?;
    let turn = turn(&app.commands).await?;
    let (sender, pieces) = channel(PIECES);
    // Not the whole of the app: the intake ends with the last that holds it.
    let (folder, config) = (Arc::clone(&app.folder), Arc::clone(&app.config));
    tokio::task::spawn_blocking(move || {
        let end = answer(&question, &folder, &config, &sender);
        // Whoever has gone away does not want to know.
        sender.blocking_send(frames::end(&end).into()).ok();
        drop(turn);
    });
    Ok(Response::new(Body::new(Pieces(pieces))))
}

fn answer(question: &Question, folder: &DataFolder, config: &Config, sender: &Sender<Bytes>) -> End {
    let answered = || -> anyhow::Result<Verdict> {
        let cli = cli::parse_from(&question.arguments)?;
        let mut answer = Answer::to(Box::new(PieceWriter(sender.clone())), cli.json);
        let verdict = commands::answer_from(&cli.command, folder, config, &mut answer)?;
        answer.finish()?;
        Ok(verdict)
    };
    match answered() {
        Ok(verdict) => End::Done { is_well: verdict == Verdict::Well },
        Err(error) => End::Failed { error: format!("{error:#}") },
    }
}

struct PieceWriter(Sender<Bytes>);

impl Write for PieceWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(64 * 1024)];
        if !piece.is_empty() {
            self.0.blocking_send(frames::piece(piece).into()).map_err(|_| io::Error::from(ErrorKind::BrokenPipe))?;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body that is made while it is sent.
struct Pieces(Receiver<Bytes>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(ready!(self.0.poll_recv(context)).map(|piece| Ok(Frame::data(piece))))
    }
}
