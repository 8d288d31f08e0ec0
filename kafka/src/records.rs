//! Messages that a consumer holds, as records that borrow from them.

use std::ops::Range;

use pipeline::{Headers, Record};

use crate::raw::Consumer;

/// The headers of a batch, flat.
#[derive(Debug, Default)]
pub(crate) struct FlatHeaders {
    encoded: Vec<u8>,
    /// Where the headers of each record end.
    ends: Vec<usize>,
}

impl FlatHeaders {
    /// The records of these messages. Their bytes stay where the client has them; only headers are copied.
    pub(crate) fn records<'a>(&'a mut self, consumer: &'a Consumer, range: Range<usize>) -> Vec<Record<'a>> {
        self.encoded.clear();
        self.ends.clear();
        for index in range.clone() {
            consumer.message(index).append_headers(&mut self.encoded);
            self.ends.push(self.encoded.len());
        }
        let mut start = 0;
        range
            .zip(&self.ends)
            .map(|(index, &end)| {
                let message = consumer.message(index);
                let headers = Headers::from_encoded(&self.encoded[start..end]);
                start = end;
                Record {
                    offset: message.offset(),
                    timestamp_ms: message.timestamp_ms(),
                    key: message.key(),
                    value: message.value(),
                    headers,
                }
            })
            .collect()
    }
}

/// The messages from `from` on that are of the same partition as the first of them, and no errors.
pub(crate) fn run(consumer: &Consumer, from: usize) -> Range<usize> {
    let place = consumer.message(from).place();
    let is_same = |&index: &usize| {
        let message = consumer.message(index);
        message.is_message() && message.place() == place
    };
    from..(from..consumer.held()).find(|index| !is_same(index)).unwrap_or(consumer.held())
}
