//! A configuration as it is written: the text, which stays as a person wrote it, and what it says.

use std::path::{Path, PathBuf};

use packager::Slug;
use serde_json::{Map, Number, Value};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table};

use super::{Config, ConfigError, check, secret};

/// A camera's fields as they are written, by their names in the file.
pub type Fields = Map<String, Value>;

/// A configuration's text and what it says.
#[derive(Clone)]
pub struct Document {
    /// Where it is kept; `None` for one that lasts as long as the process.
    pub file: Option<PathBuf>,
    /// The text.
    pub text: String,
    /// What it says, but for what is held.
    pub config: Config,
    /// What it says and the server does not do before it is started again.
    pub held: Vec<String>,
}

impl Document {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// When it cannot be read or a line is wrong: the first wrong one.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let read = |source| ConfigError::Read { file: path.display().to_string(), source };
        let text = std::fs::read_to_string(path).map_err(read)?;
        Self::parse(Some(path.to_owned()), text)
    }

    /// Checks a text that is kept in memory alone.
    ///
    /// # Errors
    /// When a line is wrong: the first wrong one.
    pub fn in_memory(text: String) -> Result<Self, ConfigError> {
        Self::parse(None, text)
    }

    fn parse(file: Option<PathBuf>, text: String) -> Result<Self, ConfigError> {
        let name = file.as_ref().map_or_else(|| "demo".into(), |path| path.display().to_string());
        let config = check::parse(&name, &text)?;
        Ok(Self { file, text, config, held: Vec::new() })
    }

    /// A camera as it is written, secrets and all.
    pub fn camera(&self, id: &str) -> Option<Fields> {
        let mut document = self.document();
        let (_, table) = find(cameras(&mut document)?, id)?;
        Some(table.iter().map(|(key, item)| (key.to_owned(), to_json(item))).collect())
    }

    /// The same with its secrets hidden.
    pub fn shown(&self, id: &str) -> Option<Fields> {
        let mut fields = self.camera(id)?;
        if let Some(Value::String(source)) = fields.get_mut("source") {
            *source = secret::hide(source);
        }
        Some(fields)
    }

    /// The configuration with a camera more, or one changed: what `fields` leaves out is left out of the file, what is the
    /// same stays as it is written.
    ///
    /// # Errors
    /// When the configuration would be wrong.
    pub fn with_camera(&self, id: &Slug, fields: &Fields) -> Result<Self, ConfigError> {
        let mut document = self.document();
        if let Some(cameras) = cameras(&mut document) {
            let place = find(cameras, id.as_str()).map(|(place, _)| place).unwrap_or_else(|| {
                let mut table = Table::new();
                table.decor_mut().set_prefix("\n");
                table.insert("id", toml_edit::value(id.as_str()));
                cameras.push(table);
                cameras.len() - 1
            });
            if let Some(table) = cameras.get_mut(place) {
                write(table, fields);
            }
        }
        self.edited(&document)
    }

    /// The configuration with a camera less.
    ///
    /// # Errors
    /// When the configuration would be wrong.
    pub fn without_camera(&self, id: &str) -> Result<Self, ConfigError> {
        let mut document = self.document();
        if let Some(cameras) = cameras(&mut document)
            && let Some((place, _)) = find(cameras, id)
        {
            cameras.remove(place);
        }
        self.edited(&document)
    }

    fn edited(&self, document: &DocumentMut) -> Result<Self, ConfigError> {
        let text = document.to_string();
        // A file from Windows stays one: TOML's line ends are either, its writer's are not.
        let windows = self.text.split_once('\n').is_some_and(|(first, _)| first.ends_with('\r'));
        let text = if windows { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text };
        Self::parse(self.file.clone(), text)
    }

    fn document(&self) -> DocumentMut {
        // It was read before: what it says is known.
        self.text.parse().unwrap_or_default()
    }
}

