//! From the viewer's timeline to the truth: nothing but sums over what was on the screen, up to the last event that comes to the log.

use schemas::EventType;

use super::audience::CDN_NAMES;
use super::loss;
use super::session::{ERROR_CODES, Session};
use super::truth::{ResumeTruth, SessionTruth};
use super::viewing::{Ending, State, Stretch, Turn};

/// The timeline as far as the log can know of it.
struct Known<'s> {
    session: &'s Session,
    /// Time of the last event, since the session began, ms.
    until_ms: i64,
    /// Whether the event with which the session ends has come.
    has_end: bool,
}

/// What a session comes to; none where no event of it comes to the log.
pub(crate) fn session_truth(session: &Session) -> Option<SessionTruth> {
    let opener = session.opener()?;
    let delivered = &session.deliveries.delivered;
    let first = delivered.iter().position(|is_delivered| *is_delivered)?;
    let last = delivered.iter().rposition(|is_delivered| *is_delivered)?;
    let has_end = last + 1 == session.events.len() && session.viewing.ending != Ending::Vanished;
    let known = Known { session, until_ms: session.events[last].at_ms(), has_end };
    let position = last_position(session);
    let runtime_ms = session.opening.content.runtime_ms();
    let mut truth = SessionTruth {
        session_id: session.session_id.clone(),
        opened_at: session.effective_time_us(&session.events[opener.event as usize], opener),
        event_count: delivered.iter().filter(|is_delivered| **is_delivered).count() as i64,
        lost_events: delivered[first..=last].iter().filter(|is_delivered| !**is_delivered).count() as i64,
        is_final: true,
        ended_by: known.ended_by().to_owned(),
        profile_id: session.profile_id.clone(),
        account_id: session.account_id.clone(),
        title_id: session.title_id.clone(),
        episode_id: session.episode_id.clone(),
        preview: session.opening.is_preview,
        device_type: session.device().kind.device_type.to_owned(),
        country: session.viewer.country.to_owned(),
        started_at: session.effective_time_us(&session.events[first], opener),
        ended_at: session.effective_time_us(&session.events[last], opener),
        last_position_ms: position.map(|(_, position_ms)| position_ms),
        runtime_ms,
        completed: position.is_some_and(|(_, position_ms)| is_completed(position_ms, runtime_ms)),
        outcome: Some(known.outcome().to_owned()),
        startup_ms: known.startup_ms(),
        starting_ms: Some(known.time_ms(&[State::Starting])),
        playing_ms: Some(known.time_ms(PLAYING)),
        paused_ms: Some(known.time_ms(&[State::Paused])),
        seeking_ms: Some(known.time_ms(&[State::Seeking])),
        seek_buffering_ms: Some(known.time_ms(&[State::SeekStall])),
        rebuffering_ms: Some(known.time_ms(&[State::Rebuffering])),
        ad_ms: Some(known.time_ms(&[State::Ad])),
        ad_rebuffering_ms: Some(known.time_ms(&[State::AdStall])),
        background_ms: Some(known.time_ms(&[State::Background])),
        ended_ms: Some(0),
        unknown_ms: Some(0),
        media_ms: Some(known.media_thousandths().div_euclid(1_000)),
        rebuffer_count: Some(known.count(|stretch| known.is_shown_stall(stretch))),
        micro_stall_count: Some(known.count(|stretch| stretch.state == State::MicroStall && !known.is_shown_stall(stretch))),
        seek_count: Some(known.count(|stretch| stretch.turn == Turn::SeekBegun)),
        pause_count: Some(known.count(|stretch| stretch.turn == Turn::Paused)),
        ad_count: Some(known.count(|stretch| stretch.turn == Turn::AdBegun)),
        error_count: Some(known.count(|stretch| stretch.turn == Turn::Erred) + i64::from(known.has_failed())),
        bitrate_up_count: Some(known.switches(|before, after| after > before)),
        bitrate_down_count: Some(known.switches(|before, after| after < before)),
        avg_bitrate_bps: known.avg_bitrate_bps(),
        min_bitrate_bps: known.playing().map(|(stretch, _)| i64::from(stretch.bitrate_bps)).min(),
        max_bitrate_bps: known.playing().map(|(stretch, _)| i64::from(stretch.bitrate_bps)).max(),
        startup_bitrate_bps: known.first_frame().map(|stretch| i64::from(stretch.bitrate_bps)),
        cdn: known.cdn().map(|cdn| CDN_NAMES[usize::from(cdn)].to_owned()),
        ended_in_rebuffer: Some(known.ended_in_rebuffer()),
        first_error_code: known.first_error_code().map(str::to_owned),
        anomalies: Some(0),
        unprovable: Vec::new(),
    };
    loss::give_up_what_is_unprovable(session, last, &mut truth);
    Some(truth)
}

