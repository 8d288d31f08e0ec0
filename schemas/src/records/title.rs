//! A title, season episode or preview, as of valid_from.

use crate::Strings;

avro_enum! {
    /// What a title is.
    TitleKind {
        /// A film.
        Movie = "movie",
        /// A series.
        Series = "series",
        /// An episode of a series.
        Episode = "episode",
        /// A trailer or a teaser.
        Preview = "preview",
    } default Movie
}

avro_record! {
    /// A title, season episode or preview, as of valid_from.
    Title {
        /// The title.
        title_id: &'a str,
        /// From when on this holds (microseconds since 1970 UTC).
        valid_from: i64,
        /// Name.
        name: &'a str,
        /// What it is.
        kind: TitleKind,
        /// Series of an episode.
        series_id: Option<&'a str>,
        /// Season of an episode.
        season: Option<i64>,
        /// Number in the season.
        episode: Option<i64>,
        /// What follows it.
        next_episode_id: Option<&'a str>,
        /// Length, ms.
        runtime_ms: Option<i64>,
        /// Genres.
        genres: Strings<'a>,
        /// Year of release.
        release_year: Option<i64>,
        /// Audio languages, BCP 47.
        languages: Strings<'a>,
    }
}
