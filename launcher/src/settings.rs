//! What the owner of the PC set: one JSON file. Missing fields have their defaults, so that old files are good.

use serde::{Deserialize, Serialize};

use crate::manners::Manners;

/// All of it. Changed as a whole.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct Settings {
    /// Of the window; none is the system's.
    pub language: Option<Language>,
    /// Light or dark.
    pub theme: Theme,
    /// The Host switch.
    pub host: bool,
    /// When and how much this PC hosts.
    pub manners: Manners,
    /// Where the game is.
    pub client_folder: Option<String>,
    /// Start with the session.
    pub autostart: bool,
    /// Closing the window leaves the launcher in the tray.
    pub close_to_tray: bool,
    /// Notifications of the OS.
    pub notifications: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: None,
            theme: Theme::System,
            host: false,
            manners: Manners::default(),
            client_folder: None,
            autostart: false,
            close_to_tray: true,
            notifications: true,
        }
    }
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The languages there are catalogues for, by their BCP 47 tags.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Brazilian Portuguese.
    #[serde(rename = "pt-BR")]
    Portuguese,
    /// Thai.
    #[serde(rename = "th")]
    Thai,
    /// Indonesian.
    #[serde(rename = "id")]
    Indonesian,
    /// Filipino.
    #[serde(rename = "fil")]
    Filipino,
    /// Chinese, traditional script.
    #[serde(rename = "zh-TW")]
    TraditionalChinese,
    /// Chinese, simplified script.
    #[serde(rename = "zh-CN")]
    SimplifiedChinese,
    /// Korean.
    #[serde(rename = "ko")]
    Korean,
}

/// The longest path that is taken for the game's folder.
const MAX_PATH: usize = 1_024;

impl Settings {
    /// The file's name in the state folder.
    pub const FILE: &'static str = "settings.json";

    /// What cannot be, in settings that come from a window.
    ///
    /// # Errors
    /// The name of the field, and what is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        self.manners.check()?;
        match &self.client_folder {
            Some(path) if path.len() > MAX_PATH || path.chars().any(char::is_control) => {
                Err(format!("client_folder: expected at most {MAX_PATH} printable bytes"))
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_file_gets_the_defaults_of_what_it_does_not_know() {
        let settings: Settings = serde_json::from_str(r#"{"host": true, "gone": 1}"#).expect("read");
        assert_eq!(settings, Settings { host: true, ..Settings::default() });
    }

    #[test]
    fn settings_from_a_window_are_checked() {
        let path = |path: &str| Settings { client_folder: Some(path.into()), ..Settings::default() };
        assert!(path("/games/ragnarok").check().is_ok());
        assert!(path("a\nb").check().is_err());
        assert!(path(&"x".repeat(MAX_PATH + 1)).check().is_err());
        let manners = Manners { upload_mbps: 0, ..Manners::default() };
        assert!(Settings { manners, ..Settings::default() }.check().is_err());
    }
}