/// Where the session leaves the profile, if it says where it stands.
pub(crate) fn resume_truth(session: &Session) -> Option<ResumeTruth> {
    let opener = session.opener()?;
    let (index, position_ms) = last_position(session)?;
    let runtime_ms = session.opening.content.runtime_ms();
    Some(ResumeTruth {
        profile_id: session.profile_id.clone(),
        title_id: session.title_id.clone(),
        episode_id: session.episode_id.clone(),
        session_id: session.session_id.clone(),
        opened_at: session.effective_time_us(&session.events[opener.event as usize], opener),
        sequence: index as i64,
        position_ms,
        runtime_ms,
        completed: is_completed(position_ms, runtime_ms),
        preview: session.opening.is_preview,
        updated_at: session.effective_time_us(&session.events[index], opener),
    })
}

impl ResumeTruth {
    /// Whether this viewing is the later one: by its effective end; ties by the client's counter, the position, and the session.
    pub(crate) fn is_after(&self, other: &Self) -> bool {
        let rank = |view: &Self| (view.updated_at, view.sequence, view.position_ms);
        (rank(self), &self.session_id) > (rank(other), &other.session_id)
    }
}

/// Index and position of the last event that comes and says where playback stands. Where a seek began is no such place.
fn last_position(session: &Session) -> Option<(usize, i64)> {
    let known = session
        .events
        .iter()
        .enumerate()
        .rev()
        .filter(|(index, event)| session.deliveries.delivered[*index] && event.kind != EventType::SeekStart);
    known.filter_map(|(index, event)| Some((index, event.position_ms()?))).next()
}

fn is_completed(position_ms: i64, runtime_ms: i64) -> bool {
    position_ms * 100 >= runtime_ms * 95 || (runtime_ms > 20 * 60_000 && runtime_ms - position_ms <= 2 * 60_000)
}

const PLAYING: &[State] = &[State::Playing, State::MicroStall, State::Listening];

impl<'s> Known<'s> {
    /// The stretches that have begun, each with how much of it is known, ms.
    fn stretches(&self) -> impl Iterator<Item = (&'s Stretch, i64)> + Clone + use<'s> {
        let until_ms = self.until_ms;
        let begun = self.session.viewing.stretches.iter().take_while(move |stretch| stretch.start_ms <= until_ms);
        begun.map(move |stretch| (stretch, stretch.end_ms.min(until_ms) - stretch.start_ms))
    }

    fn time_ms(&self, states: &[State]) -> i64 {
        self.stretches().filter(|(stretch, _)| states.contains(&stretch.state)).map(|(_, known_ms)| known_ms).sum()
    }

    fn count(&self, counts: impl Fn(&Stretch) -> bool) -> i64 {
        self.stretches().filter(|(stretch, _)| counts(stretch)).count() as i64
    }

    /// What was played, and for how long, ms.
    fn playing(&self) -> impl Iterator<Item = (&'s Stretch, i64)> + Clone + use<'s> {
        self.stretches().filter(|(stretch, known_ms)| PLAYING.contains(&stretch.state) && *known_ms > 0)
    }

    fn media_thousandths(&self) -> i64 {
        self.playing().map(|(stretch, known_ms)| known_ms * stretch.rate_thousandths).sum()
    }

    fn first_frame(&self) -> Option<&'s Stretch> {
        self.stretches().map(|(stretch, _)| stretch).find(|stretch| stretch.turn == Turn::FirstFrame)
    }

    fn startup_ms(&self) -> Option<i64> {
        let first_frame = self.first_frame()?;
        let waited_ms = self.stretches().filter(|(stretch, _)| stretch.state == State::Starting).map(|(_, known_ms)| known_ms).sum();
        debug_assert!(first_frame.start_ms >= waited_ms, "the viewer waits before the first frame only");
        Some(self.session.viewing.measured_startup_ms.unwrap_or(waited_ms))
    }

    fn has_failed(&self) -> bool {
        self.has_end && self.session.viewing.ending == Ending::Failed
    }

    fn ended_by(&self) -> &'static str {
        match (self.has_end, self.has_failed()) {
            (false, _) => "timeout",
            (true, true) => "error",
            (true, false) => "end",
        }
    }

