use expect_test::{Expect, expect};
use producers::viewing_activity::{ReadError, RowIds, Rows, ViewingRow};

const HEADER: &str = "profile,start_time,duration,title,supplemental_type,autoplayed,device_type,bookmark,latest_bookmark,country";

type Shown = Result<(u64, ViewingRow), String>;

fn rows(text: &[u8]) -> Result<Vec<Shown>, ReadError> {
    let mut rows = Rows::new(text)?;
    let mut all = Vec::new();
    while let Some(row) = rows.next_row()? {
        all.push(row.map_err(|error| error.to_string()));
    }
    Ok(all)
}

fn check(row: &str, expected: Expect) {
    let text = format!("{HEADER}\n{row}\n");
    let shown = match &rows(text.as_bytes()).unwrap()[..] {
        [Ok((_, row))] => format!("{row:?}"),
        [Err(error)] => error.clone(),
        other => panic!("{other:?}"),
    };
    expected.assert_eq(&shown);
}

#[test]
fn a_row_says_what_it_says() {
    check(
        "p3,2020-04-05 00:20:43,00:40:20,t1,HOOK,0,mobile,100:40:30,Not latest view,BR",
        expect![[
            r#"ViewingRow { profile: "p3", start_time_us: 1586046043000000, duration_ms: 2420000, title: "t1", supplemental_type: "HOOK", autoplayed: false, device_type: Some("mobile"), bookmark_ms: 362430000, country: Some("BR") }"#
        ]],
    );
    check(
        "p3,2020-04-05 00:20:43,0:00:00,\"A, \"\"B\"\"\",,1,,00:00:00,,",
        expect![[
            r#"ViewingRow { profile: "p3", start_time_us: 1586046043000000, duration_ms: 0, title: "A, \"B\"", supplemental_type: "", autoplayed: true, device_type: None, bookmark_ms: 0, country: None }"#
        ]],
    );
}

