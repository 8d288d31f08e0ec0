"""What Python's clickhouse-connect does, against the server at CLICKHOUSE_URL."""

import os
from datetime import date, datetime
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

url = urlsplit(os.environ["CLICKHOUSE_URL"])


def connect(**options):
    return clickhouse_connect.get_client(host=url.hostname, port=url.port, **options)


def refuses(code, ask):
    try:
        ask()
    except DatabaseError as error:
        assert f"Code: {code}." in str(error) or f"code {code}" in str(error), error
    else:
        raise AssertionError(f"nothing was refused, where Code {code} was due")


rows = [
    [1, "one\n\nSELECT 2;", 1.5, date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5), ["a", "b"], None],
    [2, "zwei \u00fc '\\", -2.0, date(1999, 12, 31), datetime(2030, 1, 1), [], "there"],
]
names = ["id", "text", "ratio", "day", "at", "tags", "maybe"]

for compress in [False, "lz4", "zstd", "gzip"]:
    client = connect(compress=compress)
    assert client.ping()
    client.command("CREATE DATABASE IF NOT EXISTS clients_python ENGINE = Atomic")
    client.command("DROP TABLE IF EXISTS clients_python.t SYNC")
    client.command(
        "CREATE TABLE clients_python.t (id UInt64, text String, ratio Float64, day Date, at DateTime('UTC'), tags Array(String), "
        "maybe Nullable(String)) ENGINE = MergeTree ORDER BY id"
    )
    summary = client.insert("t", rows, column_names=names, database="clients_python")
    assert summary.written_rows == 2, summary.summary
    result = client.query("SELECT * FROM clients_python.t ORDER BY id")
    assert list(result.column_names) == names
    assert [list(row) for row in result.result_rows] == rows, result.result_rows

    client.raw_insert("clients_python.t", ["id", "text"], b"3,three\n4,\"a\n\nb\"\n", fmt="CSV")
    assert client.command("SELECT count() FROM clients_python.t") == 4
    found = client.query("SELECT text FROM clients_python.t WHERE id = {id:UInt64} AND text = {text:String}", parameters={"id": 4, "text": "a\n\nb"})
    assert found.result_rows == [("a\n\nb",)], found.result_rows
    assert client.query("SELECT getSetting('max_threads')", settings={"max_threads": 1}).first_row == (1,)
    assert client.raw_query("SELECT 1 AS x FORMAT JSONEachRow") == b'{"x":1}\n'

    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(300000)") as stream:
        total = sum(number for block in stream for number, _ in block)
    assert total == 300000 * 299999 // 2

    refuses(60, lambda: client.query("SELECT * FROM clients_python.nosuch"))
    refuses(62, lambda: client.command("SELEC 1"))
    refuses(497, lambda: client.query("SELECT * FROM url('http://127.0.0.1:1', CSV, 'a String')"))
    client.close()

# Each client has a session of its own; what one makes there only it sees.
client = connect(autogenerate_session_id=True)
client.command("CREATE TEMPORARY TABLE mine (a UInt8)")
client.command("INSERT INTO mine VALUES (7)")
assert client.command("SELECT a FROM mine") == 7
refuses(60, lambda: connect().query("SELECT a FROM mine"))
client.command("DROP DATABASE clients_python SYNC")
print("clickhouse-connect", clickhouse_connect.__version__ if hasattr(clickhouse_connect, "__version__") else "", "well")
