//! Making up what happens in a session: how the viewer waits, watches, is interrupted, and leaves.

use super::audience::{Device, Opening, Viewer};
use super::random::{Purpose, Random};
use super::settings::LONGEST_SESSION_MS;
use super::viewing::{Ending, HEARTBEAT_MS, State, Stretch, Turn, Viewing};

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;

/// From here on a session is brought to its end, so that it is over in time whatever it was just doing.
const LONG_SESSION_MS: i64 = LONGEST_SESSION_MS - 50 * MINUTE_MS;

impl Viewing {
    /// What happens in the session that begins so.
    pub(crate) fn of(seed: u64, opening: &Opening, viewer: &Viewer) -> Self {
        let random = Random::of(Purpose::Viewing, &[seed, u64::from(opening.viewer), u64::from(opening.ordinal)]);
        let device = viewer.devices[usize::from(opening.device)];
        let ladder_bps = device.kind.ladder_bps;
        let mut screen = Screen {
            random,
            device,
            has_ads: viewer.has_ads && !opening.is_preview,
            runtime_ms: opening.content.runtime_ms(),
            stretches: Vec::with_capacity(32),
            at_ms: 0,
            position_ms: opening.position_ms,
            rate_thousandths: 1_000,
            step: ladder_bps.len() / 2,
            cdn: viewer.cdn,
            measured_startup_ms: None,
        };
        let ending = screen.run(opening.is_preview);
        Self { stretches: screen.stretches, ending, measured_startup_ms: screen.measured_startup_ms }
    }
}

/// A session while it is made up.
struct Screen {
    random: Random,
    device: Device,
    has_ads: bool,
    runtime_ms: i64,
    stretches: Vec<Stretch>,
    at_ms: i64,
    position_ms: i64,
    rate_thousandths: i64,
    /// Step of the device's bitrate ladder.
    step: usize,
    cdn: u8,
    measured_startup_ms: Option<i64>,
}

/// What comes between two stretches of playing.
#[derive(Clone, Copy)]
enum Interruption {
    Bitrate,
    Stall,
    MicroStall,
    Pause,
    PauseInAStall,
    Seek,
    AdBreak,
    Away,
    Rate,
    Error,
}

const INTERRUPTIONS: [(u32, Interruption); 10] = [
    (38, Interruption::Bitrate),
    (12, Interruption::Stall),
    (8, Interruption::MicroStall),
    (12, Interruption::Pause),
    (1, Interruption::PauseInAStall),
    (12, Interruption::Seek),
    (8, Interruption::AdBreak),
    (5, Interruption::Away),
    (2, Interruption::Rate),
    (2, Interruption::Error),
];

impl Screen {
    fn push(&mut self, turn: Turn, state: State, duration_ms: i64) {
        let stretch = Stretch {
            turn,
            state,
            start_ms: self.at_ms,
            end_ms: self.at_ms + duration_ms,
            position_ms: self.position_ms,
            rate_thousandths: self.rate_thousandths,
            bitrate_bps: self.device.kind.ladder_bps[self.step],
            cdn: self.cdn,
        };
        self.at_ms = stretch.end_ms;
        self.position_ms = stretch.position_at(stretch.end_ms);
        self.stretches.push(stretch);
    }

    fn run(&mut self, is_preview: bool) -> Ending {
        if let Some(ending) = self.start() {
            return ending;
        }
        let mut watch_ms = self.intended_ms(is_preview);
        let ending = match self.random.below(100) {
            0..9 => Ending::Vanished,
            9..11 => Ending::Failed,
            _ => Ending::Left,
        };
        let mut turn = Turn::FirstFrame;
        loop {
            // Longer than a heartbeat's interval, so that what was on before a stall is known when it is judged.
            let run_ms = self.random.between(12 * SECOND_MS..=7 * MINUTE_MS).min(watch_ms);
            let to_the_end_ms = ((self.runtime_ms - self.position_ms) * 1_000).div_euclid(self.rate_thousandths);
            if to_the_end_ms <= run_ms {
                self.push(turn, State::Playing, to_the_end_ms.max(1));
                return Ending::Finished;
            }
            watch_ms -= run_ms;
            if watch_ms < 12 * SECOND_MS || self.at_ms > LONG_SESSION_MS {
                return self.finish(turn, run_ms, ending);
            }
            self.push(turn, State::Playing, run_ms);
            turn = self.interrupt();
        }
    }