#[test]
fn each_mistake_is_named_with_line_column_and_value() {
    check(
        "p3,2020-04-05,00:40:20,t,,0,tv,0:0:1,,BR",
        expect![[r#"line 2: start_time "2020-04-05": bad_time: must be YYYY-MM-DD hh:mm:ss in UTC"#]],
    );
    check(
        "p3,2020-02-30 00:00:00,00:40:20,t,,0,tv,0:0:1,,BR",
        expect![[r#"line 2: start_time "2020-02-30 00:00:00": bad_time: must be YYYY-MM-DD hh:mm:ss in UTC"#]],
    );
    check(
        "p3,2020-04-05 00:00:00,40:20,t,,0,tv,0:0:1,,BR",
        expect![[r#"line 2: duration "40:20": bad_duration: must be hours:minutes:seconds"#]],
    );
    check(
        "p3,2020-04-05 00:00:00,0:60:00,t,,0,tv,0:0:1,,BR",
        expect![[r#"line 2: duration "0:60:00": bad_duration: must be hours:minutes:seconds"#]],
    );
    check(
        "p3,2020-04-05 00:00:00,-0:01:00,t,,0,tv,0:0:1,,BR",
        expect![[r#"line 2: duration "-0:01:00": negative_duration: must not be negative"#]],
    );
    check(
        "p3,2020-04-05 00:00:00,0:01:00,t,,0,tv,-0:0:1,,BR",
        expect![[r#"line 2: bookmark "-0:0:1": negative_position: must not be negative"#]],
    );
    check("p3,2020-04-05 00:00:00,0:01:00,t,,0,tv,,,BR", expect![[r#"line 2: bookmark "": missing_field: is empty"#]]);
    check("p3,2020-04-05 00:00:00,0:01:00,,,0,tv,0:0:1,,BR", expect![[r#"line 2: title "": missing_field: is empty"#]]);
    check(",2020-04-05 00:00:00,0:01:00,t,,0,tv,0:0:1,,BR", expect![[r#"line 2: profile "": missing_field: is empty"#]]);
    check("p3,2020-04-05 00:00:00,0:01:00,t,,2,tv,0:0:1,,BR", expect![[r#"line 2: autoplayed "2": bad_flag: must be 0 or 1"#]]);
    check("p3,2020-04-05 00:00:00,0:01:00", expect!["line 2: wrong_column_count: 3 fields where the first line names 10"]);
    check(
        "p3,2020-04-05 00:00:00,0:01:00,t,,0,tv,0:0:1,,BR,x",
        expect!["line 2: wrong_column_count: 11 fields where the first line names 10"],
    );
    check("p3,\"2020-04-05 00:00:00,0:01:00,t,,0,tv,0:0:1,,BR", expect!["line 2: unbalanced_quote: a quote is not closed"]);
}

#[test]
fn bytes_that_are_no_text_spoil_their_row_only() {
    let mut text = format!("{HEADER}\n").into_bytes();
    text.extend(b"p3,2020-04-05 00:00:00,0:01:00,caf\xE9,,0,tv,0:0:1,,BR\r\n\r\n");
    text.extend(b"p3,2020-04-05 00:00:00,0:01:00,ok,,0,tv,0:0:1,,BR");
    let rows = rows(&text).unwrap();
    assert_eq!(rows[0].as_ref().unwrap_err(), "line 2: title \"caf\u{fffd}\": not_utf8: is not UTF-8");
    assert_eq!(rows[1].as_ref().unwrap().0, 4);
    assert_eq!(rows.len(), 2);
}

#[test]
fn netflix_names_say_the_same() {
    let ours = format!("{HEADER}\np3,2020-04-05 00:20:43,00:40:20,t1,,1,mobile,00:40:30,Not latest view,BR\n");
    let netflix = "\u{feff}Profile Name,Start Time,Duration,Attributes,Title,Supplemental Video Type,Device Type,Bookmark,Latest Bookmark,Country\n\
                   p3,2020-04-05 00:20:43,00:40:20,Autoplayed: user action: None; ,t1,,mobile,00:40:30,00:40:30,BR (Brazil)\n";
    let shuffled = "extra,country,bookmark,device_type,autoplayed,supplemental_type,title,duration,start_time,profile\n\
                    x,BR,00:40:30,mobile,1,,t1,00:40:20,2020-04-05 00:20:43,p3\n";
    let row = |text: &str| rows(text.as_bytes()).unwrap().remove(0).unwrap().1;
    assert_eq!(row(&ours), row(netflix));
    assert_eq!(row(&ours), row(shuffled));
    assert_eq!(RowIds::default().next_id(&row(&ours)), RowIds::default().next_id(&row(netflix)));
    let not_autoplayed = netflix.replace("Autoplayed: user action: None; ", "");
    assert!(!row(&not_autoplayed).autoplayed);
}

#[test]
fn a_file_that_is_something_else_is_refused() {
    let refused = |text: &[u8]| rows(text).unwrap_err().to_string();
    assert_eq!(refused(b""), "the file is empty: its first line must name the columns");
    assert_eq!(refused(b"\xFF\xFE\n"), "the first line is not a list of column names: it is not UTF-8");
    assert_eq!(refused(b"a,\"b\n"), "the first line is not a list of column names: a quote is not closed");
    assert_eq!(refused(b"title,profile,title\n"), "column \"title\" is there twice");
    let missing = refused(b"profile,start_time,title\nx");
    assert!(missing.contains("missing: duration, supplemental_type, autoplayed, device_type, bookmark, country."), "{missing}");
    assert!(missing.contains("found: profile, start_time, title"), "{missing}");
    let separated = refused(b"profile;start_time;title\nx");
    assert!(separated.contains("separated by ';'?"), "{separated}");
    let missing = refused(b"Profile Name,Start Time\n");
    assert!(
        missing.contains("missing: Duration, Title, Supplemental Video Type, Attributes, Device Type, Bookmark, Country."),
        "{missing}"
    );
}

#[test]
fn equal_rows_have_ids_of_their_own_whatever_the_order() {
    let row = |title: &str| format!("p3,2020-04-05 00:00:00,0:01:00,{title},,0,tv,0:0:1,,BR");
    let ids = |titles: &[&str]| {
        let text = format!("{HEADER}\n{}\n", titles.iter().map(|title| row(title)).collect::<Vec<_>>().join("\n"));
        let mut ids = RowIds::default();
        let mut all: Vec<_> = rows(text.as_bytes()).unwrap().into_iter().map(|row| ids.next_id(&row.unwrap().1)).collect();
        all.sort();
        all.dedup();
        all
    };
    let expected = ids(&["a", "a", "b", "a"]);
    assert_eq!(expected.len(), 4);
    assert_eq!(ids(&["b", "a", "a", "a"]), expected);
}

/// The ids are part of the format of the ledger: a change of them would import everything again.
#[test]
fn ids_never_change() {
    let text = format!("{HEADER}\np3,2020-04-05 00:20:43,00:40:20,t525c221d21,,0,mobile,00:40:30,Not latest view,BR\n");
    let row = rows(text.as_bytes()).unwrap().remove(0).unwrap().1;
    let mut ids = RowIds::default();
    expect!["cb5a5fb0-6c9b-833b-85f3-787447ef9293 3d35a1b3-fa29-8116-8834-bb2d1902dc9e"].assert_eq(&format!(
        "{} {}",
        ids.next_id(&row),
        ids.next_id(&row)
    ));
}
