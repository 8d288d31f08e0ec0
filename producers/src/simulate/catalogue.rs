//! What there is to watch: few titles that everybody watches, and many that hardly anyone does (Zipf's law).

use super::random::{Purpose, Random};

/// Titles in the catalogue.
const TITLES: u32 = 2_000;

const MINUTE_MS: i64 = 60_000;

/// A film, or an episode of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// The more popular, the smaller; from 0.
    title: u32,
    /// From 1; 0 for a film.
    episode: u32,
}

/// The titles, with how often each is watched.
#[derive(Clone, Debug)]
pub(crate) struct Catalogue {
    /// Sums of 1 / rank: divisions and sums come out the same on every machine.
    cumulative: Vec<f64>,
}

impl Catalogue {
    pub(crate) fn new() -> Self {
        let mut sum = 0.0;
        let cumulative = (1..=TITLES).map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    /// A title as viewers choose it; of a series some episode, mostly one of the first.
    pub(crate) fn choose(&self, random: &mut Random) -> Content {
        let total = self.cumulative.last().copied().unwrap_or_default();
        // 53 bits are what a double holds.
        let drawn = (random.bits() >> 11) as f64 / (1_u64 << 53) as f64 * total;
        let rank = self.cumulative.partition_point(|sum| *sum <= drawn).min(self.cumulative.len() - 1);
        let title = u32::try_from(rank).expect("as many titles as fit in 32 bits");
        let episodes = u64::from(episodes(title));
        let episode = if episodes == 0 { 0 } else { 1 + random.below(episodes).min(random.below(episodes)) };
        Content { title, episode: u32::try_from(episode).expect("few episodes") }
    }
}

/// What is fixed for a title is drawn from its number alone: the catalogue is the same in every run.
fn traits(title: u32) -> Random {
    Random::of(Purpose::Title, &[u64::from(title)])
}

/// How many episodes a title has; none for a film.
fn episodes(title: u32) -> u32 {
    let mut random = traits(title);
    if random.percent(60) { 6 + random.below(18) as u32 } else { 0 }
}

impl Content {
    /// Length, ms: 20 to 55 min for an episode, 75 to 140 min for a film.
    pub(crate) fn runtime_ms(self) -> i64 {
        let mut random = Random::of(Purpose::Runtime, &[u64::from(self.title), u64::from(self.episode)]);
        let seconds = random.between(0..=59) * 1_000;
        let minutes = if self.episode > 0 { random.between(20..=54) } else { random.between(75..=139) };
        minutes * MINUTE_MS + seconds
    }

    pub(crate) fn title_id(self) -> String {
        format!("title-{:04}", self.title)
    }

    pub(crate) fn episode_id(self) -> Option<String> {
        (self.episode > 0).then(|| format!("title-{:04}-e{:02}", self.title, self.episode))
    }

    /// The episode after this one.
    pub(crate) fn next_episode(self) -> Option<Self> {
        (self.episode > 0 && self.episode < episodes(self.title)).then(|| Self { episode: self.episode + 1, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popularity_follows_zipf() {
        let catalogue = Catalogue::new();
        let mut random = Random::of(Purpose::Viewer, &[1]);
        let mut counts = vec![0_u32; TITLES as usize];
        for _ in 0..100_000 {
            counts[catalogue.choose(&mut random).title as usize] += 1;
        }
        // 1 / H(2000) = 0.1223 of all, and half of that for the second.
        assert!((11_800..12_650).contains(&counts[0]), "{}", counts[0]);
        assert!((5_800..6_450).contains(&counts[1]), "{}", counts[1]);
        assert!(counts.iter().filter(|count| **count > 0).count() > 1_900);
    }

    #[test]
    fn series_go_on_to_their_last_episode() {
        let catalogue = Catalogue::new();
        let mut random = Random::of(Purpose::Viewer, &[2]);
        let mut content = (0..100).map(|_| catalogue.choose(&mut random)).find(|content| content.episode > 0).expect("series are common");
        while let Some(next) = content.next_episode() {
            assert_eq!(next.title_id(), content.title_id());
            assert_ne!(next.episode_id(), content.episode_id());
            assert!((20 * MINUTE_MS..55 * MINUTE_MS).contains(&next.runtime_ms()));
            content = next;
        }
        assert_eq!(content.episode, episodes(content.title));
    }
}