    /// Up to the first frame, or to the end where it does not come to it. The first frame itself is yet to be pushed.
    fn start(&mut self) -> Option<Ending> {
        let wait_ms = match self.random.below(10) {
            0 => self.random.between(4 * SECOND_MS..=20 * SECOND_MS),
            1..4 => self.random.between(1_800..=4_000),
            _ => self.random.between(300..=1_800),
        };
        let outcome = self.random.below(1_000);
        if self.has_ads && self.random.percent(60) {
            let before_ms = self.random.between(50..=wait_ms - 100);
            self.push(Turn::Asked, State::Starting, before_ms);
            let ads = if self.random.percent(40) { 2 } else { 1 };
            self.ads(ads);
            if outcome < 15 {
                // Left in the ad: it is not over yet.
                return Some(Ending::Left);
            }
            self.push(Turn::BreakOver, State::Starting, wait_ms - before_ms);
        } else {
            let wait_ms = if outcome < 5 { 0 } else { wait_ms };
            self.push(Turn::Asked, State::Starting, wait_ms);
        }
        match outcome {
            0..5 => return Some(Ending::Vanished),
            5..35 => return Some(Ending::Left),
            35..50 => return Some(Ending::Failed),
            _ => {}
        }
        if self.device.measures {
            // Without what the app itself takes before its player begins.
            self.measured_startup_ms = Some(wait_ms - self.random.between(0..=40));
        }
        None
    }

    /// How long the viewer means to watch, ms.
    fn intended_ms(&mut self, is_preview: bool) -> i64 {
        if is_preview {
            return self.random.between(15 * SECOND_MS..=90 * SECOND_MS);
        }
        match self.random.below(100) {
            0..25 => self.random.between(12 * SECOND_MS..=4 * MINUTE_MS),
            25..60 => self.random.between(4 * MINUTE_MS..=35 * MINUTE_MS),
            _ => i64::MAX / 2,
        }
    }

    /// The last that is played, and how the session ends.
    fn finish(&mut self, turn: Turn, run_ms: i64, ending: Ending) -> Ending {
        if ending != Ending::Vanished {
            self.push(turn, State::Playing, run_ms);
            if self.random.percent(4) {
                // Given up on.
                let stall_ms = self.random.between(1_000..=25_000);
                self.push(Turn::StallBegun, State::Rebuffering, stall_ms);
            }
            return ending;
        }
        // The last report is a heartbeat, or what the viewer did just before the player fell silent.
        self.push(turn, State::Playing, (run_ms / HEARTBEAT_MS).max(1) * HEARTBEAT_MS);
        match self.random.below(10) {
            0..2 => self.push(Turn::Paused, State::Paused, 0),
            2 => self.push(Turn::StallBegun, State::Rebuffering, 0),
            3..5 if self.device.kind.is_mobile => self.push(Turn::WentAway, State::Background, 0),
            _ => {}
        }
        Ending::Vanished
    }

    /// Something that comes between; with what playing goes on.
    fn interrupt(&mut self) -> Turn {
        match *self.random.weighted(&INTERRUPTIONS) {
            Interruption::Stall => {
                let stall_ms = if self.random.percent(85) { self.random.between(250..=6_000) } else { self.random.between(6_000..=60_000) };
                self.push(Turn::StallBegun, State::Rebuffering, stall_ms);
                Turn::StallOver
            }
            Interruption::MicroStall => {
                let stall_ms = self.random.between(20..=249);
                self.push(Turn::StallBegun, State::MicroStall, stall_ms);
                Turn::StallOver
            }
            Interruption::Pause => {
                let pause_ms = self.pause_ms();
                self.push(Turn::Paused, State::Paused, pause_ms);
                Turn::Resumed
            }
            Interruption::PauseInAStall => {
                let [before_ms, pause_ms, after_ms] =
                    [(300, 3_000), (2_000, 60_000), (100, 3_000)].map(|(low, high)| self.random.between(low..=high));
                self.push(Turn::StallBegun, State::Rebuffering, before_ms);
                self.push(Turn::Paused, State::Paused, pause_ms);
                self.push(Turn::Resumed, State::Rebuffering, after_ms);
                Turn::StallOver
            }
            Interruption::Seek => self.seek(),
            Interruption::AdBreak if self.has_ads => {
                let ads = self.random.between(1..=4);
                self.ads(ads);
                Turn::BreakOver
            }
            Interruption::Away if self.device.kind.is_mobile => {
                self.away();
                Turn::CameBack
            }
            Interruption::Rate => {
                self.rate_thousandths = *self.random.one_of(&[750, 1_000, 1_250, 1_500, 2_000]);
                Turn::RateChosen
            }
            Interruption::Error => Turn::Erred,
            Interruption::Bitrate | Interruption::AdBreak | Interruption::Away => {
                self.switch();
                Turn::BitrateSwitched
            }
        }
    }

