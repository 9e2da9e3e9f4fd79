use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split};

use super::*;
use crate::app::{App, queue, system_clock};
use crate::effect::{Effect, Shell};

struct Nothing;

impl Shell for Nothing {
    fn perform(&mut self, _: Effect) {}
}

/// A window's end, and what it needs to be attended.
struct Window {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    says: WriteHalf<DuplexStream>,
    show: Option<mpsc::Sender<()>>,
    attended: tokio::task::JoinHandle<()>,
    app: App,
}

async fn window() -> Window {
    let (inbox, outbox) = queue();
    let app = App::spawn(inbox.clone(), outbox, Box::new(Nothing), system_clock());
    inbox.tell(Event::Started(Box::default())).await;
    let deps = Deps { inbox, view: app.view(), log: LogBook::default() };
    let (ours, theirs) = duplex(64 * 1024);
    let (from, to) = split(theirs);
    let (show, shown) = mpsc::channel(1);
    let attended = tokio::spawn(attend(from, to, deps, shown));
    let (reads, says) = split(ours);
    Window { lines: BufReader::new(reads).lines(), says, show: Some(show), attended, app }
}

impl Window {
    async fn say(&mut self, line: &str) {
        self.says.write_all(format!("{line}\n").as_bytes()).await.expect("written");
    }

    async fn hears(&mut self) -> Value {
        let line = tokio::time::timeout(Duration::from_secs(5), self.lines.next_line()).await.expect("in time");
        serde_json::from_str(&line.expect("readable").expect("a line")).expect("JSON")
    }

    async fn ends(self) {
        tokio::time::timeout(Duration::from_secs(5), self.attended).await.expect("in time").expect("no panic");
    }
}

#[tokio::test]
async fn a_window_that_watches_gets_the_view_and_every_change_of_it() {
    let mut window = window().await;
    window.say(r#""watch""#).await;
    assert_eq!(window.hears().await["view"]["settings"]["close_to_tray"], true);
    let settings = r#"{"command":"change_settings","settings":{"close_to_tray":false}}"#;
    window.say(&format!(r#"{{"command":[7,{settings}]}}"#)).await;
    let mut heard = [window.hears().await, window.hears().await];
    heard.sort_by_key(|message| message.get("view").is_some());
    assert_eq!(heard[0], serde_json::json!({"answer": [7, {"Ok": null}]}));
    assert_eq!(heard[1]["view"]["settings"]["close_to_tray"], false);
}

#[tokio::test]
async fn what_is_not_taken_is_answered_and_what_is_no_message_is_passed_over() {
    let mut window = window().await;
    window.say("Gtk-Message: something").await;
    window.say(r#"{"command":[1,{"command":"play"}]}"#).await;
    assert_eq!(window.hears().await["answer"][1]["Err"]["code"], "not_now");
    window.say(r#"{"command":[2,{"command":"format_disk","password":"hush"}]}"#).await;
    let refused = window.hears().await;
    assert_eq!(refused["answer"][1]["Err"]["code"], "bad_input");
    assert!(!refused.to_string().contains("hush"));
    window.say(r#"{"ask":[3,{"question":"log","after":0}]}"#).await;
    assert_eq!(window.hears().await["answer"][1]["Ok"]["answer"], "log");
}

#[tokio::test]
async fn closing_ends_the_window_or_the_launcher_as_its_owner_likes() {
    let mut kept = window().await;
    kept.say(r#""close""#).await;
    kept.ends().await;
    let mut window = window().await;
    let settings = r#"{"command":"change_settings","settings":{"close_to_tray":false}}"#;
    window.say(&format!(r#"{{"command":[1,{settings}]}}"#)).await;
    window.hears().await;
    window.say(r#""close""#).await;
    window.say(r#"{"ask":[2,{"question":"log_export"}]}"#).await;
    assert_eq!(window.hears().await["answer"][0], 2, "it is there still");
    assert!(!window.attended.is_finished());
}

#[tokio::test]
async fn it_comes_to_the_front_and_ends_with_whoever_could_ask_for_that() {
    let mut window = window().await;
    let show = window.show.take().expect("there");
    show.send(()).await.expect("taken");
    assert_eq!(window.hears().await, "show");
    drop(show);
    window.ends().await;
}

#[tokio::test]
async fn a_window_without_end_of_line_is_ended() {
    let mut window = window().await;
    let endless = vec![b'x'; MAX_MESSAGE + 64];
    // It is not read to its end.
    let _ = window.says.write_all(&endless).await;
    assert!(window.app.view().borrow().realm.is_none());
    window.ends().await;
}
