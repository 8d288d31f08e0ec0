//! The fold against the slow one.

use processors::qos::{Closing, Workspace, fold, sort};
use proptest::prelude::*;

use super::{proptest_cases, reference, sessions::sessions};

proptest! {
    #![proptest_config(proptest_cases(8_000))]

    #[test]
    fn short_sessions(mut events in sessions(12), timeout in any::<bool>()) {
        sort(&mut events);
        let closing = if timeout { Closing::Timeout } else { Closing::Open };
        prop_assert_eq!(fold(&events, closing, &mut Workspace::new()), reference::fold(&events, closing));
    }

    #[test]
    fn longer_sessions(mut events in sessions(50)) {
        sort(&mut events);
        prop_assert_eq!(fold(&events, Closing::Cut, &mut Workspace::new()), reference::fold(&events, Closing::Cut));
    }
}
