//! The `clickhouse` crate in all its modes.

use clickhouse::{Client, Compression, Row};
use serde::{Deserialize, Serialize};

use crate::support::shared;

#[derive(Clone, Debug, PartialEq, Row, Serialize, Deserialize)]
struct Line {
    id: u64,
    text: String,
    tags: Vec<String>,
    maybe: Option<i32>,
}

fn line(id: u64) -> Line {
    let maybe = (id.is_multiple_of(3)).then_some(-1);
    Line { id, text: format!("a\n\n; SELECT {id}"), tags: vec!["x".to_owned(); (id % 4) as usize], maybe }
}

#[test]
fn the_rust_client_writes_and_reads_in_every_mode() {
    let server = shared("rust_client");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for (name, compression) in [("none", Compression::None), ("lz4", Compression::Lz4), ("zstd", Compression::zstd())] {
            for validation in [true, false] {
                let client = Client::default()
                    .with_url(server.url())
                    .with_database("rust_client")
                    .with_compression(compression)
                    .with_validation(validation);
                let table = format!("t_{name}_{validation}");
                check(&client, &table).await;
            }
        }
    });
}

async fn check(client: &Client, table: &str) {
    let create = "CREATE TABLE ? (id UInt64, text String, tags Array(String), maybe Nullable(Int32)) ENGINE = MergeTree ORDER BY id";
    client.query(create).bind(clickhouse::sql::Identifier(table)).execute().await.unwrap();
    let mut insert = client.insert::<Line>(table).await.unwrap().with_setting("insert_deduplication_token", "one");
    for id in 0..5000 {
        insert.write(&line(id)).await.unwrap();
    }
    insert.end().await.unwrap();
    let mut raw = client.insert_formatted_with(format!("INSERT INTO {table} FORMAT JSONEachRow"));
    raw.send(bytes::Bytes::from_static(b"{\"id\":5000,\"text\":\"a\\n\\n; SELECT 5000\"}\n\n\n")).await.unwrap();
    raw.end().await.unwrap();

    let rows = client.query(&format!("SELECT ?fields FROM {table} WHERE id < ? ORDER BY id")).bind(5000).fetch_all::<Line>().await.unwrap();
    assert_eq!(rows, (0..5000).map(line).collect::<Vec<_>>());
    let one: u64 = client
        .query(&format!("SELECT id FROM {table} WHERE text = {{text:String}}"))
        .param("text", "a\n\n; SELECT 42")
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(one, 42);
    let mut cursor = client.query("SELECT number FROM numbers(300000)").with_setting("max_block_size", "10000").fetch::<u64>().unwrap();
    let mut sum = 0;
    while let Some(number) = cursor.next().await.unwrap() {
        sum += number;
    }
    assert_eq!(sum, 300_000 * 299_999 / 2);
    let mut bytes = client.query(&format!("SELECT id FROM {table} ORDER BY id LIMIT 2")).fetch_bytes("CSV").unwrap();
    assert_eq!(bytes.collect().await.unwrap(), "0\n1\n");
    let none = client.query(&format!("SELECT id FROM {table} WHERE 0")).fetch_optional::<u64>().await.unwrap();
    assert_eq!(none, None);

    let refused = client.query("SELECT * FROM nosuch").execute().await.unwrap_err().to_string();
    assert!(refused.contains("Code: 60. DB::Exception: "), "{refused}");
    let mut broken =
        client.query("SELECT throwIf(number = 900000) FROM numbers(1000000)").with_setting("max_threads", "1").fetch::<u8>().unwrap();
    let problem = loop {
        match broken.next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the answer came to an end"),
            Err(error) => break error.to_string(),
        }
    };
    assert!(problem.contains("Code: 395. DB::Exception: "), "{problem}");
}
