//! Compression: ClickHouse's own blocks (`compress=1`, `decompress=1`), and what HTTP knows (`Content-Encoding`).

pub(crate) mod blocks;
mod city_hash;
pub(crate) mod encoding;

#[cfg(test)]
mod tests;
