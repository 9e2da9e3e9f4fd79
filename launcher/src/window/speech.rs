//! What is said outside of the window: the tray's menu, notifications. All else stands in the UI's catalogues.

use bifrost_launcher::effect::Notice;
use bifrost_launcher::settings::Language;

/// The tray's menu.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Menu {
    pub(crate) open: &'static str,
    pub(crate) quit: &'static str,
}

/// In the language that was set, or English.
pub(crate) fn menu(language: Option<Language>) -> Menu {
    let (open, quit) = match language.unwrap_or(Language::English) {
        Language::English => ("Open Bifrost", "Quit"),
        Language::Portuguese => ("Abrir o Bifrost", "Fechar"),
        Language::Thai => ("เปิด Bifrost", "ออก"),
        Language::Indonesian => ("Buka Bifrost", "Tutup"),
        Language::Filipino => ("Buksan ang Bifrost", "Isara"),
        Language::TraditionalChinese => ("開啟 Bifrost", "結束"),
        Language::SimplifiedChinese => ("打开 Bifrost", "退出"),
        Language::Korean => ("Bifrost 열기", "종료"),
    };
    Menu { open, quit }
}

/// A notification.
pub(crate) fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::HostingStarted => "Your PC carries maps for other players now.",
        Notice::HostingFailed => "Hosting has stopped. Open Bifrost to see why.",
        Notice::BecameEligible => "Your PC may host now.",
    }
}