/// The cameras' tables; written inline (`camera = [{ … }]`), they become tables.
fn cameras(document: &mut DocumentMut) -> Option<&mut ArrayOfTables> {
    let item = document.entry("camera").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    if !item.is_array_of_tables() {
        let inline = std::mem::take(item);
        *item = inline.into_array_of_tables().map_or_else(|item| item, Item::ArrayOfTables);
    }
    item.as_array_of_tables_mut()
}

fn find<'a>(cameras: &'a ArrayOfTables, id: &str) -> Option<(usize, &'a Table)> {
    cameras.iter().enumerate().find(|(_, table)| table.get("id").and_then(Item::as_str) == Some(id))
}

/// Fields that people expect first, in this order.
const FIRST: [&str; 3] = ["id", "name", "source"];

fn write(table: &mut Table, fields: &Fields) {
    let gone: Vec<String> =
        table.iter().map(|(key, _)| key.to_owned()).filter(|key| !fields.contains_key(key)).collect();
    for key in gone.iter().filter(|key| *key != "id") {
        table.remove(key);
    }
    let first = FIRST.iter().filter_map(|key| fields.get_key_value(*key));
    let rest = fields.iter().filter(|(key, _)| !FIRST.contains(&key.as_str()));
    for (key, value) in first.chain(rest) {
        match table.get_mut(key) {
            Some(item) if to_json(item) == *value => {}
            // A comment behind a value stays there.
            Some(Item::Value(known)) => match to_toml(value) {
                Some(mut new) => {
                    *new.decor_mut() = known.decor().clone();
                    *known = new;
                }
                None => drop(table.remove(key)),
            },
            _ => match to_toml(value) {
                Some(new) => drop(table.insert(key, Item::Value(new))),
                None => drop(table.remove(key)),
            },
        }
    }
}

/// `None` for JSON's null: a field that is left out.
fn to_toml(value: &Value) -> Option<toml_edit::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => text.as_str().into(),
        Value::Array(items) => items.iter().filter_map(to_toml).collect::<toml_edit::Array>().into(),
        Value::Object(fields) => {
            let fields = fields.iter().filter_map(|(key, value)| Some((key.as_str(), to_toml(value)?)));
            fields.collect::<toml_edit::InlineTable>().into()
        }
    })
}

fn to_json(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => value_to_json(value),
        Item::Table(table) => Value::Object(table.iter().map(|(key, item)| (key.to_owned(), to_json(item))).collect()),
        Item::ArrayOfTables(tables) => {
            let object = |table: &Table| table.iter().map(|(key, item)| (key.to_owned(), to_json(item))).collect();
            Value::Array(tables.iter().map(|table| Value::Object(object(table))).collect())
        }
    }
}

