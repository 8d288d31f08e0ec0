//! What the engine itself lets its one user do: the floor under what this server refuses by reading statements.

use crate::Rights;
use crate::statement::TABLE_ENGINES;
use crate::users::Users;

/// Whom the engine has to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Tables, and nothing beyond: no files, no network, no programs.
    Tables,
    /// An owner too. Statements of all others are refused before the engine sees them.
    Everything,
}

impl Access {
    pub(super) fn of(users: &Users) -> Self {
        if users.iter().any(|user| user.rights == Rights::Owner) { Self::Everything } else { Self::Tables }
    }

    /// `users.xml`.
    pub(super) fn users_file(self) -> String {
        let grants = match self {
            Self::Everything => String::new(),
            Self::Tables => {
                let mut grants = vec![
                    "GRANT ALL ON *.*".to_owned(),
                    "REVOKE SOURCES ON *".to_owned(),
                    "REVOKE SYSTEM SHUTDOWN ON *.*".to_owned(),
                    "REVOKE TABLE ENGINE ON *".to_owned(),
                ];
                grants.extend(TABLE_ENGINES.iter().map(|engine| format!("GRANT TABLE ENGINE ON {engine}")));
                let queries: String = grants.iter().map(|grant| format!("<query>{grant}</query>")).collect();
                format!("<grants>{queries}</grants>")
            }
        };
        format!(
            "<clickhouse>\n<profiles><default/></profiles>\n<quotas><default/></quotas>\n<users><default><password></password>\
             <networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>{grants}</default></users>\n</clickhouse>\n"
        )
    }
}
