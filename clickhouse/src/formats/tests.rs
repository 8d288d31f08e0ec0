use super::{Header, Joining};

#[test]
fn what_a_document_begins_with() {
    let binary = b"\x02\x01a\x02bb\x05UInt8\x06String\x01\x01x";
    assert_eq!(Header::BinaryNamesAndTypes.length(binary), Some(19));
    assert_eq!(Header::BinaryNames.length(binary), Some(6));
    assert_eq!(Header::BinaryNamesAndTypes.length(&binary[..17]), None);
    assert_eq!(Header::Lines(2).length(b"a\\n\tb\nInt8\tInt8\n1\t2\n"), Some(16));
    assert_eq!(Header::CsvRecords(1).length(b"\"a\n\"\"b\",\"c\"\n1,2\n"), Some(12));
    assert_eq!(Header::CsvRecords(1).length(b"\"a\n"), None);
    assert_eq!(Joining::of("jsoneachrow"), Joining::Concatenated);
    assert_eq!(Joining::of("Parquet"), Joining::Whole);
    assert_eq!(Joining::of("whatever comes"), Joining::Whole);
}
