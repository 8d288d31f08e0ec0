//! The gateway: requests of clients become events of a raw topic. How they come, over HTTP, is for others to say; here they are judged
//! ([`judge_request`]) and made durable ([`run_intake`]).

mod intake;
mod request;

pub use intake::{Intake, IntakeQueue, NotTaken, intake, run_intake};
pub use request::{BadRequest, EventVerdict, JudgedRequest, REQUEST_EVENTS, RequestOptions, Status, judge_request};
