use super::Exception;
use crate::raw::EngineError;

#[test]
fn the_engine_s_exceptions_read_as_a_server_s() {
    for (said, status, text) in [
        (
            "Code: 60. DB::Exception: Table default.nosuch does not exist. (UNKNOWN_TABLE)",
            404,
            "Code: 60. DB::Exception: Table default.nosuch does not exist. (UNKNOWN_TABLE) (version 1 (embedded))",
        ),
        (
            "Code: 62. DB::Exception: Cannot parse (a): x. (SYNTAX_ERROR) (version 26.7.2.1)",
            400,
            "Code: 62. DB::Exception: Cannot parse (a): x. (SYNTAX_ERROR) (version 1 (embedded))",
        ),
        (
            "Code: 73. DB::Exception: Code: 73. DB::Exception: Code: 73. DB::Exception: Unknown format nosuch. (UNKNOWN_FORMAT) (version 26.7.2.1). \
             (UNKNOWN_FORMAT) (version 26.7.2.1). (UNKNOWN_FORMAT)",
            404,
            "Code: 73. DB::Exception: Unknown format nosuch. (UNKNOWN_FORMAT) (version 1 (embedded))",
        ),
        (
            "send_insert requires an INSERT query",
            400,
            "Code: 36. DB::Exception: send_insert requires an INSERT query. (BAD_ARGUMENTS) (version 1 (embedded))",
        ),
    ] {
        let exception = Exception::from(EngineError(said.to_owned()));
        assert_eq!((exception.status(), exception.text("1").as_str()), (status, text));
    }
}

#[test]
fn a_get_is_told_why_it_may_only_read() {
    let exception =
        Exception::from(EngineError("Code: 164. DB::Exception: default: Cannot execute query in readonly mode. (READONLY)".to_owned()));
    assert_eq!(
        exception.of_get().text("1"),
        "Code: 164. DB::Exception: default: Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. You should \
         use method POST for modifying queries. (READONLY) (version 1 (embedded))"
    );
}