    fn outcome(&self) -> &'static str {
        match (self.first_frame().is_some(), self.has_failed()) {
            (false, true) => "start_failure",
            (false, false) => "exit_before_start",
            (true, true) => "play_failure",
            (true, false) => "played",
        }
    }

    /// A stall that counts: of at least 250 ms, or still going on at the last event, for nobody knows how long.
    fn is_shown_stall(&self, stretch: &Stretch) -> bool {
        let is_left_open = stretch.state == State::MicroStall && stretch.start_ms == self.until_ms;
        stretch.turn == Turn::StallBegun && (stretch.state == State::Rebuffering || is_left_open)
    }

    /// Whether the last stall, one that counts, was still going on when the session ended.
    fn ended_in_rebuffer(&self) -> bool {
        self.stretches().fold(false, |is_stalled, (stretch, _)| match stretch.turn {
            Turn::StallBegun => matches!(stretch.state, State::Rebuffering | State::MicroStall),
            Turn::StallOver => false,
            _ => is_stalled,
        })
    }

    fn switches(&self, counts: impl Fn(u32, u32) -> bool) -> i64 {
        let after = self.stretches().skip(1);
        let switches = self.stretches().zip(after).filter(|((before, _), (after, _))| counts(before.bitrate_bps, after.bitrate_bps));
        switches.count() as i64
    }

    fn avg_bitrate_bps(&self) -> Option<i64> {
        let bits: i128 = self.playing().map(|(stretch, known_ms)| weight(stretch, known_ms) * i128::from(stretch.bitrate_bps)).sum();
        let media: i128 = self.playing().map(|(stretch, known_ms)| weight(stretch, known_ms)).sum();
        bits.checked_div(media).and_then(|average| i64::try_from(average).ok())
    }

    /// The network that played most; of equals the first; where nothing was played that of the first frame.
    fn cdn(&self) -> Option<u8> {
        let mut played: Vec<(u8, i64)> = Vec::new();
        for (stretch, known_ms) in self.playing() {
            match played.iter_mut().find(|(cdn, _)| *cdn == stretch.cdn) {
                Some((_, played_ms)) => *played_ms += known_ms,
                None => played.push((stretch.cdn, known_ms)),
            }
        }
        let most_ms = played.iter().map(|(_, played_ms)| *played_ms).max();
        let most_played = played.iter().find(|(_, played_ms)| Some(*played_ms) == most_ms).map(|(cdn, _)| *cdn);
        most_played.or_else(|| self.first_frame().map(|stretch| stretch.cdn))
    }

    fn first_error_code(&self) -> Option<&'static str> {
        let [survived, fatal] = ERROR_CODES;
        let has_erred = self.stretches().any(|(stretch, _)| stretch.turn == Turn::Erred);
        has_erred.then_some(survived).or(self.has_failed().then_some(fatal))
    }
}

fn weight(stretch: &Stretch, known_ms: i64) -> i128 {
    i128::from(known_ms) * i128::from(stretch.rate_thousandths)
}

#[cfg(test)]
mod tests;
