//! The window is a process of its own (`bifrost --pane`): closing it gives back all that a webview takes, and one that
//! crashes takes neither the game's way nor anybody's maps with it. The two speak JSON, a line a message, over the window's
//! standard input and output. This is the launcher's end; the window's is `window/pane.rs`.

use std::convert::Infallible;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_util::codec::{FramedRead, LinesCodec};

use crate::app::Inbox;
use crate::command::{Command, CommandError, Question};
use crate::event::Event;
use crate::log::LogBook;
use crate::serve::answer;
use crate::view::View;

/// The longest message either way, in bytes: a log of everything that is kept has room.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// What the window says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FromPane {
    /// It can show views now.
    Watch,
    /// A [`Command`]. The answer has the same number.
    Command(u64, Value),
    /// A [`Question`]. The answer has the same number.
    Ask(u64, Value),
    /// Somebody wants to close it.
    Close,
}

/// What the launcher says.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToPane {
    /// A whole [`View`].
    View(Value),
    /// Of a command or question: what it led to, or a [`CommandError`].
    Answer(u64, Result<Value, Value>),
    /// Comes to the front.
    Show,
}

/// What a window is answered with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Where commands go.
    pub inbox: Inbox,
    /// What is shown.
    pub view: watch::Receiver<Arc<View>>,
    /// The log.
    pub log: LogBook,
}

/// Serves one window until it has ended, or is to: that is when its input closes. `show` has it come to the front; the
/// window is to end when nobody is left who could ask for that.
pub async fn attend(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    deps: Deps,
    mut show: mpsc::Receiver<()>,
) {
    let inbox = deps.inbox.clone();
    let messages = FramedRead::new(from, LinesCodec::new_with_max_length(MAX_MESSAGE));
    let Err(Over) = Attendant { deps, to }.serve(messages, &mut show).await;
    // While `show` is there, no other window is opened that could watch already.
    inbox.tell(Event::Watched(false)).await;
    drop(show);
}

/// The window is gone, or is to go.
struct Over;

impl<E> From<E> for Over
where
    E: std::error::Error,
{
    fn from(error: E) -> Self {
        tracing::debug!(%error, "the window is gone");
        Self
    }
}

struct Attendant<W> {
    deps: Deps,
    to: W,
}

impl<W: AsyncWrite + Unpin> Attendant<W> {
    async fn serve(
        &mut self,
        mut messages: FramedRead<impl AsyncRead + Unpin, LinesCodec>,
        show: &mut mpsc::Receiver<()>,
    ) -> Result<Infallible, Over> {
        let mut view = self.deps.view.clone();
        let mut watches = false;
        loop {
            tokio::select! {
                message = messages.next() => match serde_json::from_str(&message.ok_or(Over)??) {
                    Ok(FromPane::Watch) => {
                        watches = true;
                        view.mark_changed();
                        self.deps.inbox.tell(Event::Watched(true)).await;
                    }
                    Ok(message) => self.answer(message).await?,
                    // Libraries print what they like.
                    Err(error) => tracing::debug!(%error, "the window has said something else"),
                },
                changed = view.changed(), if watches => {
                    changed?;
                    let now = Arc::clone(&view.borrow_and_update());
                    self.say(&ToPane::View(json(&*now))).await?;
                }
                asked = show.recv() => {
                    asked.ok_or(Over)?;
                    self.say(&ToPane::Show).await?;
                }
            }
        }
    }

    async fn answer(&mut self, message: FromPane) -> Result<(), Over> {
        let (number, answer) = match message {
            FromPane::Watch => return Ok(()),
            FromPane::Command(number, command) => (number, obey(&self.deps.inbox, command).await.map(|()| Value::Null)),
            FromPane::Ask(number, question) => {
                let known = serde_json::from_value::<Question>(question).map_err(|error| bad(&error));
                (number, known.map(|question| json(&answer(&question, &self.deps.log, &self.deps.view.borrow()))))
            }
            FromPane::Close if self.deps.view.borrow().settings.close_to_tray => return Err(Over),
            FromPane::Close => {
                // It stays until the players on this PC's maps are moved: the window shows how far that is.
                let _refused_when_it_ends_already = self.deps.inbox.command(Command::Quit).await;
                return Ok(());
            }
        };
        self.say(&ToPane::Answer(number, answer.map_err(|error| json(&error)))).await
    }

    async fn say(&mut self, message: &ToPane) -> Result<(), Over> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.to.write_all(&line).await?;
        Ok(self.to.flush().await?)
    }
}

async fn obey(inbox: &Inbox, command: Value) -> Result<(), CommandError> {
    let command = serde_json::from_value(command).map_err(|error| bad(&error))?;
    inbox.command(command).await
}

/// Never with what was said: there may be a password in it.
fn bad(error: &serde_json::Error) -> CommandError {
    CommandError::bad_input(format!("no such request ({:?} error)", error.classify()))
}

fn json(value: &impl Serialize) -> Value {
    // Our own types: they have no maps with other keys than strings, which is all that can go wrong.
    serde_json::to_value(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
