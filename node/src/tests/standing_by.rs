//! Standbys: started and connected, without a lease; promoted in place, given up, forgotten.

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::EnteredAs;
use bifrost_protocol::control::*;

use super::lab::*;
use super::realm::*;
use crate::{NodeHandle, NodeState};

fn standby(ticket: u64) -> CoordinatorSays {
    CoordinatorSays::Assign(Assign { standby: true, ..fields(ticket) })
}

/// A node that stands by for the fields under ticket 3.
async fn stands_by(lab: &Lab, bundle: &Bundle) -> (NodeHandle, Peer, Inter) {
    let node = lab.start_with(bundle.sources());
    let mut peer = lab.welcome().await;
    peer.tell(standby(3)).await;
    let mut inter = Inter::accept(&peer).await;
    assert_eq!(inter.open.epoch, 3);
    inter.take_in().await;
    assert_eq!(peer.hear().await, assigned(3, true, ""));
    (node, peer, inter)
}

#[tokio::test]
async fn a_standby_carries_nothing_until_it_is_promoted_in_place() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, mut peer, mut inter) = stands_by(&lab, &bundle).await;
    reached(&node, |state| matches!(state, NodeState::Connected { .. })).await;
    assert!(!peer.game(&visitor(1, 3)).await.ended().await, "nobody plays on a ticket");
    // The first player may be faster than the assignment.
    let mut game = peer.game(&visitor(1, 7)).await;
    peer.tell(CoordinatorSays::Assign(fields(7))).await;
    assert_eq!(peer.hear().await, assigned(7, false, ""));
    inter.let_in(1).await;
    game.until(EnteredAs::ID).await;
    reached(&node, |state| *state == NodeState::Hosting { groups: 1, players: 1 }).await;
    assert_eq!(run_folders(&lab).len(), 1, "it is the same engine");
    peer.connection.close(1_u32.into(), b"gone");
    let peer = lab.welcome().await;
    assert_eq!(peer.hello.leases, [HeldLease { group: "fields".into(), epoch: 7 }]);
    let again = Inter::accept(&peer).await;
    assert_eq!((again.open.epoch, again.open.instance), (7, inter.open.instance));
    node.shutdown().await;
}

#[tokio::test]
async fn a_standby_is_revoked_by_its_ticket() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, mut peer, _inter) = stands_by(&lab, &bundle).await;
    let revoked = |epoch| Revoke { group: "fields".into(), epoch, reason: String::new() };
    peer.tell(CoordinatorSays::Revoke(revoked(2))).await;
    assert_eq!(peer.hear().await, NodeSays::Revoked(Revoked { group: "fields".into(), epoch: 2 }));
    assert_eq!(run_folders(&lab).len(), 1);
    peer.tell(CoordinatorSays::Revoke(revoked(3))).await;
    assert_eq!(peer.hear().await, NodeSays::Revoked(Revoked { group: "fields".into(), epoch: 3 }));
    assert_eq!(run_folders(&lab).len(), 0);
    node.shutdown().await;
}

#[tokio::test]
async fn a_standby_goes_on_under_the_ticket_of_the_next_coordinator() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, inter) = stands_by(&lab, &bundle).await;
    peer.connection.close(1_u32.into(), b"gone");
    let mut peer = lab.welcome().await;
    assert_eq!(peer.hello.leases, [], "a standby is no lease");
    peer.tell(standby(5)).await;
    let mut again = Inter::accept(&peer).await;
    assert_eq!((again.open.epoch, again.open.instance), (5, inter.open.instance));
    again.take_in().await;
    assert_eq!(peer.hear().await, assigned(5, true, ""));
    node.shutdown().await;
}

#[tokio::test]
async fn a_standby_that_crashes_is_started_again() {
    let (lab, bundle) = (Lab::new(), Bundle::new("fault: die-after=200\n"));
    let (node, mut peer, inter) = stands_by(&lab, &bundle).await;
    let mut again = Inter::accept(&peer).await;
    assert_ne!(again.open.instance, inter.open.instance);
    again.take_in().await;
    assert_eq!(peer.hear().await, assigned(3, true, ""));
    node.shutdown().await;
}

#[tokio::test]
async fn what_cannot_stand_by_says_so() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, mut peer, _inter) = host(&lab, &bundle).await;
    peer.tell(standby(9)).await;
    assert_eq!(peer.hear().await, assigned(9, true, "carries the group already"));
    peer.tell(CoordinatorSays::Assign(Assign { standby: true, ..town(4) })).await;
    let problem = "only stock map-servers stand by".into();
    assert_eq!(
        peer.hear().await,
        NodeSays::Assigned(Assigned { group: "town".into(), epoch: 4, problem, standby: true })
    );
    node.shutdown().await;
}
