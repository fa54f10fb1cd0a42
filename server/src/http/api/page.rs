//! Pages of a list, newest first: `?limit=50&before=ID`.

use serde::Deserialize;

use crate::http::Problem;

/// Which part of a list is asked for, raw.
#[derive(Debug, Deserialize)]
pub(super) struct Page {
    limit: Option<String>,
    before: Option<String>,
}

impl Page {
    /// The asked part of a list of `(id, item)`, of at most `most` items; `usual` when no limit is given. An item that
    /// is not shown (`None`) still has its place: what was recalled meanwhile ends no reader's paging.
    pub fn of<T>(
        &self,
        mut items: impl Iterator<Item = (String, Option<T>)>,
        usual: usize,
        most: usize,
    ) -> Result<Vec<T>, Problem> {
        let limit = match &self.limit {
            None => usual,
            Some(text) => text.parse().ok().filter(|limit| (1..=most).contains(limit)).ok_or_else(|| {
                let found: String = text.chars().take(32).collect();
                Problem::bad_request(format!("`limit`: expected a number from 1 to {most}; found {found:?}"))
            })?,
        };
        if let Some(before) = &self.before {
            let unknown = || Problem::not_found("`before`: there is no such item in this list.");
            items.find(|(id, _)| id == before).ok_or_else(unknown)?;
        }
        Ok(items.filter_map(|(_, item)| item).take(limit).collect())
    }
}
