//! A runner between channels, on a clock that the tests move.

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{Loaded, PackedPosition, Walk};
use bifrost_protocol::control::SyncAck;
use bifrost_protocol::ids::{Epoch, GroupName};
use tokio::task::JoinSet;

use super::super::build;
use super::*;
use crate::tests::lab::{arrival, soon, town};
use crate::tunnel::outbox::{self, OUTBOX_BYTES, Packets};

/// A running engine of the town under epoch 7.
struct Lab {
    inbox: mpsc::Sender<ToEngine>,
    hold: watch::Sender<bool>,
    stop: CancellationToken,
    task: JoinSet<()>,
}

impl Lab {
    fn new() -> Self {
        let (hold, stop) = (watch::Sender::new(false), CancellationToken::new());
        let config = RunnerConfig {
            host: "h".into(),
            lease: (GroupName("town".into()), Epoch(7)),
            gauges: Arc::default(),
            hold: hold.subscribe(),
            stop: stop.clone(),
        };
        let (runner, inbox) = Runner::new(*build(town(7)).expect("a town"), config);
        let mut task = JoinSet::new();
        task.spawn(runner.run());
        Self { inbox, hold, stop, task }
    }

    async fn tell(&self, event: ToEngine) {
        self.inbox.send(event).await.expect("an engine");
    }

    async fn open_sync(&self, queue: usize) -> mpsc::Receiver<EngineSays> {
        let (says, said) = mpsc::channel(queue);
        self.tell(ToEngine::SyncOpened { says }).await;
        said
    }

    /// A player whose client has loaded the map and may leave `limit` bytes unread.
    async fn player(&self, session: u64, limit: usize) -> Packets {
        let (outbox, packets) = outbox::channel(limit);
        self.tell(ToEngine::Attach { open: Box::new(arrival(session, 7)), outbox }).await;
        self.packet(session, &Loaded {}).await;
        packets
    }

    async fn packet(&self, session: u64, packet: &impl Packet) {
        self.tell(ToEngine::Packet { session: SessionId(session), packet: packet.encode() }).await;
    }

    async fn ended(mut self) {
        soon("the end of the engine", self.task.join_next()).await.expect("a task").expect("no panic");
    }
}

async fn hear(said: &mut mpsc::Receiver<EngineSays>) -> EngineSays {
    soon("something said", said.recv()).await.expect("a stream")
}

fn walk(x: u16, y: u16) -> Walk {
    Walk { to: PackedPosition { x, y, direction: 0 } }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_loses_its_session_and_nobody_else_does() {
    let lab = Lab::new();
    let mut said = lab.open_sync(64).await;
    let _unread = lab.player(1, 600).await;
    let mut read = lab.player(2, OUTBOX_BYTES).await;
    let mut heard = Vec::new();
    while heard.last() != Some(&EngineSays::Released(SessionRef { session: 1 })) {
        heard.push(hear(&mut said).await);
    }
    let told = heard.iter().any(|says| matches!(says, EngineSays::Misbehaved(of) if of.session == 1));
    assert!(told, "the coordinator is asked to close it: {heard:?}");
    assert!(soon("packets", read.next()).await.is_some());
    lab.stop.cancel();
    lab.ended().await;
}

#[tokio::test(start_paused = true)]
async fn changes_are_sent_at_most_every_interval() {
    let lab = Lab::new();
    let mut said = lab.open_sync(64).await;
    let _packets = lab.player(1, OUTBOX_BYTES).await;
    while hear(&mut said).await != EngineSays::Entered(SessionRef { session: 1 }) {}
    let mut times = Vec::new();
    for turn in 0..30_u16 {
        lab.packet(1, &walk(40 + turn % 2 * 3, 34)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        while let Ok(says) = said.try_recv() {
            if let EngineSays::Sync(sync) = says {
                lab.tell(ToEngine::Order(EngineOrder::Ack(SyncAck { sequence: sync.sequence }))).await;
                times.push(Instant::now());
            }
        }
    }
    assert!((4..=9).contains(&times.len()), "{} syncs in 1.5 s", times.len());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_does_not_keep_up_is_given_up_and_the_next_starts_with_everything() {
    let lab = Lab::new();
    let mut slow = lab.open_sync(1).await;
    let _packets = lab.player(1, OUTBOX_BYTES).await;
    let _others = lab.player(2, OUTBOX_BYTES).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(matches!(hear(&mut slow).await, EngineSays::Sync(sync) if sync.full && sync.sequence == 1));
    assert_eq!(soon("the end of the stream", slow.recv()).await, None);
    let mut said = lab.open_sync(64).await;
    let EngineSays::Sync(full) = hear(&mut said).await else { panic!("not a sync") };
    assert!(full.full && full.open().expect("sealed").player_updates.len() == 2);
}

#[tokio::test(start_paused = true)]
async fn a_coordinator_that_confirms_nothing_gets_changes_once_it_does() {
    let lab = Lab::new();
    let mut said = lab.open_sync(4_096).await;
    let _packets = lab.player(1, OUTBOX_BYTES).await;
    for turn in 0..200_u16 {
        lab.packet(1, &walk(40 + turn % 2 * 3, 34)).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let mut last = 0;
    while let Ok(says) = said.try_recv() {
        if let EngineSays::Sync(sync) = says {
            last = sync.sequence;
        }
    }
    assert!((50..=64).contains(&last), "{last} syncs are unanswered");
    lab.tell(ToEngine::Order(EngineOrder::Ack(SyncAck { sequence: last }))).await;
    assert!(matches!(hear(&mut said).await, EngineSays::Sync(sync) if sync.sequence == last + 1));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_starts_while_leases_have_lapsed_starts_held() {
    let lab = Lab::new();
    lab.hold.send_replace(true);
    let mut said = lab.open_sync(64).await;
    let _packets = lab.player(1, OUTBOX_BYTES).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    while let Ok(says) = said.try_recv() {
        assert!(!matches!(says, EngineSays::Entered(_)), "nobody enters while held");
    }
    lab.hold.send_replace(false);
    while hear(&mut said).await != EngineSays::Entered(SessionRef { session: 1 }) {}
}

#[tokio::test(start_paused = true)]
async fn a_second_arrival_under_one_session_changes_nothing() {
    let lab = Lab::new();
    let mut first = lab.player(1, OUTBOX_BYTES).await;
    let mut second = lab.player(1, OUTBOX_BYTES).await;
    assert_eq!(soon("its end", second.next()).await, None);
    assert!(soon("packets", first.next()).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn an_engine_ends_when_nobody_can_reach_it() {
    let Lab { inbox, task, hold, stop } = Lab::new();
    drop((inbox, hold));
    let (inbox, _) = mpsc::channel(1);
    Lab { inbox, task, hold: watch::Sender::new(false), stop }.ended().await;
}