    /// Mostly short; some long enough to make tea, none as long as the silence that closes a session.
    fn pause_ms(&mut self) -> i64 {
        if self.random.percent(85) { self.random.between(1_000..=90_000) } else { self.random.between(90_000..=20 * MINUTE_MS) }
    }

    /// One step up or down the ladder, and now and then to another network.
    fn switch(&mut self) {
        let top = self.device.kind.ladder_bps.len() - 1;
        self.step = if self.step < top && (self.step == 0 || self.random.percent(60)) { self.step + 1 } else { self.step - 1 };
        if self.random.percent(6) {
            self.cdn = (self.cdn + 1) % 3;
        }
    }

    fn seek(&mut self) -> Turn {
        let mut turn = Turn::SeekBegun;
        if self.random.percent(25) {
            for _ in 0..self.random.between(1..=4) {
                let drag_ms = self.random.between(200..=2_000);
                self.push(turn, State::Seeking, drag_ms);
                turn = Turn::Scrubbed;
            }
        }
        let look_ms = self.random.between(50..=1_500);
        self.push(turn, State::Seeking, look_ms);
        if self.random.percent(50) {
            let stall_ms = self.random.between(250..=5_000);
            self.push(Turn::StallBegun, State::SeekStall, stall_ms);
            let show_ms = self.random.between(10..=400);
            self.push(Turn::StallOver, State::Seeking, show_ms);
        }
        // Far enough from the end that there is something left to watch.
        self.position_ms = self.random.between(0..=self.runtime_ms * 9 / 10);
        if self.random.percent(20) {
            let shown_ms = self.random.between(20..=1_500);
            self.push(Turn::SeekOver, State::Playing, shown_ms);
            let stall_ms = self.random.between(250..=4_000);
            self.push(Turn::StallBegun, State::SeekStall, stall_ms);
            return Turn::StallOver;
        }
        Turn::SeekOver
    }

    /// A break of so many ads. It is not over yet.
    fn ads(&mut self, ads: i64) {
        for _ in 0..ads {
            let ad_ms = 5_000 * self.random.between(1..=6) + self.random.between(0..=400);
            if self.random.percent(12) {
                let before_ms = self.random.between(100..=ad_ms - 100);
                self.push(Turn::AdBegun, State::Ad, before_ms);
                let stall_ms = self.random.between(250..=5_000);
                self.push(Turn::StallBegun, State::AdStall, stall_ms);
                self.push(Turn::StallOver, State::Ad, ad_ms - before_ms);
            } else {
                self.push(Turn::AdBegun, State::Ad, ad_ms);
            }
        }
    }

    fn away(&mut self) {
        // Listening at another rate would be proven by positions that are cut to whole milliseconds: to the ms only at rate 1.
        if self.rate_thousandths == 1_000 && self.random.percent(40) {
            let beats = self.random.between(1..=30);
            let rest_ms = self.random.between(2_000..=9_000);
            let listened_ms = beats * HEARTBEAT_MS + rest_ms;
            if self.position_ms + listened_ms < self.runtime_ms {
                return self.push(Turn::WentAway, State::Listening, listened_ms);
            }
        }
        let away_ms =
            if self.random.percent(80) { self.random.between(1_000..=120_000) } else { self.random.between(120_000..=15 * MINUTE_MS) };
        self.push(Turn::WentAway, State::Background, away_ms);
    }
}
