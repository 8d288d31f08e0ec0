//! Which faults, how many of each, and in which order.

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A process is killed and started again.
    Kill,
    /// And killed again while it restores.
    KillTwice,
    /// All processes at once.
    KillAll,
    /// The stage that reads what the others write.
    KillProfile,
    /// A process stops for a moment.
    Pause,
    /// A process stops for longer than the group waits, others take over, and then it wakes up.
    Zombie,
    /// One is asked to end, and started again.
    Restart,
    /// Another process joins, and leaves.
    Join,
    /// The broker is killed, while a process is killed too.
    BrokerKill,
    /// The broker stops for a moment.
    BrokerPause,
    /// The broker stops for longer than a transaction may take.
    BrokerPauseLong,
    /// Slow and uneven connections.
    Latency,
    /// Connections are reset after some bytes.
    Reset,
    /// No connection for a moment.
    Partition,
    /// No connection for longer than transactions and sessions last: open transactions are aborted under live state.
    PartitionLong,
    /// The registry can't be reached when a process starts.
    RegistryDown,
    /// Saved states are damaged or deleted, and a process killed.
    DamageStates,
}

/// How many of each come in a whole campaign of `ALL` faults.
const COUNTS: [(Fault, usize); 17] = [
    (Fault::Kill, 96),
    (Fault::KillTwice, 28),
    (Fault::KillAll, 8),
    (Fault::KillProfile, 20),
    (Fault::Pause, 30),
    (Fault::Zombie, 10),
    (Fault::Restart, 18),
    (Fault::Join, 14),
    (Fault::BrokerKill, 6),
    (Fault::BrokerPause, 8),
    (Fault::BrokerPauseLong, 2),
    (Fault::Latency, 20),
    (Fault::Reset, 16),
    (Fault::Partition, 18),
    (Fault::PartitionLong, 5),
    (Fault::RegistryDown, 8),
    (Fault::DamageStates, 10),
];

/// All faults in an order that follows from the seed, or every so manyth of them where fewer are asked for.
pub(super) fn plan(random: &mut Random, faults: usize) -> Vec<Fault> {
    let mut all: Vec<Fault> = COUNTS.iter().flat_map(|&(fault, count)| std::iter::repeat_n(fault, count)).collect();
    for index in (1..all.len()).rev() {
        all.swap(index, random.below(index + 1));
    }
    all.truncate(faults);
    all
}

/// A cheap generator of random numbers (splitmix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) % bound as u64) as usize
    }

    pub(super) fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to - from)
    }
}
