//! One end of a line: what was sent and may have to be sent again, and how much was received. Pure.
//!
//! Both directions are numbered by bytes, the end counting as one more. What is not acknowledged is kept, at most
//! [`Line::MAX_KEPT`] bytes; when that much is kept, nothing more is taken from the near end.

use bifrost_protocol::control::{LineFrame, MAX_LINE_DATA};
use bytes::{Buf, Bytes, BytesMut};
use thiserror::Error;

/// The bookkeeping of one end.
#[derive(Debug, Default)]
pub struct Line {
    /// Sent or to be sent, and not acknowledged. The first byte has the number `acknowledged`.
    kept: BytesMut,
    acknowledged: u64,
    /// How many bytes of `kept` the present stream has taken.
    given: usize,
    /// How far the end of what the near end says has come.
    end: End,
    /// What has been received, and how much of that the other end has been told.
    received: u64,
    told: u64,
    /// Whether the other end has ended.
    closed: bool,
}

/// How far an end has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum End {
    /// More may follow.
    #[default]
    Open,
    /// Nothing follows; the present stream has not taken that yet.
    Due,
    /// The present stream has taken it.
    Given,
    /// The other end knows.
    Known,
}

/// What the other end may not say.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum LineError {
    /// It has received what was never sent, or less than it had before.
    #[error("the other end cannot have received {0} bytes")]
    Received(u64),
    /// It goes on after its end.
    #[error("the other end goes on after its end")]
    AfterEnd,
    /// A piece is longer than allowed.
    #[error("a piece of {0} bytes is too long")]
    Long(usize),
}

impl Line {
    /// Most bytes that wait for an acknowledgement: what a crowded map sends one player in half a minute.
    pub const MAX_KEPT: usize = 256 * 1024;
    /// So many received bytes are acknowledged although nothing goes the other way.
    const TELL_EVERY: u64 = 16 * 1024;

