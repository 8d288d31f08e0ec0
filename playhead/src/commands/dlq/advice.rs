//! Each reason in words, and what to do about it.

use schemas::Reason;

/// What a reason means.
pub(super) fn meaning(code: &str) -> &'static str {
    let Ok(reason) = code.parse::<Reason>() else { return "a reason of a newer version of Playhead" };
    match reason {
        Reason::NotFramed => "the value does not begin with Confluent's framing, a zero and the schema's id in four bytes",
        Reason::UnknownSchemaId => "the registry had no schema with the id that the value names",
        Reason::Undecodable => "the value is not Avro of the schema that it names: it is cut short or damaged",
        Reason::TrailingBytes => "bytes are left after the last field of the schema that the value names",
        Reason::WrongSchemaForTopic => "the schema that the value names is that of another record than the topic's",
        Reason::MissingKey => "the record has no key",
        Reason::KeyMismatch => "the key is not the record's own field, so it may lie in the wrong partition",
        Reason::NullValue => "the record has no value: it is a tombstone, and nothing is deleted on a raw topic",
        Reason::EmptyId => "an id is empty",
        Reason::IdTooLong => "an id is longer than 256 bytes, a session's than 64",
        Reason::NotUtf8 => "a text is not UTF-8",
        Reason::TimeTooOld => "the event is older than playback.late_horizon when it was received",
        Reason::TimeBefore2000 => "the event happened before 2000: the client's clock was never set",
        Reason::ReceivedTimeInFuture => "the event was received more than 60 s after now",
        Reason::NegativePosition => "the position is below zero",
        Reason::PositionOutOfRange => "the position is beyond 48 h",
        Reason::NegativeDuration => "a duration is below zero or beyond 24 h, or a runtime beyond 48 h",
        Reason::BadBitrate => "the bitrate is not within 0 and 2 Gbit/s",
        Reason::BadRate => "the playback rate is neither 0 nor within 0.01 and 16",
        Reason::BadCountry => "the country is not two capital letters",
        Reason::TooManyAttributes => "there are more than 32 attributes",
        Reason::AttributesTooLarge => "the attributes take more than 2 KiB",
        Reason::RecordTooLarge => "the value is larger than 1,000,000 bytes",
        Reason::SessionTooLong => "the session had as many events as it may have (playback.max_session_events)",
        _ => "a reason that has no words yet",
    }
}

/// What to do about it.
pub(super) fn advice(code: &str) -> &'static str {
    let Ok(reason) = code.parse::<Reason>() else { return "read it with that version" };
    match reason {
        Reason::UnknownSchemaId => {
            "register the schema under that very id (or put the registry back from a copy), then redrive; if the id is rubbish, so is the record"
        }
        Reason::WrongSchemaForTopic | Reason::KeyMismatch | Reason::MissingKey => {
            "mend the producer, and have it send the event again; a redrive is refused again"
        }
        Reason::SessionTooLong => {
            "if the client is honest, raise playback.max_session_events, start the stage anew, then redrive; else leave it"
        }
        Reason::NotFramed | Reason::Undecodable | Reason::TrailingBytes | Reason::NotUtf8 => {
            "find out who wrote it: a redrive is refused again, unless a newer version of Playhead reads it"
        }
        Reason::NullValue => "leave it: there is nothing in it",
        _ => "mend the client, and have it send the event again with its id; a redrive is refused again, unless the limit was changed",
    }
}

/// What a redrive comes to, in a few words.
pub(super) fn redrive_helps(code: &str) -> &'static str {
    let Ok(reason) = code.parse::<Reason>() else { return "read it with the version that refused it" };
    match reason {
        Reason::UnknownSchemaId => "redrive once the schema is registered",
        Reason::SessionTooLong => "redrive once the limit is raised",
        Reason::NotFramed | Reason::Undecodable | Reason::TrailingBytes | Reason::NotUtf8 => "only a newer version could read it",
        Reason::NullValue => "nothing is in it; no redrive helps",
        _ => "mend the sender; no redrive helps",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_words_of_its_own() {
        let mut meanings: Vec<&str> = Reason::ALL.iter().map(|reason| meaning(reason.as_str())).collect();
        assert!(!meanings.contains(&"a reason that has no words yet"));
        meanings.sort_unstable();
        meanings.dedup();
        assert_eq!(meanings.len(), Reason::ALL.len());
        assert!(advice("from_the_future").contains("that version"));
    }
}
