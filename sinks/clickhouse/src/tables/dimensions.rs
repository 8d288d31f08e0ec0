//! titles -> `title_versions`, profiles -> `profile_versions`.

use schemas::{Profile, ProfileKind, Title, TitleKind};

use crate::native::{Dictionary, Nullable, Plain, Text, Texts, Time, block};

block! {
    /// Titles as of valid_from; a tombstone is a row of its own, as of its timestamp.
    TitleVersions of "title_versions", from row: (&Title<'_>, i64, bool) {
        title_id: Text = row.0.title_id,
        valid_from: Plain<Time> = Time(row.0.valid_from),
        name: Text = row.0.name,
        kind: Plain<TitleKind> = row.0.kind,
        series_id: Text = row.0.series_id.unwrap_or_default(),
        season: Nullable<i64> = row.0.season,
        episode: Nullable<i64> = row.0.episode,
        next_episode_id: Text = row.0.next_episode_id.unwrap_or_default(),
        runtime_ms: Nullable<i64> = row.0.runtime_ms,
        genres: Texts = row.0.genres,
        release_year: Nullable<i64> = row.0.release_year,
        languages: Texts = row.0.languages,
        topic_offset: Plain<i64> = row.1,
        is_deleted: Plain<bool> = row.2,
    }
}

block! {
    /// Profiles as of valid_from; a tombstone is a row of its own, as of its timestamp.
    ProfileVersions of "profile_versions", from row: (&Profile<'_>, i64, bool) {
        profile_id: Text = row.0.profile_id,
        valid_from: Plain<Time> = Time(row.0.valid_from),
        account_id: Text = row.0.account_id,
        kind: Plain<ProfileKind> = row.0.kind,
        language: Dictionary = row.0.language.unwrap_or_default(),
        country: Dictionary = row.0.country.unwrap_or_default(),
        created_at: Nullable<Time> = row.0.created_at.map(Time),
        topic_offset: Plain<i64> = row.1,
        is_deleted: Plain<bool> = row.2,
    }
}
