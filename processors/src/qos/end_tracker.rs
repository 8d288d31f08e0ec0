//! Whether an end is open, event by event.

use schemas::EventType;

use super::{Event, moving_position::Reference};

/// Knows after each event, in constant time, whether the fold of the events so far would find an end open.
///
/// | event | while playing | while ended |
/// |---|---|---|
/// | END, fatal ERROR | ended | nothing |
/// | STARTUP, PLAY | nothing | playing |
/// | HEARTBEAT at least 1,000 ms past the reference | nothing | playing |
/// | SEEK_START | nothing | takes the reference away |
/// | any other, by its position | nothing | sets or lowers the reference |
///
/// Events must come in the fold's order. One that sorts before the latest is not taken back by anything: build the tracker anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct EndTracker {
    open_end: Option<Reference>,
}

impl EndTracker {
    /// The tracker of a session without events.
    #[must_use]
    pub const fn new() -> Self {
        Self { open_end: None }
    }

    /// Takes the next event in the fold's order.
    pub fn observe(&mut self, event: &Event) {
        let at_us = event.effective_time_us();
        if let (Some(reference), Some(position_ms)) = (&mut self.open_end, event.position_ms()) {
            let moved = reference.take(position_ms, at_us).is_some();
            if moved && event.kind() == EventType::Heartbeat {
                self.open_end = None;
            }
        }
        match event.kind() {
            EventType::Startup | EventType::Play => self.open_end = None,
            EventType::SeekStart => {
                if let Some(reference) = &mut self.open_end {
                    reference.forget();
                }
            }
            _ if event.is_end() && self.open_end.is_none() => self.open_end = Some(Reference::opened_by(event, at_us)),
            _ => {}
        }
    }

    /// Whether an end is open: the session is closed unless something else comes.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.open_end.is_some()
    }
}
