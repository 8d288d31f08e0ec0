//! Numbers that look random and are the same on every machine: integers alone, and divisions that IEEE 754 defines to the last bit.

use std::ops::RangeInclusive;

use super::settings::Rate;

/// `SplitMix64` (Steele, Lea, Flood 2014). Whatever is simulated has a generator of its own, named by numbers, so that one part can be
/// made again without the others.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

/// What a generator is for: two with the same numbers and different purposes have nothing in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Title,
    Runtime,
    Viewer,
    Join,
    SessionCount,
    FirstOpening,
    NextOpening,
    Trip,
    Viewing,
    Events,
    Delivery,
    ProfileId,
    AccountId,
    DeviceId,
    SessionIds,
    EventId,
}

/// The increment of `SplitMix64`: 2^64 divided by the golden ratio.
const INCREMENT: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Random {
    /// The generator for this purpose that these numbers name.
    pub(crate) fn of(purpose: Purpose, name: &[u64]) -> Self {
        let parts = std::iter::once(purpose as u64).chain(name.iter().copied());
        Self { state: parts.fold(0, |state, part| mix(state.wrapping_add(INCREMENT) ^ mix(part.wrapping_add(INCREMENT)))) }
    }

    /// The next 64 bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(INCREMENT);
        mix(self.state)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The upper half of the product (Lemire 2019); what it is off by is less than 2^-32 for the bounds used here.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number of a range.
    pub(crate) fn between(&mut self, range: RangeInclusive<i64>) -> i64 {
        let (first, last) = range.into_inner();
        first + self.below((last - first + 1).cast_unsigned()).cast_signed()
    }

    /// True for a share of the calls.
    pub(crate) fn chance(&mut self, rate: Rate) -> bool {
        self.below(1_000_000) < u64::from(rate.per_million())
    }

    /// True for so many of a hundred calls.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub(crate) fn one_of<'t, T>(&mut self, choices: &'t [T]) -> &'t T {
        &choices[self.below(choices.len() as u64) as usize]
    }

    /// One of these, each as often as its weight says.
    pub(crate) fn weighted<'t, T>(&mut self, choices: &'t [(u32, T)]) -> &'t T {
        let total: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.below(total);
        for (weight, choice) in choices {
            match drawn.checked_sub(u64::from(*weight)) {
                None => return choice,
                Some(rest) => drawn = rest,
            }
        }
        unreachable!("what is drawn lies below the sum of the weights")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_gives_the_same_numbers_and_another_name_others() {
        let draw = |name: &[u64]| Random::of(Purpose::Viewer, name).bits();
        assert_eq!(draw(&[1, 2]), draw(&[1, 2]));
        assert!(draw(&[1, 2]) != draw(&[2, 1]) && draw(&[1]) != draw(&[1, 0]) && draw(&[0]) != draw(&[1]));
        assert_ne!(draw(&[1]), Random::of(Purpose::Join, &[1]).bits());
    }

    #[test]
    fn choices_come_as_often_as_they_should() {
        let mut random = Random::of(Purpose::Viewer, &[7]);
        let mut counts = [0; 3];
        for _ in 0..10_000 {
            counts[*random.weighted(&[(1, 0), (7, 1), (2, 2)])] += 1;
        }
        assert!((900..1_100).contains(&counts[0]) && (6_850..7_150).contains(&counts[1]), "{counts:?}");
        assert!((0..1_000).all(|_| (3..=5).contains(&random.between(3..=5))));
        assert_eq!(random.below(0), 0);
    }
}
