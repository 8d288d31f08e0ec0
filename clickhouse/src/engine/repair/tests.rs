use std::collections::BTreeSet;
use std::fs;

use proptest::prelude::*;

use super::{Part, repair, without_lost_parts};

fn parts(names: &[&str]) -> BTreeSet<Part> {
    names.iter().map(|name| Part::parse(name).unwrap()).collect()
}

#[test]
fn a_token_without_its_part_is_dropped() {
    let there = parts(&["all_1_3_1", "all_5_5_0", "202601_2_2_0", "all_7_9_2_11"]);
    let log = "1\tall_1_1_0\tall_a\n\
               1\tall_3_3_0\tall_b\n\
               1\tall_4_4_0\tall_lost\n\
               1\tall_5_5_0\tall_c\n\
               1\t202601_5_5_0\t202601_lost\n\
               1\t202601_2_2_0\t202601_d\n\
               2\tall_6_6_0\tall_dropped\n\
               1\tall_8_8_0_10\tall_e\n\
               1\tall_7_10_1\tall_wider_than_what_is_there\n\
               something else\n\
               1\tall_9";
    let (kept, dropped) = without_lost_parts(log.as_bytes(), &there);
    expect_test::expect![[r#"
        1	all_1_1_0	all_a
        1	all_3_3_0	all_b
        1	all_5_5_0	all_c
        1	202601_2_2_0	202601_d
        2	all_6_6_0	all_dropped
        1	all_8_8_0_10	all_e
        something else
        1	all_9"#]]
    .assert_eq(std::str::from_utf8(&kept).unwrap());
    assert_eq!(dropped, 3);
}

#[test]
fn names_of_parts() {
    for name in ["all_1_1_0", "202601_1_22_3_44", "-1-x_0_0_0"] {
        assert!(Part::parse(name).is_some(), "{name}");
    }
    for name in [
        "",
        "detached",
        "tmp_insert_all_1_1_0",
        "deduplication_logs",
        "all_1_1",
        "all_x_1_0",
        "_1_1_0",
        "all_1_1_0_1_1",
        "format_version.txt",
    ] {
        assert_eq!(Part::parse(name), None, "{name}");
    }
}

#[test]
fn a_folder_is_repaired_and_then_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("store/abc/abc-1");
    let logs = table.join("deduplication_logs");
    fs::create_dir_all(&logs).unwrap();
    fs::create_dir_all(table.join("all_1_1_0")).unwrap();
    fs::create_dir_all(table.join("tmp_insert_all_2_2_0")).unwrap();
    fs::create_dir_all(folder.path().join("store/def/def-1")).unwrap();
    fs::write(logs.join("deduplication_log_1.txt"), "1\tall_1_1_0\tall_a\n").unwrap();
    fs::write(logs.join("deduplication_log_2.txt"), "1\tall_2_2_0\tall_b\n").unwrap();
    assert_eq!(repair(folder.path()).unwrap(), 1);
    assert_eq!(fs::read_to_string(logs.join("deduplication_log_1.txt")).unwrap(), "1\tall_1_1_0\tall_a\n");
    assert_eq!(fs::read_to_string(logs.join("deduplication_log_2.txt")).unwrap(), "");
    assert_eq!(repair(folder.path()).unwrap(), 0);
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 2);
    assert_eq!(repair(&folder.path().join("nothing")).unwrap(), 0);
}

proptest! {
    /// The line of a part that is there, or was merged into one that is, stays; every other added part goes.
    #[test]
    fn a_line_stays_where_its_rows_are(lines in proptest::collection::vec((0_i64..20, 0_i64..3), 0..30), merged in proptest::collection::vec((0_i64..20, 0_i64..4), 0..6)) {
        let there: BTreeSet<Part> = merged.iter().map(|(min, more)| Part::parse(&format!("all_{min}_{}_1", min + more)).unwrap()).collect();
        let text: String = lines.iter().map(|(min, more)| format!("1\tall_{min}_{}_0\tall_x\n", min + more)).collect();
        let expected: String = lines
            .iter()
            .filter(|(min, more)| merged.iter().any(|(from, length)| from <= min && min + more <= from + length))
            .map(|(min, more)| format!("1\tall_{min}_{}_0\tall_x\n", min + more))
            .collect();
        let (kept, dropped) = without_lost_parts(text.as_bytes(), &there);
        prop_assert_eq!(std::str::from_utf8(&kept).unwrap(), &expected);
        prop_assert_eq!(dropped, lines.len() - expected.lines().count());
    }
}
