//! What the crew made: marks and highlights, in SQLite. Portable SQL behind plain functions.

use std::{path::Path, time::Duration};

use packager::highlight::Range;
use sqlx::{
    Row, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous},
};

/// The database.
#[derive(Clone)]
pub struct Catalog(SqlitePool);

/// A moment that the crew marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its id.
    pub id: String,
    /// What it was.
    pub kind: String,
    /// Which frames.
    pub range: Range,
    /// When it was made: UTC in microseconds.
    pub created: i64,
}

/// How far a highlight has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// For the crew alone.
    Draft,
    /// For everybody.
    Published,
    /// Taken back.
    Recalled,
}

/// A highlight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Highlight {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it was.
    pub kind: Option<String>,
    /// The mark it was made from.
    pub mark: Option<String>,
    /// Which frames.
    pub range: Range,
    /// Counts edits of its media, from 1.
    pub version: u32,
    /// How far it has come.
    pub stage: Stage,
    /// Its cameras, in order.
    pub angles: Vec<String>,
    /// When it was made: UTC in microseconds.
    pub created: i64,
}

/// Why the catalog did not answer. The text is for the log.
pub type Error = sqlx::Error;

const SCHEMA: [&str; 3] = [
    "CREATE TABLE IF NOT EXISTS marks (id TEXT PRIMARY KEY, kind TEXT NOT NULL, first_frame BIGINT NOT NULL, \
     end_frame BIGINT NOT NULL, created BIGINT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS highlights (id TEXT PRIMARY KEY, title TEXT NOT NULL, kind TEXT, mark TEXT, \
     first_frame BIGINT NOT NULL, end_frame BIGINT NOT NULL, version INTEGER NOT NULL, stage TEXT NOT NULL, \
     angles TEXT NOT NULL, created BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS highlights_created ON highlights (created)",
];

impl Catalog {
    /// Opens or makes the database.
    ///
    /// # Errors
    /// When the file cannot be opened or is not a database.
    pub async fn open(file: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What the crew was told is saved survives a power cut too.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        for statement in SCHEMA {
            sqlx::query(statement).execute(&pool).await?;
        }
        Ok(Self(pool))
    }

    /// Saves a mark.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn add_mark(&self, mark: &Mark) -> Result<(), Error> {
        sqlx::query("INSERT INTO marks (id, kind, first_frame, end_frame, created) VALUES (?, ?, ?, ?, ?)")
            .bind(&mark.id)
            .bind(&mark.kind)
            .bind(signed(mark.range.first))
            .bind(signed(mark.range.end))
            .bind(mark.created)
            .execute(&self.0)
            .await?;
        Ok(())
    }

    /// One mark.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mark(&self, id: &str) -> Result<Option<Mark>, Error> {
        let row = sqlx::query("SELECT * FROM marks WHERE id = ?").bind(id).fetch_optional(&self.0).await?;
        row.map(|row| read_mark(&row)).transpose()
    }

    /// All marks, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn marks(&self) -> Result<Vec<Mark>, Error> {
        let rows = sqlx::query("SELECT * FROM marks ORDER BY created DESC, id DESC").fetch_all(&self.0).await?;
        rows.iter().map(read_mark).collect()
    }

    /// Takes a mark back; whether there was one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn delete_mark(&self, id: &str) -> Result<bool, Error> {
        let done = sqlx::query("DELETE FROM marks WHERE id = ?").bind(id).execute(&self.0).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Saves a highlight, new or changed.
    ///
    /// # Errors
    /// When it was not saved.
    pub async fn put_highlight(&self, h: &Highlight) -> Result<(), Error> {
        let angles = serde_json::to_string(&h.angles).unwrap_or_else(|_| "[]".into());
        sqlx::query(
            "INSERT INTO highlights (id, title, kind, mark, first_frame, end_frame, version, stage, angles, created) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET title = excluded.title, \
             first_frame = excluded.first_frame, end_frame = excluded.end_frame, version = excluded.version, \
             stage = excluded.stage, angles = excluded.angles",
        )
        .bind(&h.id)
        .bind(&h.title)
        .bind(&h.kind)
        .bind(&h.mark)
        .bind(signed(h.range.first))
        .bind(signed(h.range.end))
        .bind(h.version)
        .bind(match h.stage {
            Stage::Draft => "draft",
            Stage::Published => "published",
            Stage::Recalled => "recalled",
        })
        .bind(angles)
        .bind(h.created)
        .execute(&self.0)
        .await?;
        Ok(())
    }

    /// All highlights, newest first.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn highlights(&self) -> Result<Vec<Highlight>, Error> {
        let rows = sqlx::query("SELECT * FROM highlights ORDER BY created DESC, id DESC").fetch_all(&self.0).await?;
        rows.iter().map(read_highlight).collect()
    }

    /// Closes the database.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

fn signed(frame: u64) -> i64 {
    i64::try_from(frame).unwrap_or(i64::MAX)
}

fn range(row: &SqliteRow) -> Result<Range, Error> {
    let frame = |column: &str| Ok::<_, Error>(u64::try_from(row.try_get::<i64, _>(column)?).unwrap_or(0));
    Ok(Range { first: frame("first_frame")?, end: frame("end_frame")? })
}

fn read_mark(row: &SqliteRow) -> Result<Mark, Error> {
    Ok(Mark {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        range: range(row)?,
        created: row.try_get("created")?,
    })
}

fn read_highlight(row: &SqliteRow) -> Result<Highlight, Error> {
    let stage = match row.try_get::<String, _>("stage")?.as_str() {
        "published" => Stage::Published,
        "recalled" => Stage::Recalled,
        _ => Stage::Draft,
    };
    Ok(Highlight {
        id: row.try_get("id")?,
        title: row.try_get("title")?,
        kind: row.try_get("kind")?,
        mark: row.try_get("mark")?,
        range: range(row)?,
        version: row.try_get::<u32, _>("version")?,
        stage,
        angles: serde_json::from_str(&row.try_get::<String, _>("angles")?).unwrap_or_default(),
        created: row.try_get("created")?,
    })
}
