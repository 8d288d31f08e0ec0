//! Playing time by content delivery network.

/// Playing time of each network of one session.
#[derive(Debug, Default)]
pub(super) struct CdnTimes {
    /// Playing time, by the network's index in the session's table of strings; all 0 between folds.
    playing_us: Vec<i64>,
    /// The networks that have any, in the order in which they played first.
    played: Vec<u16>,
}

impl CdnTimes {
    pub(super) fn add(&mut self, cdn: u16, playing_us: i64) {
        if playing_us == 0 {
            return;
        }
        let index = usize::from(cdn);
        if index >= self.playing_us.len() {
            self.playing_us.resize(index + 1, 0);
        }
        if self.playing_us[index] == 0 {
            self.played.push(cdn);
        }
        self.playing_us[index] += playing_us;
    }

    /// The network with most playing time, the one that played first among equals; forgets all.
    pub(super) fn take_most_played(&mut self) -> Option<u16> {
        let mut most = None;
        for cdn in self.played.drain(..) {
            let playing_us = std::mem::take(&mut self.playing_us[usize::from(cdn)]);
            if most.is_none_or(|(_, most_us)| playing_us > most_us) {
                most = Some((cdn, playing_us));
            }
        }
        most.map(|(cdn, _)| cdn)
    }
}