fn value_to_json(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(whole) => (*whole.value()).into(),
        toml_edit::Value::Float(number) => Number::from_f64(*number.value()).map_or(Value::Null, Value::Number),
        toml_edit::Value::Boolean(value) => (*value.value()).into(),
        toml_edit::Value::Datetime(at) => Value::String(at.value().to_string()),
        toml_edit::Value::Array(items) => Value::Array(items.iter().map(value_to_json).collect()),
        toml_edit::Value::InlineTable(table) => {
            Value::Object(table.iter().map(|(key, value)| (key.to_owned(), value_to_json(value))).collect())
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's panic is its verdict")]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = r##"# Stade, 2026
[server]
listen = "0.0.0.0:8080" # plain
data = "data"

[venue]
name = "Stade"
fps = "25"

# The main stand.
[[camera]]
id = "main"
source = "rtsp://user:secret@10.0.0.12/1" # the truck's
bearing = 0   # behind it
rungs = [{ height = 360, kbps = 800 }]

# Opposite.
[[camera]]
id = "opposite"
source = "udp://0.0.0.0:5000"
[[camera.rungs]]
height = 234
kbps = 350

[theme]
club = "Le Club"
"##;

    fn document() -> Document {
        Document::in_memory(TEXT.into()).unwrap()
    }

    fn fields(value: Value) -> Fields {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_camera_is_read_as_it_is_written_without_its_secrets() {
        let shown = document().shown("opposite").unwrap();
        let rungs = json!([{"height": 234, "kbps": 350}]);
        assert_eq!(Value::Object(shown), json!({"id": "opposite", "source": "udp://0.0.0.0:5000", "rungs": rungs}));
        assert_eq!(document().shown("main").unwrap()["source"], "rtsp://***@10.0.0.12/1");
        assert_eq!(document().camera("nobody"), None);
    }

    #[test]
    fn what_did_not_change_stays_as_a_person_wrote_it() {
        let id: Slug = "main".parse().unwrap();
        let same = document().camera("main").unwrap();
        assert_eq!(document().with_camera(&id, &same).unwrap().text, TEXT);
        let rungs = document().camera("opposite").unwrap();
        assert_eq!(document().with_camera(&"opposite".parse().unwrap(), &rungs).unwrap().text, TEXT);

        let mut changed = same.clone();
        changed.insert("bearing".into(), json!(12));
        changed.insert("paused".into(), json!(true));
        let text = document().with_camera(&id, &changed).unwrap().text;
        let expected = TEXT.replace("bearing = 0   #", "bearing = 12   #").replace(
            "rungs = [{ height = 360, kbps = 800 }]\n",
            "rungs = [{ height = 360, kbps = 800 }]\npaused = true\n",
        );
        assert_eq!(text, expected);
        let back = Document::in_memory(text).unwrap().with_camera(&id, &same).unwrap();
        assert_eq!(back.text, TEXT);
    }

    #[test]
    fn line_ends_stay_as_they_are() {
        let windows = TEXT.replace('\n', "\r\n");
        let document = Document::in_memory(windows.clone()).unwrap();
        let (id, same) = ("main".parse().unwrap(), document.camera("main").unwrap());
        assert_eq!(document.with_camera(&id, &same).unwrap().text, windows);
        let mut changed = same.clone();
        changed.insert("paused".into(), json!(true));
        let more = document.with_camera(&id, &changed).unwrap();
        assert!(
            more.text.contains("paused = true\r\n") && !more.text.replace("\r\n", "").contains('\n'),
            "{}",
            more.text
        );
        assert_eq!(more.with_camera(&id, &same).unwrap().text, windows);
    }

    #[test]
    fn a_camera_more_and_less_leaves_the_rest() {
        let id: Slug = "goal".parse().unwrap();
        let new = json!({"id": "goal", "source": "udp://0.0.0.0:5001", "name": "But", "bearing": 90});
        let more = document().with_camera(&id, &fields(new)).unwrap();
        let added = "\n[[camera]]\nid = \"goal\"\nname = \"But\"\nsource = \"udp://0.0.0.0:5001\"\nbearing = 90\n";
        assert_eq!(more.text, TEXT.replace("\n[theme]", &format!("{added}\n[theme]")));
        assert_eq!(more.config.cameras.len(), 3);
        assert_eq!(more.without_camera("goal").unwrap().text, TEXT);
        let less = document().without_camera("opposite").unwrap();
        assert!(!less.text.contains("opposite") && less.text.contains("# The main stand."), "{}", less.text);
        assert!(less.without_camera("main").is_err(), "the last one stays");
    }

    #[test]
    fn inline_cameras_become_tables() {
        let inline = "[server]\nlisten=\"0.0.0.0:1\"\ndata=\"d\"\n[venue]\nname=\"S\"\nfps=\"25\"\n";
        let text = format!("camera = [{{ id = \"a\", source = \"udp://0.0.0.0:5000\" }}]\n{inline}");
        let document = Document::in_memory(text).unwrap();
        let id: Slug = "b".parse().unwrap();
        let more = document.with_camera(&id, &fields(json!({"source": "udp://0.0.0.0:5001"}))).unwrap();
        assert_eq!(more.config.cameras.len(), 2, "{}", more.text);
    }
}