    /// How many bytes may be taken from the near end now; 0 after its end.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.end == End::Open { Self::MAX_KEPT.saturating_sub(self.kept.len()) } else { 0 }
    }

    /// Takes bytes of the near end. Not more than [`room`](Self::room).
    pub fn put(&mut self, bytes: &[u8]) {
        self.kept.extend_from_slice(bytes);
    }

    /// The near end has ended.
    pub fn finish(&mut self) {
        if self.end == End::Open {
            self.end = End::Due;
        }
    }

    /// Whether the near end has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.end != End::Open
    }

    /// How much has been received: what a new stream begins with.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// A new stream carries the line; the other end has received so much. What it lacks is sent again.
    ///
    /// # Errors
    /// It cannot have: the two are not ends of one line.
    pub fn attach(&mut self, received: u64) -> Result<(), LineError> {
        let all = self.kept.len();
        self.given = all;
        if self.end == End::Due {
            // An earlier stream may have taken it.
            self.end = End::Given;
        }
        self.acknowledge(received)?;
        self.given = 0;
        if self.end == End::Given {
            self.end = End::Due;
        }
        self.told = self.received;
        Ok(())
    }

    /// The next piece for the present stream, if there is something to say.
    pub fn next_frame(&mut self) -> Option<LineFrame> {
        let rest = self.kept.get(self.given..).unwrap_or_default();
        let data = rest.get(..rest.len().min(MAX_LINE_DATA)).unwrap_or_default();
        let end = self.end == End::Due && data.len() == rest.len();
        let untold = self.received - self.told;
        let tell = untold >= Self::TELL_EVERY || (self.closed && untold > 0);
        if data.is_empty() && !end && !tell {
            return None;
        }
        let frame = LineFrame { data: Bytes::copy_from_slice(data), received: self.received, end };
        self.given += frame.data.len();
        self.told = self.received;
        if end {
            self.end = End::Given;
        }
        Some(frame)
    }

    /// Takes a piece of the other end. Its data is new, and in order.
    ///
    /// # Errors
    /// What no other end of this line would say.
    pub fn take(&mut self, frame: LineFrame) -> Result<Bytes, LineError> {
        if frame.data.len() > MAX_LINE_DATA {
            return Err(LineError::Long(frame.data.len()));
        }
        if self.closed && (frame.end || !frame.data.is_empty()) {
            return Err(LineError::AfterEnd);
        }
        self.acknowledge(frame.received)?;
        self.received += frame.data.len() as u64 + u64::from(frame.end);
        self.closed = frame.end || self.closed;
        Ok(frame.data)
    }

    /// Whether the other end has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether both ends have ended and know it of each other.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.closed && self.end == End::Known && self.told == self.received
    }

    /// Forgets what the other end has received.
    fn acknowledge(&mut self, received: u64) -> Result<(), LineError> {
        let wrong = LineError::Received(received);
        let fresh = received.checked_sub(self.acknowledged).ok_or(wrong)?;
        let given = self.given as u64;
        let end = match self.end {
            End::Given if fresh == given + 1 => true,
            End::Known if fresh == 0 => false,
            _ if fresh <= given && self.end != End::Known => false,
            End::Open | End::Due | End::Given | End::Known => return Err(wrong),
        };
        let bytes = usize::try_from(fresh - u64::from(end)).map_err(|_| wrong)?;
        self.kept.advance(bytes);
        self.given -= bytes;
        self.acknowledged = received;
        if end {
            self.end = End::Known;
        }
        if self.kept.is_empty() {
            // Most lines are quiet most of the time.
            self.kept = BytesMut::new();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Both ends and the stream between them.
    #[derive(Default)]
    struct Pair {
        ends: [Line; 2],
        /// Frames under way to each end.
        under_way: [VecDeque<LineFrame>; 2],
        said: [Vec<u8>; 2],
        heard: [Vec<u8>; 2],
    }

    impl Pair {
        fn say(&mut self, end: usize, bytes: &[u8]) {
            let bytes = &bytes[..bytes.len().min(self.ends[end].room())];
            self.ends[end].put(bytes);
            self.said[end].extend_from_slice(bytes);
        }

        fn send(&mut self, end: usize) {
            if let Some(frame) = self.ends[end].next_frame() {
                self.under_way[1 - end].push_back(frame);
            }
        }

        fn deliver(&mut self, end: usize) {
            if let Some(frame) = self.under_way[end].pop_front() {
                let data = self.ends[end].take(frame).expect("an honest end");
                self.heard[end].extend_from_slice(&data);
            }
        }

        /// The stream breaks with all that is on it, and another one takes its place.
        fn cut(&mut self) {
            self.under_way = Default::default();
            let received = self.ends.each_ref().map(Line::received);
            self.ends[0].attach(received[1]).expect("an honest end");
            self.ends[1].attach(received[0]).expect("an honest end");
        }

        fn settle(&mut self) {
            for _ in 0..10_000 {
                for end in [0, 1] {
                    self.send(end);
                    self.deliver(end);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled_however_often_the_stream_breaks(
            steps in prop::collection::vec((0..2_usize, 0..8_u8, 0..40_000_usize), 1..200)
        ) {
            let mut pair = Pair::default();
            let mut next = 0_u8;
            for (end, what, size) in steps {
                match what {
                    0..=2 => {
                        let bytes: Vec<u8> = (0..size).map(|_| { next = next.wrapping_add(1); next }).collect();
                        pair.say(end, &bytes);
                    }
                    3 | 4 => pair.send(end),
                    5 | 6 => pair.deliver(end),
                    _ => pair.cut(),
                }
                for end in [0, 1] {
                    prop_assert!(pair.said[1 - end].starts_with(&pair.heard[end]));
                    prop_assert!(pair.ends[end].kept.len() <= Line::MAX_KEPT);
                }
            }
            pair.cut();
            pair.ends.iter_mut().for_each(Line::finish);
            pair.settle();
            for end in [0, 1] {
                prop_assert_eq!(&pair.said[1 - end], &pair.heard[end]);
                prop_assert!(pair.ends[end].is_over());
            }
        }

        #[test]
        fn whatever_the_other_end_says_is_an_answer_or_an_error(
            frames in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..20), 0..300_u64, any::<bool>()), 0..40)
        ) {
            let mut line = Line::default();
            line.put(&[7; 100]);
            for (data, received, end) in frames {
                line.next_frame();
                let frame = LineFrame { data: data.into(), received, end };
                if line.take(frame).is_err() {
                    break;
                }
                prop_assert!(line.acknowledged <= 101);
            }
        }
    }

    #[test]
    fn an_end_is_told_even_when_the_stream_breaks_over_it() {
        let mut pair = Pair::default();
        pair.say(0, b"bye");
        pair.ends[0].finish();
        pair.send(0);
        pair.cut();
        pair.settle();
        assert!(pair.ends[1].is_closed() && !pair.ends[1].is_over());
        pair.say(1, b"last words");
        pair.ends[1].finish();
        pair.send(1);
        pair.deliver(0);
        pair.cut();
        pair.settle();
        assert_eq!(pair.heard, [b"last words".to_vec(), b"bye".to_vec()]);
        assert!(pair.ends.iter().all(Line::is_over));
    }

    #[test]
    fn nothing_more_is_taken_than_can_be_kept() {
        let mut line = Line::default();
        line.put(&vec![0; Line::MAX_KEPT]);
        assert_eq!(line.room(), 0);
        line.next_frame().expect("data");
        line.take(LineFrame { received: 10, ..LineFrame::default() }).expect("what was sent");
        assert_eq!(line.room(), 10);
        line.finish();
        assert_eq!(line.room(), 0);
    }

    #[test]
    fn lies_are_refused() {
        let frame = |received, data: &'static [u8], end| LineFrame { data: data.into(), received, end };
        let mut line = Line::default();
        line.put(b"abc");
        assert_eq!(line.take(frame(1, b"", false)), Err(LineError::Received(1)), "not even sent");
        line.next_frame();
        line.take(frame(2, b"x", true)).expect("fine");
        assert_eq!(line.take(frame(1, b"", false)), Err(LineError::Received(1)), "less than before");
        assert_eq!(line.take(frame(4, b"", false)), Err(LineError::Received(4)), "more than there is");
        assert_eq!(line.take(frame(3, b"y", false)), Err(LineError::AfterEnd));
        assert_eq!(line.attach(9), Err(LineError::Received(9)));
    }
}
