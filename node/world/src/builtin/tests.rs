//! The built-in maps can be played.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::*;
use crate::Direction;

fn cells() -> BTreeMap<String, Cells> {
    maps().iter().map(|map| (map.name.clone(), Cells::try_from(map).expect("legal"))).collect()
}

fn reachable(cells: &Cells, from: Spot) -> BTreeSet<Spot> {
    let (mut seen, mut queue) = (BTreeSet::from([from]), VecDeque::from([from]));
    while let Some(at) = queue.pop_front() {
        let open = Direction::ALL.into_iter().filter(|direction| !direction.is_diagonal());
        for next in open.filter_map(|direction| at.step(direction)).filter(|next| cells.walkable(*next)) {
            if seen.insert(next) {
                queue.push_back(next);
            }
        }
    }
    seen
}

fn spot(x: u32, y: u32) -> Spot {
    Spot::new(x as u16, y as u16)
}

#[test]
fn every_group_has_maps_and_every_map_a_group() {
    let grouped = GROUPS.iter().flat_map(|group| group.maps.iter().map(ToString::to_string)).collect::<BTreeSet<_>>();
    assert_eq!(grouped, cells().into_keys().collect());
    assert!(grouped.iter().all(|name| bifrost_protocol::ids::MapName::new(name).is_ok()));
}

#[test]
fn one_can_walk_from_every_arrival_to_every_gate() {
    let cells = cells();
    for warp in warps() {
        let from = &cells[&warp.to_map];
        let reach = reachable(from, spot(warp.to_x, warp.to_y));
        for gate in warps().iter().filter(|gate| gate.map == warp.to_map) {
            assert!(reach.contains(&spot(gate.x, gate.y)), "{warp:?} to {gate:?}");
            let inside = spot(warp.to_x, warp.to_y).distance(spot(gate.x, gate.y)) <= 1;
            assert!(!inside, "{warp:?} arrives in a gate");
        }
    }
    assert!(reachable(&cells[START.0], START.1).len() > 3_000);
}

#[test]
fn every_gate_leads_back_near_where_it_stands() {
    let warps = warps();
    for warp in &warps {
        let back = warps.iter().find(|back| back.map == warp.to_map && back.to_map == warp.map).expect("a way back");
        assert!(spot(back.to_x, back.to_y).distance(spot(warp.x, warp.y)) <= 6);
    }
}

#[test]
fn the_maps_have_walls_water_and_gaps() {
    let all = cells();
    let mut kinds = BTreeSet::new();
    for cells in all.values() {
        for y in 0..cells.height() {
            kinds.extend((0..cells.width()).map(|x| cells.ground(Spot::new(x, y))));
        }
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [ground::WALKABLE, ground::BLOCKED, ground::WATER, ground::GAP]);
    assert!(maps().iter().map(|map| map.cells.len()).sum::<usize>() < 16 * 1024, "small enough to send at once");
}
